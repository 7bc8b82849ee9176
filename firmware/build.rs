//! Hands the board's memory map to the linker, and the linker scripts of the runtime and of the log; makes the network of a LiteRT model.

use std::path::{Path, PathBuf};
use std::{env, error::Error, fs};

use nerve::import::Cut;
use nerve::prelude::*;
use rand_core::SeedableRng;
use rand_pcg::Pcg32;

#[path = "src/gauge.rs"]
mod gauge;

/// Programs that do not log.
const SILENT: [&str; 1] = ["panic_free"];

/// The demo's network in integers.
const IRIS: &str = "data/iris.tflite";
/// A network of eight digits in integers.
const DIGITS: &str = "data/digits.tflite";

/// Each board's feature, its memory for the program and for variables: where it begins, and KiB.
const BOARDS: [(&str, Region, Region); 9] = [
    ("MICROBIT", (0x0000_0000, 256), (0x2000_0000, 16)),
    ("LM3S6965EVB", (0x0000_0000, 256), (0x2000_0000, 64)),
    ("MPS2_AN386", (0x0000_0000, 4096), (0x2000_0000, 4096)),
    ("MPS2_AN505", (0x1000_0000, 4096), (0x3800_0000, 4096)),
    ("MPS3_AN547", (0x0000_0000, 512), (0x6000_0000, 4096)),
    ("RISCV_VIRT", (0x8000_0000, 4096), (0x8040_0000, 4096)),
    // The flash of these ends with what `STORE` in the board's module keeps for checkpoints.
    ("NRF52840_DK", (0x0000_0000, 1024 - 16), (0x2000_0000, 256)),
    ("STM32F4_DISCOVERY", (0x0800_0000, 1024 - 256), (0x2000_0000, 112)),
    ("PICO2", (0x1000_0000, 4096 - 16), (0x2000_0000, 512)),
];
type Region = (u32, u32);

/// The RISC-V runtime wants to be told what goes where.
const RISCV_REGIONS: &str = r#"REGION_ALIAS("REGION_TEXT", FLASH);
REGION_ALIAS("REGION_RODATA", FLASH);
REGION_ALIAS("REGION_DATA", RAM);
REGION_ALIAS("REGION_BSS", RAM);
REGION_ALIAS("REGION_HEAP", RAM);
REGION_ALIAS("REGION_STACK", RAM);
"#;

/// Where the RP2350's boot ROM looks for a description of the program: within its first 4 KiB.
const RP2350_START: &str = r#"SECTIONS {
  .start_block : ALIGN(4) {
    __start_block_addr = .;
    KEEP(*(.start_block));
    KEEP(*(.boot_info));
  } > FLASH
} INSERT AFTER .vector_table;
_stext = ADDR(.start_block) + SIZEOF(.start_block);
"#;

fn main() -> Result<(), Box<dyn Error>> {
    let out = PathBuf::from(env::var("OUT_DIR")?);
    if env::var_os("CARGO_FEATURE_HOST").is_none() {
        link(&out)?;
    }
    networks(&out)?;
    untrained(&out.join("gauge.nrv"))?;
    println!("cargo:rustc-check-cfg=cfg(newlib)");
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=src/bin");
    Ok(())
}

/// Tells the linker the board's memory, and what to put where.
fn link(out: &Path) -> Result<(), Box<dyn Error>> {
    let chosen: Vec<_> =
        BOARDS.iter().filter(|(board, ..)| env::var_os(format!("CARGO_FEATURE_{board}")).is_some()).collect();
    let [(board, flash, ram)] = chosen[..] else {
        return Err("choose one board, as in --no-default-features --features microbit".into());
    };
    let region = |(origin, kib): &Region| format!("ORIGIN = {origin:#x}, LENGTH = {kib}K");
    let mut memory = format!("MEMORY {{\n  FLASH : {}\n  RAM : {}\n}}\n", region(flash), region(ram));
    let riscv = env::var("CARGO_CFG_TARGET_ARCH")?.starts_with("riscv");
    if riscv {
        memory.push_str(RISCV_REGIONS);
        println!("cargo:rustc-link-arg-bins=-Tmemory.x"); // `link.x` of the Arm runtime includes it by itself.
    }
    if *board == "PICO2" {
        memory.push_str(RP2350_START);
    }
    fs::write(out.join("memory.x"), memory)?;
    println!("cargo:rustc-link-search={}", out.display());
    println!("cargo:rustc-link-arg-bins=--nmagic");
    println!("cargo:rustc-link-arg-bins=-Tlink.x");
    for program in fs::read_dir("src/bin")? {
        let name = program?.path().file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if !SILENT.contains(&name.as_str()) {
            println!("cargo:rustc-link-arg-bin={name}=-Tdefmt.x");
        }
    }
    Ok(())
}

/// The network that `learner_gauge` begins with.
fn untrained(file: &Path) -> Result<(), Box<dyn Error>> {
    let mut net = gauge::Net::ZERO;
    net.init(Init::GlorotUniform, &mut Pcg32::seed_from_u64(1));
    Ok(fs::write(file, weights::save(&net, &mut [0; weights::file_len::<f32, gauge::Net>()])?)?)
}

/// Makes the networks of LiteRT models.
fn networks(out: &Path) -> Result<(), Box<dyn Error>> {
    // The demo's network in integers, and that of the program `model`: of the file which the environment names, or the demo's again.
    println!("cargo:rerun-if-changed={IRIS}");
    nerve::import::write(IRIS, out)?;
    println!("cargo:rerun-if-env-changed=NERVE_MODEL");
    let model = env::var_os("NERVE_MODEL").map_or_else(|| IRIS.into(), PathBuf::from);
    println!("cargo:rerun-if-changed={}", model.display());
    fs::copy(&model, out.join("model.tflite"))?;
    nerve::import::write(out.join("model.tflite"), out)?;
    // The layers of `learner_digits` that do not learn.
    println!("cargo:rerun-if-changed={DIGITS}");
    nerve::import::write_cut(DIGITS, Cut { layer: "5", head: 10, corrections: false }, out)?;
    // The network of the program `adapt`: the first layers of the file that the environment names, and classes of a new last one; or digits.
    let variables = ["NERVE_CUT_MODEL", "NERVE_CUT_LAYER", "NERVE_CUT_HEAD", "NERVE_CUT_CORRECTIONS"];
    variables.iter().for_each(|name| println!("cargo:rerun-if-env-changed={name}"));
    let [model, layer, head, corrections] = variables.map(|name| env::var(name).ok());
    let (model, layer) = (model.unwrap_or_else(|| DIGITS.into()), layer.unwrap_or_else(|| "5".into()));
    println!("cargo:rerun-if-changed={model}");
    fs::copy(&model, out.join("cut.tflite"))?;
    let head = head.map_or(Ok(10), |head| head.parse())?;
    nerve::import::write_cut(
        out.join("cut.tflite"),
        Cut { layer: &layer, head, corrections: corrections.is_some() },
        out,
    )?;
    // How `model` runs: over examples, as a stream, or with a region for each layer.
    println!("cargo:rustc-check-cfg=cfg(stream, by_layer)");
    for (variable, configuration) in [("NERVE_STREAM", "stream"), ("NERVE_BY_LAYER", "by_layer")] {
        println!("cargo:rerun-if-env-changed={variable}");
        if env::var_os(variable).is_some() {
            println!("cargo:rustc-cfg={configuration}");
        }
    }
    if env::var_os("NERVE_BY_LAYER").is_some() {
        let file = out.join("model.rs");
        fs::write(&file, counted(&fs::read_to_string(&file)?))?;
    }
    Ok(())
}

/// Types of layers that are counted, as generated modules begin them.
const COUNTED: [&str; 12] = [
    "quant::Integer<",
    "quant::Windowed<",
    "quant::Each<",
    "quant::Merged<",
    "nerve::Conv<",
    "nerve::Depthwise<",
    "nerve::ConvTranspose2d<",
    "nerve::Dense<",
    "nerve::Gru<",
    "nerve::Lstm<",
    "nerve::Frozen<",
    "nerve::Pool<",
];

/// A generated module whose layers are `Counted`. What joins tensors, or has no constants, is left as it is.
fn counted(module: &str) -> String {
    let (types, values) = module.split_at(module.find("pub static").unwrap_or(0));
    let mut source = wrapped(types, &COUNTED, '<', "crate::Counted<", ">");
    // Those of `quant` are made by `Name::new(…)`, those of floats of their elements.
    let constructors = COUNTED.map(|ty| ty.replace("quant::", "").replace('<', "::new("));
    let constructors: Vec<_> =
        constructors.iter().filter(|name| !name.contains("nerve::")).map(|name| &name[..]).collect();
    let values = wrapped(values, &constructors, '(', "crate::Counted(", ")");
    for line in values.split_inclusive('\n') {
        let end = "as nerve::flash::FromSource<Elements>>::NETWORK";
        source += &match line.trim_end().strip_suffix(end) {
            Some(ty) => format!("        crate::Counted({}{end})\n", ty.trim_start()),
            None => line.into(),
        };
    }
    source
}

/// `source` with `before` and `after` around each expression that begins with one of `heads`, whose last character `open` is closed at its end.
fn wrapped(source: &str, heads: &[&str], open: char, before: &str, after: &str) -> String {
    let close = if open == '<' { '>' } else { ')' };
    let (mut done, mut rest) = (String::new(), source);
    let next = |rest: &str| heads.iter().filter_map(|head| Some((rest.find(head)?, *head))).min();
    while let Some((at, head)) = next(rest) {
        let mut depth = 1;
        let end = rest[at + head.len()..].find(|character| {
            depth += i32::from(character == open) - i32::from(character == close);
            depth == 0
        });
        let end = end.map_or(rest.len(), |end| at + head.len() + end + 1);
        done.extend([&rest[..at], before, &rest[at..end], after]);
        rest = &rest[end..];
    }
    done + rest
}
