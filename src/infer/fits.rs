//! Memory as a compile-time fact.

/// Fails to compile, with both numbers, unless `T` fits into `budget` bytes.
///
/// A network's size is its weights, an [`Arena`](crate::Arena)'s or [`Trainer`](crate::Trainer)'s the RAM of running or training it,
/// an optimizer's its moments: `size_of` is the whole account, since nothing is allocated.
///
/// ```
/// use nerve::prelude::*;
///
/// type Net = chain![Dense<4, 10, Sigmoid>, Dense<10, 3>];
/// const _: () = nerve::assert_fits::<(Net, Trainer<Net, [f32; 4]>)>(1024);
/// ```
///
/// ```compile_fail,E0080
/// use nerve::prelude::*;
///
/// type Net = chain![Dense<784, 100, Sigmoid>, Dense<100, 10>];
/// const _: () = nerve::assert_fits::<Net>(16 * 1024); // needs 318,040 bytes
/// ```
#[track_caller]
pub const fn assert_fits<T>(budget: usize) {
    if size_of::<T>() > budget {
        const_panic::concat_panic!(
            display: "it needs ", size_of::<T>(), display: " bytes and the budget is ", budget
        );
    }
}
