//! `sequential-storage`, which is written for asynchronous flash, over a blocking one.

use embassy_futures::block_on;
use embedded_storage::nor_flash::NorFlash;
use sequential_storage::cache::{Cache, Uncached};
use sequential_storage::queue::{QueueIterator, QueueStorage};

use crate::storage::checkpoint::{CheckpointError, MAX_ITEM};

/// Some hardware writes from whole words in RAM alone.
#[repr(align(4))]
pub(super) struct Buffer(pub(super) [u8; MAX_ITEM]);

impl Buffer {
    pub(super) const EMPTY: Self = Self([0; MAX_ITEM]);
}

/// A blocking flash for `sequential-storage`, which is written for asynchronous ones.
pub(super) struct Access<'f, F> {
    pub(super) flash: &'f mut F,
    /// If not, the flash stays as it is, since `sequential-storage` repairs what it takes for damaged even while reading.
    pub(super) writable: bool,
}

pub(super) type NoCache = Cache<Uncached, Uncached, Uncached>;
pub(super) type Queue<'f, F> = QueueStorage<Access<'f, F>, NoCache>;
pub(super) type Items<'q, 'f, F> = QueueIterator<'q, Access<'f, F>, NoCache>;

impl<F: NorFlash> embedded_storage::nor_flash::ErrorType for Access<'_, F> {
    type Error = F::Error;
}

impl<F: NorFlash> embedded_storage_async::nor_flash::ReadNorFlash for Access<'_, F> {
    const READ_SIZE: usize = F::READ_SIZE;
    async fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), F::Error> {
        self.flash.read(offset, bytes)
    }
    fn capacity(&self) -> usize {
        self.flash.capacity()
    }
}

impl<F: NorFlash> embedded_storage_async::nor_flash::NorFlash for Access<'_, F> {
    const WRITE_SIZE: usize = F::WRITE_SIZE;
    const ERASE_SIZE: usize = F::ERASE_SIZE;
    async fn erase(&mut self, from: u32, to: u32) -> Result<(), F::Error> {
        if self.writable { self.flash.erase(from, to) } else { Ok(()) }
    }
    async fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), F::Error> {
        if self.writable { self.flash.write(offset, bytes) } else { Ok(()) }
    }
}

/// The items of a half from the oldest on; `None` if its pages are in no order that the queue knows.
pub(super) fn items<'q, 'f, F: NorFlash>(
    queue: &'q mut Queue<'f, F>,
) -> Result<Option<Items<'q, 'f, F>>, CheckpointError<F::Error>> {
    block_on(queue.iter()).map_or_else(or_damaged, |items| Ok(Some(items)))
}

pub(super) fn next_item<'b, F: NorFlash>(
    items: &mut Items<'_, '_, F>,
    buffer: &'b mut Buffer,
) -> Result<Option<&'b [u8]>, CheckpointError<F::Error>> {
    match block_on(items.next(&mut buffer.0)) {
        Ok(item) => Ok(item.map(|item| &*item.into_buf())),
        Err(error) => or_damaged(error),
    }
}

/// Whether there was room, in pages that are in order.
pub(super) fn push<F: NorFlash>(queue: &mut Queue<'_, F>, item: &[u8]) -> Result<bool, CheckpointError<F::Error>> {
    block_on(queue.push(item, false)).map_or_else(|error| or_damaged::<_, ()>(error).map(|_| false), |()| Ok(true))
}

/// An error of the flash is handed on; any other comes from what is stored.
pub(super) fn or_damaged<E, V>(error: sequential_storage::Error<E>) -> Result<Option<V>, CheckpointError<E>> {
    match error {
        sequential_storage::Error::Storage { value, .. } => Err(CheckpointError::Flash(value)),
        _ => Ok(None),
    }
}
