//! Weights inside a data structure of your own, feature `serde`: `#[serde(with = "nerve::serde")]`.
//!
//! ```
//! use nerve::prelude::*;
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Serialize, Deserialize)]
//! struct Model {
//!     species: [String; 3],
//!     schedule: Schedule, // as is `Init`
//!     #[serde(with = "nerve::serde")]
//!     net: chain![Standardize<4>, Dense<4, 10, Sigmoid>, Dense<10, 3>],
//! }
//! ```
//!
//! A network, or anything else that consists of [`Tensors`], is a pair: the architecture's fingerprint, then a sequence of its scalars in
//! declaration order. Reading refuses another architecture, another number of scalars and values that are infinite or NaN. It returns
//! the network by value, hence over the stack; [`weights`](crate::weights) reads in place, and finds damage by its checksum.

use core::fmt;
use core::marker::PhantomData;

use serde::Serialize;
use serde::de::{DeserializeSeed, Deserializer, Error as _, Expected as Expecting, SeqAccess, Visitor};
use serde::ser::{Error as _, SerializeSeq, SerializeTuple, Serializer};

use crate::numbers::{Real, Tensors, Zero};

/// Writes fingerprint and scalars of `source`.
///
/// # Errors
/// Those of the serializer, and a scalar that is infinite or NaN.
pub fn serialize<T: Real, P: Tensors<T>, S: Serializer>(source: &P, serializer: S) -> Result<S::Ok, S::Error> {
    let mut pair = serializer.serialize_tuple(2)?;
    pair.serialize_element(&P::FINGERPRINT)?;
    pair.serialize_element(&Scalars(source, PhantomData))?;
    pair.end()
}

/// Reads what [`serialize`] has written.
///
/// # Errors
/// Those of the deserializer, and what is not of a `P`.
pub fn deserialize<'de, T: Real, P: Tensors<T> + Zero, D: Deserializer<'de>>(deserializer: D) -> Result<P, D::Error> {
    deserializer.deserialize_tuple(2, Pair(PhantomData))
}

struct Scalars<P, T>(P, PhantomData<T>);

impl<T: Real, P: Tensors<T>> Serialize for Scalars<&P, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut sequence = serializer.serialize_seq(Some(P::LEN))?;
        let mut result = Ok(());
        self.0.visit(&mut |tensor| {
            for value in tensor {
                if result.is_ok() {
                    result = if value.is_finite() {
                        sequence.serialize_element(value)
                    } else {
                        Err(S::Error::custom("a weight is infinite or NaN: train again with a lower learning rate"))
                    };
                }
            }
        });
        result?;
        sequence.end()
    }
}

struct Pair<P, T>(PhantomData<(P, T)>);

impl<'de, T: Real, P: Tensors<T> + Zero> Visitor<'de> for Pair<P, T> {
    type Value = P;
    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "a fingerprint and {} scalars", P::LEN)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut pair: A) -> Result<P, A::Error> {
        let found: u32 = pair.next_element()?.ok_or_else(|| A::Error::invalid_length(0, &self))?;
        if found != P::FINGERPRINT {
            return Err(A::Error::custom(format_args!(
                "weights of another architecture ({found:08x}, this network is {:08x}): declare the network as it was when it was trained",
                P::FINGERPRINT
            )));
        }
        let mut target = P::ZERO;
        pair.next_element_seed(Scalars(&mut target, PhantomData))?.ok_or_else(|| A::Error::invalid_length(1, &self))?;
        Ok(target)
    }
}

impl<'de, T: Real, P: Tensors<T>> DeserializeSeed<'de> for Scalars<&mut P, T> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

struct Expected(usize);

impl Expecting for Expected {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{} scalars", self.0)
    }
}

impl<'de, T: Real, P: Tensors<T>> Visitor<'de> for Scalars<&mut P, T> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        Expecting::fmt(&Expected(P::LEN), f)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<(), A::Error> {
        let (mut count, mut result) = (0, Ok(()));
        self.0.visit_mut(&mut |tensor| {
            for value in tensor {
                if result.is_ok() {
                    match sequence.next_element::<T>() {
                        Ok(Some(read)) if read.is_finite() => (*value, count) = (read, count + 1),
                        Ok(Some(_)) => result = Err(A::Error::custom("a weight is infinite or NaN")),
                        Ok(None) => result = Err(A::Error::invalid_length(count, &Expected(P::LEN))),
                        Err(error) => result = Err(error),
                    }
                }
            }
        });
        result?;
        match sequence.next_element::<T>()? {
            None => Ok(()),
            Some(_) => Err(A::Error::invalid_length(count + 1, &Expected(P::LEN))),
        }
    }
}
