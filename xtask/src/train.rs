//! Networks that `nerve train` makes of CSV files: as good as it says, in the files that it writes.

use std::path::Path;
use std::process::Command;
use std::{env, fs};

use anyhow::{Context, Result, ensure};
use nerve::executor::Executor;
use nerve::graph::Graph;
use nerve::{argmax, litert};

use crate::session::{NERVE, build_nerve};
use crate::setup::Toolchain;
use crate::{output, without_warnings};

const FOLDER: &str = "target/train";
const PAGE: &str = "target/page";

/// Trains on a table of classes, a table of values and windows of a signal.
pub fn check() -> Result<String> {
    fs::create_dir_all(FOLDER)?;
    for (file, text) in [
        ("flowers.csv", fs::read_to_string("examples/iris/flowers.csv")?),
        ("wine.csv", wine()),
        ("motion.csv", motion()),
    ] {
        fs::write(format!("{FOLDER}/{file}"), text)?;
    }
    build_nerve()?;
    let mut text = String::new();
    for (name, options, classes, worst) in [
        ("flowers", "--hidden 20", true, 0.9),
        ("wine", "--hidden 12", false, 0.4),
        ("motion", "--ignore time --network conv --window 40 --hidden 8", true, 0.9),
    ] {
        let mut train = Command::new(env::current_dir()?.join(NERVE));
        train.current_dir(FOLDER).env("CARGO_TARGET_DIR", "../build").args(["train", &format!("{name}.csv")]);
        let project = Path::new(FOLDER).join(name);
        // Clippy compiles the project, if it has not yet.
        let said = without_warnings(train.args(options.split(' ')).env("RUSTC_WORKSPACE_WRAPPER", "clippy-driver"))?;
        output(Command::new("cargo").current_dir(&project).args(["fmt", "--check"]))?;
        for (of, model) in
            [("floats (f32)", format!("{name}-float.tflite")), ("integers (int8)", format!("{name}.tflite"))]
        {
            let said = said.lines().find_map(|line| line.strip_prefix(&format!("of test.csv, in {of}:")));
            let said = said.with_context(|| format!("{name}: nothing is said of {of}"))?.trim();
            let (figure, found) = judge(&project, &model, classes)?;
            ensure!(said.starts_with(&found), "{name} in {of}: `{said}` is said, `{found}` is found");
            ensure!(if classes { figure >= worst } else { figure <= worst }, "{name} in {of}: {said}");
            text += &format!("{name} in {of}: {said}\n");
        }
    }
    Ok(text)
}

/// Runs the commands of the page from a CSV file to a board, word for word, in a folder where there is nothing but the table.
pub fn page(toolchain: Toolchain) -> Result<String> {
    if toolchain == Toolchain::Debian {
        return Ok("skipped: its commands are rustup's".into());
    }
    let folder = Path::new(PAGE);
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    fs::create_dir_all(folder)?;
    fs::copy("examples/iris/flowers.csv", folder.join("flowers.csv"))?;
    build_nerve()?;
    let page = fs::read_to_string("src/guide/from_csv.md")?;
    let commands: String = page.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    let paths = env::var_os("PATH").unwrap_or_default();
    let here = env::current_dir()?;
    let paths = env::join_paths([here.join("target/release")].into_iter().chain(env::split_paths(&paths)))?;
    let mut shell = Command::new("sh");
    shell.current_dir(folder).env("PATH", paths).env("CARGO_TARGET_DIR", here.join("target/build"));
    let printed = output(shell.args(["-eu", "-c", &commands]))?;

    // The device's answers beside the classes in the last column.
    let classes = fs::read_to_string(folder.join("flowers/test.csv"))?;
    let classes: Vec<_> = classes.lines().skip(1).filter_map(|line| line.rsplit(',').next()).collect();
    let answers =
        printed.lines().filter_map(|line| line.strip_prefix("class ")?.split_once(": [")).map(|(class, _)| class);
    let answers: Vec<_> = answers.collect();
    ensure!(answers.len() == classes.len(), "{} answers to {} flowers:\n{printed}", answers.len(), classes.len());
    let right = answers.iter().zip(&classes).filter(|(answer, class)| answer == class).count();
    let said = format!("in floats (f32):    {right} of {} recognised", classes.len());
    ensure!(printed.contains(&said), "the device recognises {right} of {}:\n{printed}", classes.len());
    let results = ["of test.csv", "cross-entropy on", "class 0"];
    for line in page.lines().filter(|line| results.iter().any(|result| line.starts_with(result))) {
        ensure!(printed.contains(line), "the page has `{line}`, where there is\n{printed}");
    }
    Ok(format!("the device recognises {right} of {} flowers, as many as the host", classes.len()))
}

/// The share of `test.csv` that a model recognises, or its mean absolute error; and how the training program says that.
fn judge(folder: &Path, model: &str, classes: bool) -> Result<(f64, String)> {
    let graph = litert::read(&fs::read(folder.join(model))?)?;
    let mut executor = Executor::new(&graph)?;
    let (mut right, mut errors, mut count) = (0, 0.0, 0);
    for line in fs::read_to_string(folder.join("test.csv"))?.lines().skip(1) {
        let row: Vec<f32> = line.split(',').map(str::parse).collect::<Result<_, _>>()?;
        let (target, inputs) = row.split_last().context("an empty line")?;
        let outputs = numbers(&graph, &executor.run_all(&bytes(&graph, inputs))?);
        right += usize::from(classes && argmax(&outputs) == *target as usize);
        errors += (outputs[0] - target).abs();
        count += 1;
    }
    ensure!(count >= 20, "{count} rows to judge by");
    Ok(if classes {
        (right as f64 / count as f64, format!("{right} of {count} recognised"))
    } else {
        let error = errors / count as f32;
        (error.into(), format!("mean absolute error {error:.4}"))
    })
}

/// Scale and zero point of a tensor of integers.
fn steps(graph: &Graph, tensor: usize) -> Option<(f32, f32)> {
    let steps = graph.tensors[tensor].quantization.as_ref()?;
    Some((steps.scales[0], steps.zero_points[0] as f32))
}

/// Inputs as the model takes them.
fn bytes(graph: &Graph, inputs: &[f32]) -> Vec<u8> {
    match steps(graph, graph.inputs[0]) {
        None => inputs.iter().flat_map(|x| x.to_le_bytes()).collect(),
        Some((scale, zero)) => inputs.iter().map(|x| ((x / scale).round() + zero) as i8 as u8).collect(),
    }
}

fn numbers(graph: &Graph, outputs: &[u8]) -> Vec<f32> {
    match steps(graph, graph.outputs[0]) {
        None => outputs.as_chunks().0.iter().copied().map(f32::from_le_bytes).collect(),
        Some((scale, zero)) => outputs.iter().map(|y| scale * (f32::from(*y as i8) - zero)).collect(),
    }
}

/// As the wine qualities are written: quoted names, semicolons; and decimal commas, as spreadsheets write them in half of Europe.
fn wine() -> String {
    let mut noise = Noise(1);
    let mut text = String::from("\u{feff}\"fixed acidity\";\"density\";\"alcohol\";\"quality\"\r\n");
    for _ in 0..300 {
        let [acidity, density, alcohol] =
            [9.5 + 5.5 * noise.next(), 0.995 + 0.015 * noise.next(), 11.0 + 3.0 * noise.next()];
        let quality = acidity - 8.0 + alcohol / 2.0 + 0.5 * noise.next();
        let row = format!("{acidity:.2};{density:.4};{alcohol:.1};{quality:.1}\r\n");
        text += &row.replace('.', ",");
    }
    text
}

/// Three axes in different units, a recording of each motion after another. The axis with the smallest numbers alone tells walking from running.
fn motion() -> String {
    let mut noise = Noise(2);
    let mut text = String::from("time,sway,turn,lift,motion\n");
    for recording in 0..36 {
        let (name, pace) = [("still", 0.0), ("walk", 0.15), ("run", 0.4)][recording % 3];
        let phase = 3.0 * noise.next();
        for sample in 0..100 {
            let moves = f64::from(u8::from(pace > 0.0));
            let (sine, cosine) = (0.25 * sample as f64 + phase).sin_cos();
            let [sway, turn] = [sine * moves + 0.5 * noise.next(), 500.0 * (cosine * moves + 0.5 * noise.next())];
            let lift = 9.81 + 0.02 * (moves * (pace * sample as f64 + phase).sin() + 0.5 * noise.next());
            let time = recording * 100 + sample;
            text += &format!("{time},{sway:.3},{turn:.1},{lift:.4},{name}\n");
        }
    }
    text
}

/// Numbers from -1 to 1 (Numerical Recipes' congruential generator).
struct Noise(u32);

impl Noise {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f64::from(self.0) / f64::from(u32::MAX) * 2.0 - 1.0
    }
}
