//! Whether several threads are worth their while.

use std::time::{Duration, Instant};

/// Batches between two trials. A trial costs a few batches the slower way.
const WINDOW: u32 = 1024;
/// Batches of a trial each way, by turns. The middle time counts: what disturbs some batches does not, and what disturbs most does, such as
/// other programs on the cores, for which all threads of a batch wait.
const TRIAL: usize = 8;

/// Finds out by trial whether the shards of a batch are quicker one after another or on all threads. The results have the same bits.
#[derive(Default)]
pub(super) struct Pace {
    batch: u32,
    /// Times per example in the trial, alone and with all threads.
    times: [[Duration; TRIAL]; 2],
    /// What the last trial has found.
    threads: bool,
}

impl Pace {
    /// Does the `work` for some `examples` (at least 1), on all threads if it is told so.
    pub fn run<R>(&mut self, examples: usize, work: impl FnOnce(bool) -> R) -> R {
        let threads = self.choose();
        let start = Instant::now();
        let result = work(threads);
        self.note(start.elapsed() / examples as u32);
        result
    }

    /// Whether the next batch is for all threads.
    fn choose(&self) -> bool {
        if self.batch < 2 * TRIAL as u32 { self.batch % 2 == 1 } else { self.threads }
    }

    /// How long the batch has taken, per example.
    fn note(&mut self, time: Duration) {
        let [turn, way] = [self.batch / 2, self.batch % 2].map(|i| i as usize);
        if let Some(place) = self.times[way].get_mut(turn) {
            *place = time;
        }
        self.batch = (self.batch + 1) % WINDOW;
        if self.batch == 2 * TRIAL as u32 {
            let [alone, all] = self.times.each_mut().map(|times| {
                times.sort_unstable();
                times[TRIAL / 2]
            });
            self.threads = all < alone;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many of two windows' batches ran on all threads.
    fn batches(alone: u64, threads: u64) -> u32 {
        let mut pace = Pace::default();
        let mut run = || {
            let all = pace.choose();
            pace.note(Duration::from_micros(if all { threads } else { alone }));
            u32::from(all)
        };
        (0..2 * WINDOW).map(|_| run()).sum()
    }

    #[test]
    fn the_quicker_way_is_chosen() {
        let trials = 2 * TRIAL as u32;
        assert_eq!(batches(20, 40), trials);
        assert_eq!(batches(40, 20), 2 * WINDOW - trials);
    }
}
