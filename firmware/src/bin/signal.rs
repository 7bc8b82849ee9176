//! Tells exercises apart by the motion of a smartwatch: a 1-D CNN with a window at a time and sample by sample, a GRU sample by sample.
//!
//! Fails if a logit differs from the host's in a bit.
#![no_std]
#![no_main]

use defmt::println;
use nerve::Streamed;
use nerve::prelude::*;
use nerve_firmware::arch::Timer;
use nerve_firmware::networks::signal::{Cnn, EXERCISES, Recurrent, STEPS, Window};
use nerve_firmware::{board, count, entry, memory};
use static_cell::ConstStaticCell;

type Logits = [f32; 7];

static CNN: Cnn = include_weights!(Cnn, "../../data/signal-cnn.nrv");
static GRU: Recurrent = include_weights!(Recurrent, "../../data/signal-gru.nrv");
static ARENA: ConstStaticCell<Arena<{ arena_len::<Cnn, Window>() }>> = ConstStaticCell::new(Arena::ZERO);

/// Little-endian words: the exercise, the window, the bits of the CNN's logits and of the GRU's.
const WORDS: usize = 1 + STEPS * 6 + 7 + 7;
static CNN_STREAM: ConstStaticCell<Stream<Cnn, Window>> = ConstStaticCell::new(Stream::ZERO);
static GRU_STREAM: ConstStaticCell<Stream<Recurrent, Window>> = ConstStaticCell::new(Stream::ZERO);

static HELD_OUT: &[u8] = include_bytes!("../../data/signal.bin");

#[entry]
fn main() -> ! {
    memory::paint_stack();
    println!(
        "nerve on {}: exercises by a smartwatch, 1-D CNN of {} weights and GRU of {}",
        board::NAME,
        <Cnn as Tensors<f32>>::LEN,
        <Recurrent as Tensors<f32>>::LEN
    );
    let success = run();
    board::exit(success)
}

fn run() -> bool {
    let Some(mut timer) = Timer::take() else { return false };
    let arena = ARENA.take();
    let mut window = Window::ZERO;

    let by_cnn = classify(&mut window, 0, |window| *arena.predict(&CNN, window));
    let cnn_stack = memory::peak_stack();
    let a_window = count::once(&mut timer, || {
        core::hint::black_box(arena.predict(&CNN, core::hint::black_box(&window)));
    });
    report("1-D CNN", &by_cnn);
    println!(
        "  a window: {} {=str}; its arena in RAM {} bytes, stack {} bytes",
        a_window,
        board::COUNTED,
        arena_len::<Cnn, Window>(),
        cnn_stack
    );

    let cnn_streamed = by_samples("1-D CNN, sample by sample", CNN_STREAM.take(), &CNN, 0, &mut timer);
    let by_gru = by_samples("GRU, sample by sample", GRU_STREAM.take(), &GRU, 1, &mut timer);
    println!("flash {} bytes, RAM in statics {} bytes", memory::flash(), memory::statics());
    by_cnn.same_bits && cnn_streamed && by_gru && by_cnn.confusion.total() > 0
}

/// Classifies every window as its samples come; whether the logits are the `nth` seven of the host's.
fn by_samples<N: Streamed<Window, Out = Logits>>(
    name: &str,
    stream: &mut Stream<N, Window>,
    net: &N,
    nth: usize,
    timer: &mut Timer,
) -> bool {
    memory::paint_stack();
    let mut window = Window::ZERO;
    let result = classify(&mut window, nth, |window| logits(stream, net, window));
    let stack = memory::peak_stack();
    let whole = count::once(timer, || {
        core::hint::black_box(logits(stream, net, core::hint::black_box(&window)));
    });
    report(name, &result);
    println!(
        "  a sample: {} {=str} in the mean; its stream in RAM {} bytes, stack {} bytes",
        whole / STEPS as u32,
        board::COUNTED,
        size_of_val(stream),
        stack
    );
    result.same_bits
}

/// After the last sample, or after the padding behind it.
fn logits<N: Streamed<Window, Out = Logits>>(stream: &mut Stream<N, Window>, net: &N, window: &Window) -> Logits {
    let mut logits = Logits::ZERO;
    for sample in window {
        if let Some(y) = stream.push(net, sample) {
            logits = *y;
        }
    }
    while let Some(y) = stream.finish(net) {
        logits = *y;
    }
    logits
}

struct Result {
    confusion: Confusion<7>,
    same_bits: bool,
}

/// Classifies every held-out window; compares the logits with the `nth` seven of the host's.
fn classify(window: &mut Window, nth: usize, mut logits: impl FnMut(&Window) -> Logits) -> Result {
    let mut result = Result { confusion: Confusion::default(), same_bits: true };
    for example in HELD_OUT.as_chunks::<4>().0.chunks_exact(WORDS) {
        let [class, rest @ ..] = example else { continue };
        let (samples, expected) = rest.split_at(STEPS * 6);
        for (v, bytes) in window.as_flattened_mut().iter_mut().zip(samples) {
            *v = f32::from_le_bytes(*bytes);
        }
        let found = logits(window);
        result.confusion.add(u32::from_le_bytes(*class) as usize, argmax(&found));
        let expected = expected.iter().skip(nth * 7).map(|bytes| u32::from_le_bytes(*bytes));
        result.same_bits &= found.iter().zip(expected).all(|(found, expected)| found.to_bits() == expected);
    }
    result
}

fn report(network: &str, Result { confusion, same_bits }: &Result) {
    println!(
        "{=str}: {} of {} windows of two people it has not seen, every logit the host's bit for bit: {}",
        network,
        confusion.correct(),
        confusion.total(),
        same_bits
    );
    for (class, name) in EXERCISES.iter().enumerate() {
        println!("  {=str}: {} of {}", name, confusion.count(class, class), confusion.examples(class));
    }
}
