//! Limits of gradients.

/// What is done to a mean gradient before an optimizer sees it, so that a few examples that are far off do not throw the weights far.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Clip<T> {
    /// Nothing.
    #[default]
    Off,
    /// If its Euclidean norm is above this, it is scaled down to it; it keeps its direction (Pascanu, Mikolov and Bengio 2013).
    Norm(T),
    /// Each derivative is held between minus this and this.
    Value(T),
}
