//! How the cost of a training step grows with the network: H-H-10 from a thousand parameters to a million.
//!
//! Prints times and the exponent `e` of `time = c·parametersᵉ`, fitted by least squares over the logarithms, and draws them. One thread.

use std::hint::black_box;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Result;
use clap::Parser;
use common::plot::{Curve, curves};
use nerve::prelude::*;
use rand_core::SeedableRng;
use rand_pcg::Pcg32;

#[derive(Parser)]
struct Options {
    /// Folder for the picture.
    #[arg(long, default_value = "target/scaling")]
    out: PathBuf,
}

type Net<const H: usize> = chain![Dense<H, H, Relu>, Dense<H, 10>];

/// Steps are repeated for so long; the quickest counts.
const TIME: Duration = Duration::from_secs(3);

/// Parameters, and the time of a step in microseconds.
fn step<const H: usize, const B: usize>() -> Result<(f64, f64)> {
    let mut net = Box::new(Net::<H>::ZERO);
    net.init(Init::HeUniform, &mut Pcg32::seed_from_u64(1));
    let mut trainer = Box::new(Trainer::<Net<H>, [f32; H], B>::ZERO);
    let mut optimizer = Sgd::new(0.001);
    let x: Box<[[f32; H]; B]> = Box::new(std::array::from_fn(|b| std::array::from_fn(|i| ((b + i) % 7) as f32 / 7.0)));
    let classes = std::array::from_fn(|b| b % 10);
    let (mut quickest, begin) = (f64::INFINITY, Instant::now());
    while begin.elapsed() < TIME {
        let start = Instant::now();
        trainer.step(&mut *net, &mut optimizer, &CrossEntropy, black_box(&*x), &classes)?;
        quickest = quickest.min(start.elapsed().as_secs_f64() * 1e6);
    }
    Ok((<Net<H> as Tensors<f32>>::LEN as f64, quickest))
}

/// Prints each step as it has been measured.
fn series<const B: usize>() -> Result<Vec<(f64, f64)>> {
    let mut points = Vec::new();
    let steps = [
        step::<24, B>,
        step::<48, B>,
        step::<96, B>,
        step::<192, B>,
        step::<384, B>,
        step::<544, B>,
        step::<768, B>,
        step::<1024, B>,
    ];
    for step in steps {
        let (parameters, time) = step()?;
        println!("| {B} | {parameters} | {time:.1} | {:.3} |", 1e3 * time / parameters / B as f64);
        points.push((parameters, time));
    }
    Ok(points)
}

/// The slope of the line through the logarithms.
fn exponent(points: &[(f64, f64)]) -> f64 {
    let logs: Vec<_> = points.iter().map(|(x, y)| (x.ln(), y.ln())).collect();
    let mean = |f: fn(&(f64, f64)) -> f64| logs.iter().map(f).sum::<f64>() / logs.len() as f64;
    let (x, y) = (mean(|p| p.0), mean(|p| p.1));
    let covariance: f64 = logs.iter().map(|p| (p.0 - x) * (p.1 - y)).sum();
    covariance / logs.iter().map(|p| (p.0 - x).powi(2)).sum::<f64>()
}

fn main() -> Result<()> {
    let options = Options::parse();
    let mut lines = Vec::new();
    println!("| batch | parameters | µs a step | ns a parameter and example |\n|---|---|---|---|");
    for (batch, series) in [(1, series::<1> as fn() -> _), (32, series::<32>)] {
        let points: Vec<(f64, f64)> = series()?;
        let points_log = points.iter().map(|(x, y)| (x.log10(), y.log10())).collect();
        let name = format!("batch {batch}: exponent {:.2}", exponent(&points));
        println!("\n{name}\n");
        lines.push(Curve { name, points: points_log, spread: Vec::new(), pale: false });
    }
    let axes = ("parameters, decimal logarithm", "µs a step, decimal logarithm");
    curves(&options.out.join("scaling.svg"), "An SGD step of H-H-10, one thread", axes, &lines)
}
