//! Elements at regular distances.

/// Axes that a [`Strided`] has.
pub const AXES: usize = 8;

/// Elements of a tensor at regular distances along each axis: a slice of it, a part, its axes in another order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Strided {
    /// Elements along each axis, the last one being the innermost; 1 for an axis that is not there. The fewer axes a tensor is told by, the
    /// faster.
    pub lengths: [usize; AXES],
    /// From one element to the next along each axis.
    pub steps: [isize; AXES],
    /// Where the first element lies.
    pub first: usize,
}

impl Strided {
    /// `y[i] = x[place of i]`.
    #[inline(never)]
    pub fn gather<T: Copy>(&self, x: &[T], y: &mut [T]) {
        let (runs, len) = self.runs();
        for (place, y) in runs.places().zip(y.chunks_mut(len)) {
            for (y, x) in y.iter_mut().zip(x.get(place..).unwrap_or(&[])) {
                *y = *x;
            }
        }
    }

    /// `y[place of i] = x[i]`.
    #[inline(never)]
    pub fn scatter<T: Copy>(&self, x: &[T], y: &mut [T]) {
        let (runs, len) = self.runs();
        for (place, x) in runs.places().zip(x.chunks(len)) {
            for (y, x) in y.get_mut(place..).unwrap_or(&mut []).iter_mut().zip(x) {
                *y = *x;
            }
        }
    }

    /// The first ones of elements that lie side by side, and how many these are, at least 1.
    #[inline(always)]
    pub(super) fn runs(&self) -> (Self, usize) {
        let mut runs = *self;
        let ([.., len], [.., step]) = (&mut runs.lengths, self.steps);
        let run = if step == 1 { core::mem::replace(len, 1) } else { 1 };
        (runs, run.max(1))
    }

    /// Where the elements lie, in row-major order.
    #[inline(always)]
    pub fn places(&self) -> impl Iterator<Item = usize> {
        let mut at = [0_usize; AXES];
        let mut next = self.lengths.iter().all(|length| *length > 0).then_some(self.first);
        core::iter::from_fn(move || {
            let place = next?;
            next = None;
            let mut moved = place;
            for axis in (0..AXES).rev() {
                at[axis] += 1;
                if at[axis] < self.lengths[axis] {
                    next = Some(moved.wrapping_add_signed(self.steps[axis]));
                    break;
                }
                let back = self.steps[axis].wrapping_mul((at[axis] - 1) as isize);
                moved = moved.wrapping_sub(back as usize);
                at[axis] = 0;
            }
            Some(place)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(lengths: [usize; 2], steps: [isize; 2], first: usize) -> Strided {
        let mut strided = Strided { lengths: [1; AXES], steps: [0; AXES], first };
        strided.lengths[AXES - 2..].copy_from_slice(&lengths);
        strided.steps[AXES - 2..].copy_from_slice(&steps);
        strided
    }

    #[test]
    fn elements_are_gathered_in_another_order_and_backwards() {
        let x = [1, 2, 3, 4, 5, 6];
        let mut y = [0; 6];
        of([3, 2], [1, 3], 0).gather(&x, &mut y);
        assert_eq!(y, [1, 4, 2, 5, 3, 6]);
        of([2, 3], [3, -1], 2).gather(&x, &mut y);
        assert_eq!(y, [3, 2, 1, 6, 5, 4]);
    }

    #[test]
    fn elements_are_scattered_into_a_margin() {
        let mut y = [0; 12];
        of([2, 2], [4, 1], 5).scatter(&[1, 2, 3, 4], &mut y);
        assert_eq!(y, [0, 0, 0, 0, 0, 1, 2, 0, 0, 3, 4, 0]);
    }
}
