//! Whether several threads are worth their while.

use std::time::{Duration, Instant};

/// Batches between two trials. A trial costs a few batches the slower way.
const WINDOW: u32 = 1024;
/// Batches of a trial, every second one with all threads. Of each way the quickest counts, since what disturbs a machine makes it slower.
const TRIAL: u32 = 6;

/// Finds out by trial whether the shards of a batch are quicker one after another or on all threads. The results have the same bits.
#[derive(Default)]
pub(super) struct Pace {
    batch: u32,
    /// The quickest time per example, alone and with all threads.
    quickest: [Duration; 2],
}

impl Pace {
    /// Does the `work` for some `examples` (at least 1), on all threads if it is told so.
    pub fn run<R>(&mut self, examples: usize, work: impl FnOnce(bool) -> R) -> R {
        let threads = self.choose();
        let start = Instant::now();
        let result = work(threads);
        self.note(threads, start.elapsed() / examples as u32);
        result
    }

    /// Whether the next batch is for all threads.
    fn choose(&mut self) -> bool {
        if self.batch == 0 {
            self.quickest = [Duration::MAX; 2];
        }
        if self.batch < TRIAL { self.batch % 2 == 1 } else { self.quickest[1] < self.quickest[0] }
    }

    /// How long it has taken, per example.
    fn note(&mut self, threads: bool, time: Duration) {
        if self.batch < TRIAL {
            let quickest = &mut self.quickest[usize::from(threads)];
            *quickest = time.min(*quickest);
        }
        self.batch = (self.batch + 1) % WINDOW;
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
            pace.note(all, Duration::from_micros(if all { threads } else { alone }));
            u32::from(all)
        };
        (0..2 * WINDOW).map(|_| run()).sum()
    }

    #[test]
    fn the_quicker_way_is_chosen() {
        assert_eq!(batches(20, 40), TRIAL);
        assert_eq!(batches(40, 20), 2 * WINDOW - TRIAL);
    }
}
