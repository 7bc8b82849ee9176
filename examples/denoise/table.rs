//! Three seeds beside PyTorch's figures.

use anyhow::Result;
use common::autoencoder::{RATES, WithRelu, outputs};
use common::mnist::Mnist;
use common::options::{Kind, Plan};
use common::session::progress;
use common::table::{Better, Table};

use crate::noise::{errors, noisy};
use crate::{TEST_SEED, train};

const SEEDS: u64 = 3;
const SIGMA: f32 = 0.4;
const EPOCHS: u32 = 30;

pub fn print(data: &Mnist) -> Result<()> {
    Table::heading();
    let mut table = Table::default();
    let clean = &data.test.images;
    let noise = noisy(clean, SIGMA, TEST_SEED);
    let mut results = Vec::new();
    for seed in 1..=SEEDS {
        let plan =
            Plan { optimizer: Kind::Adam, learning_rate: RATES[2], epochs: EPOCHS, batch: 128, seed, resume: None };
        let bar = progress(&format!("seed {seed}"), EPOCHS)?;
        let trained = train::<WithRelu>(data, SIGMA, &plan, bar.clone())?;
        bar.finish_and_clear();
        results.push(errors(&outputs(&*trained.net, &noise), clean));
    }
    let name = format!("denoising, sigma {SIGMA}, ReLU, epoch {EPOCHS}");
    let (mse, psnr): (Vec<f64>, Vec<f64>) = results.into_iter().unzip();
    table.add(&format!("{name}: noisy input MSE"), &[errors(&noise, clean).0], 0.160, 3, Better::Lower);
    table.add(&format!("{name}: MSE"), &mse, 0.0213, 4, Better::Lower);
    table.add(&format!("{name}: PSNR, dB"), &psnr, 17.4, 1, Better::Higher);
    table.end()
}
