//! The CSV of the World Health Organization's figures.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use common::regression::Rows;
use nerve::shuffle;
use rand_core::SeedableRng;
use rand_pcg::Pcg32;

use crate::networks::FEATURES;

const COLUMNS: [&str; 22] = [
    "Country",
    "Year",
    "Status",
    "Life expectancy",
    "Adult Mortality",
    "infant deaths",
    "Alcohol",
    "percentage expenditure",
    "Hepatitis B",
    "Measles",
    "BMI",
    "under-five deaths",
    "Polio",
    "Total expenditure",
    "Diphtheria",
    "HIV/AIDS",
    "GDP",
    "Population",
    "thinness  1-19 years",
    "thinness 5-9 years",
    "Income composition of resources",
    "Schooling",
];
const COUNTRY: usize = 0;
const STATUS: usize = 2;
const TARGET: usize = 3;

/// The complete rows, with the number of each one's country.
pub struct Countries {
    pub rows: Rows<FEATURES>,
    country: Vec<usize>,
    names: Vec<String>,
    /// Rows left out for a missing value.
    pub incomplete: usize,
}

/// Reads the file; a malformed line is an error that names it.
pub fn read(path: &Path) -> Result<Countries> {
    let file = std::fs::read(path).with_context(|| format!("could not read {}", path.display()))?;
    parse(&file).with_context(|| path.display().to_string())
}

fn parse(file: &[u8]) -> Result<Countries> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).flexible(true).from_reader(file);
    let heading = reader.headers().context("line 1")?;
    ensure!(heading.len() == COLUMNS.len(), "line 1: {} columns expected, found {}", COLUMNS.len(), heading.len());
    for (number, (expected, found)) in COLUMNS.iter().zip(heading).enumerate() {
        ensure!(*expected == found, "line 1: column {} should be `{expected}`, found `{found}`", number + 1);
    }
    let mut countries = Countries { rows: Rows::default(), country: Vec::new(), names: Vec::new(), incomplete: 0 };
    for record in reader.records() {
        let record = record?;
        let line = record.position().map_or(0, |position| position.line());
        ensure!(
            record.len() == COLUMNS.len(),
            "line {line}: {} columns expected, found {}",
            COLUMNS.len(),
            record.len()
        );
        let mut numbers = Vec::new();
        let mut target = None;
        for (column, text) in record.iter().enumerate().filter(|(_, text)| !text.is_empty()) {
            if column == COUNTRY || column == STATUS {
                continue;
            }
            let number: f32 = text.parse().ok().filter(|v: &f32| v.is_finite()).with_context(|| {
                format!("line {line}, column `{}`: a number or nothing expected, found `{text}`", COLUMNS[column])
            })?;
            if column == TARGET { target = Some([number]) } else { numbers.push(number) }
        }
        let (Ok(x), Some(y)) = (numbers.try_into(), target) else {
            countries.incomplete += 1;
            continue;
        };
        let name = &record[COUNTRY];
        let known = countries.names.iter().position(|known| known == name);
        countries.country.push(known.unwrap_or(countries.names.len()));
        if known.is_none() {
            countries.names.push(name.to_owned());
        }
        countries.rows.x.push(x);
        countries.rows.y.push(y);
    }
    ensure!(!countries.rows.x.is_empty(), "no row is complete");
    Ok(countries)
}

impl Countries {
    /// Numbers of 80 % of the rows in random order, and of the rest.
    pub fn split_rows(&self, seed: u64) -> (Vec<usize>, Vec<usize>) {
        let mut order: Vec<usize> = (0..self.rows.x.len()).collect();
        shuffle(&mut order, &mut Pcg32::seed_from_u64(seed ^ 0x11FE));
        let test = order.split_off(order.len() * 4 / 5);
        (order, test)
    }

    /// Numbers of the rows of 80 % of the countries, and of the rest.
    pub fn split_countries(&self, seed: u64) -> (Vec<usize>, Vec<usize>) {
        let mut order: Vec<usize> = (0..self.names.len()).collect();
        shuffle(&mut order, &mut Pcg32::seed_from_u64(seed ^ 0x11FE));
        let train = &order[..order.len() * 4 / 5];
        (0..self.rows.x.len()).partition(|&row| train.contains(&self.country[row]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(lines: &[&str]) -> Vec<u8> {
        format!("{}\n{}\n", COLUMNS.join(" ,"), lines.join("\n")).into_bytes()
    }
    const A: &str = "A,2015,Developing,65,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18";
    const B: &str = "B,2014,Developed,80,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18";
    const GAP: &str = "B,2013,Developed,80,1,2,3,4,,6,7,8,9,10,11,12,13,14,15,16,17,18";

    #[test]
    fn leaves_incomplete_rows_out_and_counts_them() {
        let countries = parse(&file(&[A, B, GAP, A])).unwrap();
        assert_eq!((countries.rows.x.len(), countries.incomplete), (3, 1));
        assert_eq!((countries.rows.x[0][0], countries.rows.x[0][18], countries.rows.y[1]), (2015.0, 18.0, [80.0]));
        assert_eq!(countries.country, [0, 1, 0]);
        let (train, test) = countries.split_countries(1);
        assert_eq!(train.len() + test.len(), 3);
        assert!(test.iter().all(|t| train.iter().all(|r| countries.country[*t] != countries.country[*r])));
    }

    #[test]
    fn says_which_line_is_wrong() {
        let message = |lines: &[&str]| format!("{:#}", parse(&file(lines)).err().unwrap());
        let wrong = A.replace(",65,", ",old,");
        assert_eq!(
            message(&[B, &wrong]),
            "line 3, column `Life expectancy`: a number or nothing expected, found `old`"
        );
        assert_eq!(message(&[A, "C,2015"]), "line 3: 22 columns expected, found 2");
        assert_eq!(message(&[GAP]), "no row is complete");
        assert!(message(&[&A.replace(",1,", ",inf,")]).starts_with("line 2, column `Adult Mortality`"));
        let error = format!("{:#}", parse(b"Country,Year\nA,2015\n").err().unwrap());
        assert_eq!(error, "line 1: 22 columns expected, found 2");
    }
}
