//! What to train with, what to stop by, what to judge by.

use anyhow::{Result, ensure};
use nerve::shuffle;
use rand_core::SeedableRng;
use rand_pcg::Pcg32;

use super::table::Table;

/// Inputs and target.
pub type Example = (Vec<f32>, f32);
/// Training, validation and test.
pub type Parts = [Vec<Example>; 3];

/// Fewer rows of a class, or of values, cannot be split.
const LEAST_ROWS: usize = 5;
/// Windows at the ends of the parts are lost.
const LEAST_WINDOWS: usize = 10;

/// 60, 20 and 20 percent of each class: rows at random, or windows in the order of time, so that those of one part overlap none of another.
pub fn split(table: &Table, window: Option<usize>) -> Result<Parts> {
    let count = table.classes.as_ref().map_or(1, Vec::len);
    let mut groups: Vec<Vec<(usize, Example)>> = vec![vec![]; count];
    let class = |target: f32| if table.classes.is_some() { target as usize } else { 0 };
    match window {
        None => {
            let mut rng = Pcg32::seed_from_u64(0);
            for (at, row) in table.rows.iter().enumerate() {
                groups[class(row.1)].push((at, row.clone()));
            }
            groups.iter_mut().for_each(|group| shuffle(group, &mut rng));
        }
        Some(window) => {
            // What follows another class, or none, begins a recording.
            let recordings = table.rows.chunk_by(|a, b| table.classes.is_none() || a.1 == b.1);
            let mut first = 0;
            for recording in recordings {
                for start in (0..(recording.len() + 1).saturating_sub(window)).step_by(window / 2) {
                    let rows = &recording[start..start + window];
                    let x = rows.iter().flat_map(|(x, _)| x).copied().collect();
                    let target = rows[window - 1].1;
                    groups[class(target)].push((first + start, (x, target)));
                }
                first += recording.len();
            }
        }
    }
    let apart = window.unwrap_or_default();
    let mut parts = Parts::default();
    for (group, class) in groups.into_iter().zip(0..) {
        let (what, least) = if window.is_some() { ("windows", LEAST_WINDOWS) } else { ("rows", LEAST_ROWS) };
        let of = table.classes.as_ref().map_or(String::new(), |classes| format!(" of the class `{}`", classes[class]));
        ensure!(group.len() >= least, "{} {what}{of}: at least {least} are needed, better a hundred", group.len());
        let held_out = (group.len() as f32 / 5.0).round() as usize;
        let ends = [group.len() - 2 * held_out, group.len() - held_out, group.len()];
        let mut from = 0;
        for (part, end) in parts.iter_mut().zip(ends) {
            // A window that the part before has a half of belongs to nobody.
            let reached = if from > 0 { group[from - 1].0 + apart } else { 0 };
            let free = group[from..end].iter().filter(|(at, _)| apart == 0 || *at >= reached);
            part.extend(free.map(|(_, example)| example.clone()));
            from = end;
        }
    }
    let names = ["train", "validate", "test"];
    for (part, name) in parts.iter().zip(names) {
        ensure!(!part.is_empty(), "no examples are left to {name} with: record more, or choose a shorter --window");
    }
    Ok(parts)
}
