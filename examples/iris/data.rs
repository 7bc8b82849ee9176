//! Fisher's Iris flowers (1936), in scikit-learn's corrected values.

use anyhow::{Result, anyhow};
use common::session::Examples;
use nerve::shuffle;
use rand_core::SeedableRng;
use rand_pcg::Pcg32;

use crate::networks::Input;

/// The classes.
pub const SPECIES: [&str; 3] = ["setosa", "versicolor", "virginica"];

/// Flowers and their species.
#[derive(Default)]
pub struct Part {
    pub x: Vec<Input>,
    pub y: Vec<usize>,
}

impl Part {
    pub fn examples(&self) -> Examples<'_, Input, usize> {
        Examples { x: &self.x, y: &self.y }
    }
}

/// 70 % of each species to train on, 30 % held out.
pub struct Split {
    pub train: Part,
    pub test: Part,
}

impl Split {
    /// A random split, the same for the same seed.
    pub fn new(seed: u64) -> Result<Self> {
        let flowers = parse(include_str!("flowers.csv"))?;
        let mut rng = Pcg32::seed_from_u64(seed ^ 0x5EED);
        let (mut train, mut test) = (Part::default(), Part::default());
        for species in 0..SPECIES.len() {
            let mut of_species: Vec<_> = flowers.iter().filter(|(_, class)| *class == species).copied().collect();
            shuffle(&mut of_species, &mut rng);
            let (a, b) = of_species.split_at(of_species.len() * 7 / 10);
            for (part, flowers) in [(&mut train, a), (&mut test, b)] {
                part.x.extend(flowers.iter().map(|(x, _)| x));
                part.y.extend(flowers.iter().map(|(_, class)| class));
            }
        }
        Ok(Self { train, test })
    }
}

/// Lines of four numbers and a species, after a heading.
fn parse(csv: &str) -> Result<Vec<(Input, usize)>> {
    csv.lines()
        .enumerate()
        .skip(1)
        .map(|(number, line)| {
            let wrong =
                || anyhow!("flowers.csv, line {}: four lengths and a species expected, found `{line}`", number + 1);
            let fields: Vec<&str> = line.split(',').collect();
            let [a, b, c, d, class] = fields.try_into().map_err(|_| wrong())?;
            let length = |text: &str| text.parse().ok().filter(|v: &f32| v.is_finite()).ok_or_else(wrong);
            let class = SPECIES.iter().position(|species| *species == class).ok_or_else(wrong)?;
            Ok(([length(a)?, length(b)?, length(c)?, length(d)?], class))
        })
        .collect()
}
