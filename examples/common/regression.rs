//! Networks that predict one number, and what they are compared with.

use anyhow::{Context, Result, ensure};
use indicatif::ProgressBar;
use nalgebra::{DMatrix, DVector};
use nerve::prelude::*;
use nerve::{Describe, Layer, Real};

use crate::options::{Plan, Training};
use crate::session::{Examples, Session, progress};
use crate::{plot, store};

/// Takes raw features and gives raw units: the standardisation of both travels with the weights.
pub type Regressor<const I: usize, Body> = (Standardize<I>, (Body, Standardize<1>));

/// Examples with `I` features and one target.
#[derive(Clone, Debug, Default)]
pub struct Rows<const I: usize> {
    pub x: Vec<[f32; I]>,
    pub y: Vec<[f32; 1]>,
}

impl<const I: usize> Rows<I> {
    /// The rows of these numbers.
    pub fn select(&self, indices: &[usize]) -> Self {
        Self { x: indices.iter().map(|&i| self.x[i]).collect(), y: indices.iter().map(|&i| self.y[i]).collect() }
    }
}

/// A regressor after training.
pub struct Trained<const I: usize, Body> {
    pub net: Box<Regressor<I, Body>>,
    /// MSE on the training and the held-out rows after each epoch, in squared units of the target.
    pub losses: Vec<(f32, f32)>,
    pub held_out: Regression,
}

/// Trains on `train` with MSE and predicts `test`.
pub fn train<const I: usize, Body>(
    plan: &Plan,
    train: &Rows<I>,
    test: &Rows<I>,
    bar: ProgressBar,
) -> Result<Trained<I, Body>>
where
    Body: Layer<[f32; I], Out = [f32; 1]> + Zero,
{
    let different = train.y.iter().any(|y| *y != train.y[0]);
    ensure!(different, "{} rows to train on, no two of them with different targets: give more", train.y.len());
    let mut session = Session::<Regressor<I, Body>, [f32; I]>::new(plan, Init::GlorotUniform, bar)?;
    if plan.resume.is_none() {
        let (standardize, (_, to_units)) = &mut *session.net;
        standardize.fit(train.x.iter());
        let (mean, deviation) = moments(&train.y);
        *to_units = Standardize::new([-mean / deviation], [deviation]);
    }
    let mut held_out = Regression::default();
    for _ in 0..plan.epochs {
        held_out = Regression::default();
        let examples = |rows| -> Examples<[f32; I], [f32; 1]> {
            let Rows { x, y }: &Rows<I> = rows;
            Examples { x, y }
        };
        session.epoch(&Mse, examples(train), examples(test), |y, target| held_out.add(target[0], y[0]))?;
    }
    Ok(Trained { net: session.net, losses: session.losses, held_out })
}

/// Trains the network `name` with each optimizer that the command line names, and prints its errors above those of a line and of the mean;
/// `--out` takes the weights, and the curves as a picture with this title, whose vertical axis has a name and shows a function of the MSE.
pub fn run<const I: usize, Body>(
    name: &str,
    title: &str,
    axis: (&str, fn(f32) -> f32),
    training: &Training,
    rates: [f32; 3],
    data: (&Rows<I>, &Rows<I>),
) -> Result<()>
where
    Body: Describe<[f32; I]> + Layer<[f32; I], Out = [f32; 1]> + Zero,
{
    let ((train, test), (axis, shown)) = (data, axis);
    let (mut curves, mut lines) = (Vec::new(), Vec::new());
    for plan in training.plans(rates) {
        let optimizer = plan.optimizer.to_string();
        let bar = progress(&optimizer, plan.epochs)?;
        let trained = self::train::<I, Body>(&plan, train, test, bar.clone())?;
        bar.finish();
        println!("{name}, {plan}");
        let file = format!("{name}-{optimizer}");
        store::write(&*trained.net, training, &file, &train.x)?;
        lines.push(describe(&format!("{name} {optimizer}"), &trained.held_out));
        let losses: Vec<_> = trained.losses.iter().map(|l| (shown(l.0), shown(l.1))).collect();
        curves.extend(plot::losses(&optimizer, &losses));
    }
    lines.push(describe("linear regression", &linear(train, test)?));
    lines.push(describe("the mean", &mean(train, test)));
    println!("\nheld out:\n{}", lines.join("\n"));
    plot::curves(&training.out.join("learning-curve.svg"), title, ("epoch", axis), &curves)
}

fn moments(y: &[[f32; 1]]) -> (f32, f32) {
    let mean = y.iter().map(|y| y[0]).sum::<f32>() / y.len() as f32;
    let variance = y.iter().map(|y| (y[0] - mean).powi(2)).sum::<f32>() / y.len() as f32;
    (mean, variance.sqrt().max(f32::MIN_POSITIVE))
}

/// Ordinary least squares.
pub fn linear<const I: usize>(train: &Rows<I>, test: &Rows<I>) -> Result<Regression> {
    let design = |rows: &Rows<I>| {
        DMatrix::from_fn(
            rows.x.len(),
            I + 1,
            |row, column| if column < I { f64::from(rows.x[row][column]) } else { 1.0 },
        )
    };
    let y = DVector::from_iterator(train.y.len(), train.y.iter().map(|y| f64::from(y[0])));
    let weights = design(train).svd(true, true).solve(&y, 1e-12).ok().context("least squares has no solution")?;
    let mut regression = Regression::default();
    for (target, predicted) in test.y.iter().zip((design(test) * weights).iter()) {
        regression.add(target[0], *predicted as f32);
    }
    Ok(regression)
}

/// Always the mean of the training rows.
pub fn mean<const I: usize>(train: &Rows<I>, test: &Rows<I>) -> Regression {
    let (mean, _) = moments(&train.y);
    let mut regression = Regression::default();
    test.y.iter().for_each(|y| regression.add(y[0], mean));
    regression
}

/// A line of MSE, RMSE, MAE and R².
fn describe<T: Real + std::fmt::Display>(name: &str, r: &Regression<T>) -> String {
    format!("{name:24} MSE {:8.4}  RMSE {:7.4}  MAE {:7.4}  R² {:7.4}", r.mse(), r.mse().sqrt(), r.mae(), r.r2())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn least_squares_finds_a_plane() {
        let x: Vec<[f32; 2]> = (0..20).map(|i| [i as f32, (i * i % 7) as f32]).collect();
        let y = x.iter().map(|x| [3.0 * x[0] - 2.0 * x[1] + 0.5]).collect();
        let rows = Rows { x, y };
        assert!(linear(&rows, &rows).unwrap().mse() < 1e-6);
        let by_mean = mean(&rows, &rows);
        assert!(by_mean.mse() > 100.0 && by_mean.r2().abs() < 1e-5, "{by_mean:?}");
    }
}
