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
use crate::device::{self, BOARDS, Board, M4F, Run};
use crate::setup::{self, Toolchain};

/// Where the device looks for examples, and where it leaves its outputs.
const FOLDER: &str = "target/model";

/// Bytes that a program takes beside the constants, about, and beside values and input.
const CODE: usize = 32 * 1024;
/// See [`CODE`].
const STACK: usize = 3584;
/// What the names of the program's own functions hold.
const PROGRAM_SYMBOL: &str = "5model";
/// The most bytes of code that a network may take on the Cortex-M4F, but as a stream, which has loops for single pixels too: one copy of each
/// loop.
const MOST_CODE: u64 = 20 * 1024;

/// Builds the firmware around a model, runs it over the examples of `input` (one of zeros if there is none), prints what it costs and
/// copies the outputs to `output`. As a stream, over the rows of `input`.
pub fn emulate(
    board: &Board,
    model: &Path,
    input: Option<PathBuf>,
    output: Option<PathBuf>,
    stream: bool,
) -> Result<()> {
    let file = fs::read(model).with_context(|| model.display().to_string())?;
    let graph = import::read(&file).with_context(|| model.display().to_string())?;
    let stream = stream || has_rings(&graph);
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
    let Ran { run, built, code, outputs, costs } = run_model(board, model, &graph, &examples, stream)?;
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
        println!("an example: {}", shown(costs.first().copied().unwrap_or_default()));
    }
    if let Some(output) = output {
        fs::write(&output, outputs).with_context(|| output.display().to_string())?;
    }
    Ok(())
}

/// What a model left.
struct Ran {
    run: Run,
    /// How long the build took.
    built: Duration,
    /// See [`code`].
    code: u64,
    outputs: Vec<u8>,
    /// Instructions and cycles of each example, or of each row of a stream.
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
fn run_model(board: &Board, model: &Path, graph: &Graph, examples: &[u8], stream: bool) -> Result<Ran> {
    let run_on = if lacking(board, graph).is_some() { board.roomy() } else { board };
    let toolchain = Toolchain::find(&[board.target])?;
    setup::qemu(true)?;
    fs::create_dir_all(FOLDER)?;
    let folder = Path::new(FOLDER);
    fs::write(folder.join("input.bin"), examples)?;
    let start = Instant::now();
    let elf = device::build_model(toolchain, board.target, run_on.feature, &fs::canonicalize(model)?, stream)
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
    let Ran { costs, .. } = run_model(board, model, &graph, &vec![1; example(&graph)], false)?;
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
    let Ran { run, costs, .. } = run_model(&M4F, model, &graph, &vec![1; count * example(&graph)], stream)?;
    let (instructions, cycles) = costs.into_iter().max().unwrap_or_default();
    let ram = run.log.split_once("RAM ").and_then(|(_, rest)| rest.split(' ').next()?.parse().ok());
    Ok(Taken { instructions, cycles, ram: ram.context("the device printed no RAM")? })
}

/// The folder of public models that the environment names.
pub fn public_models() -> Option<PathBuf> {
    env::var_os("NERVE_MODELS").map(PathBuf::from)
}

/// The demo's network in integers on every board, and the public models of the folder that `NERVE_MODELS` names on the Cortex-M4F, two of
/// them with every core's code: every byte is the executor's; floats are near its own, which are summed up in another order.
pub fn check() -> Result<String> {
    let mut shown = String::new();
    for board in BOARDS {
        shown += &compare(board, Path::new("firmware/data/iris.tflite"), 45)?;
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
    let Ran { outputs, code, costs, .. } = run_model(board, model, &graph, &inputs, stream)?;
    let name = model.file_stem().unwrap_or_default().display().to_string();
    let floats = graph.tensors.iter().all(|value| value.quantization.is_none());
    let same = if floats { near(&outputs, &expected) } else { outputs == expected };
    ensure!(same, "{name} has other outputs on the {} than on the host", board.core);
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
