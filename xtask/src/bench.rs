//! What the code for the device costs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use object::{Object, ObjectSection, ObjectSymbol};

use crate::device::{BOARDS, M4F};
use crate::output;
use crate::setup::{self, Toolchain};

/// The figures that a change is compared with.
const RESULTS: &str = "benches/device.md";

/// Percent by which a figure may be above that of [`RESULTS`].
const GROWTH: u64 = 2;

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

/// Programs, what they hold beyond the runtime, and the most that may take.
const SIZES: [(&str, &str, u64); 2] =
    [("size_inference", "inference", 4 * 1024), ("size_training", "inference and training", 8 * 1024)];

/// Prints the figures, or writes them to [`RESULTS`].
pub fn run(write: bool) -> Result<()> {
    let text = table()?;
    if write {
        return fs::write(RESULTS, text).context(RESULTS);
    }
    println!("{text}");
    Ok(())
}

/// Compares the figures with those of [`RESULTS`]; an error if one has grown.
pub fn check() -> Result<String> {
    compare(&fs::read_to_string(RESULTS).context(RESULTS)?, &table()?)
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
    let run = M4F.run(&M4F.build(toolchain, "cost")?, Some(&plugin()?))?;
    let regions: Vec<_> = run.plugin.lines().filter_map(region).collect();
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
            over.push(format!("{work} beside {peer}"));
        }
    }

    text.push_str(
        "\nThe demo's program, 4-10-3, on each board; flash, RAM and stack in bytes:\n\n\
         | core | inference, instructions | SGD step, instructions | flash | RAM in statics | peak stack |\n|---|---|---|---|---|---|\n",
    );
    for board in BOARDS {
        let log = board.run(&board.build(toolchain, "iris")?, None)?.log;
        let cost = log.lines().find(|line| line.starts_with("cost: ")).context("the demo did not say what it costs")?;
        let numbers: Vec<_> = cost.split([' ', ',', ';']).filter(|word| word.parse::<u64>().is_ok()).collect();
        text.push_str(&format!("| {} | {} |\n", board.core, numbers.join(" | ")));
    }

    text.push_str("\n| code beyond the runtime | bytes | limit |\n|---|---|---|\n");
    let runtime = code(&M4F.build(toolchain, "size_runtime")?)?;
    for (program, what, limit) in SIZES {
        let bytes = code(&M4F.build(toolchain, program)?)?.saturating_sub(runtime);
        text.push_str(&format!("| {what} | {bytes} | {limit} |\n"));
        if bytes > limit {
            over.push(what.to_owned());
        }
    }
    text.push_str(&format!("\n{}", sections(&M4F.build(toolchain, "iris")?)?));
    if !over.is_empty() {
        bail!("{text}\nabove the limit: {}", over.join(", "));
    }
    Ok(text)
}

/// Builds the plugin that counts.
fn plugin() -> Result<PathBuf> {
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

/// Bytes of code and constants.
fn code(elf: &Path) -> Result<u64> {
    let bytes = fs::read(elf)?;
    let file = object::File::parse(&*bytes)?;
    Ok(file.sections().filter(|s| [".text", ".rodata"].contains(&s.name().unwrap_or(""))).map(|s| s.size()).sum())
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
