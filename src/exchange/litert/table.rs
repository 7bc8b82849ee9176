//! FlatBuffers, read with every offset checked: <https://flatbuffers.dev/internals/>.

/// An offset or length leads out of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfBounds;

type Result<T> = core::result::Result<T, OutOfBounds>;

/// Some fields, each of which may be missing.
#[derive(Clone, Copy)]
pub struct Table<'a> {
    file: &'a [u8],
    at: usize,
    /// For each field, its distance from `at`, 0 if it is missing.
    distances: &'a [[u8; 2]],
}

impl<'a> Table<'a> {
    /// The table that holds the others.
    pub fn root(file: &'a [u8]) -> Result<Self> {
        Self::behind(file, 0)
    }

    /// The table that the offset at `at` leads to.
    fn behind(file: &'a [u8], at: usize) -> Result<Self> {
        let at = follow(file, at)?;
        let back = i32::from_le_bytes(number(file, at)?);
        let vtable = usize::try_from(at as i64 - i64::from(back)).map_err(|_| OutOfBounds)?;
        let bytes = usize::from(u16::from_le_bytes(number(file, vtable)?));
        let (distances, _) = slice(file, vtable, bytes.max(4))?[4..].as_chunks();
        Ok(Self { file, at, distances })
    }

    fn place(&self, field: usize) -> Option<usize> {
        let distance = usize::from(u16::from_le_bytes(*self.distances.get(field)?));
        (distance > 0).then_some(self.at + distance)
    }

    /// The little-endian bytes of a number; 0 if it is missing.
    pub fn number<const N: usize>(&self, field: usize) -> Result<[u8; N]> {
        self.place(field).map_or(Ok([0; N]), |at| number(self.file, at))
    }

    pub fn bool(&self, field: usize) -> Result<bool> {
        Ok(self.number(field)? != [0])
    }

    pub fn i32(&self, field: usize) -> Result<i32> {
        self.number(field).map(i32::from_le_bytes)
    }

    pub fn u32(&self, field: usize) -> Result<u32> {
        self.number(field).map(u32::from_le_bytes)
    }

    pub fn u64(&self, field: usize) -> Result<u64> {
        self.number(field).map(u64::from_le_bytes)
    }

    pub fn f32(&self, field: usize) -> Result<f32> {
        self.number(field).map(f32::from_le_bytes)
    }

    pub fn has(&self, field: usize) -> bool {
        self.place(field).is_some()
    }

    pub fn table(&self, field: usize) -> Result<Option<Self>> {
        self.place(field).map(|at| Self::behind(self.file, at)).transpose()
    }

    /// The little-endian bytes of several numbers; none if they are missing.
    pub fn numbers<const N: usize>(&self, field: usize) -> Result<&'a [[u8; N]]> {
        let Some(at) = self.place(field) else { return Ok(&[]) };
        let at = follow(self.file, at)?;
        let length = u32::from_le_bytes(number(self.file, at)?) as usize;
        let bytes = length.checked_mul(N).ok_or(OutOfBounds)?;
        Ok(slice(self.file, at + 4, bytes)?.as_chunks().0)
    }

    pub fn bytes(&self, field: usize) -> Result<&'a [u8]> {
        self.numbers::<1>(field).map(|bytes| bytes.as_flattened())
    }

    pub fn i32s(&self, field: usize) -> Result<impl ExactSizeIterator<Item = i32> + 'a> {
        Ok(self.numbers(field)?.iter().copied().map(i32::from_le_bytes))
    }

    pub fn tables(&self, field: usize) -> Result<Tables<'a>> {
        let offsets = self.numbers::<4>(field)?;
        let first = self.place(field).map_or(Ok(0), |at| follow(self.file, at))? + 4;
        Ok(Tables { file: self.file, first, len: offsets.len() })
    }
}

/// Tables in a row.
#[derive(Clone, Copy)]
pub struct Tables<'a> {
    file: &'a [u8],
    first: usize,
    len: usize,
}

impl<'a> Tables<'a> {
    pub fn len(&self) -> usize {
        self.len
    }

    pub fn get(&self, index: usize) -> Result<Table<'a>> {
        if index >= self.len {
            return Err(OutOfBounds);
        }
        Table::behind(self.file, self.first + 4 * index)
    }
}

/// Where the offset at `at` leads to.
fn follow(file: &[u8], at: usize) -> Result<usize> {
    at.checked_add(u32::from_le_bytes(number(file, at)?) as usize).ok_or(OutOfBounds)
}

fn number<const N: usize>(file: &[u8], at: usize) -> Result<[u8; N]> {
    file.get(at..).and_then(<[u8]>::first_chunk).copied().ok_or(OutOfBounds)
}

fn slice(file: &[u8], at: usize, bytes: usize) -> Result<&[u8]> {
    file.get(at..).and_then(|rest| rest.get(..bytes)).ok_or(OutOfBounds)
}
