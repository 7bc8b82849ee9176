//! Trains convolutional networks on MNIST's digits, or on Fashion-MNIST's clothes.

mod device;
mod networks;
mod table;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, ValueEnum};
use common::classification;
use common::mnist::{Mnist, Part, SIDE, Source};
use common::options::{self, Training};
use common::session::Examples;
use nerve::prelude::*;
use nerve::{Describe, Layer};
use networks::{Image, LeNet5, Residuals, Tiny};

/// Learning rates of SGD, momentum and Adam.
const RATES: [f32; 3] = [0.1, 0.02, 0.001];

#[derive(Parser)]
#[command(about = "Train a convolutional network on MNIST's digits")]
struct Options {
    #[command(flatten)]
    training: Training,
    /// Which network.
    #[arg(long, value_enum, default_value = "tiny")]
    network: Network,
    /// Fashion-MNIST instead.
    #[arg(long)]
    fashion: bool,
    /// Folder of the four IDX files; without it they are fetched once.
    #[arg(long, value_name = "FOLDER")]
    data: Option<PathBuf>,
    /// Trains each network with three seeds, the residual one on Fashion-MNIST, and prints the accuracies beside PyTorch's.
    #[arg(long)]
    table: bool,
    /// Trains the same with three seeds, and prints what they recognise in integers.
    #[arg(long)]
    integers: bool,
    /// Classifies the held-out images with the weights in this folder, and leaves the first of them with their logits in `--out` for the
    /// emulated device.
    #[arg(long, value_name = "FOLDER")]
    device: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Network {
    /// Two convolutions, 9,098 parameters.
    Tiny,
    /// LeNet-5, 61,706 parameters.
    #[value(name = "lenet-5")]
    LeNet5,
    /// Two residual blocks.
    Residuals,
}

/// Images as a convolution takes them.
struct Data {
    train: Images,
    test: Images,
}

/// With their classes.
type Images = (Vec<Image>, Vec<usize>);

impl From<Mnist> for Data {
    fn from(data: Mnist) -> Self {
        let part = |part: Part| {
            let image = |pixels: &[f32; SIDE * SIDE]| -> Image {
                std::array::from_fn(|row| std::array::from_fn(|column| [pixels[row * SIDE + column]]))
            };
            (part.images.iter().map(image).collect(), part.labels)
        };
        Self { train: part(data.train), test: part(data.test) }
    }
}

fn main() -> ExitCode {
    options::end(start())
}

fn start() -> Result<()> {
    let options: Options =
        options::parse(&[("optimizer", "adam"), ("epochs", "10"), ("batch", "64"), ("out", "target/cnn")])?;
    options.training.prepare()?;
    let source = if options.fashion { Source::Fashion } else { Source::Digits };
    let data = source.load(options.data.as_deref())?.into();
    match options.network {
        _ if options.table => table::print(&data),
        _ if options.integers => table::integers(&data, options.training.epochs),
        Network::Tiny => run::<Tiny>(&options, &data),
        Network::LeNet5 => run::<LeNet5>(&options, &data),
        Network::Residuals => run::<Residuals>(&options, &data),
    }
}

fn run<N>(options: &Options, data: &Data) -> Result<()>
where
    N: Describe<Image> + Layer<Image, Out = [f32; 10]> + Zero,
{
    let name = format!("{:?}", options.network).to_lowercase();
    if let Some(folder) = &options.device {
        return device::prepare::<N>(&name, folder, &options.training.out, &data.test);
    }
    let title = format!("{}: {name}", if options.fashion { "Fashion-MNIST" } else { "MNIST" });
    classification::run::<N, Image, 10>(
        &name,
        title,
        &options.training,
        RATES,
        (examples(&data.train), examples(&data.test)),
    )
}

fn examples((x, y): &Images) -> Examples<'_, Image, usize> {
    Examples { x, y }
}
