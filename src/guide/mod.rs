//! Pages that show how a thing is done from beginning to end. Their programs are compiled and run with the tests.

#[doc = include_str!("costs.md")]
pub mod costs {}

#[doc = include_str!("features.md")]
pub mod features {}

#[doc = include_str!("from_csv.md")]
pub mod from_csv {}

#[cfg(all(feature = "onnx", feature = "safetensors"))]
#[doc = include_str!("from_pytorch.md")]
pub mod from_pytorch {}

#[doc = include_str!("layers.md")]
pub mod layers {}

#[doc = include_str!("learner.md")]
pub mod learner {}

#[doc = include_str!("memory.md")]
pub mod memory {}

#[doc = include_str!("new_classes.md")]
pub mod new_classes {}

#[doc = include_str!("new_layer.md")]
pub mod new_layer {}

#[doc = include_str!("own_model.md")]
pub mod own_model {}

#[doc = include_str!("proofs.md")]
pub mod proofs {}

#[doc = include_str!("streams.md")]
pub mod streams {}
