//! Files with something wrong in them.

use rand_core::Rng;

/// A copy of one of `files`, changed in one to four places: bits, words that may be offsets and lengths, parts of other files, the end.
pub fn mutated(files: &[Vec<u8>], rng: &mut impl Rng) -> Vec<u8> {
    let mut below = |bound: usize| rng.next_u32() as usize % bound.max(1);
    let mut file = files[below(files.len())].clone();
    for _ in 0..1 + below(4) {
        if file.len() < 8 {
            break;
        }
        let at = below(file.len() - 4);
        match below(6) {
            0 => file[at] ^= 1 << below(8),
            1 => file[at] = below(256) as u8,
            2 | 3 => {
                let at = at & !3;
                let words = [
                    0,
                    1,
                    2,
                    4,
                    u32::MAX,
                    0x7fff_ffff,
                    0x8000_0000,
                    0xffff,
                    file.len() as u32,
                    below(file.len()) as u32,
                ];
                file[at..at + 4].copy_from_slice(&words[below(words.len())].to_le_bytes());
            }
            4 => {
                let other = &files[below(files.len())];
                let from = below(other.len());
                let length = below(64).min(other.len() - from).min(file.len() - at);
                file[at..at + length].copy_from_slice(&other[from..from + length]);
            }
            _ if below(4) == 0 => file.truncate(at),
            _ => {
                // Two words of the file change places.
                let (at, other) = (at & !3, below(file.len() - 4) & !3);
                (0..4).for_each(|byte| file.swap(at + byte, other + byte));
            }
        }
    }
    file
}
