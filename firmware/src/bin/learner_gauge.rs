//! A gauge that its host calibrates, as `learner` learns classes: it learns the values that two raw channels of a sensor mean.
#![cfg_attr(not(feature = "host"), no_std, no_main)]

use nerve::prelude::*;
use nerve_firmware::gauge::{CHANNELS, Net, VALUES};
use nerve_firmware::learner;
use nerve_learner::{Line, Memory, Model, Values, Whole};
use static_cell::ConstStaticCell;

/// Samples kept to learn from beside each new one.
const KEPT: usize = 24;

struct Gauge;

impl Model<VALUES, KEPT> for Gauge {
    type Input = [f32; CHANNELS];
    type Body = Linear;
    const BODY: &'static Linear = &Linear;
    type Row = [f32; CHANNELS];
    type Net = Net;
    type Task = Values;
}

const FILE: usize = weights::file_len::<f32, Net>();
const ARENA: usize = arena_len::<Whole<'static, Gauge, VALUES, KEPT>, [f32; CHANNELS]>();
/// The longest frame, which a piece of a weights file fills.
const FRAME: usize = 256;
const LEARNING_RATE: f32 = 0.05;

/// A network that has learned nothing.
const FACTORY: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/gauge.nrv"));
static MEMORY: ConstStaticCell<Memory<Gauge, VALUES, KEPT, FILE, ARENA>> = ConstStaticCell::new(Memory::ZERO);
static LINE: ConstStaticCell<Line<FRAME>> = ConstStaticCell::new(Line::EMPTY);

#[cfg_attr(not(feature = "host"), nerve_firmware::entry)]
fn main() -> ! {
    learner::serve(MEMORY.take(), LINE.take(), FACTORY, LEARNING_RATE)
}
