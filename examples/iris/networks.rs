//! The networks, for this example, for the firmware that runs and trains one, and for its host.

use nerve::prelude::*;

/// Length and width of sepal and petal, in centimetres.
pub type Input = [f32; 4];

/// `H` hidden neurons; the firmware's has 10. Takes raw centimetres: the standardisation is the first layer.
pub type Net<const H: usize = 10> = chain![Standardize<4>, Dense<4, H, Sigmoid>, Dense<H, 3>];
