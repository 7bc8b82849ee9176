//! Times the same work by nerve and by other libraries, interleaved, on one thread, and prints one table.
//!
//! `cargo xtask peers` builds and runs it. Arguments: libraries that could not be built, as the table then says.

mod peer;
mod table;
mod work;

use std::env;
use std::time::Duration;

use anyhow::{Result, ensure};
use indicatif::ProgressBar;

use crate::peer::pytorch::PyTorch;
use crate::table::Row;
use crate::work::{Kind, Network, Timed, Work};

/// Each of them times everything once.
const ROUNDS: usize = 60;
/// CPU time of one measurement, at least.
const SPAN: Duration = Duration::from_millis(8);

/// A library and what it can do.
struct Peer {
    name: String,
    works: Vec<(Work, Timed)>,
}

impl Peer {
    fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), works: Vec::new() }
    }

    fn add(&mut self, work: Work, timed: Timed) {
        self.works.push((work, timed));
    }

    /// Adds the forward pass and the step of a network, if it computes what ours does.
    fn add_network(
        &mut self,
        (forward, step): (Work, Work),
        network: impl Fn() -> Box<dyn Network>,
        mut ours: Box<dyn Network>,
    ) -> Result<()> {
        let mut inference = network();
        let kind = inference.kind();
        self.compare(forward, &mut *inference, &mut *ours)?;
        if kind == Kind::Exact {
            inference.step();
            ours.step();
            self.compare(step, &mut *inference, &mut *ours)?;
        }
        self.add(forward, Box::new(move |calls| inference.time_forward(calls)));
        if kind != Kind::InferenceOnly {
            let mut training = network();
            self.add(step, Box::new(move |calls| training.time_step(calls)));
        }
        Ok(())
    }

    fn compare(&self, work: Work, network: &mut dyn Network, ours: &mut dyn Network) -> Result<()> {
        let tolerance = if network.kind() == Kind::InferenceOnly { 0.1 } else { 1e-4 };
        let (logits, expected) = (network.logits(), ours.logits());
        let difference = logits.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        ensure!(
            logits.len() == expected.len() && difference <= tolerance,
            "{}, {}: the logits are {logits:?}, ours {expected:?}",
            self.name,
            work.title()
        );
        Ok(())
    }
}

/// Adds the networks of all sizes.
macro_rules! add_networks {
    ($peer:expr, $library:ident($($argument:expr),*)) => {
        add_networks!(@batch_1 $peer, $library($($argument),*));
        add_networks!(@size $peer, (Work::MlpForward32, Work::MlpStep32), $library::<784, 100, 10, 32>($($argument),*));
    };
    (@batch_1 $peer:expr, $library:ident($($argument:expr),*)) => {
        add_networks!(@size $peer, (Work::MlpForward1, Work::MlpStep1), $library::<784, 100, 10, 1>($($argument),*));
        add_networks!(@size $peer, (Work::IrisForward, Work::IrisStep), $library::<4, 10, 3, 1>($($argument),*));
    };
    (@size $peer:expr, $works:expr, $library:ident::<$($size:literal),*>($($argument:expr),*)) => {
        $peer.add_network(
            $works,
            || peer::$library::network::<$($size),*>($($argument),*),
            peer::nerve::network::<$($size),*>(),
        )?
    };
}

/// All that could be built.
fn peers() -> Result<Vec<Peer>> {
    let mut peers = Vec::new();

    let mut ours = Peer::new("nerve");
    add_networks!(ours, nerve());
    ours.add(Work::CnnEpoch, peer::nerve::cnn_step());
    peers.push(ours);

    #[cfg(feature = "burn")]
    for (name, device) in peer::burn::devices() {
        let mut burn = Peer::new(name);
        add_networks!(burn, burn(&device));
        burn.add(Work::CnnEpoch, peer::burn::cnn_step(&device));
        peers.push(burn);
    }
    #[cfg(feature = "candle")]
    {
        let mut candle = Peer::new("candle");
        add_networks!(candle, candle());
        peers.push(candle);
    }
    #[cfg(feature = "dfdx")]
    {
        let mut dfdx = Peer::new("dfdx");
        add_networks!(dfdx, dfdx());
        peers.push(dfdx);
    }
    #[cfg(feature = "mynn")]
    {
        let mut mynn = Peer::new("mynn");
        add_networks!(@batch_1 mynn, mynn());
        peers.push(mynn);
    }
    #[cfg(feature = "embedded-nn")]
    {
        let mut embedded_nn = Peer::new("embedded-nn");
        add_networks!(embedded_nn, embedded_nn());
        peers.push(embedded_nn);
    }
    Ok(peers)
}

fn main() -> Result<()> {
    ensure!(
        env::var("RAYON_NUM_THREADS").is_ok_and(|threads| threads == "1"),
        "start this with `cargo xtask peers`, which sees to it that each library uses one thread"
    );
    let mut peers = peers()?;
    let mut missing: Vec<_> = env::args().skip(1).map(|name| (name, "does not build on this machine")).collect();
    match PyTorch::start() {
        Ok(torch) => {
            let mut pytorch = Peer::new(format!("PyTorch {}", torch.version));
            add_networks!(pytorch, pytorch(&torch));
            pytorch.add(Work::CnnEpoch, torch.cnn_step());
            peers.push(pytorch);
        }
        Err(_) => missing.push(("PyTorch".to_owned(), "not installed: `python3 -c 'import torch'` fails")),
    }

    let mut rows: Vec<_> = peers.iter().map(|peer| Row::new(&peer.name)).collect();
    let bar = ProgressBar::new((Work::ALL.len() * ROUNDS) as u64);
    for (column, work) in Work::ALL.into_iter().enumerate() {
        let mut entrants: Vec<_> = peers
            .iter_mut()
            .zip(&mut rows)
            .filter_map(|(peer, row)| {
                let (_, timed) = peer.works.iter_mut().find(|(other, _)| *other == work)?;
                let calls = calls(timed);
                Some((timed, calls, &mut row.columns[column]))
            })
            .collect();
        // Interleaved: whatever slows the machine down for a while slows all of them down.
        let mut seconds = vec![Vec::new(); entrants.len()];
        for _ in 0..ROUNDS {
            for ((timed, calls, _), seconds) in entrants.iter_mut().zip(&mut seconds) {
                seconds.push(timed(*calls).as_secs_f64() / f64::from(*calls));
            }
            bar.inc(1);
        }
        for ((_, _, cell), seconds) in entrants.iter_mut().zip(&mut seconds) {
            seconds.sort_by(f64::total_cmp);
            **cell = Some(work.scale() * seconds[ROUNDS / 2]);
        }
    }
    bar.finish_and_clear();
    println!("{}", table::table(&rows, &missing));
    Ok(())
}

/// How many calls fill the span; warms up.
fn calls(timed: &mut Timed) -> u32 {
    let mut calls = 1;
    while timed(calls) < SPAN {
        calls *= 2;
    }
    calls
}
