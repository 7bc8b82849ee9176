//! A network that learns in the field, kept in the chip's flash: after a power cut at any moment it comes up as it was last
//! saved, or as it was being saved, never in between and never blank. Feature `checkpoint`.
//!
//! ```
//! # use embedded_storage::nor_flash::{ErrorType, NorFlash, NorFlashErrorKind, ReadNorFlash};
//! # struct Flash([u8; 0x4000]);
//! # impl ErrorType for Flash { type Error = NorFlashErrorKind; }
//! # impl ReadNorFlash for Flash {
//! #     const READ_SIZE: usize = 4;
//! #     fn read(&mut self, at: u32, bytes: &mut [u8]) -> Result<(), NorFlashErrorKind> {
//! #         bytes.copy_from_slice(&self.0[at as usize..][..bytes.len()]);
//! #         Ok(())
//! #     }
//! #     fn capacity(&self) -> usize { self.0.len() }
//! # }
//! # impl NorFlash for Flash {
//! #     const WRITE_SIZE: usize = 4;
//! #     const ERASE_SIZE: usize = 4096;
//! #     fn erase(&mut self, from: u32, to: u32) -> Result<(), NorFlashErrorKind> {
//! #         self.0[from as usize..to as usize].fill(0xff);
//! #         Ok(())
//! #     }
//! #     fn write(&mut self, at: u32, bytes: &[u8]) -> Result<(), NorFlashErrorKind> {
//! #         self.0[at as usize..][..bytes.len()].iter_mut().zip(bytes).for_each(|(to, from)| *to &= from);
//! #         Ok(())
//! #     }
//! # }
//! use nerve::checkpoint::CheckpointStore;
//! use nerve::prelude::*;
//!
//! type Net = chain![Frozen<Dense<4, 10, Sigmoid>>, Dense<10, 3>];
//! # static FACTORY: Net = (Frozen(Dense::new([[0.1; 10]; 4], [0.0; 10])), Dense::new([[0.0; 3]; 10], [0.0; 3]));
//!
//! # fn main() -> Result<(), Box<dyn core::error::Error>> {
//! # let mut flash = Flash([0xff; 0x4000]);
//! let (mut net, mut optimizer) = (FACTORY.clone(), Momentum::new(0.02, 0.9));
//! let mut trainer = Trainer::<Net, [f32; 4]>::ZERO;
//!
//! // `flash` is the HAL's; these four pages belong to the store. The chip is rated for 10,000 erase cycles.
//! let mut store = CheckpointStore::new(&mut flash, 0x0000..0x4000, 10_000)?;
//! let mut step = store.load(&mut (&mut net, &mut optimizer))?.unwrap_or(0); // `None`: the factory's weights stay
//!
//! trainer.step(&mut net, &mut optimizer, &CrossEntropy, &[[5.1, 3.5, 1.4, 0.2]], &[0])?;
//! step += 1;
//! store.save(&(&mut net, &mut optimizer), step)?;
//! assert!(store.writes_left(&(&mut net, &mut optimizer))? > 100_000);
//!
//! // After the next boot:
//! let (mut again, mut moments) = (Net::ZERO, Momentum::<Net>::new(0.02, 0.9));
//! let mut store = CheckpointStore::new(&mut flash, 0x0000..0x4000, 10_000)?;
//! assert_eq!(store.load(&mut (&mut again, &mut moments))?, Some(1));
//! assert_eq!(again, net);
//! # Ok(())
//! # }
//! ```
//!
//! What is stored is any [`Tensors`]: a network, or a network with its optimizer. A reset to factory is a `save` of the factory's weights.
//!
//! # What it guarantees
//!
//! The range is divided into two halves. A save goes into the half that does *not* hold the newest state, which hence is neither
//! written nor erased until its successor has been written and read back. So after a power cut during any flash operation,
//! at any byte of a write and with any content after a torn erase, [`load`](CheckpointStore::load) finds the old state or the new one.
//! A state counts only if each item's CRC-32 and the CRC-32 of all its elements are right; a flipped bit takes away the
//! state that it lies in, and the one before it is loaded. Loading only reads the flash.
//!
//! A half is a queue of [`sequential-storage`](sequential_storage), which appends states until the half is full; then the half is erased.
//! So every page is erased equally often.
//!
//! # Format, version 1
//!
//! A state is a first item and as many items of elements as it takes, in a row:
//!
//! | bytes | first item | | bytes | item of elements |
//! |---|---|---|---|---|
//! | 1 | 0 | | 1 | 1 |
//! | 1 | version of this format, 1 | | … | up to 248 bytes of elements, as in a weights file |
//! | 4 | number of this save, little-endian | | | |
//! | 8 | step | | | |
//! | 4 + 4 | how often each half has been erased | | | |
//! | 18, 22 | header of the elements, that of a [weights file](crate::weights) | | | |
//!
//! # What it costs
//!
//! * Flash: an item takes 8 bytes and its padding beside its content, a page two words;
//!   [`pages_needed`](CheckpointStore::pages_needed) is the least number of pages in the range. For a network with 1 KiB of
//!   weights and moments on pages of 4 KiB that is two. A half has room for several states if the range is larger, so
//!   that it need be erased more seldom; [`writes`](CheckpointStore::writes) is how many saves a range will take.
//! * RAM: 12 bytes and the driver. A call uses one buffer of 256 bytes on the stack, whatever the network's size.
//! * Time: a save reads the range once, writes the state, and reads half the range again; every so often it erases half of
//!   the range first, in one call. The cycles go to two bit-by-bit CRC-32, some 100 cycles for each byte read.
//!
//! # Choosing the range
//!
//! Whole pages that nothing else uses, `memory.x` included: an even number of them, at least `pages_needed`, on chips
//! whose pages differ in size all of one size. If the chip cannot read its flash while it erases a part of it,
//! it stands still meanwhile (an nRF52 for 85 ms a page, an STM32F4 for 1 to 2 s for its sectors of 128 KiB).
//!
//! `F::WRITE_SIZE` may be up to 32 bytes. A flash with ECC whose reads fault on a half-written word (some STM32) needs a driver that reports
//! such a word as bytes or as an error, not as a fault.

use core::ops::Range;

use crc::{Digest, NoTable};
use embedded_storage::nor_flash::NorFlash;
use sequential_storage::cache::Cache;
use sequential_storage::queue::{QueueConfig, QueueStorage};

mod access;
mod error;

use access::{Access, Buffer, Items, Queue, items, next_item, push};
pub use error::CheckpointError;

use crate::numbers::{Real, Tensors};
use crate::storage::weights::{CRC, Header, LoadError, read};

const VERSION: u8 = 1;
/// First byte of an item that begins a state.
const BEGIN: u8 = 0;
/// First byte of an item of elements.
const ELEMENTS: u8 = 1;
/// The first item: `BEGIN`, `VERSION`, number, step, erase cycles of the halves; the header of the elements follows.
type Begin = (u8, u8, [u8; 4], [u8; 8], [[u8; 4]; 2]);
/// With the longest header.
const BEGIN_LEN: usize = 44;
/// The largest item; a multiple of the largest word.
const MAX_ITEM: usize = 256;

/// Two or more states of a network in a range of flash. See the [module](self).
pub struct CheckpointStore<F> {
    flash: F,
    range: Range<u32>,
    endurance: u32,
}

/// A state in flash, whole unless said otherwise.
struct State {
    number: u32,
    step: u64,
    header: Header,
    /// How many states begin before it in its half.
    position: u32,
}

/// What is in a half.
#[derive(Default)]
struct Contents {
    newest: Option<State>,
    /// States begun since the half was last erased.
    begun: u32,
    erases: [u32; 2],
    unknown_version: Option<u8>,
}

impl<F: NorFlash> CheckpointStore<F> {
    const WORD: usize = if F::WRITE_SIZE > F::READ_SIZE { F::WRITE_SIZE } else { F::READ_SIZE };
    const ITEM_OVERHEAD: usize = 8usize.next_multiple_of(Self::WORD);
    /// What a page holds beside the marks of `sequential-storage`.
    const PAGE: usize = F::ERASE_SIZE - 2 * Self::WORD;
    const ITEMS_PER_PAGE: usize = Self::PAGE.div_ceil(Self::ITEM_OVERHEAD + MAX_ITEM);
    /// Bytes of elements in an item, whole elements of either scalar, such that a page is filled.
    const CHUNK: usize = {
        assert!(Self::WORD <= 32, "the flash's words are too large, 32 bytes is the most");
        let item = (Self::PAGE / Self::ITEMS_PER_PAGE / Self::WORD * Self::WORD).saturating_sub(Self::ITEM_OVERHEAD);
        assert!(item >= BEGIN_LEN, "the flash's pages are too small");
        (item - 1) / 8 * 8
    };

    /// A store in the pages `range` of `flash`, addresses as the driver takes them. `endurance` is how many erase cycles the chip's data
    /// sheet promises for a page. Does not touch the flash.
    ///
    /// # Errors
    /// [`CheckpointError::Range`].
    pub fn new(flash: F, range: Range<u32>, endurance: u32) -> Result<Self, CheckpointError<F::Error>> {
        let page = F::ERASE_SIZE as u32;
        let aligned = range.start.is_multiple_of(page) && range.end.is_multiple_of(page);
        let pages = range.end.saturating_sub(range.start) / page;
        if !aligned || pages < 2 || range.end as usize > flash.capacity() {
            return Err(CheckpointError::Range { start: range.start, end: range.end, page });
        }
        Ok(Self { flash, range, endurance })
    }

    /// The driver.
    pub fn into_flash(self) -> F {
        self.flash
    }

    /// The least number of pages in the range for states of the shape of `P`.
    pub const fn pages_needed<T: Real, P: Tensors<T>>() -> u32 {
        2 * Self::items::<T, P>().div_ceil(Self::ITEMS_PER_PAGE as u32)
    }

    /// How many times a `P` can be saved in a range of `pages` pages that each bear `endurance` erase cycles.
    pub const fn writes<T: Real, P: Tensors<T>>(pages: u32, endurance: u32) -> u32 {
        // The first time around nothing need be erased.
        Self::states_in_half::<T, P>(pages).saturating_mul(endurance.saturating_add(1)).saturating_mul(2)
    }

    const fn items<T: Real, P: Tensors<T>>() -> u32 {
        1 + (P::LEN * size_of::<T>()).div_ceil(Self::CHUNK) as u32
    }

    const fn states_in_half<T: Real, P: Tensors<T>>(pages: u32) -> u32 {
        pages / 2 * Self::ITEMS_PER_PAGE as u32 / Self::items::<T, P>()
    }

    /// Reads the newest state into `target`, in place, and returns the step it was saved with; `None` if there is none.
    /// Everything is checked before the first weight changes. The flash is only read.
    ///
    /// # Errors
    /// [`Load`](CheckpointError::Load) if the newest state is another architecture's; `target` has not changed. It is then yours to keep
    /// the factory's weights and `save` over it. [`Flash`](CheckpointError::Flash), [`RangeTooSmall`](CheckpointError::RangeTooSmall).
    /// [`Unreliable`](CheckpointError::Unreliable) if the flash gives other bytes the second time: alone then `target` is of no use.
    pub fn load<T: Real, P: Tensors<T>>(&mut self, target: &mut P) -> Result<Option<u64>, CheckpointError<F::Error>> {
        self.room_for::<T, P>()?;
        let contents = [self.scan::<T>(0)?, self.scan::<T>(1)?];
        let Some((half, state)) = newest(&contents) else {
            let version = contents.iter().find_map(|half| half.unknown_version);
            return version.map_or(Ok(None), |version| Err(CheckpointError::Load(LoadError::Version(version))));
        };
        let checksum = state.header.check::<T, P>().map_err(CheckpointError::Load)?;
        self.fill(half, state.position, checksum, target)?;
        Ok(Some(state.step))
    }

    /// Writes `source` to flash beside what was saved before, and reads it back.
    ///
    /// A part that `source` holds by a shared reference is not stored, as in a [weights file](crate::weights).
    ///
    /// # Errors
    /// What had been saved is still there.
    pub fn save<T: Real, P: Tensors<T>>(&mut self, source: &P, step: u64) -> Result<(), CheckpointError<F::Error>> {
        let states_in_half = self.room_for::<T, P>()?;
        let header = Header::of::<T, P>(checksum(source).ok_or(CheckpointError::NonFinite)?);
        let contents = [self.scan::<T>(0)?, self.scan::<T>(1)?];
        let (half, number) = match newest(&contents) {
            Some((half, state)) => (1 - half, state.number.wrapping_add(1)),
            None => (0, 0),
        };
        let mut erases = erases(&contents);
        let state = State { number, step, header, position: 0 };
        if contents[half].begun < states_in_half && matches!(self.write(half, &state, erases, source), Ok(true)) {
            return Ok(());
        }
        // The half is full, or damaged: begin it anew.
        let Range { start, end } = self.half(half);
        self.flash.erase(start, end).map_err(CheckpointError::Flash)?;
        erases[half] = erases[half].saturating_add(1);
        if self.write(half, &state, erases, source)? { Ok(()) } else { Err(CheckpointError::Unreliable) }
    }

    /// How many more times a state of this shape can be saved until a page reaches the rated endurance. `state` lends its shape alone.
    /// The store goes on saving after that, and notices a page that does not keep what is written.
    ///
    /// The erase cycles are counted in flash; a power cut during an erase hides that one.
    ///
    /// # Errors
    /// [`Flash`](CheckpointError::Flash), [`RangeTooSmall`](CheckpointError::RangeTooSmall).
    pub fn writes_left<T: Real, P: Tensors<T>>(&mut self, _state: &P) -> Result<u32, CheckpointError<F::Error>> {
        let states_in_half = self.room_for::<T, P>()?;
        let contents = [self.scan::<T>(0)?, self.scan::<T>(1)?];
        let erases = erases(&contents);
        let left = |half: usize| {
            let cycles = self.endurance.saturating_sub(erases[half]);
            states_in_half.saturating_sub(contents[half].begun).saturating_add(cycles.saturating_mul(states_in_half))
        };
        // The halves take turns.
        let next = newest(&contents).map_or(0, |(half, _)| 1 - half);
        let (next, other) = (left(next), left(1 - next));
        Ok(if next <= other { next.saturating_mul(2) } else { other.saturating_mul(2).saturating_add(1) })
    }

    /// States that a half has room for.
    fn room_for<T: Real, P: Tensors<T>>(&self) -> Result<u32, CheckpointError<F::Error>> {
        let found = (self.range.end - self.range.start) / F::ERASE_SIZE as u32;
        match Self::states_in_half::<T, P>(found) {
            0 => Err(CheckpointError::RangeTooSmall { found, needed: Self::pages_needed::<T, P>() }),
            states => Ok(states),
        }
    }

    fn half(&self, half: usize) -> Range<u32> {
        let page = F::ERASE_SIZE as u32;
        let len = (self.range.end - self.range.start) / page / 2 * page;
        let start = self.range.start + half as u32 * len;
        start..start + len
    }

    fn queue(&mut self, half: usize, writable: bool) -> Result<Queue<'_, F>, CheckpointError<F::Error>> {
        let range = self.half(half);
        let page = F::ERASE_SIZE as u32;
        let wrong = CheckpointError::Range { start: range.start, end: range.end, page };
        let config = QueueConfig::try_new(range).map_err(|_| wrong)?;
        Ok(QueueStorage::new(Access { flash: &mut self.flash, writable }, config, Cache::new_uncached()))
    }

    /// Looks through a half, and checks every state in it.
    fn scan<T: Real>(&mut self, half: usize) -> Result<Contents, CheckpointError<F::Error>> {
        let mut contents = Contents::default();
        let (mut buffer, mut queue) = (Buffer::EMPTY, self.queue(half, false)?);
        let Some(mut items) = items(&mut queue)? else { return Ok(contents) };
        let mut unfinished: Option<Unfinished> = None;
        while let Some(item) = next_item(&mut items, &mut buffer)? {
            let before = unfinished.take();
            unfinished = match item {
                [BEGIN, ..] => match begin(item) {
                    Ok((mut state, erases)) => {
                        state.position = contents.begun;
                        contents.begun = contents.begun.saturating_add(1);
                        contents.erases = larger(contents.erases, erases);
                        let Header { tag, count, .. } = state.header;
                        let left = (count as usize).saturating_mul(usize::from(tag));
                        Some(Unfinished { state, left, digest: CRC.digest() })
                    }
                    Err(version) => {
                        contents.unknown_version = contents.unknown_version.or(version);
                        None
                    }
                },
                [ELEMENTS, bytes @ ..] => before.and_then(|state| state.with::<T>(bytes)),
                _ => None,
            };
            if let Some(state) = unfinished.take_if(|state| state.left == 0)
                && state.state.header.checksum == state.digest.finalize()
            {
                contents.newest = Some(state.state);
            }
        }
        Ok(contents)
    }

    /// Reads the state that begins at `position` into `target`.
    fn fill<T: Real, P: Tensors<T>>(
        &mut self,
        half: usize,
        position: u32,
        checksum: u32,
        target: &mut P,
    ) -> Result<(), CheckpointError<F::Error>> {
        let (mut buffer, mut queue) = (Buffer::EMPTY, self.queue(half, false)?);
        let mut items = items(&mut queue)?.ok_or(CheckpointError::Unreliable)?;
        let mut begun = 0;
        while begun <= position {
            let item = next_item(&mut items, &mut buffer)?.ok_or(CheckpointError::Unreliable)?;
            begun += u32::from(begin(item).is_ok());
        }
        let mut elements = Elements { items, buffer, at: 0, end: 0, digest: CRC.digest(), error: None };
        target.visit_mut(&mut |tensor| elements.fill::<T>(tensor));
        match elements.error {
            Some(error) => Err(error),
            None if elements.digest.finalize() != checksum => Err(CheckpointError::Unreliable),
            None => Ok(()),
        }
    }

    /// Appends `source` to a half; whether it can be read back.
    fn write<T: Real, P: Tensors<T>>(
        &mut self,
        half: usize,
        state: &State,
        erases: [u32; 2],
        source: &P,
    ) -> Result<bool, CheckpointError<F::Error>> {
        let mut queue = self.queue(half, true)?;
        let mut buffer = Buffer::EMPTY;
        let fields: Begin =
            (BEGIN, VERSION, state.number.to_le_bytes(), state.step.to_le_bytes(), erases.map(u32::to_le_bytes));
        let begin = postcard::to_slice(&fields, &mut buffer.0).map_or(0, |bytes| bytes.len());
        let header = buffer.0.get_mut(begin..).and_then(|rest| state.header.write(rest)).unwrap_or(0);
        if !push(&mut queue, &buffer.0[..begin + header])? {
            return Ok(false);
        }
        let mut chunk = Chunk { queue, buffer, end: 1, result: Ok(true) };
        chunk.buffer.0[0] = ELEMENTS;
        source.visit(&mut |tensor: &[T]| {
            for value in tensor {
                chunk.add(value, Self::CHUNK);
            }
        });
        chunk.flush();
        if !chunk.result? {
            return Ok(false);
        }
        let contents = self.scan::<T>(half)?;
        Ok(contents
            .newest
            .is_some_and(|found| (found.number, found.step, found.header) == (state.number, state.step, state.header)))
    }
}

/// The half with the newest state, and that state.
fn newest(contents: &[Contents; 2]) -> Option<(usize, &State)> {
    match contents.each_ref().map(|half| half.newest.as_ref()) {
        // As sequence numbers compare, so that they may wrap around.
        [Some(a), Some(b)] if b.number.wrapping_sub(a.number) < 1 << 31 => Some((1, b)),
        [Some(a), _] => Some((0, a)),
        [None, b] => b.map(|b| (1, b)),
    }
}

/// How often each half has been erased, as far as either of them knows.
fn erases([a, b]: &[Contents; 2]) -> [u32; 2] {
    larger(a.erases, b.erases)
}

fn larger(a: [u32; 2], b: [u32; 2]) -> [u32; 2] {
    [a[0].max(b[0]), a[1].max(b[1])]
}

/// The checksum of the elements, if all are finite.
fn checksum<T: Real>(source: &impl Tensors<T>) -> Option<u32> {
    let (mut digest, mut finite) = (CRC.digest(), true);
    source.visit(&mut |tensor| {
        for value in tensor {
            finite &= value.is_finite();
            let mut bytes = [0; 8];
            if let Ok(bytes) = postcard::to_slice(value, &mut bytes) {
                digest.update(bytes);
            }
        }
    });
    finite.then(|| digest.finalize())
}

/// The state that an item begins and the erase cycles, or the item's version.
fn begin(item: &[u8]) -> Result<(State, [u32; 2]), Option<u8>> {
    match *item {
        [BEGIN, VERSION, ..] => {}
        [BEGIN, version, ..] => return Err(Some(version)),
        _ => return Err(None),
    }
    let ((_, _, number, step, erases), header) = postcard::take_from_bytes::<Begin>(item).map_err(|_| None)?;
    let (header, _) = Header::read(header).ok_or(None)?;
    let state = State { number: u32::from_le_bytes(number), step: u64::from_le_bytes(step), header, position: 0 };
    Ok((state, erases.map(u32::from_le_bytes)))
}

/// A state that is being read.
struct Unfinished {
    state: State,
    /// Bytes of elements to come.
    left: usize,
    digest: Digest<'static, u32, NoTable>,
}

impl Unfinished {
    /// With an item's elements, if they can belong to it.
    fn with<T: Real>(mut self, bytes: &[u8]) -> Option<Self> {
        self.left = self.left.checked_sub(bytes.len())?;
        self.digest.update(bytes);
        let finite = |element| read::<T>(element).is_some_and(T::is_finite);
        (self.state.header.tag != T::TAG || bytes.chunks(size_of::<T>()).all(finite)).then_some(self)
    }
}

/// The elements of a state, item by item.
struct Elements<'q, 'f, F: NorFlash> {
    items: Items<'q, 'f, F>,
    buffer: Buffer,
    /// Where in the buffer the next element is.
    at: usize,
    end: usize,
    digest: Digest<'static, u32, NoTable>,
    error: Option<CheckpointError<F::Error>>,
}

impl<F: NorFlash> Elements<'_, '_, F> {
    #[inline(never)] // One copy in flash for all tensors.
    fn fill<T: Real>(&mut self, tensor: &mut [T]) {
        for value in tensor {
            if self.error.is_some() {
                return;
            }
            if self.at == self.end {
                self.end = match next_item(&mut self.items, &mut self.buffer) {
                    Ok(item) => item.map_or(0, |item| item.len()),
                    Err(error) => return self.error = Some(error),
                };
                self.at = 1;
            }
            let element = self.buffer.0[..self.end].get(self.at..self.at + size_of::<T>());
            match element.and_then(|element| Some((element, read(element)?))) {
                Some((element, read)) => {
                    self.digest.update(element);
                    *value = read;
                    self.at += size_of::<T>();
                }
                None => self.error = Some(CheckpointError::Unreliable),
            }
        }
    }
}

/// Elements on their way into flash.
struct Chunk<'f, F: NorFlash> {
    queue: Queue<'f, F>,
    buffer: Buffer,
    /// Where in the buffer the next element goes.
    end: usize,
    result: Result<bool, CheckpointError<F::Error>>,
}

impl<F: NorFlash> Chunk<'_, F> {
    #[inline(never)] // One copy in flash for all tensors.
    fn add<T: Real>(&mut self, value: &T, len: usize) {
        if let Ok(bytes) = postcard::to_slice(value, &mut self.buffer.0[self.end..]) {
            self.end += bytes.len();
        }
        if self.end > len {
            self.flush();
        }
    }

    fn flush(&mut self) {
        if self.end > 1 && matches!(self.result, Ok(true)) {
            self.result = push(&mut self.queue, &self.buffer.0[..self.end]);
        }
        self.end = 1;
    }
}
