//! Log-mel frames against librosa's of the same recording (`frontend/frames.py`), and however its samples are cut into pieces.

use nerve::Zero;
use nerve::frontend::{Htk, LogMel, Mel, Slaney};
use rand_core::{Rng, SeedableRng};
use rand_pcg::Pcg32;

/// The samples of `speech.wav`: 16 kHz, behind a header of 44 bytes.
fn speech() -> Vec<i16> {
    let (_, samples) = include_bytes!("frontend/speech.wav").split_at(44);
    samples.as_chunks().0.iter().map(|bytes| i16::from_le_bytes(*bytes)).collect()
}

/// The largest difference to librosa's values. They are natural logarithms: it is that of the energies, relatively.
fn difference<const WINDOW: usize, const STEP: usize, const FFT: usize, const BANDS: usize, M: Mel>(
    mut ear: LogMel<WINDOW, STEP, FFT, BANDS, M>,
    expected: &[u8],
) -> f32 {
    let expected: Vec<f32> = expected.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
    let mut found = Vec::new();
    ear.push(&speech(), |bands| found.extend_from_slice(bands));
    assert_eq!(found.len(), ((speech().len() - WINDOW) / STEP + 1) * BANDS);
    assert_eq!(found.len(), expected.len());
    // The recording begins with silence, and what is heard is louder than the floor.
    let floor = LogMel::<WINDOW, STEP, FFT, BANDS, M>::FLOOR.ln();
    assert!((found[0] - floor).abs() < 1e-5 && found.iter().any(|v| *v > 0.0), "{found:?}");
    found.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

#[test]
fn frames_are_librosas() {
    let htk = difference(LogMel::<400, 160, 512, 40, Htk<16_000, 20, 8_000>>::ZERO, include_bytes!("frontend/htk.f32"));
    let slaney =
        difference(LogMel::<512, 320, 512, 32, Slaney<16_000, 0, 7_600>>::ZERO, include_bytes!("frontend/slaney.f32"));
    let long =
        difference(LogMel::<1_000, 500, 1_024, 64, Htk<16_000, 60, 4_000>>::ZERO, include_bytes!("frontend/long.f32"));
    for (name, difference) in [("htk", htk), ("slaney", slaney), ("long", long)] {
        assert!(difference < 5e-5, "{name}: differs by {difference}");
    }
}

/// The same bits of the same samples, in pieces of any length, as integers or as floats, and after starting anew.
#[test]
fn pieces_make_no_difference() {
    type Ear = LogMel<400, 160, 512, 40, Htk<16_000, 20, 8_000>>;
    let bits = |bands: &[f32; 40]| bands.map(f32::to_bits);
    let (speech, mut ear, mut whole) = (speech(), Ear::ZERO, Vec::new());
    ear.push(&speech, |frame| whole.push(bits(frame)));
    let mut rng = Pcg32::seed_from_u64(1);
    for longest in [1, 7, 160, 161, 5_000] {
        ear.clear();
        let (mut rest, mut frames) = (&speech[..], Vec::new());
        while !rest.is_empty() {
            let piece;
            (piece, rest) = rest.split_at((rng.next_u32() as usize % (longest + 1)).min(rest.len()));
            if rng.next_u32().is_multiple_of(2) {
                ear.push(piece, |frame| frames.push(bits(frame)));
            } else {
                let piece: Vec<f32> = piece.iter().map(|sample| f32::from(*sample) / 32_768.0).collect();
                ear.push(&piece, |frame| frames.push(bits(frame)));
            }
        }
        assert!(frames == whole, "pieces of up to {longest}");
    }
}
