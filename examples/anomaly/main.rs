//! Finds out when a machine no longer sounds as it did: an autoencoder that has learned what is healthy, and a threshold of its errors.

mod firmware;
mod machine;
mod networks;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;
use common::options::{self, Plan, Training};
use common::plot::{self, Curve};
use common::session::{Examples, Session, progress};
use common::store;
use nerve::prelude::*;
use nerve::{Threshold, roc_auc};

use machine::{FAULTS, Fault, Machine};
use networks::{Autoencoder, BANDS, Detector, Frame, Memory, QUANTILE, error};

/// Learning rates of SGD, momentum and Adam.
const RATES: [f32; 3] = [0.05, 0.01, 0.003];
/// Healthy windows to train on, to choose the threshold by, and of each kind to judge both by.
const WINDOWS: [usize; 3] = [3_000, 2_000, 1_000];

#[derive(Parser)]
#[command(about = "Train a detector of anomalies on the vibration of a machine that is made up")]
struct Options {
    #[command(flatten)]
    training: Training,
    /// Writes the detector and windows of the machine into this folder of the firmware.
    #[arg(long, value_name = "FOLDER")]
    firmware: Option<PathBuf>,
}

fn main() -> ExitCode {
    options::end(start())
}

fn start() -> Result<()> {
    let options: Options =
        options::parse(&[("optimizer", "adam"), ("epochs", "60"), ("batch", "32"), ("out", "target/anomaly")])?;
    options.training.prepare()?;
    for plan in options.training.plans(RATES) {
        let detector = train(&plan)?;
        if let Some(folder) = &options.firmware {
            return firmware::write(folder, &detector);
        }
        println!("\nautoencoder of {} weights, {plan}", <Autoencoder as Tensors<f32>>::LEN);
        println!("threshold: {:.3}, of {} healthy windows {QUANTILE} below it", detector.1.limit(), WINDOWS[1]);
        let path = options.training.out.join(format!("detector-{}.nrv", plan.optimizer).to_lowercase());
        println!("weights with the threshold: {} ({} bytes)", path.display(), store::save(&detector, &path)?.len());
        let name = format!("autoencoder-{}", plan.optimizer);
        store::write(&detector.0, &options.training, &name, &Machine::new(plan.seed).frames(500))?;
        judge(&detector);
        let drift = options.training.out.join(format!("anomaly-{}.svg", plan.optimizer).to_lowercase());
        follow(&detector, &drift)?;
    }
    Ok(())
}

/// Trains on a healthy machine and chooses the threshold by windows that it was not trained on.
fn train(plan: &Plan) -> Result<Detector> {
    let mut machine = Machine::new(plan.seed);
    let [train, healthy] = [machine.frames(WINDOWS[0]), machine.frames(WINDOWS[1])];
    let mut standardize = Standardize::<BANDS>::ZERO;
    standardize.fit(train.iter());
    let mut pass = Pass::<_, Frame>::ZERO;
    let mut standardized = |frames: &[Frame]| -> Vec<Frame> {
        frames.iter().map(|frame| pass.run(&standardize, core::array::from_ref(frame))[0]).collect()
    };
    let (x, held_out) = (standardized(&train), standardized(&healthy));
    let bar = progress(&plan.optimizer.to_string(), plan.epochs)?;
    let mut session = Session::<Autoencoder, Frame>::new(plan, Init::GlorotUniform, bar.clone())?;
    for _ in 0..plan.epochs {
        session.epoch(&Mse, Examples { x: &x, y: &x }, Examples { x: &held_out, y: &held_out }, |_, _| ())?;
    }
    bar.finish();
    let networks = (standardize, *session.net);
    let threshold = Threshold::fit(&mut errors(&networks, &healthy), QUANTILE).context("an error is no number")?;
    Ok((networks, threshold))
}

fn errors(networks: &(Standardize<BANDS>, Autoencoder), frames: &[Frame]) -> Vec<f32> {
    let mut memory = Memory::ZERO;
    frames.iter().map(|frame| error(networks, &mut memory, frame)).collect()
}

/// Prints how many windows of each kind are taken for anomalies.
fn judge((networks, threshold): &Detector) {
    let of = |fault: Fault, seed: u64| {
        let mut machine = Machine::new(seed);
        machine.fault = fault;
        errors(networks, &machine.frames(WINDOWS[2]))
    };
    let healthy = of(Fault::None, 100);
    let taken = |errors: &[f32]| {
        100.0 * errors.iter().filter(|error| threshold.is_exceeded(**error)).count() as f32 / errors.len() as f32
    };
    println!("\n| machine | taken for an anomaly, % | area under the ROC curve |\n|---|---|---|");
    println!("| healthy | {:.1} | |", taken(&healthy));
    for (fault, seed) in FAULTS.into_iter().zip(101..) {
        let errors = of(fault, seed);
        let mut scores: Vec<_> =
            healthy.iter().map(|error| (*error, false)).chain(errors.iter().map(|error| (*error, true))).collect();
        println!("| {fault:?} | {:.1} | {:.3} |", taken(&errors), roc_auc(&mut scores));
    }
}

/// Draws the errors of a machine that wears, then breaks, with the threshold as it was and kept up to date.
fn follow((networks, threshold): &Detector, path: &std::path::Path) -> Result<()> {
    const LIFE: usize = 3_000;
    const BROKEN: usize = 2_600;
    let (mut machine, mut adapted) = (Machine::new(200), *threshold);
    let mut curves = [Vec::new(), Vec::new(), Vec::new()];
    let mut alarms = [0; 2];
    for at in 0..LIFE {
        // A tenth more noise, from a fifth of its life to four fifths.
        machine.wear = 1.0 + 0.1 * (at as f64 / BROKEN as f64 - 0.2).clamp(0.0, 0.6) / 0.6;
        machine.fault = if at < BROKEN { Fault::None } else { Fault::Bearing };
        let error = errors(networks, &machine.frames(1))[0];
        if at < BROKEN {
            for (alarms, threshold) in alarms.iter_mut().zip([threshold, &adapted]) {
                *alarms += u32::from(threshold.is_exceeded(error));
            }
        }
        for (curve, value) in curves.iter_mut().zip([error, threshold.limit(), adapted.limit()]) {
            curve.push((at as f64, f64::from(value).log10()));
        }
        // Somebody looks after an alarm that does not end: from then on nothing is learned.
        if at < BROKEN {
            adapted.adapt(error);
        }
    }
    println!(
        "\nfalse alarms while it wears, of {BROKEN} windows: {} with the threshold as it was, {} with it kept up to date",
        alarms[0], alarms[1]
    );
    let [errors, fixed, followed] = curves;
    let curve = |name: &str, points| Curve { name: name.into(), points, spread: vec![], pale: false };
    let curves = [
        Curve { pale: true, ..curve("error", errors) },
        curve("threshold, kept up to date", followed),
        curve("threshold, as it was", fixed),
    ];
    plot::curves(path, "A machine that wears, and a bearing that breaks", ("window", "log10 of the error"), &curves)
}
