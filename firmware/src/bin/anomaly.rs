//! Hears when a machine no longer sounds as it did: an autoencoder of what is healthy, and a threshold of its errors that is kept up to date.
//!
//! Fails if an error or the threshold differs from the host's in a bit.
#![no_std]
#![no_main]

use defmt::println;
use nerve::prelude::*;
use nerve_firmware::arch::Timer;
use nerve_firmware::networks::anomaly::{Detector, Ear, Frame, Memory, WINDOW, error};
use nerve_firmware::{board, count, entry, memory};
use static_cell::ConstStaticCell;

static DETECTOR: Detector = include_weights!(Detector, "../../data/anomaly.nrv");
static EAR: ConstStaticCell<Ear> = ConstStaticCell::new(Ear::ZERO);
static MEMORY: ConstStaticCell<Memory> = ConstStaticCell::new(Memory::ZERO);
static SAMPLES: ConstStaticCell<[i16; WINDOW]> = ConstStaticCell::new([0; WINDOW]);

/// Windows of four bytes for two samples, then the bits of the error and of the threshold after it.
static WINDOWS: &[u8] = include_bytes!("../../data/anomaly.bin");

#[entry]
fn main() -> ! {
    memory::paint_stack();
    println!("nerve on {}: anomalies of a machine", board::NAME);
    let success = run();
    board::exit(success)
}

fn run() -> bool {
    let Some(mut timer) = Timer::take() else { return false };
    let (ear, arena, samples) = (EAR.take(), MEMORY.take(), SAMPLES.take());
    // What changes is in RAM.
    let (networks, mut threshold) = (&DETECTOR.0, DETECTOR.1);
    let (mut same_bits, mut windows) = (true, 0);
    for (kind, of_kind) in WINDOWS.as_chunks::<4>().0.chunks_exact(4 * (WINDOW / 2 + 2)).enumerate() {
        let mut alarms = 0;
        for window in of_kind.chunks_exact(WINDOW / 2 + 2) {
            let (halves, expected) = window.split_at(WINDOW / 2);
            for (sample, bytes) in samples.iter_mut().zip(halves.as_flattened().as_chunks::<2>().0) {
                *sample = i16::from_le_bytes(*bytes);
            }
            ear.push(samples, |frame| {
                let error = error(networks, arena, frame);
                alarms += u32::from(threshold.is_exceeded(error));
                threshold.adapt(error);
                let found = [error, threshold.limit()];
                same_bits &= found.iter().zip(expected).all(|(found, bytes)| found.to_le_bytes() == *bytes);
                windows += 1;
            });
        }
        println!("{=str}: {} of 4 windows are taken for anomalies", KINDS.get(kind).unwrap_or(&""), alarms);
    }
    println!("{} windows; every error and threshold the host's bit for bit: {}", windows, same_bits);
    let stack = memory::peak_stack();
    let cost = count::once(&mut timer, || {
        ear.push(core::hint::black_box(&*samples), |frame| {
            threshold.adapt(error(networks, arena, frame));
        });
    });
    let of_network = count::once(&mut timer, || {
        threshold.adapt(error(networks, arena, core::hint::black_box(&Frame::ZERO)));
    });
    println!("a window: {} {=str}, {} of them behind the log-mel frame", cost, board::COUNTED, of_network);
    println!("flash {} bytes, RAM in statics {} bytes, stack {} bytes", memory::flash(), memory::statics(), stack);
    same_bits && windows == 4 * KINDS.len()
}

const KINDS: [&str; 5] = ["healthy", "imbalance", "bearing", "tooth", "lubrication"];
