//! Losses, activations and optimizers against values that `golden.py` computes, and PyTorch.

use nerve::prelude::*;
use nerve::{Activation, ClassWeights, Focal, LabelSmoothing, Layer, Loss, Mode, Triplet};

// A module of its own, whose long lines are left as they were written.
#[rustfmt::skip]
#[path = "torch/losses.rs"]
mod torch;

const CLOSE: f64 = 1e-13;

fn close(found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len());
    for (a, b) in found.iter().zip(expected) {
        assert!((a - b).abs() < CLOSE, "{found:?} is not {expected:?}");
    }
}

fn loss<T>(loss: impl Loss<[f64; 3], T>, y: [f64; 3], target: &T, value: f64, slope: [f64; 3]) {
    let mut dy = [0.0; 3];
    close(&[loss.loss(&y, target, &mut dy).unwrap()], &[value]);
    close(&dy, &slope);
}

#[test]
fn losses() {
    const Z: [f64; 3] = [0.5, -1.0, 2.0];
    const T: [f64; 3] = [0.2, 0.5, 0.3];
    const Y: [f64; 3] = [0.9, -1.3, 0.4];
    const R: [f64; 3] = [1.4, -1.2, -2.0];
    loss(CrossEntropy, Z, &1, 3.241311296657157, [0.1752903921400367, -0.9608874267293126, 0.7855970345892759]);
    loss(CrossEntropy, Z, &T, 2.0413112966571574, [-0.024709607859963317, -0.46088742672931254, 0.4855970345892759]);
    loss(
        BinaryCrossEntropy,
        Z,
        &T,
        1.0714222275804337,
        [0.14081977706728485, -0.07701952621000163, 0.19359902599262746],
    );
    loss(Mse, Y, &R, 2.0066666666666664, [-1.0 / 3.0, -0.2 / 3.0, 1.6]);
    loss(Mae, Y, &R, 1.0, [-1.0 / 3.0, -1.0 / 3.0, 1.0 / 3.0]);
    loss(Huber { delta: 0.4 }, Y, &R, 0.335, [-0.4 / 3.0, -0.1 / 3.0, 0.4 / 3.0]);
}

/// Multiples of 1/16 in a fixed disorder, as `torch/losses.py` makes them, times `scale`.
fn values(factor: usize, scale: f64) -> [[f64; 4]; 8] {
    let mut values = [[0.0; 4]; 8];
    for (i, value) in values.as_flattened_mut().iter_mut().enumerate() {
        *value = scale * (((i * factor + 5) % 37) as f64 - 18.0) / 16.0;
    }
    values
}

/// Each example against PyTorch's loss and derivatives.
fn pytorchs<T>(
    loss: impl Loss<[f64; 4], T>,
    y: [[f64; 4]; 8],
    targets: [T; 8],
    losses: [f64; 8],
    slopes: [[f64; 4]; 8],
) {
    for (((y, target), value), slope) in y.iter().zip(&targets).zip(losses).zip(slopes) {
        let mut dy = [0.0; 4];
        close(&[loss.loss(y, target, &mut dy).unwrap()], &[value]);
        close(&dy, &slope);
    }
}

#[test]
fn losses_have_pytorchs_values() {
    let (z, classes) = (values(7, 4.0), std::array::from_fn(|i| i / 2));
    let weighted = ClassWeights { loss: CrossEntropy, weights: [0.5, 2.5, 9.0, 0.0] };
    pytorchs(weighted, z, classes, torch::WEIGHTED_LOSS, torch::WEIGHTED_DY);
    pytorchs(LabelSmoothing { smoothing: 0.2 }, z, classes, torch::SMOOTH_LOSS, torch::SMOOTH_DY);
    pytorchs(Focal { gamma: 2.0 }, z, classes, torch::FOCAL_LOSS, torch::FOCAL_DY);
    pytorchs(Focal { gamma: 0.5 }, z, classes, torch::FOCAL_HALF_LOSS, torch::FOCAL_HALF_DY);
    pytorchs(Focal { gamma: 0.0 }, z, classes, torch::FOCAL_NONE_LOSS, torch::FOCAL_NONE_DY);
    let (positive, negative) = (values(11, 1.0), values(13, 1.0));
    let others = std::array::from_fn(|i| [positive[i], negative[i]]);
    pytorchs(Triplet { margin: 0.5 }, values(7, 1.0), others, torch::TRIPLET_LOSS, torch::TRIPLET_DY);
}

#[test]
fn activations() {
    fn layer<A: Layer<[f64; 2], Out = [f64; 2], Acts<1> = ()> + Zero>(expected: [f64; 2]) {
        let mut y = [[0.0; 2]];
        A::ZERO.forward(&[[0.7, -0.7]], &mut (), &mut y, Mode::Inference);
        close(&y[0], &expected);
    }
    layer::<HardSwish>([0.43166666666666664, -0.2683333333333333]);
    layer::<Silu>([0.46773144051771626, -0.2322685594822837]);
    layer::<Gelu>([0.5306254434438489, -0.1693745565561511]);
    layer::<GeluTanh>([0.5305701347051167, -0.16942986529488321]);
    fn of<A: Activation>(expected: [f64; 2]) {
        let mut row = [0.7, -0.7];
        A::forward(&mut row, 2);
        close(&row, &expected);
    }
    of::<Sigmoid>([0.6681877721681662, 0.3318122278318339]);
    of::<HardSigmoid>([0.6166666666666667, 0.3833333333333333]);
    of::<Tanh>([0.6043677771171636, -0.6043677771171636]);
    of::<Elu>([0.7, -0.5034146962085905]);
    of::<Relu>([0.7, 0.0]);
    of::<LeakyRelu>([0.7, -0.007]);
    of::<Linear>([0.7, -0.7]);
    of::<Softmax>([0.8021838885585817, 0.19781611144141825]);
}

type Two = Dense<1, 1, Linear, f64>;

/// Three steps on two parameters with the gradient (w₀ − 1, 3·w₁ + w₀), given as the sum of 4 examples.
fn three_steps(mut optimizer: impl Optimizer<Two, f64>) -> [f64; 2] {
    let mut w = Two::new([[0.5]], [-0.25]);
    for _ in 0..3 {
        let (w0, w1) = (w.w[0][0], w.b[0]);
        let mut gradients = Two::new([[4.0 * (w0 - 1.0)]], [4.0 * (3.0 * w1 + w0)]);
        optimizer.step(&mut (&mut w, &mut gradients), 0.25);
    }
    [w.w[0][0], w.b[0]]
}

#[test]
fn optimizers() {
    macro_rules! with_decay {
        ($optimizer:expr) => {{
            let mut optimizer = $optimizer;
            optimizer.weight_decay = 0.05;
            three_steps(optimizer)
        }};
    }
    close(&with_decay!(Sgd::new(0.1)), &[0.6280611875000001, -0.20512934375]);
    close(&with_decay!(Momentum::new(0.1, 0.9)), &[0.7430586875, -0.15957809374999998]);
    close(&with_decay!(Nesterov::new(0.1, 0.9)), &[0.8165533225625, -0.18602073753125]);
    close(&with_decay!(RmsProp::new(0.1)), &[1.0312793166723244, -0.24027055256672963]);
    close(&with_decay!(Adam::new(0.1)), &[0.7941484882980019, -0.16034723135306114]);
    close(&with_decay!(AdamW::new(0.1)), &[0.7864068383936038, -0.1647409721082748]);
}

/// Clipping scales the mean gradient (3, 4) of norm 5 down to norm 1.
#[test]
fn clipping_by_norm() {
    let mut net = Dense::<2, 1, Linear, f64>::ZERO;
    let mut trainer = Trainer::<_, [f64; 2]>::ZERO;
    trainer.clip = Clip::Norm(1.0);
    // y = 0, loss (y − t)², derivative 2(y − t) = 2 for t = −1; with the bias the gradient is (2x₀, 2x₁, 2).
    let x = [1.5, 6.0f64.sqrt()];
    trainer.step(&mut net, &mut Sgd::new(1.0), &Mse, &[x], &[[-1.0]]).unwrap();
    let norm = 2.0 * (x[0] * x[0] + x[1] * x[1] + 1.0).sqrt();
    close(&[net.w[0][0], net.w[1][0], net.b[0]], &[-2.0 * x[0] / norm, -2.0 * x[1] / norm, -2.0 / norm]);
}

/// Clipping holds each derivative of the mean gradient between −1 and 1.
#[test]
fn clipping_by_value() {
    let mut net = Dense::<2, 1, Linear, f64>::ZERO;
    let mut trainer = Trainer::<_, [f64; 2], 2>::ZERO;
    trainer.clip = Clip::Value(1.0);
    // y = 0, loss (y − t)², t = −1: the gradients are (2x₀, 2x₁, 2), whose means are (−3, 0.5, 2).
    let examples = [[-1.0, 0.75], [-2.0, -0.25]];
    trainer.step(&mut net, &mut Sgd::new(1.0), &Mse, &examples, &[[-1.0], [-1.0]]).unwrap();
    close(&[net.w[0][0], net.w[1][0], net.b[0]], &[1.0, -0.5, -1.0]);
}
