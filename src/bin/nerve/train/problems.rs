//! What is wrong with a file, place by place.

use std::fmt;

use anyhow::{Result, bail};

/// Places that are shown; the others are counted.
const SHOWN: usize = 5;

/// Things found so far.
#[derive(Default)]
pub struct Problems {
    shown: Vec<String>,
    others: usize,
}

impl Problems {
    /// Notes one.
    pub fn add(&mut self, problem: impl fmt::Display) {
        if self.shown.len() < SHOWN {
            self.shown.push(problem.to_string());
        } else {
            self.others += 1;
        }
    }

    /// An error if there are any, with what to do.
    pub fn end(self, help: &str) -> Result<()> {
        let Self { shown, others } = self;
        match (shown.is_empty(), others) {
            (true, _) => Ok(()),
            (false, 0) => bail!("{}\n{help}", shown.join("\n")),
            (false, others) => bail!("{}\nand {others} more\n{help}", shown.join("\n")),
        }
    }
}
