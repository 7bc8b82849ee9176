//! A CSV file as numbers.

use std::collections::BTreeSet;
use std::fmt;

use anyhow::{Context, Result, bail, ensure};
use csv::{ByteRecord, ReaderBuilder, StringRecord};

use super::Options;
use super::problems::Problems;

/// What stands where a value is missing, beside nothing.
const MISSING: [&str; 5] = ["?", "na", "n/a", "nan", "null"];
/// More classes than these are a mistake.
const MOST_CLASSES: usize = 100;

/// Rows of numbers, each with its target.
pub struct Table {
    /// Names of the inputs.
    pub columns: Vec<String>,
    /// Name of the target.
    pub target: String,
    /// Names of the classes, if the target is one.
    pub classes: Option<Vec<String>>,
    /// Inputs, and the value, or the class's number.
    pub rows: Vec<(Vec<f32>, f32)>,
    /// Of the file.
    separator: u8,
    decimal_commas: bool,
    /// Rows that were left out.
    dropped: usize,
}

/// A row as it stands in the file.
struct Row {
    line: u64,
    cells: StringRecord,
}

impl Table {
    /// Finds separators and decimal commas, then reads every cell.
    pub fn read(bytes: &[u8], options: &Options) -> Result<Self> {
        let text = utf8(bytes)?;
        let separator = separator(text)?;
        let (names, mut rows) = records(text, separator)?;
        let position = |wanted: &str| {
            let mut found = names.iter().enumerate().filter(|(_, name)| *name == wanted).map(|(at, _)| at);
            let at = found.next().with_context(|| format!("no column `{wanted}`: there are {}", listed(&names)))?;
            ensure!(found.next().is_none(), "two columns are named `{wanted}`: rename one");
            Ok(at)
        };
        let ignored: Vec<usize> = options.ignore.iter().map(|name| position(name)).collect::<Result<_>>()?;
        let target = match &options.target {
            Some(name) => position(name)?,
            None => (0..names.len()).rfind(|at| !ignored.contains(at)).context("every column is ignored")?,
        };
        ensure!(!ignored.contains(&target), "`{}` is the target and ignored", &names[target]);
        let inputs: Vec<usize> = (0..names.len()).filter(|at| *at != target && !ignored.contains(at)).collect();
        ensure!(!inputs.is_empty(), "no column is left beside the target `{}`", &names[target]);

        let dropped = drop_missing(&mut rows, &names, &[&inputs[..], &[target]].concat(), options.drop_missing)?;
        ensure!(!rows.is_empty(), "no rows are left below the names of the columns");
        let numbers = rows.iter().filter(|row| number(&row.cells[target]).is_some()).count();
        let is_class = options.classes || 2 * numbers < rows.len();
        let numeric = if is_class { inputs.clone() } else { [&inputs[..], &[target]].concat() };
        let decimal_commas = decimal_commas(&rows, &names, &numeric)?;

        let columns: Vec<String> = inputs.iter().map(|at| names[*at].into()).collect();
        let mut problems = Problems::default();
        for column in &inputs {
            if rows.iter().all(|row| number(&row.cells[*column]).is_none()) {
                bail!(
                    "column `{}` holds no numbers but such as `{}` (line {}): write numbers for them, or leave it out with --ignore '{}'",
                    &names[*column],
                    &rows[0].cells[*column],
                    rows[0].line,
                    &names[*column]
                );
            }
        }
        let mut cell = |row: &Row, column: usize| match number(&row.cells[column]) {
            Some(x) if x.is_finite() => x,
            found => {
                let what = if found.is_some() { "a finite number within ±3.4e38" } else { "a number" };
                let name = &names[column];
                problems.add(format!(
                    "line {}, column `{name}`: {what} expected, found `{}`",
                    row.line, &row.cells[column]
                ));
                0.0
            }
        };
        let x: Vec<Vec<f32>> =
            rows.iter().map(|row| inputs.iter().map(|column| cell(row, *column)).collect()).collect();
        let (classes, y) = if is_class {
            let classes = classes(&rows, target, &names[target])?;
            let class = |row: &Row| classes.iter().position(|class| *class == row.cells[target]).unwrap_or_default();
            (Some(classes.clone()), rows.iter().map(|row| class(row) as f32).collect())
        } else {
            (None, rows.iter().map(|row| cell(row, target)).collect::<Vec<_>>())
        };
        problems.end("correct these cells, or leave the column out with --ignore")?;
        for (at, column) in columns.iter().enumerate() {
            ensure!(
                x.iter().any(|row| row[at] != x[0][at]),
                "column `{column}` is {} in every row and tells nothing: leave it out with --ignore '{column}'",
                x[0][at]
            );
        }
        ensure!(
            is_class || y.iter().any(|value| *value != y[0]),
            "the target `{}` is {} in every row: there is nothing to tell apart",
            &names[target],
            y[0]
        );
        let rows = x.into_iter().zip(y).collect();
        Ok(Self { columns, target: names[target].into(), classes, rows, separator, decimal_commas, dropped })
    }
}

/// What has been understood.
impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let separator = match self.separator {
            b'\t' => "tabs",
            b';' => "semicolons",
            _ => "commas",
        };
        let decimal = if self.decimal_commas { ", decimal commas" } else { "" };
        write!(f, "{} rows, separated by {separator}{decimal}", self.rows.len())?;
        if self.dropped > 0 {
            write!(f, "; {} rows with missing values left out", self.dropped)?;
        }
        write!(f, "\ninputs: {}\n", listed(self.columns.iter().map(String::as_str)))?;
        match &self.classes {
            Some(classes) => {
                write!(f, "class `{}`: {}", self.target, listed(classes.iter().map(String::as_str)))
            }
            None => {
                write!(f, "value `{}`", self.target)?;
                let different: BTreeSet<_> = self.rows.iter().map(|(_, value)| value.to_bits()).collect();
                if different.len() <= 20 && self.rows.iter().all(|(_, value)| value.fract() == 0.0) {
                    write!(f, ", of {} whole numbers: --classes makes classes of them", different.len())?;
                }
                Ok(())
            }
        }
    }
}

/// The text without a byte order mark.
fn utf8(bytes: &[u8]) -> Result<&str> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let line = 1 + bytes[..error.valid_up_to()].iter().filter(|byte| **byte == b'\n').count();
        anyhow::anyhow!("line {line} is not UTF-8: save the file as UTF-8")
    })?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
}

/// The most frequent of comma, semicolon and tab in the first line that is not empty, outside of quotes. Decimal commas do not occur
/// in names.
fn separator(text: &str) -> Result<u8> {
    let line = text.lines().find(|line| !line.trim().is_empty()).context("the file is empty")?;
    let mut counts = [(b';', 0), (b'\t', 0), (b',', 0)];
    let mut quoted = false;
    for byte in line.bytes() {
        quoted ^= byte == b'"';
        if let Some((_, count)) = counts.iter_mut().find(|(separator, _)| *separator == byte && !quoted) {
            *count += 1;
        }
    }
    let (separator, count) = counts.into_iter().rev().max_by_key(|(_, count)| *count).unwrap_or((b',', 0));
    ensure!(
        count > 0,
        "line 1: names of columns with commas, semicolons or tabs between them expected, found `{line}`"
    );
    Ok(separator)
}

/// The names of the columns, and the rows.
fn records(text: &str, separator: u8) -> Result<(StringRecord, Vec<Row>)> {
    let mut reader = ReaderBuilder::new();
    reader.delimiter(separator).has_headers(false).flexible(true).trim(csv::Trim::All);
    let mut reader = reader.from_reader(text.as_bytes());
    let (mut names, mut rows, mut problems) = (None, vec![], Problems::default());
    let mut record = ByteRecord::new();
    while reader.read_byte_record(&mut record)? {
        let line = record.position().map_or(0, csv::Position::line);
        let cells = StringRecord::from_byte_record(record.clone())?;
        let Some(names) = &names else {
            names = Some(cells);
            continue;
        };
        // A line of nothing but separators is empty, as spreadsheets write them below the last row.
        if cells.iter().all(str::is_empty) {
            continue;
        }
        if cells.len() == names.len() {
            rows.push(Row { line, cells });
        } else {
            problems.add(format!("line {line}: {} columns expected, found {}", names.len(), cells.len()));
        }
    }
    let names = names.context("the file is empty")?;
    if let Some(name) = names.iter().find(|name| number(name).is_some()) {
        bail!("line 1: names of columns expected, found the number `{name}`: put a line of names above the rows");
    }
    let decimal =
        if separator == b',' { "; numbers with decimal commas need semicolons between the columns" } else { "" };
    problems.end(&format!("each line needs a value for every column of line 1{decimal}"))?;
    Ok((names, rows))
}

/// Removes rows in which a value is missing, if the user wants so; returns how many.
fn drop_missing(rows: &mut Vec<Row>, names: &StringRecord, columns: &[usize], drop: bool) -> Result<usize> {
    let before = rows.len();
    let mut problems = Problems::default();
    rows.retain(|row| {
        let missing = columns.iter().find(|column| is_missing(&row.cells[**column]));
        if let Some(column) = missing {
            let (name, cell) = (&names[*column], &row.cells[*column]);
            let found = if cell.is_empty() { "nothing".into() } else { format!("`{cell}`") };
            problems.add(format!("line {}, column `{name}`: a value is missing, found {found}", row.line));
        }
        missing.is_none()
    });
    if !drop {
        problems.end("fill them in, or leave these rows out with --drop-missing, or the column with --ignore")?;
    }
    Ok(before - rows.len())
}

fn is_missing(cell: &str) -> bool {
    cell.is_empty() || MISSING.iter().any(|missing| missing.eq_ignore_ascii_case(cell))
}

/// Whether numbers are written with commas; an error if some are and others have a point.
fn decimal_commas(rows: &[Row], names: &StringRecord, columns: &[usize]) -> Result<bool> {
    let find = |mark: char| {
        let mut cells = rows.iter().flat_map(|row| columns.iter().map(move |column| (row, *column)));
        cells.find(|(row, column)| row.cells[*column].contains(mark) && number(&row.cells[*column]).is_some())
    };
    let (Some((comma, of)), point) = (find(','), find('.')) else { return Ok(false) };
    if let Some((row, column)) = point {
        bail!(
            "line {}, column `{}`: `{}` has a decimal comma, but `{}` (line {}, column `{}`) a decimal point: write all of them one way",
            comma.line,
            &names[of],
            &comma.cells[of],
            &row.cells[column],
            row.line,
            &names[column]
        );
    }
    Ok(true)
}

/// A number with a decimal point or comma.
fn number(cell: &str) -> Option<f32> {
    // Not the words that `parse` takes too.
    if cell.bytes().any(|byte| byte.is_ascii_alphabetic() && !matches!(byte, b'e' | b'E')) {
        return matches!(cell.trim_start_matches(['+', '-']), "inf" | "Inf" | "INF" | "infinity" | "Infinity")
            .then_some(f32::INFINITY);
    }
    if cell.contains(',') { cell.replacen(',', ".", 1).parse().ok() } else { cell.parse().ok() }
}

/// The different words of a column: in the order of their numbers if they are such, otherwise of the alphabet.
fn classes(rows: &[Row], column: usize, name: &str) -> Result<Vec<String>> {
    let words: BTreeSet<&str> = rows.iter().map(|row| &row.cells[column]).collect();
    let mut classes: Vec<String> = words.into_iter().map(String::from).collect();
    classes.sort_by(|a, b| match (number(a), number(b)) {
        (Some(a), Some(b)) => a.total_cmp(&b),
        _ => a.cmp(b),
    });
    ensure!(classes.len() > 1, "the class `{name}` is `{}` in every row: there is nothing to tell apart", classes[0]);
    ensure!(
        classes.len() <= MOST_CLASSES,
        "`{name}` has {} different words, such as `{}` and `{}`: at most {MOST_CLASSES} classes; name the right column with --target",
        classes.len(),
        classes[0],
        classes[1]
    );
    Ok(classes)
}

fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    names.into_iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
