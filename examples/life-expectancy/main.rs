//! Predicts life expectancy from nineteen figures about a country in a year (WHO, 2000 to 2015).

mod data;
mod networks;
mod table;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::{Parser, ValueEnum};
use common::options::{self, Training};
use common::regression::{self, Rows};
use nerve::prelude::*;
use nerve::{Describe, Layer};

use data::Countries;
use networks::{FEATURES, Hidden10x10, Hidden20, Hidden20x15x10};

/// Learning rates of SGD, momentum and Adam.
const RATES: [f32; 3] = [0.0005, 0.0001, 0.005];

#[derive(Parser)]
#[command(about = "Predict life expectancy")]
struct Options {
    #[command(flatten)]
    training: Training,
    /// Sizes of the hidden layers: 20, 10-10 or 20-15-10.
    #[arg(long, default_value = "20-15-10")]
    hidden: String,
    /// The CSV "Life Expectancy (WHO)", as Kaggle has it: 2,938 rows of 22 columns.
    #[arg(long, value_name = "CSV")]
    data: PathBuf,
    /// What is held out: 20 % of the rows, or of the countries. A network knows a country again from its other years.
    #[arg(long, value_enum, default_value = "rows")]
    split: By,
    /// Trains on this many rows alone; overfitting shows with few.
    #[arg(long)]
    rows: Option<usize>,
    /// Trains on several splits and prints the figures beside PyTorch's.
    #[arg(long)]
    table: bool,
}

/// What a split keeps together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum By {
    /// Single rows.
    Rows,
    /// All years of a country.
    Countries,
}

fn main() -> ExitCode {
    options::end(start())
}

fn start() -> Result<()> {
    let options: Options = options::parse(&[
        ("optimizer", "adam"),
        ("epochs", "200"),
        ("batch", "32"),
        ("out", "target/life-expectancy"),
    ])?;
    options.training.prepare()?;
    let run = match options.hidden.as_str() {
        "20" => run::<Hidden20>,
        "10-10" => run::<Hidden10x10>,
        "20-15-10" => run::<Hidden20x15x10>,
        other => bail!("--hidden {other}: choose 20, 10-10 or 20-15-10"),
    };
    let countries = data::read(&options.data)?;
    eprintln!(
        "{}: {} rows are complete, {} with missing values are left out",
        options.data.display(),
        countries.rows.x.len(),
        countries.incomplete
    );
    if options.table { table::print(&countries) } else { run(&options, &countries) }
}

fn run<Body>(options: &Options, countries: &Countries) -> Result<()>
where
    Body: Describe<[f32; FEATURES]> + Layer<[f32; FEATURES], Out = [f32; 1]> + Zero,
{
    let (train, test) = split(countries, options.split, options.rows, options.training.seed);
    println!(
        "{} rows trained, {} held out, split by {:?}; errors in years\n",
        train.x.len(),
        test.x.len(),
        options.split
    );
    let name = format!("19-{}-1", options.hidden);
    let title = format!("Life expectancy, {name}, {} training rows", train.x.len());
    let axis: (_, fn(f32) -> f32) = ("log₁₀ of MSE in years²", |mse| mse.max(f32::MIN_POSITIVE).log10());
    regression::run::<FEATURES, Body>(&name, &title, axis, &options.training, RATES, (&train, &test))
}

/// Rows to train on, `most` of them at most, and rows held out.
fn split(countries: &Countries, by: By, most: Option<usize>, seed: u64) -> (Rows<FEATURES>, Rows<FEATURES>) {
    let (mut train, mut test) = match by {
        By::Rows => countries.split_rows(seed),
        By::Countries => countries.split_countries(seed),
    };
    if let Some(most) = most.filter(|most| *most < train.len()) {
        test.extend(train.split_off(most));
    }
    (countries.rows.select(&train), countries.rows.select(&test))
}
