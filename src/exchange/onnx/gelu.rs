//! A GELU that is written as a formula of `Erf`, as PyTorch's exporters do before opset 20.

use core::f32::consts::FRAC_1_SQRT_2;

use super::operators::{At, Result, option};
use super::read::Known;
use super::view::View;
use crate::exchange::graph::{Activation, Op};

/// What has been written of `x · (1 + erf(x / √2)) / 2`.
#[derive(Clone, Copy)]
pub enum Part {
    /// `erf(x / √2)`
    Erf,
    /// `1 + erf(x / √2)`
    Sum,
    /// `(1 + erf(x / √2)) / 2`
    Half,
    /// `x · (1 + erf(x / √2))`
    Product,
}

pub const OUTSIDE: &str = "an Erf that is not of a GELU";

impl At<'_, '_> {
    /// What the operator writes, if it is an `Erf` or reads a part of a GELU.
    pub fn of_gelu(&mut self) -> Result<Option<Known>> {
        if self.operator.name == "Erf" {
            let x = self.view(0)?;
            return match self.multiple(&x) {
                Some((x, factor)) if (factor - FRAC_1_SQRT_2).abs() < 1e-6 => Ok(Some(Known::Gelu(x, Part::Erf))),
                _ => option(OUTSIDE),
            };
        }
        let Some(at) = self.inputs.iter().position(|input| matches!(input, Some(Known::Gelu(..)))) else {
            return Ok(None);
        };
        let (Some(Known::Gelu(x, part)), 2) = (self.inputs[at].clone(), self.inputs.len()) else {
            return option(OUTSIDE);
        };
        let (mut number, mut is_x, mut is_half) = (None, false, false);
        match &self.inputs[1 - at] {
            Some(Known::Constant(constant)) if constant.len() == 1 => number = constant.as_floats()?.first().copied(),
            Some(Known::View(other)) => {
                is_x = *other == x;
                is_half = self.multiple(other) == Some((x.clone(), 0.5));
            }
            _ => {}
        }
        let halves = matches!((self.operator.name, number, at), ("Mul", Some(0.5), _) | ("Div", Some(2.0), 0));
        let part = match (self.operator.name, part) {
            ("Add", Part::Erf) if number == Some(1.0) => Part::Sum,
            (_, Part::Sum) if halves => Part::Half,
            ("Mul", Part::Sum) if is_x => Part::Product,
            ("Mul", Part::Sum) if is_half => return self.gelu(&x),
            ("Mul", Part::Half) if is_x => return self.gelu(&x),
            (_, Part::Product) if halves => return self.gelu(&x),
            _ => return option(OUTSIDE),
        };
        Ok(Some(Known::Gelu(x, part)))
    }

    fn gelu(&mut self, x: &View) -> Result<Option<Known>> {
        Ok(Some(Known::View(self.each_of(Op::Gelu { approximate: false }, x)?)))
    }

    /// What a value is a multiple of, by a number.
    fn multiple(&self, value: &View) -> Option<(View, f32)> {
        let node = &self.reader.graph.nodes[(*self.reader.writers.get(value.tensor)?)?];
        let (Op::Mul { activation: Activation::None }, &[Some(x), Some(factor)]) = (&node.op, &node.inputs[..]) else {
            return None;
        };
        match self.reader.graph.tensors[factor].floats()?[..] {
            [factor] => Some((View { tensor: x, axes: value.axes.clone() }, factor)),
            _ => None,
        }
    }
}
