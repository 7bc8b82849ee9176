//! Fisher's Iris flowers (1936), in scikit-learn's corrected values.

use nerve::shuffle;
use rand_core::SeedableRng;
use rand_pcg::Pcg32;

/// Length and width of sepal and petal, in centimetres.
pub type Input = [f32; 4];

/// The classes.
pub const SPECIES: [&str; 3] = ["setosa", "versicolor", "virginica"];

/// 70 % of each species to train on, 30 % held out.
pub struct Split {
    pub train: Vec<(Input, usize)>,
    pub test: Vec<(Input, usize)>,
}

impl Split {
    /// A random split, the same for the same seed.
    pub fn new(seed: u64) -> Result<Self, String> {
        let flowers = parse(include_str!("iris.csv"))?;
        let mut rng = Pcg32::seed_from_u64(seed ^ 0x5EED);
        let (mut train, mut test) = (Vec::new(), Vec::new());
        for species in 0..SPECIES.len() {
            let mut of_species: Vec<_> = flowers.iter().filter(|(_, class)| *class == species).copied().collect();
            shuffle(&mut of_species, &mut rng);
            let (a, b) = of_species.split_at(of_species.len() * 7 / 10);
            train.extend(a);
            test.extend(b);
        }
        Ok(Self { train, test })
    }
}

/// Lines of four numbers and a class, after a heading.
fn parse(csv: &str) -> Result<Vec<(Input, usize)>, String> {
    csv.lines()
        .enumerate()
        .skip(1)
        .map(|(number, line)| {
            let wrong = || {
                format!("iris.csv, line {}: four lengths and a class from 0 to 2 expected, found `{line}`", number + 1)
            };
            let fields: Vec<&str> = line.split(',').collect();
            let [a, b, c, d, class] = fields.try_into().map_err(|_| wrong())?;
            let length = |text: &str| text.parse().ok().filter(|v: &f32| v.is_finite()).ok_or_else(wrong);
            let class = class.parse().ok().filter(|class| *class < SPECIES.len()).ok_or_else(wrong)?;
            Ok(([length(a)?, length(b)?, length(c)?, length(d)?], class))
        })
        .collect()
}
