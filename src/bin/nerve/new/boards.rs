//! What is particular to each board.

use std::ops::Range;

use anyhow::Result;
use clap::ValueEnum;
use minijinja::{Environment, Value, context};

/// A board for which projects are written.
#[derive(Clone, Copy, ValueEnum)]
pub enum Board {
    /// Raspberry Pi Pico: RP2040, Cortex-M0+
    Pico,
    /// Raspberry Pi Pico 2: RP2350, Cortex-M33
    Pico2,
    /// Nordic nRF52840-DK: Cortex-M4F
    #[value(name = "nrf52840-dk")]
    Nrf52840Dk,
    /// ST's STM32F4 Discovery: STM32F407, Cortex-M4F
    #[value(name = "stm32f4-discovery")]
    Stm32f4Discovery,
    /// An ESP32-C3 with a USB bridge at UART 0, such as the ESP32-C3-DevKitM-1: RISC-V
    #[value(name = "esp32c3")]
    Esp32c3,
    /// BBC micro:bit of 2016: nRF51822, Cortex-M0; also in QEMU
    Microbit,
    /// Arm MPS2 with FPGA image AN386 in QEMU: Cortex-M4F
    #[value(name = "mps2-an386")]
    Mps2An386,
}

/// What the templates ask for; texts but the title are templates too, which ask for `learn`.
pub struct Facts {
    pub title: &'static str,
    /// The compiler's target.
    pub target: &'static str,
    /// The core, as the compiler calls it, if it shall know more of it than the target says.
    pub cpu: Option<&'static str>,
    /// What puts a program onto the board and runs it.
    pub runner: &'static str,
    /// What follows the command that runs it.
    pub input: &'static str,
    /// What to know of its serial line, and how to get the runner.
    pub serial: &'static str,
    /// The serial line, as `nerve device` takes it.
    pub port: &'static str,
    /// The attribute of `main`.
    pub entry: &'static str,
    /// Starts the program anew.
    pub restart: &'static str,
    /// Lines of the firmware's `Cargo.toml`.
    pub dependencies: &'static str,
    /// The linker's scripts.
    pub scripts: &'static [&'static str],
    /// `memory.x`, unless a dependency has it.
    pub memory: Option<&'static str>,
    /// What was learned lies there in the flash, of whose addresses the first is 0.
    pub store: Range<u32>,
    /// What the store is, for people.
    pub store_is: &'static str,
    /// Erase cycles that the flash is rated for, and who says so.
    pub endurance: (u32, &'static str),
    /// `src/board.rs`.
    pub module: &'static str,
}

impl Facts {
    pub fn for_templates(&self, environment: &Environment, learn: bool) -> Result<Value> {
        let Self { title, target, cpu, entry, restart, port, store_is, .. } = *self;
        let hex = |address: u32| format!("{address:#x}");
        let store = context! { from => hex(self.store.start), to => hex(self.store.end) };
        let (endurance, rated_by) = self.endurance;
        let known = context! { learn };
        let text = |template: &str| environment.render_str(template, &known);
        Ok(context! {
            title, target, cpu, entry, restart, port, store, store_is, endurance, rated_by,
            runner => text(self.runner)?,
            input => text(self.input)?,
            serial => text(self.serial)?,
            dependencies => text(self.dependencies)?,
            memory => self.memory.is_some(),
            scripts => self.scripts.to_vec(),
        })
    }
}

const M0: &str = "thumbv6m-none-eabi";
const M4F: &str = "thumbv7em-none-eabihf";
const M33: &str = "thumbv8m.main-none-eabihf";

/// `VMUL` and `VADD` take 2 cycles together on a Cortex-M4 where a fused `VFMA` takes 3, and the compiler knows it by this name.
const CORTEX_M4: Option<&str> = Some("cortex-m4");

const ENTRY: &str = "cortex_m_rt::entry";
const RESTART: &str = "cortex_m::peripheral::SCB::sys_reset()";

/// What a store is of which the program's memory knows.
const LAST: &str = "the end of the flash, which `memory.x` leaves free";

/// A line of `Cargo.toml` for each core, its log and its panics at the debug probe, and those of the board.
macro_rules! probed {
    ($($line:expr),*) => {
        concat!(
            r#"cortex-m = { version = "0.7.7", features = ["critical-section-single-core"] }
cortex-m-rt = "0.7.5"
defmt = "1"
defmt-rtt = "1"
panic-probe = { version = "1", features = ["print-defmt"] }"#,
            $("\n", $line),*
        )
    };
}

/// What the smallest cores need, which have no instruction to exchange a flag.
macro_rules! without_atomics {
    () => {
        r#"# `static_cell` exchanges a flag, for which a Cortex-M0 has no instruction.
portable-atomic = { version = "1", default-features = false, features = ["critical-section"] }"#
    };
}

/// How to run a board with a debug probe.
macro_rules! probe {
    ($serial:literal) => {
        concat!(
            $serial,
            " at 115,200 baud{% if not learn %}: send lines of `examples.csv` there{% endif %}. Flashing takes\n\
             [probe-rs](https://probe.rs), `cargo install probe-rs-tools --locked`; it shows the log."
        )
    };
}

/// `board.rs` of a board whose UART is one of embassy's, all of which are read and written alike.
macro_rules! embassy {
    ($board:literal) => {
        concat!(include_str!(concat!("boards/", $board, ".rs.j2")), include_str!("boards/embassy.rs.j2"))
    };
}

impl Board {
    pub fn facts(self) -> Facts {
        match self {
            Self::Pico => Facts {
                title: "Raspberry Pi Pico (Cortex-M0+)",
                target: M0,
                cpu: None,
                runner: "probe-rs run --chip RP2040",
                input: "",
                serial: probe!("The serial line is UART 0: GP0 (pin 1) sends, GP1 (pin 2) receives,"),
                port: "/dev/ttyACM0",
                entry: ENTRY,
                restart: RESTART,
                dependencies: probed!(
                    r#"embassy-rp = { version = "0.10", features = ["defmt", "rp2040", "time-driver"] }"#,
                    without_atomics!()
                ),
                scripts: &["link.x", "link-rp.x", "defmt.x"],
                memory: Some(
                    "MEMORY {
  BOOT2 : ORIGIN = 0x10000000, LENGTH = 0x100
  FLASH : ORIGIN = 0x10000100, LENGTH = 2048K - 0x100{{ ' - 16K' if learn else '' }}
  RAM : ORIGIN = 0x20000000, LENGTH = 264K
}
",
                ),
                store: 0x1f_c000..0x20_0000,
                store_is: LAST,
                endurance: (100_000, "the W25Q16's data sheet"),
                module: embassy!("pico"),
            },
            Self::Pico2 => Facts {
                title: "Raspberry Pi Pico 2 (Cortex-M33)",
                target: M33,
                cpu: None,
                runner: "probe-rs run --chip RP235x",
                input: "",
                serial: probe!("The serial line is UART 0: GP0 (pin 1) sends, GP1 (pin 2) receives,"),
                port: "/dev/ttyACM0",
                entry: ENTRY,
                restart: RESTART,
                dependencies: probed!(
                    r#"embassy-rp = { version = "0.10", features = ["defmt", "imagedef-secure-exe", "rp235xa", "time-driver"] }"#
                ),
                scripts: &["link.x", "defmt.x"],
                memory: Some(
                    "MEMORY {
  FLASH : ORIGIN = 0x10000000, LENGTH = 4096K{{ ' - 16K' if learn else '' }}
  RAM : ORIGIN = 0x20000000, LENGTH = 512K
}

/* The RP2350's boot ROM looks for a description of the program within its first 4 KiB. */
SECTIONS {
  .start_block : ALIGN(4) {
    __start_block_addr = .;
    KEEP(*(.start_block));
    KEEP(*(.boot_info));
  } > FLASH
} INSERT AFTER .vector_table;
_stext = ADDR(.start_block) + SIZEOF(.start_block);
",
                ),
                store: 0x3f_c000..0x40_0000,
                store_is: LAST,
                endurance: (100_000, "the W25Q32's data sheet"),
                module: embassy!("pico"),
            },
            Self::Nrf52840Dk => Facts {
                title: "Nordic nRF52840-DK (Cortex-M4F)",
                target: M4F,
                cpu: CORTEX_M4,
                runner: "probe-rs run --chip nRF52840_xxAA",
                input: "",
                serial: probe!("The serial line is that of the debugger, at the same USB port (J2),"),
                port: "/dev/ttyACM0",
                entry: ENTRY,
                restart: RESTART,
                dependencies: probed!(r#"embassy-nrf = { version = "0.11", features = ["defmt", "nrf52840"] }"#),
                scripts: &["link.x", "defmt.x"],
                memory: Some(
                    "MEMORY {
  FLASH : ORIGIN = 0x00000000, LENGTH = 1024K{{ ' - 16K' if learn else '' }}
  RAM : ORIGIN = 0x20000000, LENGTH = 256K
}
",
                ),
                store: 0xf_c000..0x10_0000,
                store_is: LAST,
                endurance: (10_000, "the chip's product specification"),
                module: embassy!("nrf52840-dk"),
            },
            Self::Stm32f4Discovery => Facts {
                title: "STM32F4 Discovery (Cortex-M4F)",
                target: M4F,
                cpu: CORTEX_M4,
                runner: "probe-rs run --chip STM32F407VGTx",
                input: "",
                serial: probe!("The serial line is USART 2, for a USB adapter of 3.3 V: PA2 sends, PA3 receives,"),
                port: "/dev/ttyUSB0",
                entry: ENTRY,
                restart: RESTART,
                dependencies: probed!(r#"embassy-stm32 = { version = "0.6", features = ["defmt", "stm32f407vg"] }"#),
                scripts: &["link.x", "defmt.x"],
                memory: Some(
                    "MEMORY {
  FLASH : ORIGIN = 0x08000000, LENGTH = 1024K{{ ' - 256K' if learn else '' }}
  RAM : ORIGIN = 0x20000000, LENGTH = 112K
}
",
                ),
                store: 0xc_0000..0x10_0000,
                store_is: LAST,
                endurance: (10_000, "the chip's data sheet"),
                module: embassy!("stm32f4-discovery"),
            },
            Self::Esp32c3 => Facts {
                title: "ESP32-C3 (RISC-V)",
                target: "riscv32imc-unknown-none-elf",
                cpu: None,
                runner: "espflash flash{% if not learn %} --monitor{% endif %} --chip esp32c3",
                input: "",
                serial: "The serial line is that of the board's USB bridge, UART 0 (GPIO21 sends, GPIO20 receives), at 115,200 baud. Flashing takes\n\
                         [espflash](https://github.com/esp-rs/espflash), `cargo install espflash --locked`{% if not learn %}, whose monitor is at that line: type the numbers there{% endif %}.",
                port: "/dev/ttyUSB0",
                entry: "esp_hal::main",
                restart: "esp_hal::system::software_reset()",
                dependencies: r#"esp-backtrace = { version = "0.20", features = ["esp32c3", "panic-handler", "println"] }
esp-bootloader-esp-idf = { version = "0.6", features = ["esp32c3"] }
esp-hal = { version = "1.2", features = ["esp32c3"] }
esp-println = { version = "0.18", features = ["esp32c3"] }
{% if learn %}
esp-storage = { version = "0.10", features = ["bytewise-read", "embedded-storage", "esp32c3"] }
{% endif %}"#,
                scripts: &["linkall.x"],
                memory: None,
                store: 0x9000..0xf000,
                store_is: "the partition `nvs` of espflash's table, which nothing else here uses",
                endurance: (100_000, "the chip's data sheet"),
                module: include_str!("boards/esp32c3.rs.j2"),
            },
            Self::Microbit => Facts {
                title: "BBC micro:bit of 2016 (Cortex-M0)",
                target: M0,
                cpu: None,
                runner: "probe-rs run --chip nRF51822_xxAA",
                input: "",
                serial: probe!(
                    "Without the board: `qemu-system-arm -M microbit -nographic -kernel ELF` (Ctrl-A X ends it).\n\
                     The serial line is that of the debugger, at the same USB port,"
                ),
                port: "/dev/ttyACM0",
                entry: ENTRY,
                restart: RESTART,
                dependencies: probed!(
                    r#"embedded-io = "0.7"
{% if learn %}
embedded-storage = "0.3"
{% endif %}
nrf51-hal = { version = "0.19", default-features = false, features = ["rt"] }"#,
                    without_atomics!()
                ),
                scripts: &["link.x", "defmt.x"],
                memory: Some(
                    "MEMORY {
  FLASH : ORIGIN = 0x00000000, LENGTH = 256K{{ ' - 16K' if learn else '' }}
  RAM : ORIGIN = 0x20000000, LENGTH = 16K
}
",
                ),
                store: 0x3_c000..0x4_0000,
                store_is: LAST,
                endurance: (20_000, "the chip's product specification"),
                module: include_str!("boards/microbit.rs.j2"),
            },
            Self::Mps2An386 => Facts {
                title: "Arm MPS2-AN386 (Cortex-M4F), emulated by QEMU",
                target: M4F,
                cpu: CORTEX_M4,
                runner: "qemu-system-arm -M mps2-an386 -nographic -monitor none \
                         -serial {{ 'tcp:localhost:4386,server=on,wait=off' if learn else 'none' }} \
                         -semihosting-config enable=on,target=native -kernel",
                input: "{% if not learn %} < ../examples.csv   # or without a file: type the numbers{% endif %}",
                serial: "{% if learn %}\
                         The serial line is the port 4386 of this machine, where QEMU listens (`apt-get install qemu-system-arm`). Ctrl-C ends it.\
                         {% else %}\
                         The serial line is the terminal in which QEMU runs (`apt-get install qemu-system-arm`). The program ends with its input.\
                         {% endif %}",
                port: "tcp:localhost:4386",
                entry: ENTRY,
                restart: RESTART,
                dependencies: r#"cortex-m = { version = "0.7.7", features = ["critical-section-single-core"] }
cortex-m-rt = "0.7.5"
{% if learn %}
embedded-storage = "0.3"
{% endif %}
semihosting = { version = "0.1.25", features = [{{ '"fs", ' if learn else '' }}"stdio"] }"#,
                scripts: &["link.x"],
                memory: Some(
                    "MEMORY {
  FLASH : ORIGIN = 0x00000000, LENGTH = 4096K
  RAM : ORIGIN = 0x20000000, LENGTH = 4096K
}
",
                ),
                store: 0..0x4000,
                store_is: "the file `flash.bin`",
                endurance: (10_000, "a guess"),
                module: include_str!("boards/mps2-an386.rs.j2"),
            },
        }
    }
}
