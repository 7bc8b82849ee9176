//! The convolutional networks, for this example and for the firmware that runs them.

use nerve::To;
use nerve::prelude::*;

/// 28 rows of 28 pixels of one channel, 0 to 1.
pub type Image = [[[f32; 1]; 28]; 28];

/// 9,098 parameters.
pub type Tiny = chain![
    Conv2d<1, 8, 3, Relu>,
    MaxPool2d<2, 14, 14>,
    Conv2d<8, 16, 3, Relu>,
    MaxPool2d<2, 7, 7>,
    Flatten<784>,
    Dense<784, 10>
];

/// LeNet-5 (LeCun et al. 1998) with ReLU and largest-value pooling: 61,706 parameters.
pub type LeNet5 = chain![
    Conv2d<1, 6, 5, Relu>,
    MaxPool2d<2, 14, 14>,
    Conv2d<6, 16, 5, Relu, To<10, 10>>,
    MaxPool2d<2, 5, 5>,
    Flatten<400>,
    Dense<400, 120, Relu>,
    Dense<120, 84, Relu>,
    Dense<84, 10>
];

/// Two residual blocks between convolutions of stride 2, and a mean over all pixels instead of a large last layer: 28,266 parameters.
pub type Residuals = chain![
    Conv2d<1, 16, 3, Relu, To<14, 14, 2, 1>>,
    Residual<chain![Conv2d<16, 16, 3, Relu>, Conv2d<16, 16, 3, Relu>]>,
    Conv2d<16, 32, 3, Relu, To<7, 7, 2, 1>>,
    Residual<chain![Conv2d<32, 32, 3, Relu>, Conv2d<32, 32, 3, Relu>]>,
    GlobalAvgPool,
    Dense<32, 10>
];
