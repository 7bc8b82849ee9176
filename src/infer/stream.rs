//! Inference row by row.

use crate::layers::{InRows, OutRow, Streamed};
use crate::numbers::Zero;

/// A network that takes the rows of `X` one after another: the instants of a signal as a sensor gives them, an image row by row. Each
/// layer keeps the last rows that its kernel still needs, and a recurrent one its state.
///
/// ```
/// use nerve::prelude::*;
///
/// /// 3 axes, a quarter of the rate, a decision over the last 8 of these.
/// type Net = chain![Conv1d<3, 8, 5, Relu, To1d<30, 2>>, MaxPool1d<2, 15>, Conv1d<8, 8, 8, Relu, To1d<8>>, GlobalAvgPool, Dense<8, 4>];
/// type Window = [[f32; 3]; 63];
///
/// // 5 samples, 2 and 8 rows of 8 channels, sums, and what counts them: less than the window of 756 bytes and its arena.
/// const _: () = nerve::assert_fits::<Stream<Net, Window>>(620);
///
/// let net = Net::ZERO;
/// let mut stream = Stream::<Net, Window>::ZERO;
/// for sample in [[0.1, 0.2, 0.3]; 63] {
///     if let Some(logits) = stream.push(&net, &sample) {
///         println!("{logits:?}");
///     }
/// }
/// ```
///
/// What comes out has the bits of what the network makes of the whole signal at once, at every position: of a stride of 2 in it, every
/// second time. `X` says how long the signal is where that matters: to [`GlobalAvgPool`](crate::GlobalAvgPool), which gives a mean
/// each time that so many rows have come, and to [`Flatten`](crate::Flatten), which holds so many of the last ones and gives them each time.
/// Otherwise a stream may go on without end. Padding before the signal lies before the first row. Padding behind it, as much as behind an
/// `X`, comes with [`finish`](Self::finish):
///
/// ```
/// # use nerve::prelude::*;
/// type Net = chain![Conv2d<1, 8, 3, Relu>, MaxPool2d<2, 14, 14>, Conv2d<8, 16, 3, Relu>, GlobalAvgPool, Dense<16, 10>];
/// type Image = [[[f32; 1]; 28]; 28];
///
/// # let mut net = Net::ZERO;
/// # net.init(Init::HeNormal, &mut <rand_pcg::Pcg32 as rand_core::SeedableRng>::seed_from_u64(1));
/// # let image: Image = core::array::from_fn(|y| core::array::from_fn(|x| [(x * y % 7) as f32]));
/// let mut stream = Stream::<Net, Image>::ZERO; // 4,720 bytes, instead of an image of 3,136 and an arena of 31,360
/// for row in &image {
///     assert_eq!(stream.push(&net, row), None); // the mean is complete with the last row of the second convolution
/// }
/// let logits = stream.finish(&net);
/// # let mut arena = Arena::<{ arena_len::<Net, Image>() }>::ZERO;
/// # assert_eq!(logits, Some(arena.predict(&net, &image)));
/// # assert_eq!(stream.finish(&net), None);
/// ```
///
/// Its size is a constant: of a convolution or pooling over rows, `K·D` rows of its input with a kernel of `K` and a dilation of `D`; of
/// branches, the rows that wait for the longer path, at most as many again; a row of input of any other layer that does not work in place.
/// It may be a `static`, since [`ZERO`](Self::ZERO) is a constant.
///
/// What cannot run row by row does not compile:
///
/// ```compile_fail,E0277
/// # use nerve::prelude::*;
/// type Net = ConvTranspose2d<3, 4, 4, To<8, 8, 2, 1>>; // several rows for each
/// let stream = Stream::<Net, [[[f32; 3]; 4]; 4]>::ZERO;
/// ```
pub struct Stream<N: Streamed<X>, X: InRows> {
    state: N::State,
    y: OutRow<N, X>,
}

impl<N: Streamed<X>, X: InRows> Zero for Stream<N, X> {
    const ZERO: Self = Self::ZERO;
    fn clear(&mut self) {
        self.reset();
    }
}

impl<N: Streamed<X>, X: InRows> Stream<N, X> {
    /// Before the first row.
    pub const ZERO: Self = {
        let ((), ()) = (N::CHECK, N::STREAMS);
        Self { state: N::State::ZERO, y: Zero::ZERO }
    };

    /// Takes the next row; gives one, if that is complete with it.
    #[inline]
    pub fn push(&mut self, network: &N, row: &X::Row) -> Option<&OutRow<N, X>> {
        *N::place(&mut self.state, &mut self.y) = *row;
        network.advance(&mut self.state, &mut self.y).then_some(&self.y)
    }

    /// Ends the signal: gives the next of the rows that wait for the padding behind it. When there are no more, the next signal may begin.
    #[inline]
    pub fn finish(&mut self, network: &N) -> Option<&OutRow<N, X>> {
        if network.finish(&mut self.state, &mut self.y) {
            return Some(&self.y);
        }
        self.reset();
        None
    }

    /// Forgets what came: the next row is the first one.
    #[inline]
    pub fn reset(&mut self) {
        self.state.clear();
    }
}
