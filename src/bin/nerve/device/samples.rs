//! What the device's network takes and gives, and samples of it in a CSV file.

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use csv::StringRecord;
use nerve_protocol::{Info, Numbers, Target};

/// An input as the network takes it, and what it should make of it.
pub struct Sample {
    input: Vec<u8>,
    target: Wanted,
}

enum Wanted {
    Class(u32),
    Values(Vec<f32>),
}

impl Sample {
    pub fn input(&self) -> Numbers<'_> {
        Numbers::new(&self.input)
    }

    pub fn target(&self) -> Target<'_> {
        match &self.target {
            Wanted::Class(class) => Target::Class(*class),
            Wanted::Values(values) => Target::Values(Numbers::new(values)),
        }
    }

    /// Its class, if it has one.
    pub fn class(&self) -> Option<u32> {
        if let Wanted::Class(class) = self.target { Some(class) } else { None }
    }
}

/// What the network takes and gives.
#[derive(Clone, Copy)]
pub struct Shape {
    integers: bool,
    outputs: usize,
    pub classes: bool,
}

impl From<&Info<'_>> for Shape {
    fn from(info: &Info) -> Self {
        Self { integers: info.integers, outputs: info.outputs as usize, classes: info.classes }
    }
}

impl Shape {
    /// Numbers as the network takes them.
    pub fn input(self, numbers: &[f32]) -> Result<Vec<u8>> {
        if !self.integers {
            return Ok(numbers.iter().flat_map(|x| x.to_le_bytes()).collect());
        }
        let integer = |x: &f32| match *x as i8 {
            integer if f32::from(integer) == *x => Ok(integer as u8),
            _ => bail!("{x} is not an integer from -128 to 127, which the device's network takes"),
        };
        numbers.iter().map(integer).collect()
    }

    /// A row of numbers, the class behind them, or the values that the network should find.
    pub fn sample(self, row: &[f32]) -> Result<Sample> {
        let of_target = if self.classes { 1 } else { self.outputs };
        let split = row.split_at_checked(row.len().saturating_sub(of_target));
        let (input, target) = split.with_context(|| format!("a row of {} numbers", row.len()))?;
        let target = match target {
            [class] if self.classes => match *class as u32 {
                number if number as f32 == *class => Wanted::Class(number),
                _ => bail!("{class} is not the number of a class"),
            },
            values => Wanted::Values(values.into()),
        };
        Ok(Sample { input: self.input(input)?, target })
    }

    /// Reads rows of numbers with the class in the last column, or the values in the last ones. A first row without a number is taken for a
    /// heading.
    pub fn read(self, path: &Path) -> Result<Vec<Sample>> {
        let mut rows = csv::ReaderBuilder::new()
            .has_headers(false)
            .trim(csv::Trim::All)
            .from_path(path)
            .with_context(|| format!("could not read {}", path.display()))?;
        let mut samples = Vec::new();
        for (index, row) in rows.records().enumerate() {
            let row = row.with_context(|| format!("{} is not a CSV file", path.display()))?;
            let heading = index == 0 && row.iter().all(|field| field.parse::<f32>().is_err());
            if !heading {
                let sample = numbers(&row).and_then(|row| self.sample(&row));
                samples.push(sample.with_context(|| format!("{}, row {}", path.display(), index + 1))?);
            }
        }
        ensure!(!samples.is_empty(), "{} has no samples", path.display());
        Ok(samples)
    }
}

fn numbers(row: &StringRecord) -> Result<Vec<f32>> {
    let expected = || format!("numbers expected, found `{}`", row.iter().collect::<Vec<_>>().join(","));
    row.iter().map(|field| field.parse::<f32>()).collect::<Result<_, _>>().with_context(expected)
}
