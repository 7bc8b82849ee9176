//! Trains the network of `network.rs`, as `nerve train` has written it: change what you like, then `cargo run --release`.

mod inputs;
mod network;
mod task;

use std::error::Error;
use std::{fs, thread};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use nerve::executor::Executor;
use nerve::graph::Graph;
use nerve::prelude::*;
use nerve::quantise::{Quantised, Range, quantise};
use nerve::{Array, EarlyStopping, litert};
use plotters::prelude::*;
use rand_core::SeedableRng;
use rand_pcg::Pcg32;

use network::{Input, NAME, Net, OUTPUTS};
use task::{Target, Task};

/// Networks that are trained from other random weights; the one with the least loss on `validation.csv` is kept.
const SEEDS: u64 = 5;
/// At most.
const EPOCHS: usize = 1000;
/// Epochs without a lower loss on `validation.csv` after which training ends.
const PATIENCE: u32 = 50;
/// Examples of a step.
const BATCH: usize = 16;
/// Of Adam.
const LEARNING_RATE: f32 = 0.003;
/// Inputs that show the ranges of values for the network in integers.
const TYPICAL: usize = 500;

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// Inputs and their targets.
type Examples = Vec<(Input, Target)>;

/// What came of one seed.
struct Trained {
    net: Box<Net>,
    least: f32,
    /// On the examples trained with and on those of `validation.csv`, after each epoch.
    losses: Vec<[f32; 2]>,
}

fn main() -> Result<()> {
    let [train, validation, test] = ["train", "validation", "test"].map(read);
    let (train, validation, test) = (train?, validation?, test?);
    let task = Task::new(train.iter().map(|(_, target)| *target));
    let [train, validation] = [train, validation]
        .map(|rows| rows.into_iter().map(|(x, target)| (x, task.target(target))).collect::<Examples>());
    println!(
        "{} examples to train with, {} to stop by, {} to judge by; {} parameters",
        train.len(),
        validation.len(),
        test.len(),
        <Net as Tensors<f32>>::LEN
    );

    let bars = MultiProgress::new();
    let trained: Result<Vec<_>> = thread::scope(|scope| {
        let seeds = (1..=SEEDS).map(|seed| {
            let (bar, train, validation) = (bar(seed, &bars), &train, &validation);
            scope.spawn(move || self::train(seed, train, validation, &bar?))
        });
        let seeds: Vec<_> = seeds.collect();
        seeds.into_iter().map(|seed| seed.join().map_err(|_| "a training has panicked")?).collect()
    });
    let trained = trained?;
    let losses: Vec<_> = trained.iter().map(|trained| format!("{:.4}", trained.least)).collect();
    println!("{} on validation.csv by seed: {}", task::LOSS_NAME, losses.join(", "));
    let best = trained.into_iter().min_by(|a, b| a.least.total_cmp(&b.least)).ok_or("SEEDS is 0")?;
    draw(&best.losses)?;
    let mut net = best.net;
    task.finish(&mut net);

    let mut buffer = vec![0; weights::file_len::<f32, Net>()];
    fs::write(format!("{NAME}.nrv"), weights::save(&*net, &mut buffer)?)?;
    let graph = Graph::of::<Input, Net>(&net)?;
    fs::write(format!("{NAME}-float.tflite"), litert::write(&graph)?)?;
    let typical: Vec<u8> = train.iter().take(TYPICAL).flat_map(|(x, _)| bytes(x)).collect();
    let integers = quantise(&graph, &typical, Range::default(), &[])?;
    fs::write(format!("{NAME}.tflite"), litert::write(&integers.graph)?)?;

    let mut arena = Box::new(Arena::<{ arena_len::<Net, Input>() }>::ZERO);
    let outputs = test.iter().map(|(x, target)| (*arena.predict(&*net, x), *target));
    let (report, in_floats) = task::judge(outputs);
    println!("\n{report}\n");
    let (_, in_integers) = task::judge(of_integers(&integers, &test)?.into_iter());
    println!("of test.csv, in floats (f32):    {in_floats}\nof test.csv, in integers (int8): {in_integers}");
    Ok(())
}

/// The rows of a file that `nerve train` has written: inputs and a target each.
fn read(part: &str) -> Result<Vec<(Input, f32)>> {
    let text = fs::read_to_string(format!("{part}.csv"))?;
    let rows = text.lines().skip(1).map(|line| {
        let values: std::result::Result<Vec<f32>, _> = line.split(',').map(str::parse).collect();
        let values = values.map_err(|error| format!("{part}.csv: `{line}`: {error}"))?;
        let (target, inputs) = values.split_last().ok_or("an empty line")?;
        let mut x = Input::ZERO;
        if inputs.len() != x.flat().len() {
            return Err(format!("{part}.csv: {} inputs, not {}", inputs.len(), x.flat().len()).into());
        }
        x.flat_mut().copy_from_slice(inputs);
        Ok((x, *target))
    });
    rows.collect()
}

fn bar(seed: u64, bars: &MultiProgress) -> Result<ProgressBar> {
    let style = ProgressStyle::with_template("seed {prefix} {wide_bar} {pos}/{len} epochs, loss {msg}")?;
    Ok(bars.add(ProgressBar::new(EPOCHS as u64)).with_style(style).with_prefix(seed.to_string()))
}

fn train(seed: u64, train: &Examples, validation: &Examples, bar: &ProgressBar) -> Result<Trained> {
    let mut rng = Pcg32::seed_from_u64(seed);
    let mut net = Box::new(Net::ZERO);
    net.init(Init::HeUniform, &mut rng);
    inputs::standardise(&mut net, train);
    let mut trainer = Box::new(Trainer::<Net, Input, BATCH>::ZERO);
    let mut optimizer = Box::new(Adam::new(LEARNING_RATE));
    let mut buffer = vec![0; weights::file_len::<f32, Net>()];
    let mut best = EarlyStopping::new(PATIENCE, &mut buffer);
    let mut order: Vec<_> = train.iter().map(|(x, target)| (x, target)).collect();
    let mut losses = Vec::new();
    for _epoch in 0..EPOCHS {
        shuffle(&mut order, &mut rng);
        let training = trainer.epoch(&mut *net, &mut *optimizer, &task::LOSS, order.iter().copied())?;
        let held_out = validation.iter().map(|(x, target)| (x, target));
        let held_out = trainer.evaluate(&net, &task::LOSS, held_out, |_, _| ())?;
        losses.push([training, held_out]);
        bar.set_message(format!("{training:.4}, held out {held_out:.4}"));
        bar.inc(1);
        if best.stops(&*net, held_out)? {
            break;
        }
    }
    bar.finish();
    best.restore(&mut *net)?;
    Ok(Trained { net, least: best.least(), losses })
}

/// What the network in integers makes of examples.
fn of_integers(net: &Quantised, examples: &[(Input, f32)]) -> Result<Vec<([f32; OUTPUTS], f32)>> {
    let mut executor = Executor::new(&net.graph)?;
    let output = &net.graph.tensors[net.graph.outputs[0]];
    let steps = output.quantization.as_ref().ok_or("the output has no scale")?;
    let (scale, zero_point) = (steps.scales[0], steps.zero_points[0]);
    let outputs = examples.iter().map(|(x, target)| {
        let y = executor.run_all(&net.inputs(&bytes(x)))?;
        Ok((std::array::from_fn(|i| scale * (i32::from(y[i] as i8) - zero_point) as f32), *target))
    });
    outputs.collect()
}

fn bytes(x: &Input) -> Vec<u8> {
    x.flat().iter().flat_map(|x| x.to_le_bytes()).collect()
}

/// Draws the losses of each epoch.
fn draw(losses: &[[f32; 2]]) -> Result<()> {
    let most = losses.iter().flatten().copied().fold(0.0, f32::max);
    let area = SVGBackend::new("learning-curve.svg", (720, 400)).into_drawing_area();
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&area)
        .caption(NAME, ("sans-serif", 20))
        .margin(12)
        .margin_right(24)
        .x_label_area_size(40)
        .y_label_area_size(64)
        .build_cartesian_2d(0.0..losses.len() as f32, 0.0..1.05 * most)?;
    let whole = |x: &f32| format!("{x:.0}");
    chart
        .configure_mesh()
        .x_desc("epoch")
        .y_desc(task::LOSS_NAME)
        .x_label_formatter(&whole)
        .light_line_style(WHITE)
        .draw()?;
    for (of, name, colour) in [(0, "train.csv", RGBColor(31, 119, 180)), (1, "validation.csv", RGBColor(214, 96, 39))] {
        let style = colour.stroke_width(2);
        let points = losses.iter().enumerate().map(|(epoch, losses)| (epoch as f32 + 1.0, losses[of]));
        let line = chart.draw_series(LineSeries::new(points, style))?;
        line.label(name).legend(move |(x, y)| PathElement::new([(x, y), (x + 20, y)], style));
    }
    chart.configure_series_labels().background_style(WHITE).border_style(BLACK.mix(0.3)).draw()?;
    area.present()?;
    Ok(())
}
