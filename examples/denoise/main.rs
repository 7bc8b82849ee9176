//! Takes Gaussian noise out of MNIST's digits, with the autoencoder's network.

mod noise;
mod table;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;
use common::autoencoder::{Hidden, RATES, SHOWN, WithRelu, WithSigmoid, outputs};
use common::mnist::{Mnist, Pixels, Source};
use common::options::{self, Plan, Training};
use common::session::{Examples, Session, progress};
use common::{picture, plot, store};
use indicatif::ProgressBar;
use nerve::prelude::*;
use nerve::{Describe, Layer};

use noise::{errors, noisy};

/// Noise levels that a network is tried on, whichever it was trained with.
const LEVELS: [f32; 6] = [0.1, 0.2, 0.3, 0.4, 0.6, 0.8];
/// The noise on the held-out images is always the same.
const TEST_SEED: u64 = 0xC0FFEE;

#[derive(Parser)]
#[command(about = "Train 784-128-9-128-784 to take noise out of MNIST's digits")]
struct Options {
    #[command(flatten)]
    training: Training,
    /// Activation of the hidden layers.
    #[arg(long, value_enum, default_value = "relu")]
    activation: Hidden,
    /// Standard deviation of the noise; a pixel goes from 0 to 1.
    #[arg(long, default_value_t = 0.4, value_parser = options::positive, allow_negative_numbers = true)]
    sigma: f32,
    /// Folder of the four IDX files; without it they are fetched once.
    #[arg(long, value_name = "FOLDER")]
    data: Option<PathBuf>,
    /// Trains with three seeds and prints the errors beside PyTorch's.
    #[arg(long)]
    table: bool,
}

fn main() -> ExitCode {
    options::end(start())
}

fn start() -> Result<()> {
    let options: Options =
        options::parse(&[("optimizer", "adam"), ("epochs", "30"), ("batch", "128"), ("out", "target/denoise")])?;
    options.training.prepare()?;
    let data = Source::Digits.load(options.data.as_deref())?;
    match options.activation {
        _ if options.table => table::print(&data),
        Hidden::Sigmoid => run::<WithSigmoid>(&options, &data),
        Hidden::Relu => run::<WithRelu>(&options, &data),
    }
}

fn run<N>(options: &Options, data: &Mnist) -> Result<()>
where
    N: Describe<Pixels> + Layer<Pixels, Out = Pixels> + Zero,
{
    let Training { out, .. } = &options.training;
    let clean = &data.test.images;
    let mut curves = Vec::new();
    for plan in options.training.plans(RATES) {
        let name = plan.optimizer.to_string();
        let bar = progress(&name, plan.epochs)?;
        let trained = train::<N>(data, options.sigma, &plan, bar.clone())?;
        bar.finish();
        println!("\n784-128-9-128-784, {:?}, trained at sigma {}, {plan}\n", options.activation, options.sigma);
        println!("| sigma | noisy: MSE | PSNR, dB | denoised: MSE | PSNR, dB |\n|---|---|---|---|---|");
        for sigma in LEVELS {
            let noisy = noisy(clean, sigma, TEST_SEED);
            let (mse, psnr) = errors(&noisy, clean);
            let (denoised_mse, denoised_psnr) = errors(&outputs(&*trained.net, &noisy), clean);
            println!("| {sigma} | {mse:.4} | {psnr:.1} | {denoised_mse:.4} | {denoised_psnr:.1} |");
        }
        let shown = noisy(&clean[..SHOWN], options.sigma, TEST_SEED);
        let rows = [shown.clone(), outputs(&*trained.net, &shown), clean[..SHOWN].to_vec()];
        let file = |part: &str| format!("{part}-{:?}-{name}", options.activation).to_lowercase();
        println!();
        let typical = noisy(&data.train.images[..500], options.sigma, plan.seed);
        store::write(&*trained.net, &options.training, &file("denoiser"), &typical)?;
        println!("noisy, denoised, clean:");
        picture::grid(&out.join(file("digits")).with_extension("png"), &rows)?;
        curves.extend(plot::losses(&name, &trained.losses));
    }
    let title = format!("Denoising at sigma {}", options.sigma);
    plot::curves(&out.join("learning-curve.svg"), &title, ("epoch", "MSE"), &curves)
}

/// Trains on the 60,000 images with noise that is drawn anew in each epoch.
fn train<N>(data: &Mnist, sigma: f32, plan: &Plan, bar: ProgressBar) -> Result<Session<N, Pixels>>
where
    N: Layer<Pixels, Out = Pixels> + Zero,
{
    let mut session = Session::<N, Pixels>::new(plan, Init::GlorotUniform, bar)?;
    let test = noisy(&data.test.images, sigma, TEST_SEED);
    for epoch in 0..plan.epochs {
        let train = noisy(&data.train.images, sigma, plan.seed << 32 | u64::from(epoch));
        session.epoch(
            &Mse,
            Examples { x: &train, y: &data.train.images },
            Examples { x: &test, y: &data.test.images },
            |_, _| (),
        )?;
    }
    Ok(session)
}
