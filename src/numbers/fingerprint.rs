//! What names an architecture in a weights file.

/// FNV-1a over a kind of layer and its dimensions.
pub(crate) const fn fingerprint(kind: &str, dimensions: &[usize]) -> u32 {
    let mut hash = 0x811c_9dc5;
    let mut i = 0;
    while i < kind.len() {
        hash = fnv(hash, kind.as_bytes()[i]);
        i += 1;
    }
    let mut i = 0;
    while i < dimensions.len() {
        hash = mix(hash, dimensions[i] as u32);
        i += 1;
    }
    hash
}

/// One more word into a fingerprint.
pub(crate) const fn mix(mut hash: u32, word: u32) -> u32 {
    let bytes = word.to_le_bytes();
    let mut i = 0;
    while i < bytes.len() {
        hash = fnv(hash, bytes[i]);
        i += 1;
    }
    hash
}

const fn fnv(hash: u32, byte: u8) -> u32 {
    (hash ^ byte as u32).wrapping_mul(0x0100_0193)
}
