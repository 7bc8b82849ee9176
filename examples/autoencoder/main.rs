//! Squeezes MNIST's digits into nine numbers and draws them again from those.

mod table;

use std::array::from_ref;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, ensure};
use clap::Parser;
use common::autoencoder::{Autoencoder, Code, Encoder, Hidden, RATES, SHOWN, outputs};
use common::mnist::{Mnist, Pixels, Source};
use common::options::{self, Plan, Training};
use common::session::{Examples, Session, progress};
use common::{picture, plot, store};
use indicatif::ProgressBar;
use nerve::prelude::*;
use nerve::{Activation, Layer};

#[derive(Parser)]
#[command(about = "Train the autoencoder 784-128-9-128-784 on MNIST's digits")]
struct Options {
    #[command(flatten)]
    training: Training,
    /// Activation of the hidden layers.
    #[arg(long, value_enum, default_value = "sigmoid")]
    activation: Hidden,
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
        options::parse(&[("optimizer", "adam"), ("epochs", "50"), ("batch", "128"), ("out", "target/autoencoder")])?;
    options.training.prepare()?;
    let data = Source::Digits.load(options.data.as_deref())?;
    match options.activation {
        _ if options.table => table::print(&data),
        Hidden::Sigmoid => run::<Sigmoid, Sigmoid>(&options, &data),
        Hidden::Relu => run::<Relu, Linear>(&options, &data),
    }
}

fn run<F: Activation, C: Activation>(options: &Options, data: &Mnist) -> Result<()> {
    let Training { out, .. } = &options.training;
    let mut curves = Vec::new();
    for plan in options.training.plans(RATES) {
        let name = plan.optimizer.to_string();
        let bar = progress(&name, plan.epochs)?;
        let shown = &data.test.images[..SHOWN];
        let mut rows = vec![shown.to_vec()];
        let trained = train::<Autoencoder<F, C>>(data, &plan, bar.clone(), |epoch, net| {
            if epoch == 1 || epoch == plan.epochs {
                rows.push(outputs(net, shown));
            }
        })?;
        bar.finish();
        println!("\n784-128-9-128-784, {:?}, {plan}", options.activation);
        println!("held-out MSE {:.4}", trained.losses.last().map_or(f32::NAN, |l| l.1));
        let file = |part: &str| format!("{part}-{:?}-{name}", options.activation).to_lowercase();
        let (encoder, decoder) = &*trained.net;
        let typical = &data.train.images[..500];
        store::write(&*trained.net, &options.training, &file("autoencoder"), typical)?;
        store::write(encoder, &options.training, &file("encoder"), typical)?;
        store::write(decoder, &options.training, &file("decoder"), &codes(encoder, typical))?;
        parts_agree(&trained.net, shown)?;
        println!("originals, after epoch 1, after epoch {}:", plan.epochs);
        picture::grid(&out.join(file("digits")).with_extension("png"), &rows)?;
        curves.extend(plot::losses(&name, &trained.losses));
    }
    plot::curves(&out.join("learning-curve.svg"), "Autoencoder 784-128-9-128-784", ("epoch", "MSE"), &curves)
}

/// What the encoder makes of images.
fn codes<F: Activation, C: Activation>(encoder: &Encoder<F, C>, images: &[Pixels]) -> Vec<Code> {
    let mut pass = Pass::<_, Pixels>::ZERO;
    images.iter().map(|image| pass.run(encoder, from_ref(image))[0]).collect()
}

/// Encoder and decoder, each run as a network of its own, give the whole's bits.
fn parts_agree<F: Activation, C: Activation>(net: &Autoencoder<F, C>, images: &[Pixels]) -> Result<()> {
    let (encoder, decoder) = net;
    let mut encode = Pass::<_, Pixels>::ZERO;
    let mut decode = Pass::<_, Code>::ZERO;
    for (image, whole) in images.iter().zip(outputs(net, images)) {
        let [code] = encode.run(encoder, from_ref(image));
        ensure!(
            decode.run(decoder, from_ref(code))[0] == whole,
            "the decoder alone gives another image than the whole network"
        );
    }
    Ok(())
}

/// Trains on the 60,000 images; `each` is shown the network after each epoch.
fn train<N>(data: &Mnist, plan: &Plan, bar: ProgressBar, mut each: impl FnMut(u32, &N)) -> Result<Session<N, Pixels>>
where
    N: Layer<Pixels, Out = Pixels> + Zero,
{
    let mut session = Session::<N, Pixels>::new(plan, Init::GlorotUniform, bar)?;
    let examples = |images| -> Examples<Pixels, Pixels> {
        let images: &Vec<Pixels> = images;
        Examples { x: images, y: images }
    };
    for epoch in 1..=plan.epochs {
        session.epoch(&Mse, examples(&data.train.images), examples(&data.test.images), |_, _| ())?;
        each(epoch, &session.net);
    }
    Ok(session)
}
