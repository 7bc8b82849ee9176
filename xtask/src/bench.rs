//! What the code for the device costs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use anyhow::{Context, Result, anyhow, bail, ensure};
use object::{Object, ObjectSection, ObjectSymbol};

use crate::device::{self, BOARDS, Board, M0, M3, M4F, Run};
use crate::setup::{self, Toolchain};
use crate::{model, output};

/// The figures that a change is compared with.
const RESULTS: &str = "benches/device.md";

/// Percent by which a figure may be above that of [`RESULTS`].
const GROWTH: u64 = 2;
/// Bytes of stack that the same source takes more or less where it is compiled in another folder.
const STACK_NOISE: u64 = 32;

const PLAIN_C: &str = "plain C";

/// Work, who else does it, and the instructions and cycles that takes under the same model, compiled by gcc 12.2 -O3.
const PEERS: [(&str, &str, u64, u64); 9] = [
    ("Iris 4-10-3 forward", PLAIN_C, 971, 2_168),
    ("Iris 4-10-3 forward", "AIfES", 1_744, 3_352),
    ("Iris 4-10-3 forward", "emlearn", 1_926, 3_704),
    ("Iris 4-10-3 SGD step", PLAIN_C, 1_353, 2_847),
    ("Iris 4-10-3 SGD step", "AIfES", 14_299, 23_777),
    ("784-100-10 forward", PLAIN_C, 244_322, 453_502),
    ("784-100-10 forward", "CMSIS f32", 399_331, 876_023),
    ("784-100-10 forward", "AIfES", 481_174, 959_732),
    ("convolution 3x3, 16x16x8 to 16", PLAIN_C, 977_003, 1_821_122),
];

/// Work, who else does it, and the bytes of code and of RAM that takes, compiled by gcc 12.2 -Os.
const SIZES: [(&str, &str, u64, Option<u64>); 2] = [
    ("Iris 4-10-3 with standardisation, SGD step", "AIfES", 17_232, Some(2_156)),
    ("Iris 4-10-3 with standardisation, SGD step", PLAIN_C, 1_828, None),
];

/// Work, and the most bytes of code and weights that it may take on the Cortex-M4F.
const LIMITS: [(&str, u64); 2] = [
    ("Iris 4-10-3 with standardisation, inference", 4 * 1024),
    ("Iris 4-10-3 with standardisation, SGD step", 8 * 1024),
];

/// Public models of LiteRT in int8, the core, and the instructions and cycles that CMSIS-NN takes, called layer by layer, compiled by
/// gcc 12.2 -O3. Cycles are modelled for the Cortex-M4F alone.
const CMSIS_NN: [(&str, &Board, u64, Option<u64>); 15] = [
    ("ad01_int8", &M4F, 579_567, Some(715_869)),
    ("ad01_int8", &M3, 953_139, None),
    ("ad01_int8", &M0, 1_759_343, None),
    ("hello_world_int8", &M4F, 2_648, Some(3_517)),
    ("kws_int8", &M4F, 7_840_641, Some(9_149_835)),
    ("kws_int8", &M3, 10_540_461, None),
    ("kws_int8", &M0, 28_995_157, None),
    ("micro_speech_int8", &M4F, 1_492_951, Some(2_319_504)),
    ("resnet8_int8", &M4F, 29_871_182, Some(36_192_941)),
    ("resnet8_int8", &M3, 41_755_071, None),
    ("resnet8_int8", &M0, 97_570_006, None),
    ("streaming_wakeword_int8", &M4F, 2_223_591, Some(2_676_733)),
    ("vww_int8", &M4F, 24_712_433, Some(29_195_623)),
    ("vww_int8", &M3, 32_074_937, None),
    ("vww_int8", &M0, 86_868_720, None),
];

/// The firmware's program that does the work, and what it is.
const NETWORKS: [(&str, &str); 20] = [
    ("infer_iris", "Iris 4-10-3 with standardisation, inference"),
    ("step_iris", "Iris 4-10-3 with standardisation, SGD step"),
    ("infer_signal_cnn", "signal CNN, inference"),
    ("step_signal_cnn", "signal CNN, SGD step"),
    ("infer_signal_gru", "signal GRU, inference over 48 samples"),
    ("step_signal_gru", "signal GRU, SGD step"),
    ("infer_tiny_cnn", "tiny CNN, inference"),
    ("step_tiny_cnn", "tiny CNN, SGD step"),
    ("infer_lenet_5", "LeNet-5, inference"),
    ("step_lenet_5", "LeNet-5, SGD step"),
    ("infer_residuals", "residual CNN, inference"),
    ("step_residuals", "residual CNN, SGD step"),
    ("infer_mnist", "784-100-10, inference"),
    ("step_mnist", "784-100-10, SGD step"),
    ("infer_mobilenet", "MobileNet of 29 layers, inference"),
    ("infer_int8_iris", "Iris 4-10-3 in int8, inference"),
    ("infer_int8_mlp", "784-100-10 in int8, inference"),
    ("infer_int8_separable", "depthwise and pointwise CNN in int8, inference"),
    ("infer_int8_residuals", "residual CNN in int8, inference"),
    ("frame_log_mel", "log-mel frame of 25 ms, 40 bands"),
];
/// Those that take 800 million instructions and more, too long for QEMU, on a core without a floating-point unit.
const LONG: [&str; 2] = ["step_residuals", "infer_mobilenet"];
/// What their sizes are compared with.
const NOTHING: &str = "nothing";

/// A function of newlib 3.3.0, compiled for a Cortex-M4F by gcc 12.2: instructions and cycles of 1,000 calls, and the worst error of 8,000
/// in units in the last place.
const NEWLIB: [(&str, u64, u64, f64); 2] = [("exp", 71_427, 130_007, 0.814), ("tanh", 104_164, 193_967, 1.888)];

/// Percent by which ours may take more instructions than plain loops.
const ABOVE_PLAIN: u64 = 2;

/// Prints the figures, or writes them to [`RESULTS`].
pub fn run(write: bool) -> Result<()> {
    let text = table()? + &beside_cmsis_nn()? + &streams()?;
    if write {
        return fs::write(RESULTS, text).context(RESULTS);
    }
    println!("{text}\n{}", newlib()?);
    Ok(())
}

/// Compares the figures of the project's own networks with those of [`RESULTS`]; an error if one has grown.
pub fn check() -> Result<String> {
    Ok(format!("{}\n{}", compare(&fs::read_to_string(RESULTS).context(RESULTS)?, &table()?)?, newlib()?))
}

fn compare(old: &str, new: &str) -> Result<String> {
    let (old_compiler, new_compiler) = (compiler(old), compiler(new));
    if old_compiler != new_compiler {
        return Ok(format!(
            "skipped the comparison: the compiler of {RESULTS} is {old_compiler}, this one {new_compiler}"
        ));
    }
    let (old, new) = (figures(old), figures(new));
    let mut grown = String::new();
    for (name, new) in &new {
        match old.iter().find(|(old, _)| old == name) {
            Some((_, old)) if new * 100 <= old * (100 + GROWTH) => {}
            Some((_, old)) if name.ends_with("stack") && *new <= old + STACK_NOISE => {}
            Some((_, old)) => grown.push_str(&format!("{name}: {old}, now {new}\n")),
            None => grown.push_str(&format!("{name}: not there, now {new}\n")),
        }
    }
    ensure!(
        grown.is_empty(),
        "above {RESULTS} by more than {GROWTH} %; if it must be: cargo xtask bench --write\n{grown}"
    );
    Ok(format!("{} figures", new.len()))
}

/// The compiler that a table names.
fn compiler(table: &str) -> &str {
    table.lines().find(|line| line.starts_with("rustc ")).unwrap_or("not named")
}

/// Each whole number of the tables, named by the words of its row and its column's title.
fn figures(tables: &str) -> Vec<(String, u64)> {
    let cells = |row: &str| row.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>();
    let mut figures = Vec::new();
    let mut titles = None;
    for line in tables.lines() {
        if !line.starts_with('|') {
            titles = None;
            continue;
        }
        let row = cells(line);
        let Some(titles) = &titles else {
            titles = Some(row);
            continue;
        };
        let words: Vec<_> = row.iter().filter(|cell| cell.parse::<f64>().is_err()).map(String::as_str).collect();
        for (title, cell) in titles.iter().zip(&row) {
            figures.extend(cell.parse().ok().map(|figure| (format!("{}: {title}", words.join(", ")), figure)));
        }
    }
    figures
}

/// The figures as tables; an error if one is above its limit.
fn table() -> Result<String> {
    let toolchain = Toolchain::find(&BOARDS.map(|board| board.target))?;
    setup::qemu(true)?;
    let mut text = format!(
        "What the device code costs, as `cargo xtask bench --write` writes it.\n\n{}\n\
         Cortex-M4F, f32, batch 1, zero wait states:\n\n| work | instructions | cycles |\n|---|---|---|\n",
        toolchain.version()?
    );
    let plugin = &plugin()?;
    let run = M4F.run(&M4F.build(toolchain, "cost")?, Some(plugin))?;
    let regions = regions(&run);
    ensure!(
        regions.len() == run.log.lines().count(),
        "a region for each line of the log expected:\n{}{}",
        run.log,
        run.plugin
    );
    for (name, (instructions, cycles)) in run.log.lines().zip(&regions) {
        text.push_str(&format!("| {name} | {instructions} | {cycles} |\n"));
    }

    let mut over = Vec::new();
    text.push_str(
        "\nOthers under the same model (C compiled by gcc 12.2 -O3), and our part of theirs:\n\n\
         | work | by | instructions | cycles | ours/theirs, instructions | ours/theirs, cycles |\n|---|---|---|---|---|---|\n",
    );
    for (work, peer, instructions, cycles) in PEERS {
        let (_, ours) = run.log.lines().zip(&regions).find(|(name, _)| *name == work).context(work)?;
        let ratios = [(ours.0, instructions), (ours.1, cycles)].map(|(ours, theirs)| ours as f64 / theirs as f64);
        text.push_str(&format!(
            "| {work} | {peer} | {instructions} | {cycles} | {:.2} | {:.2} |\n",
            ratios[0], ratios[1]
        ));
        if ours.1 >= cycles {
            over.push(format!("{work}: {} cycles, {peer} {cycles}", ours.1));
        }
    }

    text.push_str(&layers(toolchain, plugin)?);
    let costs = networks(toolchain, plugin)?;
    text.push_str(
        "\nEach network on each core, batch 1, sizes in bytes. Weights lie in flash for inference; for a step in RAM, and in flash as they are \
         before it. Code, with its constants, and statics are what the program has beyond one that does nothing, the stack is all of it; \
         the input, in flash too, is left out. Code for the M0 and the M3 is linked and run with the memory of the M4F's board; the last \
         column says what the micro:bit or the LM3S6965 lacks. The energy that an inference takes follows its cycles; nothing else is claimed of \
         it. Left out: the residual CNN's step and MobileNet on cores without a \
         floating-point unit, 800 million instructions and more that take long in QEMU.\n\n\
         | work | core | instructions | cycles | code | weights | RAM in statics | peak stack | does not fit |\n|---|---|---|---|---|---|---|---|---|\n",
    );
    for Cost { work, core, instructions, cycles, code, weights, statics, stack, lacks } in &costs {
        let cycles = cycles.map_or("-".to_owned(), |cycles| cycles.to_string());
        text.push_str(&format!(
            "| {work} | {core} | {instructions} | {cycles} | {code} | {weights} | {statics} | {stack} | {lacks} |\n"
        ));
    }
    let on_m4f =
        |work: &str| costs.iter().find(|cost| cost.work == work && cost.core == M4F.core).context("no such work");
    for (work, limit) in LIMITS {
        let Cost { code, weights, .. } = on_m4f(work)?;
        if code + weights > limit {
            over.push(format!("{work}: {} bytes of code and weights, the limit is {limit}", code + weights));
        }
    }
    text.push_str(
        "\nOthers' sizes for a Cortex-M4F (C compiled by gcc 12.2 -Os; ours, -O3, with the 364 bytes of weights), and our part of theirs:\n\n\
         | work | by | code | RAM | ours/theirs, code | ours/theirs, RAM |\n|---|---|---|---|---|---|\n",
    );
    for (work, peer, code, ram) in SIZES {
        let ours = on_m4f(work)?;
        let part = |ours: u64, theirs: u64| format!("{:.2}", ours as f64 / theirs as f64);
        let (ram, ram_part) = ram.map_or(("-".into(), "-".into()), |ram| (ram.to_string(), part(ours.statics, ram)));
        text.push_str(&format!(
            "| {work} | {peer} | {code} | {ram} | {} | {ram_part} |\n",
            part(ours.code + ours.weights, code)
        ));
    }
    text.push_str(&beside_plain(toolchain, plugin, &mut over)?);
    text.push_str(&elementary(toolchain, plugin, &mut over)?);
    text.push_str(&scaling(toolchain, plugin)?);
    text.push_str(&format!("\n{}", sections(&M4F.build(toolchain, "iris")?)?));
    if !over.is_empty() {
        bail!("{text}\nabove the limit: {}", over.join(", "));
    }
    Ok(text)
}

/// Builds the plugin that counts.
pub fn plugin() -> Result<PathBuf> {
    output(Command::new("cargo").args(["build", "--quiet", "--release", "--package", "m4-cycles"]))?;
    Ok(Path::new("target/release").join(if cfg!(target_os = "macos") {
        "libm4_cycles.dylib"
    } else {
        "libm4_cycles.so"
    }))
}

/// Instructions and cycles of `region 0 instructions 971 cycles 2168`.
fn region(line: &str) -> Option<(u64, u64)> {
    let mut words = line.strip_prefix("region ")?.split(' ');
    Some((words.nth(2)?.parse().ok()?, words.nth(1)?.parse().ok()?))
}

/// All regions of a run.
pub fn regions(run: &Run) -> Vec<(u64, u64)> {
    run.plugin.lines().filter_map(region).collect()
}

/// What work costs on a core.
struct Cost {
    work: &'static str,
    core: &'static str,
    instructions: u64,
    /// Where the model is valid.
    cycles: Option<u64>,
    code: u64,
    weights: u64,
    statics: u64,
    stack: u64,
    /// The memory of which the board has too little.
    lacks: String,
}

/// [`NETWORKS`] on every core, but for [`LONG`].
fn networks(toolchain: Toolchain, plugin: &Path) -> Result<Vec<Cost>> {
    let mut costs = Vec::new();
    for board in BOARDS {
        let hard_float = board.target.ends_with("hf");
        let networks: Vec<_> =
            NETWORKS.into_iter().filter(|(program, _)| hard_float || !LONG.contains(program)).collect();
        let programs: Vec<_> = networks.iter().map(|(program, _)| *program).chain([NOTHING]).collect();
        let roomy = board.roomy();
        let folder = device::build_all(toolchain, board.target, roomy.feature, &programs)?;
        let nothing = memory(&folder.join(NOTHING))?;
        // Two at a time, for two cores.
        for pair in networks.chunks(2) {
            thread::scope(|scope| {
                let start = |&(program, work): &(&str, &'static str)| {
                    let elf = folder.join(program);
                    scope.spawn(move || cost(work, board, memory(&elf)?, nothing, &roomy.run(&elf, Some(plugin))?))
                };
                for run in pair.iter().map(start).collect::<Vec<_>>() {
                    costs.push(run.join().map_err(|_| anyhow!("a run on the {} panicked", board.core))??);
                }
                Ok::<_, anyhow::Error>(())
            })?;
        }
    }
    // By work, then by core.
    costs.sort_by_key(|cost| NETWORKS.iter().position(|(_, work)| *work == cost.work));
    Ok(costs)
}

/// Public models in int8 beside CMSIS-NN, as a table; of those that are in the folder which the environment names.
fn beside_cmsis_nn() -> Result<String> {
    let Some(folder) = model::public_models() else {
        return Ok("\nskipped the public int8 models beside CMSIS-NN: NERVE_MODELS does not name their folder\n".into());
    };
    let mut text = String::from(
        "\nAn inference of public models in int8, with the code of each core and the memory of the M4F's board where the core's own is too \
         small, beside CMSIS-NN, called layer by layer (C compiled by gcc 12.2 -O3), and our part of its figures; of one of them alone: \
         `cargo xtask emulate --model`, with `--board`:\n\n\
         | model | core | instructions | cycles | CMSIS-NN's instructions | CMSIS-NN's cycles | ours/theirs, instructions | ours/theirs, cycles |\n\
         |---|---|---|---|---|---|---|---|\n",
    );
    for (name, board, their_instructions, their_cycles) in CMSIS_NN {
        let file = folder.join(name).with_extension("tflite");
        if !file.exists() {
            text.push_str(&format!("| {name} | {} | skipped: no such file | | | | | |\n", board.core));
            continue;
        }
        let (instructions, cycles) = model::cost(board, &file)?;
        let part = |ours: u64, theirs: u64| format!("{:.2}", ours as f64 / theirs as f64);
        let [cycles, theirs, ratio] = match their_cycles {
            Some(theirs) => [cycles.to_string(), theirs.to_string(), part(cycles, theirs)],
            None => ["-", "-", "-"].map(String::from),
        };
        text.push_str(&format!(
            "| {name} | {} | {instructions} | {cycles} | {their_instructions} | {theirs} | {} | {ratio} |\n",
            board.core,
            part(instructions, their_instructions)
        ));
    }
    Ok(text)
}

/// Public models as streams, and whether they can be run over a whole window or image too.
const STREAMS: [(&str, bool); 4] =
    [("streaming_wakeword_int8", true), ("vww_int8", true), ("v2_okay_nabu", false), ("v2_vad", false)];

fn streams() -> Result<String> {
    let Some(folder) = model::public_models() else {
        return Ok("\nskipped the public models as streams: NERVE_MODELS does not name their folder\n".into());
    };
    let mut text = String::from(
        "\nPublic models as streams on the Cortex-M4F: the row of a signal or image, or the step of a model with ring buffers, that takes most, \
         and the memory that is kept, beside the whole at once, whose input of its own is left out; of one of them alone: \
         `cargo xtask emulate --stream --model`:\n\n\
         | model | instructions a row | cycles a row | RAM | of the whole: instructions | cycles | RAM | row/whole, instructions |\n\
         |---|---|---|---|---|---|---|---|\n",
    );
    for (name, window) in STREAMS {
        let file = folder.join(name).with_extension("tflite");
        if !file.exists() {
            text.push_str(&format!("| {name} | skipped: no such file | | | | | | |\n"));
            continue;
        }
        let row = model::taken(&file, true)?;
        let whole = window.then(|| model::taken(&file, false)).transpose()?;
        let whole = whole.map_or("- | - | - | -".into(), |whole| {
            let part = row.instructions as f64 / whole.instructions as f64;
            format!("{} | {} | {} | {part:.3}", whole.instructions, whole.cycles, whole.ram)
        });
        text.push_str(&format!("| {name} | {} | {} | {} | {whole} |\n", row.instructions, row.cycles, row.ram));
    }
    Ok(text)
}

fn cost(work: &'static str, board: &Board, memory: [u64; 2], nothing: [u64; 2], run: &Run) -> Result<Cost> {
    let [(instructions, cycles)] = regions(run)[..] else { bail!("{work}: one region expected:\n{}", run.plugin) };
    let sizes: Result<Vec<u64>, _> = run.log.split_whitespace().map(str::parse).collect();
    let Ok([stack, weights, input]) = sizes.as_deref() else {
        bail!("{work}: sizes of stack, network and input expected: {}", run.log)
    };
    let [flash, statics] = memory;
    let (flash_kib, ram_kib) = board.memory;
    let mut lacks = Vec::new();
    if flash > 1024 * flash_kib {
        lacks.push(format!("{flash_kib} KB of flash"));
    }
    if statics + stack > 1024 * ram_kib {
        lacks.push(format!("{ram_kib} KB of RAM"));
    }
    Ok(Cost {
        work,
        core: board.core,
        instructions,
        cycles: (board.core == M4F.core).then_some(cycles),
        code: flash - nothing[0] - weights - input,
        weights: *weights,
        statics: statics - nothing[1],
        stack: *stack,
        lacks: lacks.join(", "),
    })
}

/// Our loops beside a textbook's on every core, as a table; where ours take more, `over` is told.
fn beside_plain(toolchain: Toolchain, plugin: &Path, over: &mut Vec<String>) -> Result<String> {
    let mut text = String::from(
        "\nInstructions of our loops and of plain ones, as a textbook has them, compiled alike; no sum differs in a bit. \
         The plain Iris step looks at its loss and gradients too, before it changes a weight:\n\n\
         | work | core | ours | plain | ours/plain |\n|---|---|---|---|---|\n",
    );
    for board in BOARDS {
        let elf = board.build_roomy(toolchain, "beside_plain")?;
        let run = board.roomy().run(&elf, Some(plugin)).context(board.core)?;
        for (work, pair) in run.log.lines().zip(regions(&run).as_chunks::<2>().0) {
            let [(ours, _), (plain, _)] = pair;
            let core = board.core;
            text.push_str(&format!("| {work} | {core} | {ours} | {plain} | {:.2} |\n", *ours as f64 / *plain as f64));
            if ours * 100 > plain * (100 + ABOVE_PLAIN) {
                over.push(format!("{work} on {core}: {ours} instructions, plain loops {plain}"));
            }
        }
    }
    Ok(text)
}

/// Layers and losses that the networks have not, on the Cortex-M4F, as a table.
fn layers(toolchain: Toolchain, plugin: &Path) -> Result<String> {
    let run = M4F.run(&M4F.build(toolchain, "layers")?, Some(plugin))?;
    let mut text = String::from(
        "\nLayers, activations and losses on the Cortex-M4F, f32, batch 1, of so many outputs; of a loss, of so many inputs, with its derivatives. \
         Bytes of weights, of the arena with input and output, of the whole stack at its peak with the input on it:\n\n\
         | layer | outputs | instructions | cycles | weights | arena | peak stack |\n|---|---|---|---|---|---|---|\n",
    );
    let regions = regions(&run);
    ensure!(regions.len() == run.log.lines().count(), "a region for each line of the log expected:\n{}", run.log);
    for (line, (instructions, cycles)) in run.log.lines().zip(regions) {
        let [name, outputs, weights, arena, stack] = line.split('|').collect::<Vec<_>>()[..] else {
            bail!("not a layer: {line}")
        };
        text.push_str(&format!(
            "| {name} of {outputs} | {outputs} | {instructions} | {cycles} | {weights} | {arena} | {stack} |\n"
        ));
    }
    Ok(text)
}

/// A step's cost by parameters on the Cortex-M4F, as a table, and the exponent of its growth.
fn scaling(toolchain: Toolchain, plugin: &Path) -> Result<String> {
    let run = M4F.run(&M4F.build(toolchain, "scaling")?, Some(plugin))?;
    let mut text = String::from(
        "\nAn SGD step of H-H-10 on the Cortex-M4F:\n\n| network: parameters | instructions | cycles |\n|---|---|---|\n",
    );
    let mut points = Vec::new();
    for (parameters, (instructions, cycles)) in run.log.lines().zip(regions(&run)) {
        text.push_str(&format!("| H-H-10: {parameters} | {instructions} | {cycles} |\n"));
        points.push([parameters.parse::<f64>()?.ln(), (cycles as f64).ln()]);
    }
    // The slope of the line through the logarithms.
    let mean = |i: usize| points.iter().map(|point| point[i]).sum::<f64>() / points.len() as f64;
    let (x, y) = (mean(0), mean(1));
    let covariance = points.iter().map(|point| (point[0] - x) * (point[1] - y)).sum::<f64>();
    let exponent = covariance / points.iter().map(|point| (point[0] - x).powi(2)).sum::<f64>();
    text.push_str(&format!("\nCycles grow with the parameters to the power of {exponent:.2}.\n"));
    Ok(text)
}

/// A function, by whom, and what 1,000 calls take.
type Function = (String, String, u64, u64, f64);

/// Runs the program of elementary functions, built with these arguments for the compiler.
fn functions(toolchain: Toolchain, plugin: &Path, arguments: &[String]) -> Result<Vec<Function>> {
    let mut cargo = toolchain.cargo("rustc", M4F.target);
    cargo
        .current_dir("firmware")
        .args(["--quiet", "--release", "--locked", "--bin", "elementary", "--"])
        .args(arguments);
    output(&mut cargo)?;
    let folder = Path::new("firmware").join(toolchain.target_dir()).join(M4F.target).join("release");
    let run = M4F.run(&folder.join("elementary"), Some(plugin))?;
    let function = |(line, (instructions, cycles)): (&str, (u64, u64))| {
        let [name, by, error] = line.split(',').collect::<Vec<_>>()[..] else { bail!("not a function: {line}") };
        Ok((name.to_owned(), by.to_owned(), instructions, cycles, error.parse()?))
    };
    run.log.lines().zip(regions(&run)).map(function).collect()
}

/// Our elementary functions beside newlib's, as a table; where ours cost more or err more, `over` is told.
fn elementary(toolchain: Toolchain, plugin: &Path, over: &mut Vec<String>) -> Result<String> {
    let mut text = String::from(
        "\nElementary functions on the Cortex-M4F, 1,000 calls in a loop, and the worst error of 8,000 in units in the last place:\n\n\
         | function | by | instructions | cycles | error |\n|---|---|---|---|---|\n",
    );
    let ours = functions(toolchain, plugin, &[])?;
    let newlib = NEWLIB.map(|(name, a, b, error)| (name.to_owned(), "newlib 3.3.0".to_owned(), a, b, error));
    for (name, by, instructions, cycles, error) in ours.iter().chain(&newlib) {
        text.push_str(&format!("| {name} | {by} | {instructions} | {cycles} | {error:.3} |\n"));
    }
    let [(.., expf, _), _] = &newlib;
    for ((name, _, _, cycles, error), (.., newlib_error)) in ours.iter().zip(&newlib) {
        if cycles > expf || *error > newlib_error + 0.0005 {
            over.push(format!("{name}: {cycles} cycles and an error of {error}, newlib's expf {expf} cycles, its {name}f {newlib_error}"));
        }
    }
    Ok(text)
}

/// newlib's functions as they are installed here, or why they are not measured.
fn newlib() -> Result<String> {
    const GCC: &str = "arm-none-eabi-gcc";
    const CORE: [&str; 3] = ["-mcpu=cortex-m4", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16"];
    let mut arguments = vec!["--cfg".to_owned(), "newlib".to_owned()];
    for library in ["libm.a", "libc.a"] {
        let path = output(Command::new(GCC).args(CORE).arg(format!("-print-file-name={library}"))).unwrap_or_default();
        // gcc prints the bare name of a file that it does not find.
        if !Path::new(path.trim()).is_absolute() {
            return Ok(format!(
                "skipped newlib's functions, whose figures are kept in {RESULTS}: no {library} of {GCC} (apt-get install libnewlib-arm-none-eabi)"
            ));
        }
        arguments.push(format!("-Clink-arg={}", path.trim()));
    }
    let version = output(Command::new(GCC).arg("--version"))?;
    let mut text = format!("newlib of {}, 1,000 calls:", version.lines().next().unwrap_or(GCC));
    for (name, by, instructions, cycles, error) in functions(Toolchain::find(&[M4F.target])?, &plugin()?, &arguments)? {
        if by == "newlib" {
            text.push_str(&format!("\n{name}: {instructions} instructions, {cycles} cycles, error {error:.3}"));
        }
    }
    Ok(text)
}

/// Bytes of flash and of RAM that a program takes, without its stack.
fn memory(elf: &Path) -> Result<[u64; 2]> {
    let bytes = fs::read(elf)?;
    let file = object::File::parse(&*bytes)?;
    let sum =
        |names: &[&str]| file.sections().filter(|s| s.name().is_ok_and(|n| names.contains(&n))).map(|s| s.size()).sum();
    Ok([sum(&[".vector_table", ".init", ".init.rust", ".text", ".rodata", ".data"]), sum(&[".data", ".bss"])])
}

/// The demo's memory by section: the weights that are used where they lie are in `.rodata`.
fn sections(elf: &Path) -> Result<String> {
    let bytes = fs::read(elf)?;
    let file = object::File::parse(&*bytes)?;
    let mut text = String::from("| section of the demo | bytes | memory |\n|---|---|---|\n");
    for section in file.sections().filter(|s| s.size() > 0) {
        let name = section.name()?;
        let memory = match name {
            ".vector_table" | ".text" | ".rodata" => "flash",
            ".data" => "flash and RAM",
            ".bss" => "RAM",
            _ => continue,
        };
        text.push_str(&format!("| {name} | {} | {memory} |\n", section.size()));
    }
    let trained =
        file.symbols().find(|s| s.name().is_ok_and(|n| n.contains("TRAINED"))).context("no symbol TRAINED")?;
    let index = trained.section_index().context("TRAINED lies in no section")?;
    let lies_in = file.section_by_index(index)?.name()?.to_owned();
    ensure!(lies_in == ".rodata", "the static network lies in {lies_in}, not in flash");
    text.push_str(&format!("\nThe static network `TRAINED`: {} bytes, all in {lies_in}.\n", trained.size()));
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_the_name_of_row_and_column() {
        let table = "| work | by | cycles | ratio |\n|---|---|---|---|\n| step | C | 12 | 0.91 |\n\n| section | bytes |\n|---|---|\n| .bss | 8 |\n";
        assert_eq!(figures(table), [("step, C: cycles".to_owned(), 12), (".bss: bytes".to_owned(), 8)]);
    }

    #[test]
    fn what_has_grown_is_named() -> Result<()> {
        let table = |version: &str, instructions: u64| {
            format!("rustc {version}\n\n| work | instructions |\n|---|---|\n| step | {instructions} |\n")
        };
        assert_eq!(compare(&table("1", 100), &table("1", 102))?, "1 figures");
        assert_eq!(compare(&table("1", 100), &table("1", 50))?, "1 figures");
        let error = compare(&table("1", 100), &table("1", 103)).unwrap_err().to_string();
        assert!(error.contains("step: instructions: 100, now 103"), "{error}");
        assert!(compare(&table("1", 100), "rustc 1\n\n| work | cycles |\n|---|---|\n| other | 1 |\n").is_err());
        assert!(compare(&table("1", 100), &table("2", 103))?.starts_with("skipped"));
        Ok(())
    }
}
