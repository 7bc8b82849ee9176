//! The results as a table in Markdown.

use crate::work::Work;

/// A library: seconds for each work that it can do.
pub struct Row {
    pub name: String,
    pub columns: [Option<f64>; Work::ALL.len()],
}

impl Row {
    pub fn new(name: &str) -> Self {
        Self { name: name.to_owned(), columns: [None; Work::ALL.len()] }
    }
}

/// The first row is ours. The others show their time and by how much it is longer than ours; the last one, the best of them.
pub fn table(rows: &[Row], missing: &[(String, &str)]) -> String {
    let line = |name: &str, cells: Vec<String>| format!("| {name} | {} |\n", cells.join(" | "));
    let mut text = line("one thread, f32", Work::ALL.map(|work| work.title().to_owned()).to_vec());
    text.push_str(&format!("|{}\n", "---|".repeat(1 + Work::ALL.len())));
    let Some((ours, others)) = rows.split_first() else { return text };
    text.push_str(&line(&ours.name, ours.columns.map(|seconds| seconds.map_or(String::new(), shown)).to_vec()));
    for row in others {
        let cells = row.columns.iter().zip(ours.columns).map(|cell| match cell {
            (Some(theirs), Some(ours)) => format!("{} ({:.1})", shown(*theirs), theirs / ours),
            _ => String::new(),
        });
        text.push_str(&line(&row.name, cells.collect()));
    }
    for (name, reason) in missing {
        text.push_str(&format!("| {name} | {reason} |{}\n", " |".repeat(Work::ALL.len() - 1)));
    }
    let best = (0..Work::ALL.len()).map(|column| {
        let best = others.iter().filter_map(|row| row.columns[column]).reduce(f64::min);
        best.zip(ours.columns[column]).map_or(String::new(), |(best, ours)| format!("**{:.2}**", best / ours))
    });
    text.push_str(&line("the best of them ÷ nerve", best.collect()));
    text
}

fn shown(seconds: f64) -> String {
    let (value, unit) = match seconds {
        1.0.. => (seconds, "s"),
        1e-3.. => (1e3 * seconds, "ms"),
        1e-6.. => (1e6 * seconds, "µs"),
        _ => (1e9 * seconds, "ns"),
    };
    if value < 10.0 { format!("{value:.2} {unit}") } else { format!("{value:.0} {unit}") }
}
