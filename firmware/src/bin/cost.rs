//! Work between marker instructions, for the plugin that counts instructions and cycles.
//! Each piece of work is named in the log before it runs.
#![no_std]
#![no_main]

use core::hint::black_box;

use defmt::println;
use nerve::prelude::*;
use nerve::{Layer, Mode};
use nerve_firmware::measure::Mnist;
use nerve_firmware::networks::cnn::{Image as Digit, Tiny};
use nerve_firmware::{arch, board, entry};
use rand_core::SeedableRng;
use rand_pcg::Pcg32;
use static_cell::ConstStaticCell;

type Input = [f32; 4];
/// Peers' figures are for inputs that are standardised already.
type Classifier = chain![Dense<4, 10, Sigmoid>, Dense<10, 3, Softmax>];
type Net = chain![Dense<4, 10, Sigmoid>, Dense<10, 3>];
type Conv = Conv2d<8, 16, 3>;
type Image = [[[f32; 8]; 16]; 16];
type Wide = Dense<784, 100>;
type Digits = Mnist<Softmax>;

static TRAINER: ConstStaticCell<Trainer<Net, Input>> = ConstStaticCell::new(Trainer::ZERO);
static MNIST: ConstStaticCell<Digits> = ConstStaticCell::new(Digits::ZERO);
static MNIST_ARENA: ConstStaticCell<Arena<{ arena_len::<Digits, [f32; 784]>() }>> = ConstStaticCell::new(Arena::ZERO);
static WIDE: ConstStaticCell<Wide> = ConstStaticCell::new(Wide::ZERO);
static WIDE_GRADS: ConstStaticCell<Wide> = ConstStaticCell::new(Wide::ZERO);
static CONV: ConstStaticCell<Conv> = ConstStaticCell::new(Conv::ZERO);
static CONV_ARENA: ConstStaticCell<Arena<{ arena_len::<Conv, Image>() }>> = ConstStaticCell::new(Arena::ZERO);
static IMAGE: ConstStaticCell<Image> = ConstStaticCell::new([[[0.5; 8]; 16]; 16]);
static TINY: ConstStaticCell<Tiny> = ConstStaticCell::new(Tiny::ZERO);
static TINY_ARENA: ConstStaticCell<Arena<{ arena_len::<Tiny, Digit>() }>> = ConstStaticCell::new(Arena::ZERO);
static DIGIT: ConstStaticCell<Digit> = ConstStaticCell::new([[[0.5]; 28]; 28]);

/// Names the work, then runs it as a region.
#[inline(always)]
fn region<R>(name: &str, work: impl FnOnce() -> R) -> R {
    println!("{=str}", name);
    arch::region(work)
}

#[entry]
fn main() -> ! {
    let mut rng = Pcg32::seed_from_u64(1);
    let x = [0.4, -1.1, 0.7, 0.2];

    let mut classifier = Classifier::ZERO;
    classifier.init(Init::GlorotUniform, &mut rng);
    let mut arena = Arena::<{ arena_len::<Classifier, Input>() }>::ZERO;
    let (x, classifier) = (black_box(&x), black_box(&classifier));
    region("Iris 4-10-3 forward", || black_box(arena.predict(classifier, x)));

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
    let (mnist, pixels, arena) = (black_box(&*mnist), black_box(&pixels), MNIST_ARENA.take());
    region("784-100-10 forward", || black_box(arena.predict(mnist, pixels)));

    let (wide, grads) = (WIDE.take(), WIDE_GRADS.take());
    wide.init(Init::GlorotUniform, &mut rng);
    let (wide, x, y, mut dy) = (black_box(&*wide), black_box([*pixels]), [[0.5; 100]], black_box([[0.5; 100]]));
    let mut dx = [[0.0; 784]];
    let mode = Mode::Training { seed: 1, first_example: 0, examples: 1 };
    region("784x100 weight gradients", || {
        wide.gradients(&x, &(), &y, &dy, &(), black_box(&mut *grads), false);
    });
    region("784x100 input gradients", || {
        wide.backward(&x, &(), &y, &mut dy, &mut (), Some(black_box(&mut dx)), mode);
    });
    black_box((grads, dx));

    let (conv, image, arena) = (CONV.take(), IMAGE.take(), CONV_ARENA.take());
    conv.init(Init::HeUniform, &mut rng);
    let (conv, image) = (black_box(&*conv), black_box(&*image));
    region("convolution 3x3, 16x16x8 to 16", || black_box(arena.predict(conv, image)));

    let (tiny, digit, arena) = (TINY.take(), DIGIT.take(), TINY_ARENA.take());
    tiny.init(Init::HeUniform, &mut rng);
    let (tiny, digit) = (black_box(&*tiny), black_box(&*digit));
    region("tiny CNN forward", || black_box(arena.predict(tiny, digit)));
    board::exit(true)
}
