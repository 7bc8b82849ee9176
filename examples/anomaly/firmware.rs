//! What the firmware takes from the desktop.

use std::{fs, path::Path};

use anyhow::{Context, Result};
use common::store;
use nerve::Zero;

use crate::machine::{FAULTS, Fault, Machine};
use crate::networks::{Detector, Ear, Memory, error};

/// Windows of each kind.
const WINDOWS: usize = 4;

/// Writes `anomaly.nrv` and `anomaly.bin`: windows that it has not seen, four of a healthy machine, then of each fault, in samples of 16
/// bits; behind each the bits of the error and of the threshold after it, little-endian.
pub fn write(folder: &Path, (networks, threshold): &Detector) -> Result<()> {
    fs::create_dir_all(folder)?;
    let detector = (networks.clone(), *threshold);
    store::save(&detector, &folder.join("anomaly.nrv"))?;
    let (mut machine, mut threshold, mut memory, mut ear) = (Machine::new(300), *threshold, Memory::ZERO, Ear::ZERO);
    let mut bytes = Vec::new();
    for fault in [Fault::None].into_iter().chain(FAULTS) {
        machine.fault = fault;
        for _ in 0..WINDOWS {
            let window = machine.window();
            let mut found = None;
            ear.push(&window, |frame| found = Some(error(networks, &mut memory, frame)));
            let error = found.context("a window makes no frame")?;
            println!("{fault:?}: error {error:.3}, threshold {:.3}", threshold.limit());
            threshold.adapt(error);
            bytes.extend(window.iter().flat_map(|sample| sample.to_le_bytes()));
            bytes.extend([error, threshold.limit()].iter().flat_map(|x| x.to_le_bytes()));
        }
    }
    fs::write(folder.join("anomaly.bin"), bytes)?;
    Ok(())
}
