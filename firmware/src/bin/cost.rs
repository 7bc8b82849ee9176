//! Work between marker instructions, for the plugin that counts instructions and cycles.
//! Each piece of work is named in the log before it runs.
#![no_std]
#![no_main]

use core::hint::black_box;

use cortex_m_rt::entry;
use defmt::println;
use nerve::prelude::*;
use nerve_firmware::board;
use rand_core::SeedableRng;
use rand_pcg::Pcg32;
use static_cell::ConstStaticCell;

type Input = [f32; 4];
/// Peers' figures are for inputs that are standardised already.
type Classifier = chain![Dense<4, 10, Sigmoid>, Dense<10, 3, Softmax>];
type Net = chain![Dense<4, 10, Sigmoid>, Dense<10, 3>];
type Mnist = chain![Dense<784, 100, Sigmoid>, Dense<100, 10, Softmax>];

static TRAINER: ConstStaticCell<Trainer<Net, Input>> = ConstStaticCell::new(Trainer::ZERO);
static MNIST: ConstStaticCell<Mnist> = ConstStaticCell::new(Mnist::ZERO);
static MNIST_PASS: ConstStaticCell<Pass<Mnist, [f32; 784]>> = ConstStaticCell::new(Pass::ZERO);

/// Runs `work` as a region with this name.
#[inline(always)]
fn region<R>(name: &str, work: impl FnOnce() -> R) -> R {
    println!("{=str}", name);
    // SAFETY: both are hints that execute as NOP; an `asm!` without options is also a barrier to moving memory accesses.
    unsafe { core::arch::asm!(".inst.n 0xbf50") };
    let result = work();
    // SAFETY: as above.
    unsafe { core::arch::asm!(".inst.n 0xbf60") };
    result
}

#[entry]
fn main() -> ! {
    let mut rng = Pcg32::seed_from_u64(1);
    let x = [0.4, -1.1, 0.7, 0.2];

    let mut classifier = Classifier::ZERO;
    classifier.init(Init::GlorotUniform, &mut rng);
    let mut pass = Pass::<Classifier, Input>::ZERO;
    let (x, classifier) = (black_box(&x), black_box(&classifier));
    region("Iris 4-10-3 forward", || black_box(pass.predict(classifier, x)));

    let mut net = Net::ZERO;
    net.init(Init::GlorotUniform, &mut rng);
    let (net, trainer) = (black_box(&mut net), TRAINER.take());
    let mut optimizer = Sgd::new(black_box(0.01));
    let (batch, targets) = ([*x], [1]);
    let (batch, targets) = (black_box(&batch), black_box(&targets));
    for name in ["Iris 4-10-3 SGD step, the first", "Iris 4-10-3 SGD step"] {
        let loss = region(name, || trainer.step(net, &mut optimizer, &CrossEntropy, batch, targets));
        defmt::assert!(loss.is_ok());
    }

    let mnist = MNIST.take();
    mnist.init(Init::GlorotUniform, &mut rng);
    let pixels = core::array::from_fn(|i| (i % 7) as f32 / 7.0);
    let (mnist, pixels, pass) = (black_box(&*mnist), black_box(&pixels), MNIST_PASS.take());
    region("784-100-10 forward", || black_box(pass.predict(mnist, pixels)));
    board::exit(true)
}
