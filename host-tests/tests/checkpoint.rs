//! The checkpoint store: no power cut loses a state, no flipped bit passes for one.

use host_tests::flash::{SimError, SimFlash, Tear};
use nerve::OnFeatures;
use nerve::checkpoint::{CheckpointError, CheckpointStore};
use nerve::prelude::*;
use nerve::weights::LoadError;
use rand_core::{Rng, SeedableRng};
use rand_pcg::Pcg32;

type Net = chain![Frozen<chain![Standardize<4>, Dense<4, 6, Sigmoid>]>, Dense<6, 3>];
type Bits = (Vec<u32>, u64);

/// A network, its optimizer and the step, trained further with each round.
struct Session {
    net: Net,
    optimizer: Adam<Net>,
    step: u64,
}

impl Session {
    fn blank() -> Self {
        Self { net: Net::ZERO, optimizer: Adam::new(0.01), step: 0 }
    }

    fn begin() -> Self {
        let mut session = Self::blank();
        session.net.0.0.1.init(Init::GlorotUniform, &mut Pcg32::seed_from_u64(1));
        session.net.1.init(Init::GlorotUniform, &mut Pcg32::seed_from_u64(2));
        session.net.0.0.0.fit([[1.0, 2.0, 3.0, 4.0], [3.0, 5.0, 9.0, 2.0]].iter());
        session
    }

    /// A round of fine-tuning, the next one of the session.
    fn train(&mut self) {
        let mut trainer = Trainer::<Net, [f32; 4]>::ZERO;
        for _ in 0..3 {
            self.step += 1;
            let x = [self.step as f32, 1.0, 0.5, -(self.step as f32)];
            trainer
                .step(&mut self.net, &mut self.optimizer, &CrossEntropy, &[x], &[self.step as usize % 3])
                .expect("finite");
        }
    }

    fn bits(&self) -> Bits {
        let mut bits = Vec::new();
        self.net.visit(&mut |tensor: &[f32]| bits.extend(tensor.iter().map(|v| v.to_bits())));
        self.optimizer.visit(&mut |tensor: &[f32]| bits.extend(tensor.iter().map(|v| v.to_bits())));
        (bits, self.step)
    }

    fn save<const W: usize, const P: usize>(
        &mut self,
        flash: &mut SimFlash<W, P>,
    ) -> Result<(), CheckpointError<SimError>> {
        let step = self.step;
        store(flash).save(&(&mut self.net, &mut self.optimizer), step)
    }
}

fn store<const W: usize, const P: usize>(flash: &mut SimFlash<W, P>) -> CheckpointStore<&mut SimFlash<W, P>> {
    let end = flash.bytes.len() as u32;
    CheckpointStore::new(flash, 0..end, 1000).expect("whole pages")
}

/// What a device comes up with; `None` with nothing, and then its network is as it was.
fn boot<const W: usize, const P: usize>(flash: &mut SimFlash<W, P>) -> Option<Bits> {
    let before = flash.bytes.clone();
    let mut session = Session::begin();
    let unchanged = session.bits();
    let step =
        store(flash).load(&mut (&mut session.net, &mut session.optimizer)).unwrap_or_else(|error| panic!("{error}"));
    assert!(flash.bytes == before, "loading changed the flash");
    match step {
        Some(step) => {
            session.step = step;
            Some(session.bits())
        }
        None => {
            assert_eq!(session.bits(), unchanged);
            None
        }
    }
}

/// Cuts power at every step of every save of a session of `saves`, and after each cut boots, goes on and saves again;
/// every so often with a second cut in that save. Returns the number of cuts.
fn cut_everywhere<const W: usize, const P: usize>(pages: usize, saves: usize, tear: Tear) -> u32 {
    let (mut cuts, mut flash) = (0, SimFlash::<W, P>::new(pages));
    let mut session = Session::begin();
    let mut old = None;
    for _ in 0..saves {
        session.train();
        let new = Some(session.bits());
        let (before, begun) = (flash.clone(), flash.steps());
        session.save(&mut flash).unwrap_or_else(|error| panic!("{error}"));
        let steps = flash.steps() - begun;
        for step in 0..steps {
            let mut torn = before.clone();
            torn.cut_after(step, tear);
            assert_eq!(session.save(&mut torn), Err(CheckpointError::Flash(SimError::NoPower)));
            torn.restart();
            cuts += 1;
            let state = boot(&mut torn);
            assert!(state == old || state == new, "cut after {step} of {steps}: neither the old state nor the new one");

            // The device goes on from there.
            let mut next = Session::begin();
            store(&mut torn).load(&mut (&mut next.net, &mut next.optimizer)).expect("as before");
            next.step = 1_000_000;
            next.train();
            if step % 7 == 0 {
                let mut twice = torn.clone();
                twice.cut_after(step * 31 % steps, tear);
                if next.save(&mut twice).is_err() {
                    cuts += 1;
                    twice.restart();
                    let booted = boot(&mut twice);
                    assert!(booted == state || booted == Some(next.bits()), "cut after {step}, then again");
                }
            }
            next.save(&mut torn).unwrap_or_else(|error| panic!("cut after {step} of {steps}: {error}"));
            assert_eq!(boot(&mut torn), Some(next.bits()), "cut after {step} of {steps}");
        }
        assert_eq!(boot(&mut flash), new);
        old = new;
    }
    println!("{cuts} power cuts: words of {W} bytes, {pages} pages of {P}, {tear:?}");
    cuts
}

/// Both halves have room for one, two or more states, so that a save appends, fills a page, or erases.
fn cuts(tear: Tear) {
    let cuts = cut_everywhere::<4, 1024>(2, 3, tear)
        + cut_everywhere::<4, 512>(8, 6, tear)
        + cut_everywhere::<1, 256>(12, 3, tear)
        + cut_everywhere::<8, 2048>(2, 5, tear)
        + cut_everywhere::<32, 1024>(4, 3, tear);
    println!("{cuts} power cuts, none lost a committed state");
    assert!(cuts > 10_000);
}

#[test]
fn a_power_cut_at_any_byte_leaves_the_old_state_or_the_new_one() {
    cuts(Tear::Whole);
}

#[test]
fn a_power_cut_that_leaves_random_bits_does_too() {
    cuts(Tear::Random(1));
}

const PAGES: usize = 4;
type Small = SimFlash<4, 512>;

/// A flash after `saves` saves, and the states, oldest first.
fn saved(saves: usize) -> (Small, Vec<Bits>) {
    let (mut flash, mut session) = (Small::new(PAGES), Session::begin());
    let states = (0..saves).map(|_| {
        session.train();
        session.save(&mut flash).unwrap_or_else(|error| panic!("{error}"));
        session.bits()
    });
    let states = states.collect();
    (flash, states)
}

/// Saves another state, which then must be the one that is loaded.
fn save_another(flash: &mut Small) {
    let mut next = Session::begin();
    next.train();
    next.save(flash).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(boot(flash), Some(next.bits()));
}

/// Every bit of the range, one at a time.
#[test]
fn a_flipped_bit_is_found_and_the_older_state_used() {
    let (before, _) = saved(4);
    let (flash, states) = saved(5);
    let [.., older, newest] = &states[..] else { panic!("five states") };
    let half = flash.bytes.len() / 2;
    let halves_of_newest: Vec<usize> =
        [0, 1].into_iter().filter(|h| before.bytes[h * half..][..half] != flash.bytes[h * half..][..half]).collect();
    let [half_of_newest] = halves_of_newest[..] else { panic!("one half is written") };
    let (mut fell_back, mut flips) = (0, 0);
    for at in 0..flash.bytes.len() {
        for bit in 0..8 {
            let mut flipped = flash.clone();
            flipped.bytes[at] ^= 1 << bit;
            let state = boot(&mut flipped).unwrap_or_else(|| panic!("nothing left after a flip of bit {bit} at {at}"));
            if at / half == half_of_newest {
                assert!(state == *newest || state == *older, "bit {bit} at {at}");
            } else {
                assert_eq!(state, *newest, "bit {bit} at {at} is not in the newest state's half");
            }
            fell_back += u32::from(state == *older);
            flips += 1;
            if flips % 61 == 0 {
                save_another(&mut flipped);
            }
        }
    }
    // At least the newest state's own elements.
    assert!(fell_back as usize >= states[4].0.len() * 32, "{fell_back}");
    println!("{flips} flipped bits, {fell_back} of them cost the newest state, none more");
}

#[test]
fn many_flipped_bits_give_an_older_state_or_none() {
    let (flash, states) = saved(5);
    let mut rng = Pcg32::seed_from_u64(3);
    for trial in 0..1000 {
        let mut flipped = flash.clone();
        let burst = rng.next_u32() as usize % flash.bytes.len();
        for _ in 0..1 << (trial % 10) {
            let at = if trial % 2 == 0 { rng.next_u32() as usize } else { burst + rng.next_u32() as usize % 16 };
            flipped.bytes[at % flash.bytes.len()] ^= 1 << (rng.next_u32() % 8);
        }
        let state = boot(&mut flipped);
        assert!(state.as_ref().is_none_or(|state| states.contains(state)));
        if trial % 10 == 0 {
            save_another(&mut flipped);
        }
    }
}

/// The beginning of one save and the end of another are no state, though every item is whole.
#[test]
fn a_mixture_of_two_saves_is_nothing() {
    let mut before = SimFlash::<4, 2048>::new(2);
    let mut session = Session::begin();
    session.train();
    session.save(&mut before).expect("room");
    let old = Some(session.bits());
    let mut read = 0;
    // Both items before the last are written after some 300 steps.
    for step in 280..340 {
        let mut flash = before.clone();
        session.train();
        flash.cut_after(step, Tear::Whole);
        session.save(&mut flash).expect_err("no power");
        flash.restart();
        let torn = flash.bytes.clone();
        session.train();
        session.save(&mut flash).expect("room");
        let mut zip = torn.iter().zip(&flash.bytes);
        let second = zip.position(|(a, b)| a != b).expect("the second save");
        // The content of its first item (40 bytes after a header of 8), then of the next.
        let mut flipped = flash.clone();
        flipped.bytes[second + 20] ^= 1;
        flipped.bytes[second + 48 + 20] ^= 1;
        assert_eq!(boot(&mut flipped), old, "after {step} steps");
        read += u32::from(boot(&mut flash) == Some(session.bits()));
    }
    assert_eq!(read, 60);
}

/// What may be there before the store is used for the first time.
#[test]
fn garbage_is_nothing_and_is_written_over() {
    let (used, _) = saved(5);
    let mut rng = Pcg32::seed_from_u64(4);
    for trial in 0..300u32 {
        let mut random = vec![0; used.bytes.len()];
        rng.fill_bytes(&mut random);
        let mut flash = Small::new(PAGES);
        match trial % 6 {
            0 => flash.fill(|at| random[at]),
            1 => flash.fill(|at| random[at] & random[at / 2]),
            2 => flash.fill(|_| trial as u8),
            // Random pages between erased ones, marked in use or not.
            3 => flash.fill(|at| if random[at / 512] & 1 == 0 { 0xff } else { random[at] }),
            4 => {
                flash.fill(
                    |at| if at % 512 < 4 || at % 512 >= 508 { random[at / 512] } else { random[at] | random[at / 2] },
                )
            }
            // Parts of a used range.
            _ => flash
                .fill(|at| if at % 512 < 48 + trial as usize { used.bytes[at] & random[at] } else { used.bytes[at] }),
        }
        boot(&mut flash);
        save_another(&mut flash);
        save_another(&mut flash);
    }
}

/// The count of what is left is the flash's own count of erase cycles.
#[test]
fn writes_left_are_counted() {
    const ENDURANCE: u32 = 5;
    for pages in [2, 3, 4, 7, 8] {
        let mut flash = SimFlash::<4, 1024>::new(pages);
        let mut session = Session::begin();
        let end = flash.bytes.len() as u32;
        let mut saves = 0;
        loop {
            session.train();
            let mut store = CheckpointStore::new(&mut flash, 0..end, ENDURANCE).expect("whole pages");
            let left = store.writes_left(&(&mut session.net, &mut session.optimizer)).expect("readable");
            let all = CheckpointStore::<SimFlash<4, 1024>>::writes::<f32, (Net, Adam<Net>)>(pages as u32, ENDURANCE);
            assert_eq!(left, all - saves, "{pages} pages, after {saves} saves");
            if left == 0 {
                break;
            }
            store.save(&(&mut session.net, &mut session.optimizer), 0).expect("writable");
            saves += 1;
        }
        let used = flash.erases.len() / 2 * 2;
        assert!(flash.erases[..used].iter().all(|erases| *erases == ENDURANCE), "{:?}", flash.erases);
        // The rating is a promise of the chip, not an end.
        session.save(&mut flash).expect("writable");
        let left = store(&mut flash).writes_left(&(&mut session.net, &mut session.optimizer));
        assert!(left.is_ok());
    }
}

/// Bits that no longer change cost the state that is being saved, not the one before.
#[test]
fn a_worn_page_is_noticed() {
    let (mut flash, states) = saved(4);
    for worn in [100..132, 1124..1156] {
        let mut session = Session::begin();
        flash.worn = Some(worn.clone());
        let result = session.save(&mut flash);
        if result.is_err() {
            assert_eq!(result, Err(CheckpointError::Unreliable));
            assert_eq!(boot(&mut flash).as_ref(), states.last());
            assert_eq!(session.save(&mut flash), Err(CheckpointError::Unreliable));
            assert_eq!(boot(&mut flash).as_ref(), states.last());
            return;
        }
        (flash, _) = saved(4);
    }
    panic!("neither half was written to");
}

#[test]
fn a_range_that_does_not_fit_is_an_error() {
    let mut flash = Small::new(PAGES);
    #[allow(clippy::reversed_empty_ranges)]
    for range in [0..512, 0..1000, 4..1028, 512..4096, 1024..0, 1024..1024] {
        let error = CheckpointStore::new(&mut flash, range.clone(), 1).err();
        assert_eq!(error, Some(CheckpointError::Range { start: range.start, end: range.end, page: 512 }));
    }
    let needed = CheckpointStore::<Small>::pages_needed::<f32, (Net, Adam<Net>)>();
    assert_eq!(needed, 4);
    let mut store = CheckpointStore::new(&mut flash, 0..1024, 1).expect("whole pages");
    let mut session = Session::begin();
    let small = Err(CheckpointError::RangeTooSmall { found: 2, needed });
    assert_eq!(store.load(&mut (&mut session.net, &mut session.optimizer)), small);
    assert_eq!(store.save(&(&mut session.net, &mut session.optimizer), 0), small.map(|_: Option<u64>| ()));
    assert!(flash.bytes.iter().all(|byte| *byte == 0xff));
    // A range in the middle leaves the rest alone.
    let mut store = CheckpointStore::new(&mut flash, 512..2048, 1).expect("whole pages");
    store.save(&session.net.1, 1).expect("one page is enough");
    assert!(flash.bytes[..512].iter().chain(&flash.bytes[1536..]).all(|byte| *byte == 0xff));
}

#[test]
fn what_is_not_finite_is_not_saved() {
    let (mut flash, states) = saved(2);
    let before = flash.bytes.clone();
    let mut session = Session::begin();
    session.net.1.b[2] = f32::NAN;
    assert_eq!(session.save(&mut flash), Err(CheckpointError::NonFinite));
    assert_eq!(flash.bytes, before);
    assert_eq!(boot(&mut flash).as_ref(), states.last());
}

/// A new firmware may declare another network.
#[test]
fn another_architecture_is_an_error_and_can_be_saved_over() {
    type Other = Dense<4, 3, Tanh>;
    let (mut flash, states) = saved(3);
    let mut other = Other::new([[0.5; 3]; 4], [0.25; 3]);
    let before = other.clone();
    let error = store(&mut flash).load(&mut other);
    assert!(matches!(error, Err(CheckpointError::Load(LoadError::Architecture { .. }))), "{error:?}");
    assert_eq!(other, before);
    let mut double = Dense::<4, 3, Tanh, f64>::ZERO;
    assert_eq!(
        store(&mut flash).load(&mut double),
        Err(CheckpointError::Load(LoadError::ElementType { found: 4, expected: 8 }))
    );
    // The network without its optimizer is another architecture too.
    assert!(store(&mut flash).load(&mut Session::begin().net).is_err());
    assert_eq!(boot(&mut flash).as_ref(), states.last());

    store(&mut flash).save(&other, 7).expect("room");
    let mut loaded = Other::ZERO;
    assert_eq!(store(&mut flash).load(&mut loaded), Ok(Some(7)));
    assert_eq!(loaded, other);
    store(&mut flash).save(&double, 8).expect("room");
    assert_eq!(store(&mut flash).load(&mut double), Ok(Some(8)));
    // Nothing at all is a state too.
    store(&mut flash).save::<f32, _>(&(), 9).expect("room");
    assert_eq!(store(&mut flash).load::<f32, _>(&mut ()), Ok(Some(9)));
}

/// A new firmware may come with other features.
#[test]
fn a_head_of_other_features_is_an_error_and_can_be_saved_over() {
    type Head<const FEATURES: u32> = chain![OnFeatures<FEATURES, Standardize<4>>, Dense<4, 3>];
    let head: Head<7> = (OnFeatures(Standardize::new([1.0; 4], [2.0; 4])), Dense::new([[0.5; 3]; 4], [0.25; 3]));
    let (mut flash, mut other) = (Small::new(PAGES), Head::<8>::ZERO);
    store(&mut flash).save(&head, 1).expect("room");
    let features = LoadError::Features { found: 7, expected: 8 };
    assert_eq!(store(&mut flash).load(&mut other), Err(CheckpointError::Load(features)));
    assert_eq!(other, Head::<8>::ZERO);
    let mut same = Head::<7>::ZERO;
    assert_eq!(store(&mut flash).load(&mut same), Ok(Some(1)));
    assert_eq!(same, head);
    store(&mut flash).save(&other, 2).expect("room");
    assert_eq!(store(&mut flash).load(&mut other), Ok(Some(2)));
    // One that was saved before heads named their features.
    let unnamed = (head.0.0.clone(), head.1.clone());
    store(&mut flash).save(&unnamed, 3).expect("room");
    assert_eq!(store(&mut flash).load(&mut other), Ok(Some(3)));
    assert_eq!(other.1, head.1);
}

/// Written by version 0.1.0.
#[test]
fn a_checkpoint_of_format_1_is_read() {
    const FLASH: &[u8] = b"\0\0\0\0\x40\x3a\x08\x47\x28\0\xa6\xe8\
        \0\x01\0\0\0\0\x28\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0nerv\x01\x04\x28\x71\x7b\x34\x03\0\0\0\x22\x2f\xed\xe5\
        \x33\xbf\x86\x1c\x0d\0\x8f\xfa\x01\0\0\0\x3f\0\0\0\xc0\0\0\x40\x40\0\0\0";
    let mut flash = Small::new(2);
    flash.fill(|at| FLASH.get(at).copied().unwrap_or(0xff));
    let mut net = Dense::<2, 1>::ZERO;
    assert_eq!(store(&mut flash).load(&mut net), Ok(Some(40)));
    assert_eq!(net, Dense::new([[0.5], [-2.0]], [3.0]));

    let mut same = Small::new(2);
    store(&mut same).save(&net, 40).expect("room");
    assert_eq!(same.bytes, flash.bytes);
}

type Large = chain![Dense<784, 100, Sigmoid>, Dense<100, 10>];
static LARGE: std::sync::Mutex<Large> = std::sync::Mutex::new(Large::ZERO);

/// 318 kB; none of it crosses the stack, in a debug build either.
#[test]
fn a_large_network_is_saved_in_64_kib_of_stack() {
    let thread = std::thread::Builder::new().stack_size(64 * 1024).spawn(|| {
        let mut net = LARGE.lock().expect("not poisoned");
        net.init(Init::GlorotUniform, &mut Pcg32::seed_from_u64(1));
        let mut flash = SimFlash::<4, 4096>::new(170);
        assert_eq!(CheckpointStore::<SimFlash<4, 4096>>::pages_needed::<f32, Large>(), 166);
        let at = |net: &Large| net.0.w[500][60].to_bits();
        let weight = at(&net);
        store(&mut flash).save(&*net, 1).expect("room");
        net.clear();
        store(&mut flash).load(&mut *net).expect("readable");
        assert_eq!(at(&net), weight);
    });
    thread.expect("a thread").join().expect("no overflow");
    assert_eq!(size_of::<CheckpointStore<()>>(), 12);
}
