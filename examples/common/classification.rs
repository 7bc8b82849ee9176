//! Networks that tell classes apart.

use std::fmt::Display;

use anyhow::Result;
use nerve::prelude::*;
use nerve::{Describe, Layer, Tensor};

use crate::options::{Plan, Training};
use crate::plot::{self, Curve};
use crate::session::{Examples, Session, progress};
use crate::store;

/// A classifier after training.
pub struct Trained<N, const C: usize> {
    pub net: Box<N>,
    /// Cross-entropy on the training and the held-out examples after each epoch.
    pub losses: Vec<(f32, f32)>,
    /// Share of the held-out examples that are classified right, after each epoch.
    pub accuracies: Vec<f32>,
    /// Of the held-out examples after the last epoch.
    pub confusion: Confusion<C>,
    /// Of training alone, without evaluation.
    pub seconds_per_epoch: f64,
}

/// Trains on one part and classifies the other after each epoch.
pub fn train<N, X, const C: usize>(
    mut session: Session<N, X>,
    plan: &Plan,
    train: Examples<X, usize>,
    test: Examples<X, usize>,
) -> Result<Trained<N, C>>
where
    X: Tensor<Elem = f32>,
    N: Layer<X, Out = [f32; C]> + Zero,
{
    let (mut accuracies, mut confusion) = (Vec::new(), Confusion::default());
    for _ in 0..plan.epochs {
        confusion = Confusion::default();
        session.epoch(&CrossEntropy, train, test, |y, class| confusion.add(*class, argmax(y)))?;
        accuracies.push(confusion.accuracy());
    }
    let seconds_per_epoch = session.training_time.as_secs_f64() / f64::from(plan.epochs.max(1));
    Ok(Trained { net: session.net, losses: session.losses, accuracies, confusion, seconds_per_epoch })
}

/// Trains the network `name` with each optimizer that the command line names; `--out` takes the weights, and the curves as pictures with
/// this title.
pub fn run<N, X, const C: usize>(
    name: &str,
    title: impl Display,
    training: &Training,
    rates: [f32; 3],
    data: (Examples<X, usize>, Examples<X, usize>),
) -> Result<()>
where
    X: Tensor<Elem = f32>,
    N: Describe<X> + Layer<X, Out = [f32; C]> + Zero,
{
    println!("{name}: {} parameters", <N as Tensors<f32>>::LEN);
    let (mut losses, mut accuracies, mut rows) = (Vec::new(), Vec::new(), Vec::new());
    for plan in training.plans(rates) {
        let optimizer = plan.optimizer.to_string();
        let bar = progress(&optimizer, plan.epochs)?;
        let session = Session::<N, X>::new(&plan, Init::GlorotUniform, bar.clone())?;
        let trained = train::<N, X, C>(session, &plan, data.0, data.1)?;
        bar.finish();
        println!("\n{name}, {plan}\n{}", trained.confusion);
        let picture = format!("{name}-{optimizer}-confusion.svg").to_lowercase();
        plot::confusion(&training.out.join(picture), &format!("{title}, {optimizer}"), &trained.confusion)?;
        store::write::<X, N>(&trained.net, training, &format!("{name}-{optimizer}"), data.0.x)?;
        rows.push(format!(
            "| {optimizer} | {:.2} | {:.4} | {:.2} |",
            100.0 * trained.confusion.accuracy(),
            trained.losses.last().map_or(f32::NAN, |l| l.1),
            trained.seconds_per_epoch
        ));
        losses.extend(plot::losses(&optimizer, &trained.losses));
        accuracies.push(Curve::by_epoch(optimizer, trained.accuracies.iter().map(|a| 100.0 * a)));
    }
    println!("\n| optimizer | held-out accuracy % | cross-entropy | seconds an epoch |\n|---|---|---|---|");
    rows.iter().for_each(|row| println!("{row}"));
    println!();
    for (file, y, curves) in [("loss", "cross-entropy", losses), ("accuracy", "held-out accuracy, %", accuracies)] {
        let path = training.out.join(format!("{name}-{file}.svg"));
        plot::curves(&path, &title.to_string(), ("epoch", y), &curves)?;
    }
    Ok(())
}
