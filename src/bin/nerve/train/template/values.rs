//! Which value?

use nerve::prelude::*;

use crate::network::{Net, OUTPUTS};

/// In deviations from the mean.
pub type Target = [f32; 1];

pub const LOSS: Mse = Mse;
pub const LOSS_NAME: &str = "mean squared error, in deviations";

/// Mean and deviation of the values.
pub struct Task {
    mean: f32,
    deviation: f32,
}

impl Task {
    pub fn new(values: impl Iterator<Item = f32> + Clone) -> Self {
        let (mean, deviation) = mean_and_deviation(values);
        Self { mean, deviation }
    }

    pub fn target(&self, value: f32) -> Target {
        [(value - self.mean) / self.deviation]
    }

    /// Takes the last layer's output back to the file's units.
    pub fn finish(&self, net: &mut Net) {
        let last = &mut net.1;
        last.w.as_flattened_mut().iter_mut().for_each(|w| *w *= self.deviation);
        last.b = last.b.map(|b| b * self.deviation + self.mean);
    }
}

/// Errors in the file's units, at length and in short.
pub fn judge(outputs: impl Iterator<Item = ([f32; OUTPUTS], f32)>) -> (String, String) {
    let mut errors = Regression::<f32>::default();
    outputs.for_each(|([y], value)| errors.add(value, y));
    let [mean, root] = [errors.mae(), errors.mse().sqrt()];
    let report = format!(
        "mean absolute error {mean:.4}\nroot of the mean squared error {root:.4}\nR² {:.3} (1: perfect, 0: as good as always saying the mean)",
        errors.r2()
    );
    (report, format!("mean absolute error {mean:.4}, R² {:.3}", errors.r2()))
}

/// Mean and deviation of some values; a deviation of 1 if they are all the same.
fn mean_and_deviation(values: impl Iterator<Item = f32> + Clone) -> (f32, f32) {
    let (sum, count) = values.clone().fold((0.0, 0.0), |(sum, count), x| (sum + f64::from(x), count + 1.0));
    let mean = sum / count;
    let squares: f64 = values.map(|x| (f64::from(x) - mean).powi(2)).sum();
    let deviation = (squares / count).sqrt() as f32;
    (mean as f32, if deviation > 0.0 { deviation } else { 1.0 })
}
