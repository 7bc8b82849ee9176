//! A machine that is made up: a motor with a gear, as an accelerometer would feel it, and what may be wrong with it.

use nerve::{Real, Zero};
use rand_core::{Rng, SeedableRng};
use rand_pcg::Pcg32;

use crate::networks::{Ear, Frame, RATE, WINDOW};

/// What may be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    None,
    /// The rotor's mass is off its axis: more vibration at the frequency of rotation.
    Imbalance,
    /// Each ball rings as it meets a scratch.
    Bearing,
    /// A tooth is missing: a knock at each rotation, and the meshing swells and fades.
    Tooth,
    /// Too little grease: more noise at all frequencies.
    Lubrication,
}

pub const FAULTS: [Fault; 4] = [Fault::Imbalance, Fault::Bearing, Fault::Tooth, Fault::Lubrication];

/// Draws windows of its vibration.
pub struct Machine {
    rng: Pcg32,
    pub fault: Fault,
    /// 1 when it is new: the noise of its wear.
    pub wear: f64,
}

impl Machine {
    pub fn new(seed: u64) -> Self {
        Self { rng: Pcg32::seed_from_u64(seed), fault: Fault::None, wear: 1.0 }
    }

    /// Uniform between two numbers.
    fn between(&mut self, least: f64, greatest: f64) -> f64 {
        least + (greatest - least) * f64::from(self.rng.next_u32()) / 2f64.powi(32)
    }

    /// The next window, at another speed and load, as an accelerometer gives it.
    pub fn window(&mut self) -> [i16; WINDOW] {
        let (speed, load) = (self.between(23.0, 27.0), self.between(0.2, 1.0));
        let phases: [f64; 5] = core::array::from_fn(|_| self.between(0.0, 1.0));
        let noise = 0.03 * self.wear * if self.fault == Fault::Lubrication { 1.25 } else { 1.0 };
        let rotation = if self.fault == Fault::Imbalance { 0.085 } else { 0.06 };
        let turn = |cycles: f64| Real::cos(core::f64::consts::TAU * (cycles % 1.0));
        // What rings at a frequency after each of some strokes, of which the last one was `cycles` of them ago.
        let ring = |cycles: f64, strokes: f64, frequency: f64| {
            let time = (cycles % 1.0) / strokes;
            Real::exp(-time * 400.0) * turn(time * frequency)
        };
        core::array::from_fn(|at| {
            let time = at as f64 / RATE as f64;
            let cycles = speed * time;
            let mut mesh = 0.25 * load * (turn(17.0 * cycles + phases[1]) + 0.4 * turn(34.0 * cycles + phases[2]));
            let mut x = rotation * turn(cycles + phases[0]) + 0.03 * turn(2.0 * cycles + phases[3]);
            match self.fault {
                Fault::Bearing => x += 0.08 * ring(3.58 * cycles + phases[4], 3.58 * speed, 1_400.0),
                Fault::Tooth => {
                    mesh *= 1.0 + 0.35 * turn(cycles + phases[4]);
                    x += 0.08 * ring(cycles + phases[4], speed, 610.0);
                }
                _ => {}
            }
            // Close to a normal distribution.
            let sum: f64 = (0..4).map(|_| self.between(-1.0, 1.0)).sum();
            ((x + mesh + noise * sum) * 32_768.0) as i16
        })
    }

    /// What an ear makes of the next windows.
    pub fn frames(&mut self, count: usize) -> Vec<Frame> {
        let mut ear = Ear::ZERO;
        let mut frames = Vec::with_capacity(count);
        for _ in 0..count {
            ear.push(&self.window(), |frame| frames.push(*frame));
        }
        frames
    }
}
