//! Arm MPS2 with FPGA image AN386, as QEMU emulates it: its serial line is the terminal in which it was started.

use core::fmt;
use core::panic::PanicInfo;

use cortex_m as _; // Its critical section.
use semihosting::io::{self, Read, Stdin, Stdout, Write};
use semihosting::process;

pub struct Serial {
    input: Stdin,
    output: Stdout,
}

pub fn serial() -> Serial {
    match (io::stdin(), io::stdout()) {
        (Ok(input), Ok(output)) => Serial { input, output },
        _ => process::exit(1),
    }
}

impl Serial {
    /// Waits for a byte; the program ends with its input.
    pub fn read(&mut self) -> u8 {
        let mut byte = [0];
        match self.input.read(&mut byte) {
            Ok(1) => byte[0],
            _ => process::exit(0),
        }
    }
}

impl fmt::Write for Serial {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.output.write_all(text.as_bytes()).map_err(|_| fmt::Error)
    }
}

#[panic_handler]
fn panic(info: &PanicInfo) -> ! {
    semihosting::eprintln!("{info}");
    process::exit(1)
}
