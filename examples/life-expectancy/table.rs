//! Several splits beside PyTorch's figures.

use anyhow::Result;
use common::options::{Kind, Plan};
use common::regression::{Rows, Trained, train};
use common::table::{Better, Table};
use indicatif::ProgressBar;
use nerve::Layer;
use nerve::prelude::*;
use rayon::prelude::*;

use crate::data::Countries;
use crate::networks::{FEATURES, Hidden10x10, Hidden20x15x10};
use crate::{By, split};

const SPLITS: u64 = 10;
/// Rows of the small sample.
const FEW: usize = 150;

pub fn print(countries: &Countries) -> Result<()> {
    Table::heading();
    let mut table = Table::default();
    let by_rows = each_split::<Hidden20x15x10>(countries, By::Rows, None, 200, 0.005)?;
    let name = "life expectancy 20-15-10, random split";
    table.add(&format!("{name}: RMSE, years"), &column(&by_rows, |t| t.held_out.mse().sqrt()), 2.50, 2, Better::Lower);
    table.add(&format!("{name}: R²"), &column(&by_rows, |t| t.held_out.r2()), 0.919, 3, Better::Higher);
    let by_country = each_split::<Hidden10x10>(countries, By::Countries, None, 50, 0.005)?;
    let name = "life expectancy 10-10, split by country";
    table.add(
        &format!("{name}: RMSE, years"),
        &column(&by_country, |t| t.held_out.mse().sqrt()),
        3.47,
        2,
        Better::Lower,
    );
    table.add(&format!("{name}: R²"), &column(&by_country, |t| t.held_out.r2()), 0.830, 3, Better::Higher);
    let few = each_split::<Hidden20x15x10>(countries, By::Rows, Some(FEW), 500, 0.01)?;
    let name = format!("life expectancy 20-15-10, {FEW} training rows");
    table.add(&format!("{name}, epoch 50: held-out MSE"), &column(&few, |t| t.losses[49].1), 13.8, 1, Better::Lower);
    table.add(&format!("{name}, epoch 500: held-out MSE"), &column(&few, |t| t.losses[499].1), 23.3, 1, Better::Lower);
    table.add(&format!("{name}, epoch 500: training MSE"), &column(&few, |t| t.losses[499].0), 0.08, 2, Better::Lower);
    table.end()
}

fn column<Body>(trained: &[Trained<FEATURES, Body>], f: impl Fn(&Trained<FEATURES, Body>) -> f32) -> Vec<f64> {
    trained.iter().map(|t| f64::from(f(t))).collect()
}

fn each_split<Body>(
    countries: &Countries,
    by: By,
    most: Option<usize>,
    epochs: u32,
    learning_rate: f32,
) -> Result<Vec<Trained<FEATURES, Body>>>
where
    Body: Layer<[f32; FEATURES], Out = [f32; 1]> + Zero,
{
    let one = |seed| {
        let (few, rest): (Rows<FEATURES>, Rows<FEATURES>) = split(countries, by, most, seed);
        let plan = Plan { optimizer: Kind::Adam, learning_rate, epochs, batch: 32, seed, resume: None };
        train(&plan, &few, &rest, ProgressBar::hidden())
    };
    (0..SPLITS).into_par_iter().map(one).collect()
}
