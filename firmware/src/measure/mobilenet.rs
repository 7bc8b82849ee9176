//! A network large enough that the code of its layers counts.

use nerve::Same;
use nerve::prelude::*;

use super::numbers;

/// 96 rows of 96 pixels of three colours.
pub type Picture = [[[f32; 3]; 96]; 96];

/// A picture.
pub const fn picture() -> Picture {
    [const { numbers(1, 1.0) }; 96]
}

/// A convolution, then for each `C to O, G` a depthwise one of `C` channels with geometry `G` and a pointwise one of `C` into `O`;
/// then the average of each channel and a dense layer.
macro_rules! mobilenet {
    ($($C:literal to $O:literal, $G:ty;)*) => {
        /// MobileNet of the shapes that MLPerf Tiny's visual wake words has: width 0.25 and two classes (Howard et al. 2017, table 1). Where
        /// the stride is 2, its padding is before the picture and not behind it.
        pub type MobileNet = chain![
            Conv2d<3, 8, 3, Relu, To<48, 48, 2, 1>>,
            $(DepthwiseConv2d<$C, 3, Relu, $G>, Conv2d<$C, $O, 1, Relu>,)*
            GlobalAvgPool,
            Dense<256, 2>,
        ];

        /// [`MobileNet`] with some weights, made when it is compiled.
        pub const fn mobilenet() -> MobileNet {
            pairs![
                Conv2d::new([[const { numbers(1, 0.4) }; 3]; 3], [0.1; 8]),
                $(depthwise::<$C, $G>(), pointwise::<$C, $O>(),)*
                GlobalAvgPool,
                Dense::new(const { numbers(2, 0.2) }, [0.1; 2])
            ]
        }
    };
}

// An evaluation for each layer: the compiler warns of one that takes as long as all of them.
const fn depthwise<const C: usize, G>() -> DepthwiseConv2d<C, 3, Relu, G> {
    DepthwiseConv2d::new([const { numbers(3, 0.6) }; 3], [0.1; C])
}

const fn pointwise<const C: usize, const O: usize>() -> Conv2d<C, O, 1, Relu> {
    Conv2d::new([[const { numbers(4, 0.2) }]], [0.1; O])
}

mobilenet! {
    8 to 16, Same;
    16 to 32, To<24, 24, 2, 1>;
    32 to 32, Same;
    32 to 64, To<12, 12, 2, 1>;
    64 to 64, Same;
    64 to 128, To<6, 6, 2, 1>;
    128 to 128, Same;
    128 to 128, Same;
    128 to 128, Same;
    128 to 128, Same;
    128 to 128, Same;
    128 to 256, To<3, 3, 2, 1>;
    256 to 256, Same;
}
