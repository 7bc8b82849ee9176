//! A classifier of digits that learns from its host, as `learner` does: a last layer in floats on top of an integer network of eight digits.
#![cfg_attr(not(feature = "host"), no_std, no_main)]

use nerve::prelude::*;
use nerve_firmware::learner;
use nerve_learner::{Classes, Line, Memory, Model, Whole};
use static_cell::ConstStaticCell;

#[allow(dead_code, missing_docs, unused_imports)]
mod digits {
    include!(concat!(env!("OUT_DIR"), "/digits.rs"));
}
use digits::{FEATURES, Features, Head, Input, Row};

/// Digits.
const CLASSES: usize = 10;
/// Samples kept to learn from beside each new one.
const KEPT: usize = 60;

struct Digits;

impl Model<CLASSES, KEPT> for Digits {
    type Input = Input;
    type Body = Features;
    const BODY: &'static Features = &FEATURES;
    type Row = Row;
    type Net = Head;
    type Task = Classes;
}

const FILE: usize = weights::file_len::<f32, Head>();
const ARENA: usize = arena_len::<Whole<'static, Digits, CLASSES, KEPT>, Input>();
/// The longest frame, with an image in it.
const FRAME: usize = 1024;
const LEARNING_RATE: f32 = 0.01;

/// The last layer as it has learned eight digits on the desktop.
const FACTORY: &[u8] = include_bytes!("../../data/digits-head.nrv");
static MEMORY: ConstStaticCell<Memory<Digits, CLASSES, KEPT, FILE, ARENA>> = ConstStaticCell::new(Memory::ZERO);
static LINE: ConstStaticCell<Line<FRAME>> = ConstStaticCell::new(Line::EMPTY);

#[cfg_attr(not(feature = "host"), nerve_firmware::entry)]
fn main() -> ! {
    learner::serve(MEMORY.take(), LINE.take(), FACTORY, LEARNING_RATE)
}
