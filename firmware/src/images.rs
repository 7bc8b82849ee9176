//! Classifies images that the host has left in a file, and compares every logit with the host's.
//!
//! A record of the file is an image's 784 bytes, its class, and the host's ten logits as little-endian `f32`.

use core::ffi::CStr;
use core::hint::black_box;

use defmt::println;
use nerve::prelude::*;
use nerve::{Array, Layer};
use semihosting::fs::File;
use semihosting::io::Read;

use crate::arch::Timer;
use crate::networks::cnn::Image;
use crate::{board, memory};

const PIXELS: usize = Image::LEN;
const RECORD: usize = PIXELS + 1 + 10 * size_of::<f32>();

/// Runs `net` over every image of `file`; `ram` is the most bytes of RAM that it may take, stack included. False if a logit differs
/// from the host's in a bit, if the file cannot be read, or if it takes more RAM.
pub fn run<const BYTES: usize, N>(name: &str, net: &N, arena: &mut Arena<BYTES>, file: &CStr, ram: usize) -> bool
where
    N: Layer<Image, Out = [f32; 10]>,
{
    println!("{=str} on {}: {} weights in flash", name, board::NAME, N::LEN);
    let Some(mut timer) = Timer::take() else { return false };
    let mut file = match File::open(file) {
        Ok(file) => file,
        Err(_) => {
            defmt::error!("no images: `cargo xtask images` leaves them where this program looks");
            return false;
        }
    };
    let mut confusion = Confusion::<10>::default();
    let (mut same_bits, mut ticks) = (true, 0);
    let mut record = [0; RECORD];
    while file.read_exact(&mut record).is_ok() {
        let mut image = Image::ZERO;
        for (value, byte) in image.flat_mut().iter_mut().zip(&record) {
            *value = f32::from(*byte) / 255.0;
        }
        let image = black_box(&image);
        ticks = timer.ticks(|| {
            black_box(arena.predict(net, image));
        });
        let (Some((class, expected)), logits) = (record[PIXELS..].split_first(), arena.predict(net, image)) else {
            continue;
        };
        same_bits &= logits.iter().flat_map(|logit| logit.to_le_bytes()).eq(expected.iter().copied());
        confusion.add(usize::from(*class), argmax(logits));
    }
    let (statics, stack) = (memory::statics(), memory::peak_stack());
    println!(
        "{} of {} images right, every logit the host's bit for bit: {}",
        confusion.correct(),
        confusion.total(),
        same_bits
    );
    println!(
        "cost: inference {} {=str}; flash {} bytes, RAM in statics {}, peak stack {}; limit of RAM {}",
        (ticks as f32 * board::COUNTS_PER_TICK) as u32,
        board::COUNTED,
        memory::flash(),
        statics,
        stack,
        ram
    );
    same_bits && confusion.total() > 0 && statics + stack <= ram
}
