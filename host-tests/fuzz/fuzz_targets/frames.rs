//! Bytes on the line: as they are, and as messages in frames that are whole.
#![no_main]

use host_tests::learner::{FRAME, Memory, Watched, flash};
use libfuzzer_sys::fuzz_target;
use serde::ser::{Serialize, SerializeTuple, Serializer};

/// Bytes without a length before them.
struct Raw<'a>(&'a [u8]);

impl Serialize for Raw<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut bytes = serializer.serialize_tuple(self.0.len())?;
        self.0.iter().try_for_each(|byte| bytes.serialize_element(byte))?;
        bytes.end()
    }
}

fuzz_target!(|bytes: &[u8]| {
    let (mut flash, mut memory) = (flash(), Memory::ZERO);
    let mut device = Watched::new(&mut memory, &mut flash);
    let Some((kind, bytes)) = bytes.split_first() else { return };
    if kind % 2 == 0 {
        return device.send(bytes, |_| ());
    }
    // A message is as long as the byte before it says.
    let mut rest = bytes;
    while let Some((length, after)) = rest.split_first() {
        let (message, after) = after.split_at(after.len().min(usize::from(*length)));
        let mut buffer = [0; 2 * FRAME];
        if let Ok(frame) = nerve_protocol::encode(&Raw(message), &mut buffer) {
            device.send(frame, |_| ());
        }
        rest = after;
    }
});
