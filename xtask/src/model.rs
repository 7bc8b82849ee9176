//! A user's model on an emulated board.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use std::{env, fs};

use anyhow::{Context, Result, ensure};
use nerve::executor::Executor;
use nerve::graph::{Cost, Graph, Op, Scalar};
use nerve::import;
use object::{Object, ObjectSymbol, SymbolKind};

use crate::bench;
use crate::device::{self, BOARDS, Board, M4F, Pass, Run};
use crate::setup::{self, Toolchain};

/// Where the device looks for examples, and where it leaves its outputs.
const FOLDER: &str = "target/model";

/// Bytes that a program takes beside the constants, about, and beside values and input.
const CODE: usize = 32 * 1024;
/// See [`CODE`].
const STACK: usize = 3584;
/// Most bytes of the stack that calls take beside scratch.
const CALLS: u64 = 1024;
/// What the names of the program's own functions hold.
const PROGRAM_SYMBOL: &str = "5model";
/// The most bytes of code that a network may take on the Cortex-M4F, but as a stream, which has loops for single pixels too: one copy of each
/// loop.
const MOST_CODE: u64 = 20 * 1024;

/// Builds the firmware around a model, runs it over the examples of `input` (one of zeros if there is none), prints what it costs and
/// copies the outputs to `output`. As a stream, over the rows of `input`; by layer, of the first example.
pub fn emulate(board: &Board, model: &Path, input: Option<PathBuf>, output: Option<PathBuf>, pass: Pass) -> Result<()> {
    let file = fs::read(model).with_context(|| model.display().to_string())?;
    let graph = import::read(&file).with_context(|| model.display().to_string())?;
    let stream = pass == Pass::Stream || has_rings(&graph);
    ensure!(
        !(stream && pass == Pass::ByLayer),
        "{} has ring buffers and runs as a stream, whose layers are not counted alone",
        model.display()
    );
    let example = if stream { row(&graph) } else { example(&graph) };
    let examples = match &input {
        Some(path) => fs::read(path).with_context(|| path.display().to_string())?,
        None => vec![0; example],
    };
    ensure!(
        !examples.is_empty() && examples.len().is_multiple_of(example),
        "--input has {} bytes: {} of {} has {example}, and they follow one another",
        examples.len(),
        if stream { "a row" } else { "an example" },
        model.display()
    );
    if let Some(lacking) = lacking(board, &graph) {
        println!(
            "{} does not fit: {lacking}; the code for the {} is linked and run with the memory of {}",
            model.display(),
            board.core,
            board.roomy().feature
        );
    }
    let Ran { run, built, code, outputs, costs } = run_model(board, model, &graph, &examples, Pass::new(stream))?;
    println!("the firmware around it, built in {:.0} s:", built.as_secs_f32());
    print!("{}", run.log);
    println!("code that runs the network: {code} bytes; the rest of the flash starts, logs and reads files");
    let shown = |(instructions, cycles): (u64, u64)| {
        let cycles = if board.core == M4F.core { format!(", {cycles} cycles (a model's)") } else { String::new() };
        format!("{instructions} instructions{cycles}")
    };
    if stream {
        println!("a row: at most {}", shown(costs.iter().copied().max().unwrap_or_default()));
        let sum = costs.iter().fold((0, 0), |sum, cost| (sum.0 + cost.0, sum.1 + cost.1));
        let count = costs.len().max(1) as u64;
        println!("on average: {}", shown((sum.0 / count, sum.1 / count)));
    } else {
        let cost = costs.first().copied().unwrap_or_default();
        println!("an example: {}", shown(cost));
        if pass == Pass::ByLayer {
            let first = &examples[..example];
            print!("\n{}", by_layer(board, &run_model(board, model, &graph, first, Pass::ByLayer)?, cost));
        }
    }
    if let Some(output) = output {
        fs::write(&output, outputs).with_context(|| output.display().to_string())?;
    }
    Ok(())
}

/// What each layer takes, and what lies between them, as a table; then the layers of a kind.
fn by_layer(board: &Board, ran: &Ran, (instructions, cycles): (u64, u64)) -> String {
    let layers = ran.run.log.lines().filter_map(|line| Some(layer_name(line.split_once("layer ")?.1)));
    let rows: Vec<_> = layers.zip(ran.costs.iter().copied()).collect();
    let mut kinds = BTreeMap::<&str, (usize, u64, u64)>::new();
    for ((kind, _), (instructions, cycles)) in &rows {
        let sum = kinds.entry(kind).or_default();
        *sum = (sum.0 + 1, sum.1 + instructions, sum.2 + cycles);
    }
    let share = |part: u64| format!("{:.1} %", 100.0 * part as f64 / instructions.max(1) as f64);
    let mut table = "| layer | instructions | of all | cycles |\n|---|---|---|---|\n".to_owned();
    let mut row = |name: &str, instructions, cycles| {
        let cycles = if board.core == M4F.core { format!("{cycles}") } else { "-".into() };
        table += &format!("| {name} | {instructions} | {} | {cycles} |\n", share(instructions));
    };
    for ((kind, shapes), (instructions, cycles)) in &rows {
        row(&format!("{kind} {shapes}"), *instructions, *cycles);
    }
    for (kind, (count, instructions, cycles)) in &kinds {
        row(&format!("**{count} x {kind}**"), *instructions, *cycles);
    }
    let sum = rows.iter().fold((0, 0), |sum, (_, cost)| (sum.0 + cost.0, sum.1 + cost.1));
    row("between the layers, with joins", instructions.saturating_sub(sum.0), cycles.saturating_sub(sum.1));
    table
}

/// The operator and the shapes of a layer, of its type as the compiler writes it.
fn layer_name(ty: &str) -> (String, String) {
    let (name, arguments) = parts(ty);
    match (&name[..], &arguments[..]) {
        ("Integer" | "Windowed", [op, x, y, ..]) => {
            let op = match parts(op) {
                (wrapper, inner) if ["Weighted", "Recurrent", "Padded"].contains(&&wrapper[..]) => parts(inner[0]).0,
                (op, _) => op,
            };
            (op, format!("{} to {}", shape(x), shape(y)))
        }
        ("Merged", [op, y]) => (parts(op).0, shape(y)),
        ("Each", [y]) => ("Table".into(), shape(y)),
        _ => {
            (name, arguments.iter().filter(|argument| !argument.contains("::")).copied().collect::<Vec<_>>().join(", "))
        }
    }
}

/// A type's name without its path, and its arguments.
fn parts(ty: &str) -> (String, Vec<&str>) {
    let (path, arguments) = ty.split_once('<').map_or((ty, ""), |(path, rest)| (path, rest.trim_end_matches('\n')));
    let name = path.rsplit("::").next().unwrap_or(path).to_owned();
    let arguments = arguments.strip_suffix('>').unwrap_or(arguments);
    let mut depth = 0;
    let separator = |character| {
        depth += i32::from("<[(".contains(character)) - i32::from(">])".contains(character));
        depth == 0 && character == ','
    };
    let arguments: Vec<_> = arguments.split(separator).map(str::trim).filter(|argument| !argument.is_empty()).collect();
    (name, arguments)
}

/// `32x32x3` of `[[[i8; 3]; 32]; 32]`.
fn shape(array: &str) -> String {
    let lengths: Vec<_> = array.split("; ").skip(1).map(|length| length.trim_end_matches(']')).collect();
    lengths.into_iter().rev().collect::<Vec<_>>().join("x")
}

/// What a model left.
struct Ran {
    run: Run,
    /// How long the build took.
    built: Duration,
    /// See [`code`].
    code: u64,
    outputs: Vec<u8>,
    /// Instructions and cycles of each example, of each row of a stream, or of each layer of an example.
    costs: Vec<(u64, u64)>,
}

fn has_rings(graph: &Graph) -> bool {
    graph.nodes.iter().any(|node| node.op == Op::Ring)
}

/// Bytes of an example.
fn example(graph: &Graph) -> usize {
    graph.inputs.iter().map(|index| graph.tensors[*index].bytes()).sum()
}

/// Bytes of a row: of a network with ring buffers, of a step.
fn row(graph: &Graph) -> usize {
    match &graph.inputs[..] {
        &[input] if !has_rings(graph) => {
            let input = &graph.tensors[input];
            let axes = if input.shape.first() == Some(&1) { &input.shape[1..] } else { &input.shape[..] };
            input.bytes() / if axes.len() > 1 { axes[0] } else { 1 }
        }
        _ => example(graph),
    }
}

/// What a board has too little of for a model, about.
fn lacking(board: &Board, graph: &Graph) -> Option<String> {
    let cost = Cost::of(graph);
    let (flash, ram) =
        ((cost.flash + CODE).div_ceil(1024) as u64, (cost.ram + example(graph) + STACK).div_ceil(1024) as u64);
    let (board_flash, board_ram) = board.memory;
    (flash > board_flash || ram > board_ram).then(|| {
        format!(
            "constants and code take about {flash} of {board_flash} KB of flash, values and stack {ram} of {board_ram} KB of RAM"
        )
    })
}

/// With another board's memory where this one's is too small.
fn run_model(board: &Board, model: &Path, graph: &Graph, examples: &[u8], pass: Pass) -> Result<Ran> {
    let run_on = if lacking(board, graph).is_some() { board.roomy() } else { board };
    let toolchain = Toolchain::find(&[board.target])?;
    setup::qemu(true)?;
    fs::create_dir_all(FOLDER)?;
    let folder = Path::new(FOLDER);
    fs::write(folder.join("input.bin"), examples)?;
    let start = Instant::now();
    let elf = device::build_model(toolchain, board.target, run_on.feature, &fs::canonicalize(model)?, pass)
        .with_context(|| format!("{} does not build for {}", model.display(), board.core))?;
    let built = start.elapsed();
    let run = run_on.run(&elf, Some(&bench::plugin()?))?;
    let costs = bench::regions(&run);
    ensure!(!costs.is_empty(), "the device ran nothing");
    Ok(Ran { run, built, code: code(&elf)?, outputs: fs::read(folder.join("output.bin"))?, costs })
}

/// Bytes of the functions of the library and of the program itself.
fn code(elf: &Path) -> Result<u64> {
    let bytes = fs::read(elf)?;
    let file = object::File::parse(&*bytes)?;
    let of_network =
        |name: &str| (name.contains("nerve") && !name.contains("nerve_firmware")) || name.contains(PROGRAM_SYMBOL);
    let functions = file.symbols().filter(|symbol| symbol.kind() == SymbolKind::Text);
    // Several may be one.
    let sizes: BTreeMap<u64, u64> = functions
        .filter(|symbol| symbol.name().is_ok_and(of_network))
        .map(|symbol| (symbol.address(), symbol.size()))
        .collect();
    Ok(sizes.values().sum())
}

/// Instructions and cycles of an inference with a core's code.
pub fn cost(board: &Board, model: &Path) -> Result<(u64, u64)> {
    let graph = import::read(&fs::read(model).with_context(|| model.display().to_string())?)?;
    let Ran { costs, .. } = run_model(board, model, &graph, &vec![1; example(&graph)], Pass::Examples)?;
    Ok(costs[0])
}

/// What a model takes on the Cortex-M4F, of bytes its own memory.
pub struct Taken {
    pub instructions: u64,
    pub cycles: u64,
    pub ram: u64,
}

/// What an inference takes or, as a stream, the row that takes most of those of two windows.
pub fn taken(model: &Path, stream: bool) -> Result<Taken> {
    let graph = import::read(&fs::read(model).with_context(|| model.display().to_string())?)?;
    let count = if stream { 2 } else { 1 };
    let examples = vec![1; count * example(&graph)];
    let Ran { run, costs, .. } = run_model(&M4F, model, &graph, &examples, Pass::new(stream))?;
    let (instructions, cycles) = costs.into_iter().max().unwrap_or_default();
    Ok(Taken { instructions, cycles, ram: device::number(&run.log, "RAM ")? })
}

/// The folder of public models that the environment names.
pub fn public_models() -> Option<PathBuf> {
    env::var_os("NERVE_MODELS").map(PathBuf::from)
}

/// The demo's network in integers on every board, and the public models of the folder that `NERVE_MODELS` names on the Cortex-M4F, two of
/// them with every core's code: every byte is the executor's; floats are near its own, which are summed up in another order.
pub fn check() -> Result<String> {
    let iris = Path::new("firmware/data/iris.tflite");
    let mut shown = layers_are_counted(iris)?;
    for board in BOARDS {
        shown += &compare(board, iris, 45)?;
    }
    let Some(folder) = public_models() else {
        return Ok(shown + "skipped the public models: NERVE_MODELS does not name their folder\n");
    };
    let model = |name: &str| folder.join(name).with_extension("tflite");
    for name in ["ad01_int8", "kws_int8"] {
        for board in BOARDS {
            shown += &compare(board, &model(name), 2)?;
        }
    }
    let models = [
        "hello_world_f32",
        "hello_world_int8",
        "micro_speech_int8",
        "resnet8_f32",
        "resnet8_int8",
        "streaming_wakeword_int8",
        "vww_int8",
    ];
    for name in models {
        shown += &compare(&M4F, &model(name), 2)?;
    }
    for name in ["v2_okay_nabu", "v2_vad"] {
        shown += &compare(&M4F, &model(name), 200)?;
    }
    Ok(shown)
}

/// The layers of a model take what all of it takes, at the Cortex-M4F; as many of them as it has operators.
fn layers_are_counted(model: &Path) -> Result<String> {
    let graph = import::read(&fs::read(model)?)?;
    let zeros = vec![0; example(&graph)];
    let whole = run_model(&M4F, model, &graph, &zeros, Pass::Examples)?.costs[0].0;
    let layers = run_model(&M4F, model, &graph, &zeros, Pass::ByLayer)?.costs;
    let sum: u64 = layers.iter().map(|(instructions, _)| instructions).sum();
    ensure!(
        layers.len() == graph.nodes.len() && sum.abs_diff(whole) <= whole / 20,
        "{} layers of {} take {sum} instructions, and all of it {whole}",
        layers.len(),
        graph.nodes.len()
    );
    Ok(format!("by layer: {} layers take {sum} instructions of {whole}\n", layers.len()))
}

fn compare(board: &Board, model: &Path, examples: usize) -> Result<String> {
    let graph = import::read(&fs::read(model).with_context(|| model.display().to_string())?)?;
    let example = example(&graph);
    // Any bytes; of floats, any numbers of both signs.
    let bytes = |count: usize| (0..count).map(|i| (i * 73 + i / 7 * 29 + i / 251 * 13) as u8);
    let inputs: Vec<u8> = if graph.inputs.iter().all(|index| graph.tensors[*index].scalar == Scalar::F32) {
        bytes(examples * example / 4).flat_map(|byte| (f32::from(byte as i8) / 64.0).to_le_bytes()).collect()
    } else {
        bytes(examples * example).collect()
    };
    let expected = Executor::new(&graph)?.run_all(&inputs)?;
    let stream = has_rings(&graph);
    let Ran { run, outputs, code, costs, .. } = run_model(board, model, &graph, &inputs, Pass::new(stream))?;
    let name = model.file_stem().unwrap_or_default().display().to_string();
    let floats = graph.tensors.iter().all(|value| value.quantization.is_none());
    let same = if floats { near(&outputs, &expected) } else { outputs == expected };
    ensure!(same, "{name} has other outputs on the {} than on the host", board.core);
    let (stack, scratch): (u64, u64) = (device::number(&run.log, "peak stack ")?, device::number(&run.log, "of it ")?);
    ensure!(
        stack <= scratch + CALLS,
        "{name} has a peak stack of {stack} bytes on the {}, {scratch} of them planned: what calls take is {CALLS} at most",
        board.core
    );
    ensure!(stream || board.core != M4F.core || code <= MOST_CODE, "{name} takes {code} bytes of code");
    let (what, instructions) = (if stream { "steps" } else { "examples" }, costs[costs.len() - 1].0);
    Ok(format!("{name}, {}: {examples} {what}, {instructions} instructions each, {code} bytes of code\n", board.core))
}

/// Whether floats differ by 1e-5 of the largest at most.
fn near(a: &[u8], b: &[u8]) -> bool {
    let floats = |bytes: &[u8]| bytes.as_chunks().0.iter().map(|x| f32::from_le_bytes(*x)).collect::<Vec<_>>();
    let (floats_a, floats_b) = (floats(a), floats(b));
    let largest = floats_b.iter().fold(0_f32, |largest, x| largest.max(x.abs()));
    a.len() == b.len() && floats_a.iter().zip(&floats_b).all(|(a, b)| (a - b).abs() <= 1e-5 * largest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_layers() {
        let of = |ty: &str| layer_name(ty);
        let ty = "nerve::quant::layers::windowed::Windowed<nerve::quant::layers::operator::Weighted<nerve::quant::conv::Conv2d, i32>, \
                  [[[i8; 3]; 32]; 31], [[[i8; 16]; 15]; 16], 3, 2>";
        assert_eq!(of(ty), ("Conv2d".into(), "31x32x3 to 16x15x16".into()));
        let ty = "nerve::quant::layers::integer::Integer<nerve::quant::softmax::Softmax, [i8; 10], [i8; 10]>";
        assert_eq!(of(ty), ("Softmax".into(), "10 to 10".into()));
        assert_eq!(of("nerve::layers::dense::Dense<64, 10, nerve::Linear>"), ("Dense".into(), "64, 10".into()));
    }
}
