//! Trains convolutional networks on MNIST's digits, or on Fashion-MNIST's clothes.

mod device;
mod networks;
mod table;

use std::path::PathBuf;

use anyhow::Result;
use clap::{Parser, ValueEnum};
use common::mnist::{Mnist, Part, SIDE, Source};
use common::options::{self, Plan, Training};
use common::plot::{self, Curve};
use common::session::{Examples, Session, progress};
use common::store;
use indicatif::ProgressBar;
use nerve::Layer;
use nerve::prelude::*;
use networks::{Image, LeNet5, Residuals, Tiny};

/// Learning rates of SGD, momentum and Adam.
const RATES: [f32; 3] = [0.1, 0.02, 0.001];

#[derive(Parser)]
#[command(about = "Train a convolutional network on MNIST's digits")]
struct Options {
    #[command(flatten)]
    training: Training,
    #[arg(long, value_enum, default_value = "tiny")]
    network: Network,
    /// Fashion-MNIST instead.
    #[arg(long)]
    fashion: bool,
    /// Folder of the four IDX files; without it they are fetched once.
    #[arg(long)]
    data: Option<PathBuf>,
    /// Trains each network with three seeds, the residual one on Fashion-MNIST, and prints the accuracies beside PyTorch's.
    #[arg(long)]
    table: bool,
    /// Classifies the held-out images with the weights in this folder, and leaves the first of them with their logits in `--out` for the
    /// emulated device.
    #[arg(long)]
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

/// A network after training.
struct Trained<N> {
    net: Box<N>,
    losses: Vec<(f32, f32)>,
    accuracies: Vec<f32>,
    confusion: Confusion<10>,
    seconds_per_epoch: f64,
}

fn main() -> Result<()> {
    let options: Options =
        options::parse(&[("optimizer", "adam"), ("epochs", "10"), ("batch", "64"), ("out", "target/cnn")])?;
    options::use_threads(options.training.threads)?;
    let source = if options.fashion { Source::Fashion } else { Source::Digits };
    let data = source.load(options.data.as_deref())?.into();
    match options.network {
        _ if options.table => table::print(&data),
        Network::Tiny => run::<Tiny>(&options, &data),
        Network::LeNet5 => run::<LeNet5>(&options, &data),
        Network::Residuals => run::<Residuals>(&options, &data),
    }
}

fn run<N>(options: &Options, data: &Data) -> Result<()>
where
    N: Layer<Image, Out = [f32; 10]> + Zero + Sync,
    Trainer<N, Image, 16>: Send,
{
    let (out, name) = (&options.training.out, format!("{:?}", options.network).to_lowercase());
    if let Some(folder) = &options.device {
        return device::prepare::<N>(&name, folder, out, &data.test);
    }
    println!("{name}: {} parameters", <N as Tensors<f32>>::LEN);
    let (mut losses, mut accuracies) = (Vec::new(), Vec::new());
    for plan in options.training.plans(RATES) {
        let optimizer = plan.optimizer.to_string();
        let bar = progress(&optimizer, plan.epochs)?;
        let trained = train::<N>(data, &plan, bar.clone())?;
        bar.finish();
        let path = out.join(format!("{name}-{}.nrv", optimizer.to_lowercase()));
        let bytes = store::save(&*trained.net, &path)?.len();
        println!("\n{name}, {plan}\n{}", trained.confusion);
        println!(
            "held-out accuracy {:.2} %, {:.2} s an epoch, weights: {} ({bytes} bytes)",
            100.0 * trained.confusion.accuracy(),
            trained.seconds_per_epoch,
            path.display()
        );
        losses.extend(plot::losses(&optimizer, &trained.losses));
        accuracies.push(Curve::by_epoch(optimizer, trained.accuracies.iter().map(|a| 100.0 * a)));
    }
    for (file, y, curves) in [("loss", "cross-entropy", losses), ("accuracy", "held-out accuracy, %", accuracies)] {
        let path = out.join(format!("{name}-{file}.svg"));
        plot::curves(&path, &name, ("epoch", y), &curves)?;
        println!("picture: {}", path.display());
    }
    Ok(())
}

/// Trains on the 60,000 images and classifies the 10,000 after each epoch.
fn train<N>(data: &Data, plan: &Plan, bar: ProgressBar) -> Result<Trained<N>>
where
    N: Layer<Image, Out = [f32; 10]> + Zero + Sync,
    Trainer<N, Image, 16>: Send,
{
    let mut session = Session::<N, Image>::new(plan, Init::GlorotUniform, bar)?;
    let (mut accuracies, mut confusion) = (Vec::new(), Confusion::default());
    let part = |part| -> Examples<Image, usize> {
        let (x, y): &Images = part;
        Examples { x, y }
    };
    for _ in 0..plan.epochs {
        confusion = Confusion::default();
        session.epoch(&CrossEntropy, part(&data.train), part(&data.test), |y, class| {
            confusion.add(*class, argmax(y));
        })?;
        accuracies.push(confusion.accuracy());
    }
    let seconds_per_epoch = session.training_time.as_secs_f64() / f64::from(plan.epochs.max(1));
    Ok(Trained { net: session.net, losses: session.losses, accuracies, confusion, seconds_per_epoch })
}
