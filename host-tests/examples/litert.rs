//! `litert write FOLDER` writes random models there, networks of every layer and what both are in integers, and inputs for them; `litert.py`
//! adds what LiteRT's reference kernels make of them; `litert compare FOLDER` compares that with the operators here. `litert time MODEL` prints
//! the microseconds that an inference takes.

use std::error::Error;
use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

use host_tests::networks::{self, Typed};
use host_tests::{models, reference};
use nerve::executor::Executor;
use nerve::graph::{Graph, Scalar};
use nerve::litert;
use nerve::quantise::{Range, quantise};

/// As many as it takes for each operator and geometry to be there ten times.
const MODELS: u64 = 840;
/// Of those of floats.
const QUANTISED: u64 = 250;
/// Of LSTMs.
const RECURRENT: u64 = 60;
/// Of those with rows of a table.
const EMBEDDED: u64 = 60;
/// Of those with ring buffers, which go on from one example to the next.
const STEPS: u64 = 120;
/// The folder of those of floats, which read again what they have rounded.
const RECURRENT_FLOATS: &str = "recurrent";
/// Of those of an ELU, of each scalar.
const ELUS: u64 = 30;
/// The folder of those that LiteRT's reference kernels lack.
const NO_REFERENCE: &str = "no-reference";
/// Of those of integers with a layer of floats.
const KEPT: u64 = 100;
/// Their folder.
const KEPT_FLOATS: &str = "kept";
const EXAMPLES: usize = 4;

const MEASURED: Duration = Duration::from_secs(1);
/// Time beside which looking at the clock is nothing: as many runs are measured together.
const CLOCK: Duration = Duration::from_micros(20);

const USAGE: &str = "usage: litert write|compare FOLDER, litert time MODEL";

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match &arguments[..] {
        [command, folder] if command == "write" => write(Path::new(folder)),
        [command, folder] if command == "compare" => compare(Path::new(folder)),
        [command, model] if command == "time" => time(Path::new(model)),
        _ => Err(USAGE.into()),
    }
}

fn write(folder: &Path) -> Result<(), Box<dyn Error>> {
    let write = |graph: &Graph, part: &str, name: &str, seed: u64| -> Result<(), Box<dyn Error>> {
        let file = folder.join(part).join(name);
        fs::write(file.with_extension("tflite"), litert::write(graph)?)?;
        Ok(fs::write(file.with_extension("x"), models::examples(graph, seed, EXAMPLES))?)
    };
    let integers = |graph: &Graph, name: &str, seed: u64| {
        let quantised = quantise(graph, &models::examples(graph, seed, EXAMPLES), Range::default(), &[])?;
        write(&quantised.graph, Scalar::I8.name(), &format!("quantised-{name}"), seed)
    };
    for part in [Scalar::I8.name(), Scalar::F32.name(), RECURRENT_FLOATS, KEPT_FLOATS, NO_REFERENCE] {
        fs::create_dir_all(folder.join(part))?;
    }
    for scalar in [Scalar::I8, Scalar::F32] {
        for seed in 0..MODELS {
            write(&models::random(seed, scalar), scalar.name(), &seed.to_string(), seed)?;
        }
        for seed in 0..ELUS {
            write(&models::elu(seed, scalar), NO_REFERENCE, &format!("{}-{seed}", scalar.name()), seed)?;
        }
        for seed in 0..STEPS {
            write(&models::steps(seed, scalar), scalar.name(), &format!("steps-{seed}"), seed)?;
        }
        for seed in 0..EMBEDDED {
            write(&models::embedded(seed, scalar), scalar.name(), &format!("embedded-{seed}"), seed)?;
        }
        let part = if scalar == Scalar::I8 { scalar.name() } else { RECURRENT_FLOATS };
        for seed in 0..RECURRENT {
            write(&models::recurrent(seed, scalar), part, &format!("recurrent-{seed}"), seed)?;
        }
    }
    for seed in 0..QUANTISED {
        integers(&models::random(seed, Scalar::F32), &seed.to_string(), seed)?;
    }
    for seed in 0..KEPT {
        write(&models::kept(seed), KEPT_FLOATS, &seed.to_string(), seed)?;
    }
    for seed in 0..RECURRENT {
        integers(&models::recurrent(seed, Scalar::F32), &format!("recurrent-{seed}"), seed)?;
    }
    for seed in 0..EMBEDDED {
        integers(&models::embedded(seed, Scalar::F32), &format!("embedded-{seed}"), seed)?;
    }
    for Typed { name, graph, .. } in networks::typed() {
        write(
            &graph,
            if ["recurrent", "words"].contains(&name) { RECURRENT_FLOATS } else { Scalar::F32.name() },
            name,
            1,
        )?;
        integers(&graph, name, 1)?;
    }
    Ok(())
}

fn compare(folder: &Path) -> Result<(), Box<dyn Error>> {
    let integers = reference::compare(&folder.join(Scalar::I8.name()), |_, found, expected| {
        reference::difference(found, expected, None)
    })?;
    let floats = reference::compare(&folder.join(Scalar::F32.name()), |_, found, expected| {
        reference::difference(found, expected, Some(1e-5))
    })?;
    let recurrent = reference::compare(&folder.join(RECURRENT_FLOATS), |_, found, expected| {
        reference::difference(found, expected, Some(2e-4))
    })?;
    let difference = |graph: &Graph, found: &[u8], expected: &[u8]| {
        let float = graph.tensors[graph.outputs[0]].scalar == Scalar::F32;
        reference::difference(found, expected, float.then_some(1e-5))
    };
    // Floats that are summed up in another order change no integer behind them here.
    let kept = reference::compare(&folder.join(KEPT_FLOATS), difference)?;
    let elus = reference::compare(&folder.join(NO_REFERENCE), difference)?;
    println!(
        "{integers} integer models agree in every byte, {floats} of floats within 1e-5, {recurrent} LSTMs of floats within 2e-4, {kept} of integers with a layer of floats either way, \
         {elus} of an ELU as LiteRT's other kernels"
    );
    Ok(())
}

fn time(model: &Path) -> Result<(), Box<dyn Error>> {
    let graph = litert::read(&fs::read(model)?)?;
    let mut executor = Executor::new(&graph)?;
    let inputs: Vec<Vec<u8>> = graph.inputs.iter().map(|index| vec![1; graph.tensors[*index].bytes()]).collect();
    let inputs: Vec<&[u8]> = inputs.iter().map(|input| &input[..]).collect();
    let (start, mut least, mut count) = (Instant::now(), Duration::MAX, 1);
    while start.elapsed() < MEASURED {
        let start = Instant::now();
        for _ in 0..count {
            black_box(executor.run(black_box(&inputs))?.last());
        }
        // Slower ones were interrupted.
        least = least.min(start.elapsed() / count);
        count = (CLOCK.as_nanos() / least.as_nanos().max(1)).clamp(1, 1000) as u32;
    }
    println!("{:.3}", least.as_secs_f64() * 1e6);
    Ok(())
}
