//! Thirty splits beside PyTorch's figures.

use anyhow::Result;
use common::regression::{self, Rows};
use common::table::{Better, Stats, Table};
use nerve::prelude::*;
use rayon::prelude::*;

use crate::data::Split;
use crate::experiment;
use crate::networks::FEATURES;

const SPLITS: u64 = 30;

pub fn print(wines: &Rows<FEATURES>) -> Result<()> {
    Table::heading();
    let results: Vec<_> = (0..SPLITS)
        .into_par_iter()
        .map(|seed| -> Result<_> {
            let mut split = Split::new(wines, seed);
            let net = experiment(&split, seed)?;
            let linear = regression::linear(&split.train, &split.test)?;
            let mean = regression::mean(&split.train, &split.test);
            std::mem::swap(&mut split.test, &mut split.unseen);
            Ok([net, linear, mean, experiment(&split, seed)?])
        })
        .collect::<Result<_>>()?;
    let column =
        |i: usize, f: fn(&Regression) -> f32| -> Vec<f64> { results.iter().map(|r| f64::from(f(&r[i]))).collect() };
    let mut table = Table::default();
    let name = "wine 11-20-20-20-1, Adam, epoch 200";
    table.add(&format!("{name}: MSE"), &column(0, Regression::mse), 0.377, 3, Better::Lower);
    table.add(&format!("{name}: MAE"), &column(0, Regression::mae), 0.469, 3, Better::Lower);
    table.add(&format!("{name}: R²"), &column(0, Regression::r2), 0.381, 3, Better::Higher);
    table.add("wine, linear regression: MSE", &column(1, Regression::mse), 0.397, 3, Better::Lower);
    table.add("wine, the mean: MSE", &column(2, Regression::mse), 0.612, 3, Better::Lower);
    println!(
        "\nWithout the held-out wines that have an equal in the training part: MSE {:.3}.",
        Stats::new(&column(3, Regression::mse))
    );
    table.end()
}
