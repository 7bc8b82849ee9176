//! Networks inside a user's own data.

use nerve::prelude::*;
use rand_core::SeedableRng;
use rand_pcg::Pcg32;
use serde::{Deserialize, Serialize};

type Net = chain![Standardize<4>, Dense<4, 40, Sigmoid>, Dense<40, 3>];

#[derive(Serialize, Deserialize, Debug, PartialEq)]
struct Model {
    name: String,
    init: Init,
    schedule: Schedule,
    #[serde(with = "nerve::serde")]
    net: Net,
}

fn model() -> Model {
    let mut model = Model {
        name: "iris".into(),
        init: Init::HeNormal,
        schedule: Schedule::Step { initial: 0.1, factor: 0.5, every: 10 },
        net: Net::ZERO,
    };
    model.net.init(model.init, &mut Pcg32::seed_from_u64(1));
    model
}

#[test]
fn a_model_comes_back_with_every_bit() {
    let model = model();
    let text = serde_json::to_string(&model).unwrap();
    assert_eq!(serde_json::from_str::<Model>(&text).unwrap(), model);
}

#[test]
fn what_is_not_this_networks_is_refused() {
    let text = serde_json::to_value(model()).unwrap();
    let error = |change: fn(&mut serde_json::Value)| {
        let mut text = text.clone();
        change(&mut text["net"]);
        serde_json::from_value::<Model>(text).unwrap_err().to_string()
    };
    assert!(error(|net| net[0] = 5.into()).contains("weights of another architecture (00000005"));
    assert_eq!(error(|net| drop(net[1].as_array_mut().unwrap().pop())), "invalid length 330, expected 331 scalars");
    assert_eq!(error(|net| net[1].as_array_mut().unwrap().push(0.into())), "invalid length 332, expected 331 scalars");
    assert!(error(|net| net[1][7] = "x".into()).contains("invalid type: string"));
    assert!(error(|net| net[1][7] = 1e60.into()).contains("infinite or NaN"));

    let mut model = model();
    model.net.1.b[0] = f32::NAN;
    assert!(serde_json::to_string(&model).unwrap_err().to_string().contains("infinite or NaN"));
}
