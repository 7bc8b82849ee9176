//! A weights file on its way in or out, piece by piece.

use nerve_protocol::Error;

/// The file, and how far it has come.
pub struct Transfer<const FILE: usize> {
    file: [u8; FILE],
    state: State,
}

#[derive(Clone, Copy)]
enum State {
    None,
    Upload { received: usize, length: usize },
    Download,
}

impl<const FILE: usize> Transfer<FILE> {
    /// Nothing under way.
    pub const NONE: Self = Self { file: [0; FILE], state: State::None };

    /// Starts an upload, if the file will have the right length; a head's that does not name its features is shorter by that name.
    pub fn begin_upload(&mut self, length: u32) -> Result<(), Error> {
        if !(FILE - 4..=FILE).contains(&(length as usize)) {
            return Err(Error::FileLength { found: length, expected: FILE as u32 });
        }
        self.state = State::Upload { received: 0, length: length as usize };
        Ok(())
    }

    /// Takes the piece that follows what has come.
    pub fn upload(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Error> {
        let State::Upload { received, length } = &mut self.state else { return Err(Error::NoTransfer) };
        let waiting = Error::Offset { expected: *received as u32 };
        if offset as usize != *received {
            return Err(waiting);
        }
        let room = self.file.get_mut(*received..*length).and_then(|rest| rest.get_mut(..bytes.len())).ok_or(waiting)?;
        room.copy_from_slice(bytes);
        *received += bytes.len();
        Ok(())
    }

    /// Ends the upload and gives the file, which has to be checked.
    pub fn end_upload(&mut self) -> Result<&[u8], Error> {
        let State::Upload { received, length } = self.state else { return Err(Error::NoTransfer) };
        if received != length {
            return Err(Error::FileLength { found: received as u32, expected: length as u32 });
        }
        self.state = State::None;
        Ok(self.file.get(..length).unwrap_or_default())
    }

    /// Starts a download of what `write` puts into the file. An upload under way is dropped.
    pub fn begin_download(&mut self, write: impl FnOnce(&mut [u8]) -> Result<(), Error>) -> Result<(), Error> {
        self.state = State::None;
        write(&mut self.file)?;
        self.state = State::Download;
        Ok(())
    }

    /// Up to `most` bytes from `offset` on.
    pub fn download(&self, offset: u32, most: usize) -> Result<&[u8], Error> {
        let State::Download = self.state else { return Err(Error::NoTransfer) };
        let rest = self.file.get(offset as usize..).ok_or(Error::Offset { expected: FILE as u32 })?;
        Ok(rest.get(..most).unwrap_or(rest))
    }
}
