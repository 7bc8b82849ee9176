//! Tables and pictures of what came of a fleet.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};

use super::flower::Cost;
use super::{FOLDER, INT8, MANY, Trial};
use plot::Curve;

#[allow(dead_code)] // The examples draw more.
#[path = "../../../examples/common/plot.rs"]
mod plot;

/// Bits in a second, of a server's link.
const NETWORK: f64 = 1e9;
/// Bytes in a second over a serial line of 115,200 baud, with a start and a stop bit.
const SERIAL: f64 = 11_520.0;

fn percent(values: &[f64]) -> String {
    values.iter().map(|value| format!("{:.1}", 100.0 * value)).collect::<Vec<_>>().join(", ")
}

/// Accuracies, digits and costs.
pub fn print(trials: &[Trial]) {
    println!("\n| accuracy on held-out images of all devices | % |\n|---|---|");
    for Trial { name, outcome, .. } in trials {
        if let Some(pooled) = outcome.pooled {
            println!("| the network of the firmware | {} |", percent(&outcome.global[..1]));
            println!(
                "| each device alone | {} |\n| all samples pooled | {} |",
                percent(&outcome.alone),
                percent(&[pooled])
            );
        }
        println!("| {name}: before the first round, after each | {} |", percent(&outcome.global));
    }
    println!("\n| digits recognised at the end, of 0 to 9 | % |\n|---|---|");
    for Trial { name, outcome, .. } in trials {
        println!("| {name} | {} |", percent(outcome.classes.last().map_or(&[], Vec::as_slice)));
    }
    println!(
        "\n| a round of a device | answers | network, down | up | serial line, to it | from it | seconds | at most |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for Trial { boards, name, outcome, .. } in trials {
        let mut devices = BTreeMap::<u32, Vec<Cost>>::new();
        for cost in outcome.rounds.iter().flat_map(|round| &round.costs) {
            devices.entry(cost.device).or_default().push(*cost);
        }
        if *boards {
            devices.iter().for_each(|(device, costs)| row(&format!("{name}: device {device}"), costs));
        } else {
            row(name, &devices.into_values().flatten().collect::<Vec<_>>());
        }
    }
}

/// A line about rounds of one kind: means, and the longest.
fn row(name: &str, costs: &[Cost]) {
    let bytes = [|c: &Cost| c.down, |c: &Cost| c.up, |c: &Cost| c.sent, |c: &Cost| c.received];
    let bytes = bytes.map(|of| format!("{:.0}", mean(costs, of))).join(" | ");
    let most = costs.iter().map(|cost| cost.seconds).fold(0.0, f64::max);
    println!("| {name} | {} | {bytes} | {:.1} | {most:.1} |", costs.len(), mean(costs, |cost| cost.seconds));
}

fn mean(costs: &[Cost], of: impl Fn(&Cost) -> f64) -> f64 {
    costs.iter().map(of).sum::<f64>() / costs.len().max(1) as f64
}

/// Accuracies by rounds, and what a round takes as the fleet grows, from what was measured.
pub fn draw(trials: &[Trial]) -> Result<()> {
    let folder = Path::new(FOLDER);
    let by_round = |values: &[f64]| (0..).map(f64::from).zip(values.iter().map(|value| 100.0 * value)).collect();
    let curve = |name: &str, points| Curve { name: name.to_owned(), points, spread: Vec::new(), pale: false };
    let mut curves = Vec::new();
    for Trial { outcome, .. } in trials {
        if let Some(pooled) = outcome.pooled {
            // A ladder with a rung for each, in the middle, where nothing hides it.
            let (middle, mut alone) = (outcome.rounds.len() as f64 / 2.0, outcome.alone.clone());
            alone.sort_by(f64::total_cmp);
            let rung = |alone: &f64| [middle, middle - 0.2, middle].map(|x| (x, 100.0 * alone));
            let rungs = alone.iter().flat_map(rung).collect();
            curves.push(Curve { pale: true, ..curve("each device alone, in the end", rungs) });
            curves.push(curve("all samples pooled", by_round(&vec![pooled; outcome.global.len()])));
        }
    }
    let drawn = trials.iter().filter(|trial| trial.drawn);
    curves.extend(drawn.map(|trial| curve(trial.name, by_round(&trial.outcome.global))));
    plot::curves(
        &folder.join("accuracy.svg"),
        "Devices that learn together",
        ("round", "accuracy on held-out images, %"),
        &curves,
    )?;

    let costs = |name| -> Result<(Vec<Cost>, f64)> {
        let Trial { outcome, .. } = trials.iter().find(|trial| trial.name == name).context("a trial is missing")?;
        let costs: Vec<_> = outcome.rounds.iter().flat_map(|round| round.costs.clone()).collect();
        let seconds = outcome.rounds.iter().map(|round| round.seconds).sum::<f64>() / costs.len().max(1) as f64;
        Ok((costs, seconds))
    };
    let (int8, _) = costs(INT8)?;
    let (floats, server) = costs(MANY)?;
    let (down, up) = (mean(&floats, |cost| cost.down), mean(&floats, |cost| cost.up));
    let line = mean(&floats, |cost| cost.sent + cost.received) / SERIAL;
    let growing = |name: &str, of: &dyn Fn(f64) -> f64| {
        curve(name, (1..=6).map(|power| (f64::from(power), of(10.0_f64.powi(power)).log10())).collect())
    };
    println!("the server works {:.3} ms on an answer", 1e3 * server);
    plot::curves(
        &folder.join("growth.svg"),
        "Bytes of a round in which all devices take part",
        ("log10 of the devices", "log10 of the bytes"),
        &[
            growing("network, in floats", &|devices| devices * (down + up)),
            growing("network, up in int8", &|devices| devices * (down + mean(&int8, |cost| cost.up))),
            growing("server, all answers kept", &|devices| devices * up),
            growing("server, their sum alone", &|_| 2.0 * up),
        ],
    )?;
    plot::curves(
        &folder.join("growth-time.svg"),
        "Time of a round in which all devices take part",
        ("log10 of the devices", "log10 of the seconds"),
        &[
            growing("network of 1 Gbit/s", &|devices| devices * (down + up) * 8.0 / NETWORK),
            growing("the server's work", &|devices| devices * server),
            growing("a device's serial line", &|_| line),
        ],
    )
}
