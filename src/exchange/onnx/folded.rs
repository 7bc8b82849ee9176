//! Operators whose inputs are all known: what they write is a constant.

use std::rc::Rc;
use std::vec;
use std::vec::Vec;

use super::constant::{self, Constant, Elements, axes, axis, product, reshaped, slice};
use super::error::Fault;
use super::read::Operator;

type Result<T> = core::result::Result<T, Fault>;

/// What an operator makes of constants; `None` if it is not one of those that are computed here.
pub fn folded(operator: &Operator, inputs: &[Option<Rc<Constant>>], opset: i64) -> Result<Option<Constant>> {
    let input = |at: usize| inputs.get(at).cloned().flatten();
    if operator.name == "Constant" {
        return match operator.tensor("value")? {
            Some(tensor) => Ok(Some(Constant::read(tensor)?)),
            None => Ok(operator.numbers()?),
        };
    }
    let Some(x) = input(0) else { return Ok(None) };
    let other = || input(1).ok_or(Fault::Damaged("lacks an input"));
    let integers = |at: usize| input(at).map(|input| Ok::<_, Fault>(input.as_integers()?.to_vec())).transpose();
    let pair = |floats, integers| Ok::<_, Fault>(Some(x.with(&*other()?, floats, integers)?));
    let each = |f: fn(f32) -> f32| {
        Ok::<_, Fault>(Some(Constant::floats(x.shape.clone(), x.as_floats()?.iter().map(|x| f(*x)).collect())))
    };
    fn test(truth: bool) -> Option<i64> {
        Some(truth.into())
    }
    Ok(match operator.name {
        "Identity" => Some((*x).clone()),
        "Cast" => Some(x.cast(operator.int("to", 1)?)?),
        "Shape" => {
            let (first, last) = (operator.int("start", 0)?, operator.int("end", i64::MAX)?);
            Some(shape_of(&x.shape, first, last)?)
        }
        "Size" => Some(Constant::integers(vec![], vec![x.len() as i64])),
        "Add" => pair(Some(|a, b| Some(a + b)), Some(i64::checked_add))?,
        "Sub" => pair(Some(|a, b| Some(a - b)), Some(i64::checked_sub))?,
        "Mul" => pair(Some(|a, b| Some(a * b)), Some(i64::checked_mul))?,
        "Div" => pair(Some(|a, b| Some(a / b)), Some(i64::checked_div))?,
        "Mod" => pair(None, Some(i64::checked_rem_euclid))?,
        "Min" if inputs.len() == 2 => pair(Some(|a, b| Some(a.min(b))), Some(|a, b| Some(a.min(b))))?,
        "Max" if inputs.len() == 2 => pair(Some(|a, b| Some(a.max(b))), Some(|a, b| Some(a.max(b))))?,
        "Equal" => pair(None, Some(|a, b| test(a == b)))?,
        "Greater" => pair(None, Some(|a, b| test(a > b)))?,
        "Less" => pair(None, Some(|a, b| test(a < b)))?,
        "And" => pair(None, Some(|a, b| Some(a & b)))?,
        "Or" => pair(None, Some(|a, b| Some(a | b)))?,
        "Not" => Some(x.with(&Constant::integers(vec![], vec![1]), None, Some(|a, b| Some(a ^ b)))?),
        "Neg" => match x.elements {
            Elements::Floats(_) => each(|x| -x)?,
            Elements::Integers(_) => {
                Some(x.with(&Constant::integers(vec![], vec![-1]), None, Some(i64::checked_mul))?)
            }
        },
        "QuantizeLinear" => Some(super::quantised::quantised(&x, &steps_of(operator, inputs, &x.shape)?)?),
        "DequantizeLinear" => Some(super::quantised::real(&x, &steps_of(operator, inputs, &x.shape)?)?),
        "Sqrt" => each(libm::sqrtf)?,
        "Reciprocal" => each(|x| 1.0 / x)?,
        "Floor" => each(libm::floorf)?,
        "Ceil" => each(libm::ceilf)?,
        "Where" => {
            let (a, b) = (other()?, input(2).ok_or(Fault::Damaged("lacks an input"))?);
            let shape = constant::broadcast(&a.shape, &b.shape).and_then(|shape| constant::broadcast(&shape, &x.shape));
            let shape = shape.ok_or(Fault::Damaged("shapes do not fit together"))?;
            let [x, a, b] = [&x, &a, &b].map(|constant| constant.repeated(&shape));
            let (x, a, b) = (x?, a?, b?);
            let chosen = x.as_integers()?.iter().enumerate();
            let elements = match (&a.elements, &b.elements) {
                (Elements::Floats(a), Elements::Floats(b)) => {
                    Elements::Floats(chosen.map(|(i, x)| if *x != 0 { a[i] } else { b[i] }).collect())
                }
                (Elements::Integers(a), Elements::Integers(b)) => {
                    Elements::Integers(chosen.map(|(i, x)| if *x != 0 { a[i] } else { b[i] }).collect())
                }
                _ => return Err(Fault::Damaged("chooses between types")),
            };
            Some(Constant::new(shape, elements))
        }
        "ConstantOfShape" => {
            let shape: Vec<usize> =
                x.as_integers()?.iter().map(|n| usize::try_from(*n).unwrap_or(usize::MAX)).collect();
            // Larger ones would be made of nothing.
            let count = product(&shape)
                .filter(|count| *count <= 1 << 16)
                .ok_or(Fault::Damaged("makes too large a constant"))?;
            let value = operator.tensor("value")?.map(Constant::read).transpose()?;
            let value = value.unwrap_or_else(|| Constant::floats(vec![], vec![0.0]));
            if value.len() != 1 {
                return Err(Fault::Damaged("should have one value"));
            }
            Some(value.taken(shape, &vec![0; count]))
        }
        "Expand" => {
            let named: Vec<usize> =
                other()?.as_integers()?.iter().map(|n| usize::try_from(*n).unwrap_or(usize::MAX)).collect();
            let shape = constant::broadcast(&x.shape, &named).ok_or(Fault::Damaged("shapes do not fit together"))?;
            if product(&shape).is_none_or(|count| count > x.len().max(1 << 16)) {
                return Err(Fault::Damaged("makes too large a constant"));
            }
            Some(x.repeated(&shape)?)
        }
        "Range" => {
            let [Some(first), Some(end), Some(step)] = [integers(0)?, integers(1)?, integers(2)?] else {
                return Ok(None);
            };
            let (&[first], &[end], &[step]) = (&first[..], &end[..], &step[..]) else { return Ok(None) };
            let inside = |n: &i64| if step > 0 { *n < end } else { *n > end };
            let numbers: Vec<i64> =
                core::iter::successors(Some(first), |n| n.checked_add(step)).take_while(inside).take(1 << 16).collect();
            if step == 0 || numbers.len() == 1 << 16 {
                return Err(Fault::Damaged("makes too large a constant"));
            }
            Some(Constant::integers(vec![numbers.len()], numbers))
        }
        "Reshape" => {
            let shape = reshaped(&x.shape, other()?.as_integers()?, operator.int("allowzero", 0)? != 0)?;
            Some((*x).clone().shaped(shape))
        }
        "Flatten" => {
            let at = operator.int("axis", 1)?;
            let at = if at == x.shape.len() as i64 { x.shape.len() } else { axis(at, x.shape.len())? };
            let shape = [&x.shape[..at], &x.shape[at..]].map(|part| part.iter().product());
            Some((*x).clone().shaped(shape.into()))
        }
        "Squeeze" => {
            let gone = squeezed(&x.shape, integers(1)?)?;
            let shape = x.shape.iter().enumerate().filter(|(at, _)| !gone.contains(at)).map(|(_, length)| *length);
            Some((*x).clone().shaped(shape.collect()))
        }
        "Unsqueeze" => {
            let named = other()?.as_integers()?.to_vec();
            let shape = unsqueezed(&x.shape, &named)?;
            Some((*x).clone().shaped(shape))
        }
        "Transpose" => Some(x.transposed(&order(operator, x.shape.len())?)),
        "Concat" => {
            let parts: Vec<Rc<Constant>> = inputs.iter().flatten().cloned().collect();
            let along = axis(operator.int("axis", 0)?, x.shape.len())?;
            concatenated(&parts, along)?
        }
        "Gather" => {
            let (at, along) = (other()?, axis(operator.int("axis", 0)?, x.shape.len())?);
            let numbers = at.as_integers()?.iter().map(|n| axis(*n, x.shape[along])).collect::<Result<Vec<_>>>()?;
            let inner: usize = x.shape[along + 1..].iter().product();
            let outer: usize = x.shape[..along].iter().product();
            let shape = [&x.shape[..along], &at.shape, &x.shape[along + 1..]].concat();
            if product(&shape).is_none_or(|count| count > x.len().max(1 << 16)) {
                return Err(Fault::Damaged("makes too large a constant"));
            }
            let at = |outer: usize| {
                let numbers = &numbers;
                let length = x.shape[along];
                numbers.iter().flat_map(move |n| (0..inner).map(move |i| (outer * length + n) * inner + i))
            };
            Some(x.taken(shape, &(0..outer).flat_map(at).collect::<Vec<_>>()))
        }
        "Slice" => {
            let [Some(starts), Some(ends)] = [integers(1)?, integers(2)?] else { return Ok(None) };
            let slices = slices(&x.shape, &starts, &ends, integers(3)?, integers(4)?)?;
            Some(x.sliced(&slices))
        }
        "ReduceProd" => {
            let n = x.as_integers()?.iter().try_fold(1_i64, |product, n| product.checked_mul(*n));
            let named = if opset >= 18 { integers(1)? } else { operator.ints("axes")? };
            if named.is_some_and(|named| axes(&named, x.shape.len()).map_or(true, |axes| axes.len() < x.shape.len())) {
                return Ok(None);
            }
            let shape = if operator.int("keepdims", 1)? != 0 { vec![1; x.shape.len()] } else { vec![] };
            Some(Constant::integers(shape, vec![n.ok_or(Fault::Damaged("a product is too large"))?]))
        }
        _ => None,
    })
}

fn steps_of(operator: &Operator, inputs: &[Option<Rc<Constant>>], shape: &[usize]) -> Result<super::quantised::Steps> {
    let Some(Some(scales)) = inputs.get(1) else { return Err(Fault::Damaged("lacks an input")) };
    super::quantised::Steps::read(operator, scales, inputs.get(2).and_then(Option::as_deref), shape)
}

/// A shape's lengths from one axis to another.
pub fn shape_of(shape: &[usize], first: i64, last: i64) -> Result<Constant> {
    let (begin, _, count) = slice(shape.len(), first, last, 1).unwrap_or((0, 1, 0));
    let lengths: Vec<i64> = shape.iter().skip(begin).take(count).map(|n| *n as i64).collect();
    Ok(Constant::integers(vec![lengths.len()], lengths))
}

/// The axes of length 1 that go.
pub fn squeezed(shape: &[usize], named: Option<Vec<i64>>) -> Result<Vec<usize>> {
    let gone = match named {
        Some(named) => axes(&named, shape.len())?,
        None => (0..shape.len()).filter(|axis| shape[*axis] == 1).collect(),
    };
    if gone.iter().all(|axis| shape[*axis] == 1) {
        Ok(gone)
    } else {
        Err(Fault::Damaged("drops an axis that is longer than 1"))
    }
}

/// A shape with new axes of length 1.
pub fn unsqueezed(shape: &[usize], named: &[i64]) -> Result<Vec<usize>> {
    let rank = shape.len() + named.len();
    let new = axes(named, rank)?;
    if new.len() != named.len() || rank > constant::MAX_AXES {
        return Err(Fault::Damaged("names an axis twice, or too many"));
    }
    let mut lengths = shape.iter();
    Ok((0..rank).map(|axis| if new.contains(&axis) { 1 } else { lengths.next().copied().unwrap_or(1) }).collect())
}

/// The order of axes of a Transpose.
pub fn order(operator: &Operator, rank: usize) -> Result<Vec<usize>> {
    let Some(named) = operator.ints("perm")? else { return Ok((0..rank).rev().collect()) };
    let order = named.iter().map(|named| axis(*named, rank)).collect::<Result<Vec<_>>>()?;
    let mut sorted = order.clone();
    sorted.sort_unstable();
    if sorted.into_iter().eq(0..rank) { Ok(order) } else { Err(Fault::Damaged("has another order of axes")) }
}

/// What a slice takes of each axis.
pub fn slices(
    shape: &[usize],
    starts: &[i64],
    ends: &[i64],
    named: Option<Vec<i64>>,
    steps: Option<Vec<i64>>,
) -> Result<Vec<(usize, isize, usize)>> {
    const WRONG: Fault = Fault::Damaged("has starts, ends, axes and steps that do not fit together");
    let named = named.unwrap_or_else(|| (0..starts.len() as i64).collect());
    let steps = steps.unwrap_or_else(|| vec![1; starts.len()]);
    if [ends.len(), named.len(), steps.len()] != [starts.len(); 3] {
        return Err(WRONG);
    }
    let mut slices: Vec<_> = shape.iter().map(|length| (0, 1, *length)).collect();
    for (at, named) in named.iter().enumerate() {
        let axis = axis(*named, shape.len())?;
        slices[axis] = slice(shape[axis], starts[at], ends[at], steps[at]).ok_or(WRONG)?;
    }
    Ok(slices)
}

fn concatenated(parts: &[Rc<Constant>], along: usize) -> Result<Option<Constant>> {
    const WRONG: Fault = Fault::Damaged("joins shapes that do not fit together");
    let mut shape = parts[0].shape.clone();
    shape[along] = 0;
    let (mut floats, mut integers) = (vec![], vec![]);
    for part in parts {
        let fits = part.shape.len() == shape.len()
            && part.shape.iter().zip(&shape).enumerate().all(|(axis, (a, b))| axis == along || a == b);
        if !fits {
            return Err(WRONG);
        }
        shape[along] += part.shape[along];
    }
    for outer in 0..shape[..along].iter().product() {
        for part in parts {
            let inner: usize = part.shape[along..].iter().product();
            match &part.elements {
                Elements::Floats(x) => floats.extend(&x[outer * inner..][..inner]),
                Elements::Integers(n) => integers.extend(&n[outer * inner..][..inner]),
            }
        }
    }
    Ok(match (floats.is_empty(), integers.is_empty()) {
        (false, false) => return Err(WRONG),
        (false, true) => Some(Constant::floats(shape, floats)),
        _ => Some(Constant::integers(shape, integers)),
    })
}
