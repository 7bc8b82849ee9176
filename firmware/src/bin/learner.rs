//! A classifier of Iris flowers that learns from its host over a serial line and keeps what it learned in flash.
//!
//! The host's program is `nerve device`. For a network of your own, this file is all that changes.
#![cfg_attr(not(feature = "host"), no_std, no_main)]

use nerve::prelude::*;
use nerve_firmware::learner;
use nerve_firmware::networks::iris::{Input, Net};
use nerve_learner::{Classes, Line, Memory, Model, Whole};
use static_cell::ConstStaticCell;

/// Species.
const CLASSES: usize = 3;
/// Samples kept to learn from beside each new one.
const KEPT: usize = 12;

struct Flowers;

impl Model<CLASSES, KEPT> for Flowers {
    type Input = Input;
    type Body = Linear;
    const BODY: &'static Linear = &Linear;
    type Row = Input;
    type Net = Net;
    type Task = Classes;
}

const FILE: usize = weights::file_len::<f32, Net>();
const ARENA: usize = arena_len::<Whole<'static, Flowers, CLASSES, KEPT>, Input>();
/// The longest frame, which a piece of a weights file fills.
const FRAME: usize = 256;
const LEARNING_RATE: f32 = 0.02;

/// The network as it was trained on the desktop.
const FACTORY: &[u8] = include_bytes!("../../data/iris.nrv");
static MEMORY: ConstStaticCell<Memory<Flowers, CLASSES, KEPT, FILE, ARENA>> = ConstStaticCell::new(Memory::ZERO);
static LINE: ConstStaticCell<Line<FRAME>> = ConstStaticCell::new(Line::EMPTY);

#[cfg_attr(not(feature = "host"), nerve_firmware::entry)]
fn main() -> ! {
    learner::serve(MEMORY.take(), LINE.take(), FACTORY, LEARNING_RATE)
}
