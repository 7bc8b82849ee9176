//! The weights file: what is written is read, and nothing wrong is.

use nerve::OnFeatures;
use nerve::flash;
use nerve::prelude::*;
use nerve::weights::{LoadError, SaveError, file_len, load, save};
use proptest::prelude::*;
use rand_core::SeedableRng;
use rand_pcg::Pcg32;

type Net = chain![Standardize<3>, Dense<3, 5, Sigmoid>, Dense<5, 2>];
const LEN: usize = file_len::<f32, Net>();

fn net(seed: u64) -> Net {
    let mut net = Net::ZERO;
    net.init(Init::HeNormal, &mut Pcg32::seed_from_u64(seed));
    net.0.0.fit([[1.0, 2.0, 3.0], [3.0, 5.0, 9.0]].iter());
    net
}

fn file(net: &Net) -> [u8; LEN] {
    let mut buffer = [0; LEN];
    assert_eq!(save(net, &mut buffer).unwrap().len(), LEN);
    buffer
}

/// Loads `bytes` into a network and demands that an error leaves it as it was.
fn load_or_keep(bytes: &[u8]) -> Result<Net, LoadError> {
    let before = net(1);
    let mut target = before.clone();
    match load(&mut target, bytes) {
        Ok(()) => Ok(target),
        Err(error) => {
            assert_eq!(target, before, "{error:?} changed the network");
            Err(error)
        }
    }
}

#[test]
fn the_header_is_as_documented() {
    let bytes = file(&net(2));
    assert_eq!(&bytes[..6], b"nerv\x01\x04");
    assert_eq!(u32::from_le_bytes(bytes[10..14].try_into().unwrap()), 6 + 20 + 12);
    // Weights are little-endian f32 in declaration order: the first is the first feature's mean.
    assert_eq!(f32::from_le_bytes(bytes[18..22].try_into().unwrap()), 2.0);
}

/// Written by version 0.1.0.
#[test]
fn a_file_of_format_1_is_read_and_written() {
    const FILE: &[u8] = b"nerv\x01\x04\x28\x71\x7b\x34\x03\0\0\0\x22\x2f\xed\xe5\0\0\0\x3f\0\0\0\xc0\0\0\x40\x40";
    let mut net = Dense::<2, 1>::ZERO;
    load(&mut net, FILE).unwrap();
    assert_eq!(net, Dense::new([[0.5], [-2.0]], [3.0]));
    assert_eq!(save(&net, &mut [0; 30]), Ok(FILE));
}

/// Of mixed numbers: two bytes and a word, by another implementation of the checksum.
#[test]
fn a_file_of_format_2_is_read_by_the_compiler_alone() {
    const FILE: [u8; 24] = *b"nerv\x02\0\x78\x56\x34\x12\x06\0\0\0\x76\x39\xb2\xa8\x01\xfe\x03\x02\x01\xff";
    const CONSTANTS: flash::ConstantsFile = flash::ConstantsFile::checked(&FILE, 0x1234_5678);
    const BYTES: [i8; 2] = CONSTANTS.bytes(0);
    const WORDS: [i32; 1] = CONSTANTS.words(2);
    assert_eq!((BYTES, WORDS), ([1, -2], [-0x00fe_fdfd]));
    assert_eq!(flash::ConstantsFile::header(0x1234_5678, &FILE[18..]), FILE[..18]);
    let mut net = Dense::<2, 1>::ZERO;
    assert_eq!(load(&mut net, &FILE), Err(LoadError::Imported));
}

type Plain = chain![Standardize<1>, Dense<1, 1>];
type Head<const FEATURES: u32> = chain![OnFeatures<FEATURES, Standardize<1>>, Dense<1, 1>];

/// The same head of format 1, of no features, and of format 3.
#[test]
fn a_head_names_its_features_and_is_refused_by_others() {
    const NAMED: usize = weights::file_len::<f32, Head<7>>();
    let head: Head<7> = (OnFeatures(Standardize::new([1.0], [2.0])), Dense::new([[3.0]], [4.0]));
    let plain: Plain = (head.0.0.clone(), head.1.clone());
    let (mut named, mut unnamed) = ([0; NAMED], [0; NAMED - 4]);
    save(&head, &mut named).unwrap();
    save(&plain, &mut unnamed).unwrap();
    assert_eq!(named[..4], *b"nerv");
    assert_eq!((named[4], unnamed[4]), (3, 1));
    assert_eq!(named[5..18], unnamed[5..18]);
    assert_eq!(named[18..22], 7u32.to_le_bytes());
    assert_eq!(named[22..], unnamed[18..]);

    let mut other = Head::<8>::ZERO;
    assert_eq!(load(&mut other, &named), Err(LoadError::Features { found: 7, expected: 8 }));
    assert_eq!(other, Head::<8>::ZERO);
    // What does not name features is taken by any, and takes any.
    load(&mut other, &unnamed).unwrap();
    assert_eq!(other.1, head.1);
    let same = |file: &[u8]| {
        let mut same = Head::<7>::ZERO;
        load(&mut same, file).map(|()| same)
    };
    for file in [&named[..], &unnamed] {
        assert_eq!(same(file).as_ref(), Ok(&head));
        let mut any = Plain::ZERO;
        load(&mut any, file).unwrap();
        assert_eq!(any, plain);
        assert!((0..file.len()).all(|len| same(&file[..len]).is_err()));
    }
    assert_eq!(load(&mut other, &named[..NAMED - 1]), Err(LoadError::Features { found: 7, expected: 8 }));
    let short = LoadError::Length { found: NAMED - 1, expected: NAMED };
    assert_eq!(same(&named[..NAMED - 1]), Err(short));
    // In a checkpoint beside an optimizer too.
    assert_eq!(<(&mut Head<7>, &mut Momentum<Head<7>>) as Tensors<f32>>::FEATURES, 7);
}

/// CRC-32 of "123456789" is cbf43926 in every description of it; here of the elements, by another implementation.
#[test]
fn the_checksum_is_crc_32() {
    let bytes = file(&net(2));
    let crc = bytes[18..].iter().fold(!0u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 })
    });
    assert_eq!(bytes[14..18], (!crc).to_le_bytes());
}

#[test]
fn each_fault_is_named() {
    let good = file(&net(2));
    let changed = |at: usize, value: u8| {
        let mut bytes = good;
        bytes[at] = value;
        load_or_keep(&bytes).unwrap_err()
    };
    assert_eq!(changed(0, b'N'), LoadError::Magic);
    assert_eq!(changed(4, 2), LoadError::Version(2));
    assert_eq!(changed(5, 8), LoadError::ElementType { found: 8, expected: 4 });
    assert!(matches!(changed(6, good[6] ^ 1), LoadError::Architecture { .. }));
    assert!(matches!(changed(10, good[10] ^ 1), LoadError::Length { .. }));
    assert_eq!(changed(14, good[14] ^ 1), LoadError::Checksum);
    assert_eq!(changed(LEN - 1, good[LEN - 1] ^ 1), LoadError::Checksum);

    let mut other = <chain![Standardize<3>, Dense<3, 5, Tanh>, Dense<5, 2>]>::ZERO;
    assert!(matches!(load(&mut other, &good), Err(LoadError::Architecture { .. })));
    let mut double = <chain![Standardize<3, f64>, Dense<3, 5, Sigmoid, f64>, Dense<5, 2, Linear, f64>]>::ZERO;
    assert_eq!(load(&mut double, &good), Err(LoadError::ElementType { found: 4, expected: 8 }));
}

#[test]
fn an_infinite_weight_is_neither_written_nor_read() {
    let mut bad = net(2);
    bad.1.b[0] = f32::INFINITY;
    assert_eq!(save(&bad, &mut [0; LEN]), Err(SaveError::NonFinite));
    let mut bytes = file(&net(2));
    bytes[LEN - 4..].copy_from_slice(&f32::NAN.to_le_bytes());
    let crc = bytes[18..].iter().fold(!0u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 })
    });
    bytes[14..18].copy_from_slice(&(!crc).to_le_bytes());
    assert_eq!(load_or_keep(&bytes), Err(LoadError::NonFinite));
}

#[test]
fn a_small_buffer_is_an_error() {
    assert_eq!(save(&net(2), &mut [0; LEN - 1]), Err(SaveError::BufferTooSmall { found: LEN - 1, needed: LEN }));
}

/// Training that is interrupted by a checkpoint ends with the bits of training that is not.
#[test]
fn a_checkpoint_resumes_to_the_same_bits() {
    fn train(net: &mut Net, optimizer: &mut Adam<Net>, steps: std::ops::Range<usize>) {
        let mut trainer = Trainer::<Net, [f32; 3]>::ZERO;
        for step in steps {
            let x = [step as f32, 1.0 - step as f32, 0.5];
            trainer.step(net, optimizer, &CrossEntropy, &[x], &[step % 2]).unwrap();
        }
    }
    let (mut through, mut optimizer) = (net(3), Adam::new(0.01));
    train(&mut through, &mut optimizer, 0..40);

    let (mut first, mut optimizer) = (net(3), Adam::new(0.01));
    train(&mut first, &mut optimizer, 0..17);
    let mut checkpoint = [0; 1024];
    let checkpoint = save(&(&mut first, &mut optimizer), &mut checkpoint).unwrap();
    let (mut second, mut optimizer) = (Net::ZERO, Adam::new(0.01));
    load(&mut (&mut second, &mut optimizer), checkpoint).unwrap();
    train(&mut second, &mut optimizer, 17..40);
    assert_eq!(second, through);
    // An optimizer of another kind has another state.
    let (mut net, mut other) = (Net::ZERO, Momentum::<Net>::new(0.01, 0.9));
    assert!(load::<f32, _>(&mut (&mut net, &mut other), checkpoint).is_err());
}

/// A network in read-only memory is the one that was stored.
#[test]
fn included_weights_are_the_stored_ones() {
    type Iris = chain![Standardize<4>, Dense<4, 10, Sigmoid>, Dense<10, 3>];
    static IN_FLASH: Iris = include_weights!(Iris, "../../firmware/data/iris.nrv");
    let mut loaded = Iris::ZERO;
    load(&mut loaded, include_bytes!("../../firmware/data/iris.nrv")).unwrap();
    assert_eq!(IN_FLASH, loaded);
    let x = [5.1, 3.5, 1.4, 0.2];
    let (mut borrowed, mut owned) =
        (Arena::<{ arena_len::<&Iris, [f32; 4]>() }>::ZERO, Arena::<{ arena_len::<Iris, [f32; 4]>() }>::ZERO);
    assert_eq!(borrowed.predict(&&IN_FLASH, &x), owned.predict(&loaded, &x));
}

/// And those of a head that names its features.
#[test]
fn included_heads_are_the_stored_ones() {
    type Digits = chain![OnFeatures<0xa990_68a6, Standardize<64>>, Dense<64, 10>];
    static IN_FLASH: Digits = include_weights!(Digits, "../../firmware/data/digits-head.nrv");
    let mut loaded = Digits::ZERO;
    load(&mut loaded, include_bytes!("../../firmware/data/digits-head.nrv")).unwrap();
    assert_eq!(IN_FLASH, loaded);
}

/// Every tensor of a recurrent network comes back, from a file and from flash, with the first gate's weights first.
#[test]
fn a_recurrent_network_is_stored_whole() {
    type Recurrent = chain![Gru<2, 3>, Lstm<3, 2>, Last, Dense<2, 2>];
    /// 1, 2, 3, …
    struct Counting;
    impl flash::Source for Counting {
        const ELEMENTS: &'static [u8] = const {
            let mut bytes = [[0; 4]; <Recurrent as Tensors<f32>>::LEN];
            let mut i = 0;
            while i < bytes.len() {
                bytes[i] = (i as f32 + 1.0).to_le_bytes();
                i += 1;
            }
            &{ bytes }
        }
        .as_flattened();
    }
    static IN_FLASH: Recurrent = <Recurrent as flash::FromSource<Counting>>::NETWORK;
    let mut buffer = [0; file_len::<f32, Recurrent>()];
    let bytes = save(&IN_FLASH, &mut buffer).unwrap();
    assert_eq!(&bytes[18..], <Counting as flash::Source>::ELEMENTS);
    let mut loaded = Recurrent::ZERO;
    load(&mut loaded, bytes).unwrap();
    assert_eq!(loaded, IN_FLASH);
    let (((gru, lstm), _), dense) = &loaded;
    assert_eq!((gru.w[0][0][0], gru.w[1][0][0], gru.u[0][0][0], gru.u[2][0][0]), (1.0, 7.0, 19.0, 37.0));
    assert_eq!((gru.b[0][0], gru.c[2]), (46.0, 57.0));
    assert_eq!((lstm.w[0][0][0], lstm.w[3][2][1], lstm.u[0][0][0], lstm.u[3][1][1]), (58.0, 81.0, 82.0, 97.0));
    assert_eq!((lstm.b[0][0], lstm.b[3][1], dense.w[0][0]), (98.0, 105.0, 106.0));
}

proptest! {
    #[test]
    fn what_is_saved_is_loaded(seed: u64) {
        let source = net(seed);
        prop_assert_eq!(load_or_keep(&file(&source)), Ok(source));
    }

    #[test]
    fn a_truncated_or_lengthened_file_is_an_error(len in 0usize..LEN + 40) {
        let mut bytes = [0; LEN + 40];
        bytes[..LEN].copy_from_slice(&file(&net(2)));
        prop_assume!(len != LEN);
        prop_assert!(load_or_keep(&bytes[..len]).is_err());
    }

    #[test]
    fn up_to_four_changed_bytes_are_found(changes in prop::collection::vec((0..LEN, 1u8..), 1..4)) {
        let mut bytes = file(&net(2));
        for (at, by) in changes {
            bytes[at] ^= by;
        }
        prop_assume!(bytes != file(&net(2)));
        prop_assert!(load_or_keep(&bytes).is_err());
    }

    #[test]
    fn arbitrary_bytes_are_an_error(bytes in prop::collection::vec(any::<u8>(), 0..300), with_magic: bool) {
        let mut file = if with_magic { b"nerv\x01\x04".to_vec() } else { Vec::new() };
        file.extend(bytes);
        prop_assert!(load_or_keep(&file).is_err());
    }
}
