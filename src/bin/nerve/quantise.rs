//! A model of integers from one of floats.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use clap::ValueEnum;
use indicatif::ProgressBar;
use nerve::graph::{Graph, Scalar};
use nerve::quantise::{Range, Report, quantise};
use nerve::{import, litert};
use npyz::NpyFile;
use serde_json::json;

use crate::examples;

/// How the ranges of values are found.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub enum Ranges {
    /// With the least mean squared error.
    #[default]
    Mse,
    /// From the least to the greatest value.
    MinMax,
}

/// What the user asks for.
pub struct Options {
    pub examples: PathBuf,
    pub labels: Option<PathBuf>,
    pub range: Ranges,
    pub keep: Vec<String>,
    pub out: PathBuf,
    pub plot: Option<PathBuf>,
    pub json: bool,
}

/// Writes the model and prints the report.
pub fn run(graph: &Graph, options: &Options) -> Result<()> {
    let extension = options.out.extension().unwrap_or_default();
    ensure!(
        extension == "tflite" || extension == "nrv",
        "--out {}: name a .tflite or .nrv file",
        options.out.display()
    );
    let inputs = examples::values(graph, &graph.inputs);
    ensure!(
        inputs.iter().all(|input| matches!(input.scalar, Scalar::F32 | Scalar::I32)),
        "the model takes integers already"
    );
    let file = read(&options.examples)?;
    let all = examples::read(&file, &inputs).with_context(|| options.examples.display().to_string())?;
    let example = examples::bytes(&inputs);
    let count = all.len() / example;
    let labels = options.labels.as_deref().map(|path| labels(path, count)).transpose()?;
    let held_out = (count / 5).max(1);
    let (typical, rest) = all.split_at((count - held_out).max(1) * example);
    let rest = if rest.is_empty() { typical } else { rest };

    // Hidden where there is no terminal.
    let bar = ProgressBar::new_spinner().with_message(format!("{count} examples"));
    bar.enable_steady_tick(std::time::Duration::from_millis(100));
    let range = match options.range {
        Ranges::Mse => Range::MeanSquaredError,
        Ranges::MinMax => Range::MinMax,
    };
    let keep: Vec<&str> = options.keep.iter().map(String::as_str).collect();
    let quantised = quantise(graph, typical, range, &keep)?;
    let report = quantised.report(rest)?;
    let recognised = labels.map(|labels| {
        let labels = &labels[count - report.greatest.len()..];
        [0, 1]
            .map(|net| report.greatest.iter().zip(labels).filter(|(found, class)| found[net] as u64 == **class).count())
    });
    bar.finish_and_clear();

    match extension == "nrv" {
        true => import::write_graph(&quantised.graph, &options.out)?,
        false => {
            let model = litert::write(&quantised.graph)?;
            fs::write(&options.out, model).with_context(|| format!("could not write {}", options.out.display()))?;
        }
    }
    if let Some(plot) = &options.plot {
        fs::write(plot, report.svg()).with_context(|| format!("could not write {}", plot.display()))?;
    }
    print(&report, recognised, options.json);
    Ok(())
}

fn print(report: &Report, recognised: Option<[usize; 2]>, as_json: bool) {
    if as_json {
        let layers = report.layers.iter().map(
            |layer| json!({"operator": layer.operator, "tensor": layer.tensor, "signal_to_noise_db": layer.decibels}),
        );
        let recognised = recognised.map(|[float, integer]| json!({"float": float, "integer": integer}));
        let report = json!({
            "layers": layers.collect::<Vec<_>>(),
            "most_lost": report.most_lost().map(|(layer, _)| &layer.tensor),
            "agreeing": report.agreeing(),
            "recognised": recognised,
            "examples": report.greatest.len(),
        });
        println!("{report:#}");
        return;
    }
    print!("{report}");
    if let Some([float, integer]) = recognised {
        let percent = |right: usize| 100.0 * right as f64 / report.greatest.len() as f64;
        println!(
            "recognised: {float} in floats ({:.2} %), {integer} in integers ({:.2} %) of {} held out",
            percent(float),
            percent(integer),
            report.greatest.len()
        );
    }
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("could not read {}", path.display()))
}

/// The class of each of `count` examples.
fn labels(path: &Path, count: usize) -> Result<Vec<u64>> {
    let file = read(path)?;
    let labels: Vec<u64> = if file.starts_with(b"\x93NUMPY") {
        let array = NpyFile::new(&file[..])?;
        match array.dtype().descr().trim_matches('\'') {
            "|u1" => array.into_vec::<u8>()?.into_iter().map(u64::from).collect(),
            "<i4" => array.into_vec::<i32>()?.into_iter().map(|class| class as u64).collect(),
            "<i8" => array.into_vec::<i64>()?.into_iter().map(|class| class as u64).collect(),
            other => bail!("{}: classes of type {other}: convert them with .astype('int64')", path.display()),
        }
    } else {
        file.iter().map(|byte| (*byte).into()).collect()
    };
    ensure!(labels.len() == count, "{}: {} classes of {count} examples", path.display(), labels.len());
    Ok(labels)
}
