//! What is waited for, shown where there is a terminal.

use std::process::Command;
use std::sync::LazyLock;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressFinish, ProgressStyle};

/// Several threads wait.
static BARS: LazyLock<MultiProgress> = LazyLock::new(MultiProgress::new);

/// Shows what is waited for, and for how long so far, until it is dropped.
pub fn waiting(what: String) -> ProgressBar {
    let style = ProgressStyle::with_template("{spinner} {elapsed} {wide_msg}");
    let bar = BARS.add(ProgressBar::new_spinner()).with_finish(ProgressFinish::AndClear).with_message(what);
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

/// Waits for a command.
pub fn waiting_for(command: &Command) -> ProgressBar {
    let words = [command.get_program()].into_iter().chain(command.get_args());
    waiting(words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" "))
}

/// Prints above what is shown.
pub fn print(text: &str) {
    BARS.suspend(|| print!("{text}"));
}
