//! Recordings of a smartwatch during physiotherapy exercises (Burns et al. 2018), cut into windows.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use common::session::Examples;
use sha2::{Digest, Sha256};

use crate::networks::{EXERCISES, STEPS, Sample, Window};

/// From the beginning of a window to that of the next.
const STRIDE: usize = 24;
/// Of what `watch.py` writes.
const SHA_256: &str = "41aca8a1f6ed10044e5684d3ba0ac3a19a6e797417031f1696aaaed7f1bc04c3";
/// Parts of two people each, of which one is held out.
const PARTS: u64 = 5;

/// One exercise of one person with one arm.
pub struct Recording {
    subject: u64,
    exercise: usize,
    samples: Vec<Sample>,
}

/// Windows and their exercises.
#[derive(Default)]
pub struct Part {
    pub x: Vec<Window>,
    pub y: Vec<usize>,
}

impl Part {
    pub fn examples(&self) -> Examples<'_, Window, usize> {
        Examples { x: &self.x, y: &self.y }
    }
}

/// Eight people to train on, two held out.
pub struct Split {
    pub train: Part,
    pub test: Part,
}

impl Split {
    /// Seeds 1 to 5 hold out two other people each, so that everybody is held out once.
    pub fn new(recordings: &[Recording], seed: u64) -> Self {
        let (mut train, mut test) = (Part::default(), Part::default());
        for recording in recordings {
            let held_out = (recording.subject - 1) / 2 % PARTS == (seed + PARTS - 1) % PARTS;
            let part = if held_out { &mut test } else { &mut train };
            for start in (0..(recording.samples.len() + 1).saturating_sub(STEPS)).step_by(STRIDE) {
                part.x.push(std::array::from_fn(|t| recording.samples[start + t]));
                part.y.push(recording.exercise);
            }
        }
        Self { train, test }
    }
}

/// Reads `file` if given; otherwise what `watch.py` fetches once.
pub fn load(file: Option<&Path>) -> Result<Vec<Recording>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let fetched = root.join("target/data/watch/watch.csv");
    let path = file.unwrap_or(&fetched);
    if file.is_none() && !fetched.is_file() {
        fetch(&root)?;
    }
    let csv = fs::read_to_string(path).with_context(|| format!("could not read {}", path.display()))?;
    let sum: String = Sha256::digest(&csv).iter().map(|byte| format!("{byte:02x}")).collect();
    ensure!(sum == SHA_256, "{}: not what watch.py writes, delete it to fetch it anew", path.display());
    parse(&csv).with_context(|| path.display().to_string())
}

fn fetch(root: &Path) -> Result<()> {
    let arguments = ["examples/signal/watch.py", "target/data/watch"];
    let by_hand = format!(
        "could not fetch the recordings; with a network, pip and numpy, this does it: python3 {}",
        arguments.join(" ")
    );
    eprintln!("Fetching the recordings with pip, once, into target/data");
    let output = Command::new("python3").args(arguments).current_dir(root).output().with_context(|| by_hand.clone())?;
    if !output.status.success() {
        bail!("{by_hand}\n{}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}

/// Lines of recording, subject, exercise and a sample, after a heading.
fn parse(csv: &str) -> Result<Vec<Recording>> {
    let mut recordings = Vec::<Recording>::new();
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    for line in reader.deserialize() {
        let (number, subject, exercise, sample): (usize, u64, usize, Sample) = line?;
        ensure!(
            (1..=2 * PARTS).contains(&subject) && exercise < EXERCISES.len(),
            "subject {subject}, exercise {exercise}"
        );
        if number == recordings.len() {
            recordings.push(Recording { subject, exercise, samples: Vec::new() });
        }
        recordings.last_mut().context("the first recording is not 0")?.samples.push(sample);
    }
    Ok(recordings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_in_both_parts_and_everybody_is_held_out_once() {
        let recordings: Vec<_> = (1..=2 * PARTS)
            .map(|subject| Recording { subject, exercise: 0, samples: vec![[subject as f32; 6]; STEPS + STRIDE] })
            .collect();
        let mut held_out = Vec::new();
        for seed in 1..=PARTS {
            let split = Split::new(&recordings, seed);
            assert_eq!((split.train.x.len(), split.test.x.len()), (16, 4));
            held_out.extend(split.test.x.iter().step_by(2).map(|window| window[0][0] as u64));
        }
        assert_eq!(held_out, (1..=2 * PARTS).collect::<Vec<_>>());
    }

    #[test]
    fn lines_become_recordings() {
        let recordings = parse("r,s,e,a,b,c,d,e,f\n0,7,2,1,2,3,4,5,6\n0,7,2,1,2,3,4,5,7\n1,8,6,0,0,0,0,0,0\n").unwrap();
        let found: Vec<_> = recordings.iter().map(|r| (r.subject, r.exercise, r.samples.len())).collect();
        assert_eq!(found, [(7, 2, 2), (8, 6, 1)]);
        assert!(parse("r,s,e,a,b,c,d,e,f\n0,7,9,1,2,3,4,5,6\n").is_err());
        assert!(parse("r,s,e,a,b,c,d,e,f\n0,7,2,1,2,3,4,5\n").is_err());
    }
}
