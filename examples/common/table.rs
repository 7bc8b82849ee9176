//! Our figures beside a reference's.

use std::fmt;

use anyhow::{Result, bail};

/// Mean and standard deviation over several seeds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stats {
    pub mean: f64,
    /// Of the sample, divided by n − 1; 0 for one value.
    pub deviation: f64,
    pub count: usize,
}

impl Stats {
    pub fn new(values: &[f64]) -> Self {
        let count = values.len();
        let mean = values.iter().sum::<f64>() / count as f64;
        let squares: f64 = values.iter().map(|v| (v - mean).powi(2)).sum();
        Self { mean, deviation: (squares / (count.max(2) - 1) as f64).sqrt(), count }
    }
}

impl fmt::Display for Stats {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let decimals = f.precision().unwrap_or(1);
        write!(f, "{:.decimals$} ± {:.decimals$}", self.mean, self.deviation)
    }
}

/// Which way is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Better {
    Higher,
    Lower,
}

/// Rows of the table, printed as they come.
#[derive(Default)]
pub struct Table {
    worse: Vec<String>,
}

impl Table {
    pub fn heading() {
        println!(
            "| experiment | ours, mean ± deviation | seeds | reference | difference | |\n|---|---|---|---|---|---|"
        );
    }

    /// A figure with as many decimals as the reference has. It is equal within the deviation over the seeds and the reference's rounding.
    pub fn add(&mut self, experiment: &str, ours: &[f64], reference: f64, decimals: usize, better: Better) {
        let stats = Stats::new(ours);
        let difference = stats.mean - reference;
        let gain = if better == Better::Higher { difference } else { -difference };
        let verdict = match gain {
            gain if gain >= 0.0 => "better",
            gain if -gain <= stats.deviation + 0.5 * 0.1f64.powi(decimals as i32) => "equal",
            _ => "worse",
        };
        if verdict == "worse" {
            self.worse.push(experiment.to_owned());
        }
        println!(
            "| {experiment} | {stats:.decimals$} | {} | {reference:.decimals$} | {difference:+.decimals$} | {verdict} |",
            stats.count
        );
    }

    /// An error if a figure was worse.
    pub fn end(self) -> Result<()> {
        if !self.worse.is_empty() {
            bail!("worse than the reference by more than the spread over the seeds: {}", self.worse.join("; "));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_spread_over_seeds_decides() {
        assert_eq!(Stats::new(&[1.0, 3.0]), Stats { mean: 2.0, deviation: 2f64.sqrt(), count: 2 });
        assert_eq!(Stats::new(&[5.0]).deviation, 0.0);
        let worse = |ours: &[f64], reference, better| {
            let mut table = Table::default();
            table.add("", ours, reference, 1, better);
            table.end().is_err()
        };
        assert!(!worse(&[97.0, 97.2], 97.2, Better::Higher));
        assert!(worse(&[97.0, 97.2], 97.4, Better::Higher));
        assert!(!worse(&[97.0, 97.2], 97.4, Better::Lower));
        assert!(worse(&[97.0, 97.2], 96.8, Better::Lower));
    }
}
