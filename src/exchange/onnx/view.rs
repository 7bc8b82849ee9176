//! Where the elements of an ONNX value lie: it has an order of axes of its own, and what its tensor holds in memory may have another one.
//!
//! Convolutions write their channels last, where ONNX has them first. Transpose, Reshape, Squeeze and their like then move nothing: they
//! say in another way where elements lie. Elements move when an operator needs another order.

use std::vec;
use std::vec::Vec;

/// Elements at a regular distance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Factor {
    /// Above 1.
    pub length: usize,
    /// From one to the next in memory.
    pub step: usize,
}

/// A value: each element of a tensor once.
#[derive(Clone, Debug, PartialEq)]
pub struct View {
    /// In the graph.
    pub tensor: usize,
    /// For each axis what its index is made of, the outermost first; nothing where the length is 1.
    pub axes: Vec<Vec<Factor>>,
}

/// The distances of the elements of a tensor in row-major order.
pub fn row_major(shape: &[usize]) -> Vec<usize> {
    let mut steps = vec![1; shape.len()];
    for axis in (1..shape.len()).rev() {
        steps[axis - 1] = steps[axis] * shape[axis];
    }
    steps
}

/// The places of the elements of a shape, with these distances.
pub fn places(shape: &[usize], steps: &[isize], first: usize) -> Vec<usize> {
    shape.iter().zip(steps).fold(vec![first], |places, (length, step)| {
        let along = |place: usize| (0..*length).map(move |i| place.wrapping_add_signed(i as isize * step));
        places.into_iter().flat_map(along).collect()
    })
}

/// Neighbours as one where their elements follow each other.
pub fn merged(factors: &[Factor]) -> Vec<Factor> {
    let mut parts: Vec<Factor> = vec![];
    for factor in factors {
        match parts.last_mut() {
            Some(last) if last.step == factor.step * factor.length => {
                *last = Factor { length: last.length * factor.length, step: factor.step };
            }
            _ => parts.push(*factor),
        }
    }
    parts
}

/// In the order in which the elements lie.
pub fn sorted(factors: &[Factor]) -> Vec<Factor> {
    let mut sorted = factors.to_vec();
    sorted.sort_by_key(|factor| core::cmp::Reverse(factor.step));
    sorted
}

impl View {
    /// Of a tensor whose axes are those of the value named in `dims`, or of length 1.
    pub fn of(tensor: usize, shape: &[usize], dims: &[Option<usize>]) -> Self {
        let mut axes = vec![vec![]; shape.len()];
        let mut step = 1;
        for axis in dims.iter().rev().copied().flatten() {
            let length = shape[axis];
            if length > 1 {
                axes[axis].push(Factor { length, step });
            }
            step *= length;
        }
        Self { tensor, axes }
    }

    /// Of a tensor with the value's own axes.
    pub fn rows(tensor: usize, shape: &[usize]) -> Self {
        Self::of(tensor, shape, &(0..shape.len()).map(Some).collect::<Vec<_>>())
    }

    pub fn shape(&self) -> Vec<usize> {
        self.axes.iter().map(|axis| axis.iter().map(|factor| factor.length).product()).collect()
    }

    pub fn elements(&self) -> usize {
        self.shape().iter().product()
    }

    /// Whether the elements lie in the order of these axes, the last one's next to each other.
    pub fn lies(&self, order: &[usize]) -> bool {
        let mut step = 1;
        order.iter().rev().flat_map(|axis| self.axes[*axis].iter().rev()).all(|factor| {
            let fits = factor.step == step;
            step *= factor.length;
            fits
        })
    }

    pub fn is_row_major(&self) -> bool {
        self.lies(&(0..self.axes.len()).collect::<Vec<_>>())
    }

    /// The same elements in another shape; `None` if they have to be moved for it.
    pub fn reshaped(&self, shape: &[usize]) -> Option<Self> {
        let mut factors = merged(&self.axes.iter().flatten().copied().collect::<Vec<_>>());
        factors.reverse();
        let mut axes = vec![];
        for length in shape {
            let (mut axis, mut rest) = (vec![], *length);
            while rest > 1 {
                let factor = factors.pop()?;
                if rest.is_multiple_of(factor.length) {
                    axis.push(factor);
                    rest /= factor.length;
                } else if factor.length.is_multiple_of(rest) {
                    let inner = factor.length / rest;
                    axis.push(Factor { length: rest, step: factor.step * inner });
                    factors.push(Factor { length: inner, step: factor.step });
                    rest = 1;
                } else {
                    return None;
                }
            }
            axes.push(axis);
        }
        Some(Self { tensor: self.tensor, axes })
    }

    /// For each element in memory, its number in the value's row-major order.
    pub fn numbers(&self) -> Vec<usize> {
        let factors: Vec<Factor> = self.axes.iter().flatten().copied().collect();
        let steps = row_major(&factors.iter().map(|factor| factor.length).collect::<Vec<_>>());
        let mut both: Vec<(Factor, usize)> = factors.into_iter().zip(steps).collect();
        both.sort_by_key(|(factor, _)| core::cmp::Reverse(factor.step));
        let (lengths, steps): (Vec<_>, Vec<_>) =
            both.into_iter().map(|(factor, step)| (factor.length, step as isize)).unzip();
        places(&lengths, &steps, 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHANNELS_LAST: [Option<usize>; 4] = [Some(0), Some(2), Some(3), Some(1)];

    #[test]
    fn an_image_with_channels_last_is_flattened_without_a_move() {
        let image = View::of(0, &[1, 2, 3, 5], &CHANNELS_LAST);
        assert!(!image.is_row_major() && image.lies(&[0, 2, 3, 1]));
        let flat = image.reshaped(&[1, 30]).unwrap();
        assert_eq!(flat.shape(), [1, 30]);
        // Memory has both channels of the first pixel, then of the second one.
        assert_eq!(flat.numbers()[..4], [0, 15, 1, 16]);
        assert_eq!(flat.reshaped(&[1, 2, 3, 5]).unwrap(), image);
    }

    #[test]
    fn what_has_to_move_is_not_reshaped() {
        let image = View::of(0, &[1, 2, 3, 5], &CHANNELS_LAST);
        assert_eq!(image.reshaped(&[3, 10]), None);
        assert!(View::rows(0, &[1, 2, 3, 5]).reshaped(&[3, 10]).is_some());
    }

    #[test]
    fn channels_are_split() {
        let image = View::of(0, &[1, 6, 2, 2], &CHANNELS_LAST);
        let split = image.reshaped(&[1, 2, 3, 2, 2]).unwrap();
        assert_eq!(split.axes[1], [Factor { length: 2, step: 3 }]);
        assert_eq!(split.axes[2], [Factor { length: 3, step: 1 }]);
    }
}
