//! The command line, and the optimizer that it chooses.

use std::path::PathBuf;
use std::process::ExitCode;
use std::{fmt, fs};

use anyhow::{Context, Result};
use clap::builder::RangedU64ValueParser;
use clap::{Args, CommandFactory, FromArgMatches, ValueEnum, value_parser};
use nerve::optim::Descent;
use nerve::prelude::*;

/// How to train; each example has its own defaults.
#[derive(Args, Clone, Debug)]
pub struct Training {
    /// One optimizer, or several side by side: sgd,momentum,adam.
    #[arg(long, value_enum, value_delimiter = ',')]
    pub optimizer: Vec<Kind>,
    /// How often all examples are trained on.
    #[arg(long, value_parser = value_parser!(u32).range(1..))]
    pub epochs: u32,
    /// Examples in a step.
    #[arg(long, value_parser = RangedU64ValueParser::<usize>::new().range(1..=1_000_000))]
    pub batch: usize,
    /// Of every optimizer; without it, each has this example's own.
    #[arg(long, value_name = "RATE", value_parser = positive, allow_negative_numbers = true)]
    pub learning_rate: Option<f32>,
    /// Of the first weights, of the order of the examples, and of what is held out if that is chosen at random.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// 0 takes every core; the result has the same bits with any number.
    #[arg(long, default_value_t = 0, value_parser = RangedU64ValueParser::<usize>::new().range(..=1024))]
    pub threads: usize,
    /// Weights file of the same network to go on from.
    #[arg(long, value_name = "FILE")]
    pub resume: Option<PathBuf>,
    /// Folder for weights and pictures.
    #[arg(long, value_name = "FOLDER")]
    pub out: PathBuf,
    /// Writes each network as ONNX too, beside its weights.
    #[arg(long)]
    pub onnx: bool,
    /// Writes each network for LiteRT too, in floats and in integers.
    #[arg(long)]
    pub tflite: bool,
}

/// The optimizers to choose from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// Gradient descent.
    Sgd,
    /// With momentum 0.9.
    Momentum,
    /// Adam.
    Adam,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.pad(match self {
            Kind::Sgd => "SGD",
            Kind::Momentum => "momentum",
            Kind::Adam => "Adam",
        })
    }
}

/// How one network is trained.
#[derive(Clone, Debug)]
pub struct Plan {
    pub optimizer: Kind,
    pub learning_rate: f32,
    pub epochs: u32,
    pub batch: usize,
    pub seed: u64,
    pub resume: Option<PathBuf>,
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Self { optimizer, learning_rate, epochs, batch, seed, .. } = self;
        let plural = if *epochs == 1 { "" } else { "s" };
        write!(f, "{optimizer}, learning rate {learning_rate}, batch {batch}, {epochs} epoch{plural}, seed {seed}")
    }
}

impl Training {
    /// Makes the folder for what is written, before time is spent on training, and starts the threads.
    pub fn prepare(&self) -> Result<()> {
        const STACK: usize = 16 << 20;
        fs::create_dir_all(&self.out)
            .with_context(|| format!("--out {}: could not make the folder", self.out.display()))?;
        Ok(rayon::ThreadPoolBuilder::new().num_threads(self.threads).stack_size(STACK).build_global()?)
    }

    /// A plan for each optimizer, with `rates` where the user names none: for SGD, momentum and Adam.
    pub fn plans(&self, rates: [f32; 3]) -> impl Iterator<Item = Plan> {
        self.optimizer.iter().map(move |&optimizer| Plan {
            optimizer,
            learning_rate: self.learning_rate.unwrap_or(rates[optimizer as usize]),
            epochs: self.epochs,
            batch: self.batch,
            seed: self.seed,
            resume: self.resume.clone(),
        })
    }
}

/// The command line, with an example's own defaults. Ends the program if it asks for help or is wrong.
pub fn parse<O: CommandFactory + FromArgMatches>(defaults: &'static [(&str, &str)]) -> Result<O> {
    let mut command = O::command();
    for (name, value) in defaults {
        command = command.mut_arg(name, |arg| arg.required(false).default_value(value));
    }
    Ok(O::from_arg_matches(&command.get_matches())?)
}

/// A positive number, as an option.
pub fn positive(text: &str) -> Result<f32, String> {
    let number = text.parse().ok().filter(|number: &f32| *number > 0.0 && number.is_finite());
    number.ok_or_else(|| "a positive number expected".into())
}

/// The end of a program: prints an error with its causes on one line.
pub fn end(result: Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The optimizer of a plan.
pub enum AnyOptimizer<N: Params<f32>> {
    Sgd(Sgd),
    Momentum(Box<Momentum<N>>),
    Adam(Box<Adam<N>>),
}

impl<N: Params<f32>> AnyOptimizer<N> {
    pub fn new(plan: &Plan) -> Self {
        match plan.optimizer {
            Kind::Sgd => Self::Sgd(Sgd::new(plan.learning_rate)),
            Kind::Momentum => Self::Momentum(Box::new(Momentum::new(plan.learning_rate, 0.9))),
            Kind::Adam => Self::Adam(Box::new(Adam::new(plan.learning_rate))),
        }
    }
}

impl<N: Params<f32>> Optimizer<N, f32> for AnyOptimizer<N> {
    fn step(&mut self, params: &mut impl Descent<N, f32>, scale: f32) {
        match self {
            Self::Sgd(optimizer) => optimizer.step(params, scale),
            Self::Momentum(optimizer) => optimizer.step(params, scale),
            Self::Adam(optimizer) => optimizer.step(params, scale),
        }
    }
    fn set_learning_rate(&mut self, rate: f32) {
        match self {
            Self::Sgd(optimizer) => Optimizer::<N, f32>::set_learning_rate(optimizer, rate),
            Self::Momentum(optimizer) => optimizer.set_learning_rate(rate),
            Self::Adam(optimizer) => optimizer.set_learning_rate(rate),
        }
    }
}
