//! Integer operators as layers of a network: values that `chain!` puts together and an [`Arena`](crate::Arena) runs.
//!
//! A layer holds an operator and borrows its constants from flash. Its types are those of its input and output; its loop is the operator's.

mod constant;
mod each;
mod floats;
mod integer;
mod kept;
mod merged;
mod operator;
mod reshape;
mod whole;
mod windowed;

pub use constant::Constant;
pub use each::Each;
pub use floats::{AddFloats, MulFloats};
pub use integer::Integer;
pub use kept::{Kept, Steps};
pub use merged::Merged;
pub use operator::{InPlace, Merge, Operator, Padded, Recurrent, RecurrentOperator, Weighted};
pub use reshape::Reshape;
pub use whole::Whole;
pub use windowed::{RowOperator, Windowed};
