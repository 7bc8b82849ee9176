//! Labelled samples of a CSV file.

use std::path::Path;

use anyhow::{Context, Result, ensure};

/// An input and its class.
pub struct Sample {
    pub input: Vec<f32>,
    pub class: u32,
}

/// Reads rows of numbers with the class in the last column. A first row without a number is taken for a heading.
pub fn read(path: &Path) -> Result<Vec<Sample>> {
    let mut rows = csv::ReaderBuilder::new()
        .has_headers(false)
        .trim(csv::Trim::All)
        .from_path(path)
        .with_context(|| format!("could not read {}", path.display()))?;
    let mut samples = Vec::new();
    for (index, row) in rows.records().enumerate() {
        let row = row.with_context(|| format!("{} is not a CSV file", path.display()))?;
        match sample(&row) {
            Some(sample) => samples.push(sample),
            None => ensure!(
                index == 0 && row.iter().all(|field| field.parse::<f32>().is_err()),
                "{}, row {}: numbers and a class expected, found `{}`",
                path.display(),
                index + 1,
                row.iter().collect::<Vec<_>>().join(",")
            ),
        }
    }
    ensure!(!samples.is_empty(), "{} has no samples", path.display());
    Ok(samples)
}

fn sample(row: &csv::StringRecord) -> Option<Sample> {
    let mut fields: Vec<&str> = row.iter().collect();
    let class = fields.pop()?.parse().ok()?;
    let input = fields.iter().map(|field| field.parse().ok()).collect::<Option<_>>()?;
    Some(Sample { input, class })
}
