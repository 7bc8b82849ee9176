//! What is particular to each board.

use clap::ValueEnum;
use minijinja::{Value, context};

/// A board for which projects are written.
#[derive(Clone, Copy, ValueEnum)]
#[value(rename_all = "kebab-case")]
pub enum Board {
    /// Arm MPS2 with FPGA image AN386, a Cortex-M4F, in QEMU.
    #[value(name = "mps2-an386")]
    Mps2An386,
}

/// What the templates ask for.
pub struct Facts {
    /// Its name and core.
    pub title: &'static str,
    /// The compiler's target.
    pub target: &'static str,
    /// What puts a program onto the board and runs it.
    pub runner: &'static str,
    /// The attribute of `main`.
    pub entry: &'static str,
    /// Lines of the firmware's `Cargo.toml`.
    pub dependencies: &'static str,
    /// The linker's scripts.
    pub scripts: &'static [&'static str],
    /// `memory.x`.
    pub memory: &'static str,
    /// `src/board.rs`.
    pub module: &'static str,
    /// The command that runs it.
    pub run: &'static str,
    /// What to know of its serial line.
    pub serial: &'static str,
}

impl Board {
    pub fn facts(self) -> Facts {
        match self {
            Self::Mps2An386 => Facts {
                title: "Arm MPS2-AN386 in QEMU (Cortex-M4F)",
                target: "thumbv7em-none-eabihf",
                runner: "qemu-system-arm -M mps2-an386 -nographic -monitor none -serial none -semihosting-config enable=on,target=native -kernel",
                entry: "cortex_m_rt::entry",
                dependencies: r#"cortex-m = { version = "0.7.7", features = ["critical-section-single-core"] }
cortex-m-rt = "0.7.5"
semihosting = { version = "0.1.25", features = ["stdio"] }"#,
                scripts: &["link.x"],
                memory: "MEMORY {\n  FLASH : ORIGIN = 0x00000000, LENGTH = 4096K\n  RAM : ORIGIN = 0x20000000, LENGTH = 4096K\n}\n",
                module: include_str!("boards/mps2-an386.rs"),
                run: "cargo run --release < ../examples.csv   # in QEMU; without a file, type the numbers",
                serial: "The board's serial line is the terminal in which QEMU runs. It ends with its input.",
            },
        }
    }
}

impl Facts {
    pub fn for_templates(&self) -> Value {
        let Self { title, target, runner, run, serial, entry, dependencies, scripts, memory, module: _ } = *self;
        context! { title, target, runner, run, serial, entry, dependencies, scripts => scripts.to_vec(), memory }
    }
}
