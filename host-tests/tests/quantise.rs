//! Networks of floats as graphs, and as graphs of integers.

use host_tests::{models, networks};
use nerve::executor::Executor;
use nerve::graph::{Graph, Scalar};
use nerve::prelude::*;
use nerve::quantise::{LayerNoise, QuantiseError, Range, Report, quantise};
use nerve::{Fixed, Fold, Standardize, litert};
use rand_core::SeedableRng;
use rand_pcg::Pcg32;

const EXAMPLES: usize = 20;

#[test]
fn graphs_of_networks_compute_what_they_do() {
    for networks::Typed { name, graph, run, .. } in networks::typed().into_iter().chain([networks::gated()]) {
        match litert::write(&graph) {
            Ok(file) => assert!(litert::read(&file).unwrap() == graph, "{name}"),
            Err(refused) => assert!(name == "gated" && refused.to_string().contains("GRU"), "{name}: {refused}"),
        }
        let mut executor = Executor::new(&graph).unwrap_or_else(|error| panic!("{name}: {error}"));
        let examples = models::examples(&graph, 3, EXAMPLES);
        for x in examples.chunks(examples.len() / EXAMPLES) {
            let (found, expected) = (executor.run_all(x).unwrap(), run(x));
            let floats = |bytes: &[u8]| bytes.as_chunks().0.iter().map(|x| f32::from_le_bytes(*x)).collect::<Vec<_>>();
            let (found, expected) = (floats(&found), floats(&expected));
            assert_eq!(found.len(), expected.len(), "{name}");
            let largest = expected.iter().fold(1_f32, |largest, y| largest.max(y.abs()));
            for (a, b) in found.iter().zip(&expected) {
                assert!((a - b).abs() <= 2e-6 * largest, "{name}: {a} instead of {b}");
            }
        }
    }
}

#[test]
fn what_litert_has_no_operator_for_is_refused_by_name() {
    let refused = |result: Result<Graph, nerve::Unsupported>| result.unwrap_err().to_string();
    assert!(
        refused(Graph::of::<[[f32; 4]; 5], _>(&Attention::<4, 2>::ZERO)).contains("an Attention: leave it in floats")
    );
    assert!(litert::write(&models::gated(1, Scalar::I8)).unwrap_err().to_string().contains("GRU"));
    assert!(refused(Graph::of::<[f32; 2], _>(&(BODY_THAT_STAYS, Dense::<3, 2>::ZERO))).contains("Graph::then"));
}

const BODY_THAT_STAYS: Fixed<'static, Dense<2, 3>, { arena_len::<Dense<2, 3>, [f32; 2]>() }> =
    Fixed(&Dense::new([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], [7.0; 3]));

#[test]
fn what_is_fixed_stays_where_it_lies_when_the_rest_is_folded() {
    let mut norm = BatchNorm::<Dense<3, 2>>::ZERO;
    norm.init(Init::GlorotUniform, &mut Pcg32::seed_from_u64(1));
    let mut folded = (BODY_THAT_STAYS, Dense::<3, 2>::ZERO);
    (BODY_THAT_STAYS, norm.clone()).fold_into(&mut folded);
    let mut arena = Arena::<64>::ZERO;
    let [a, b] = *arena.predict(&(BODY_THAT_STAYS, norm), &[0.5, -0.25]);
    let y = arena.predict(&folded, &[0.5, -0.25]);
    assert!((y[0] - a).abs() < 1e-5 && (y[1] - b).abs() < 1e-5 && a != b, "{y:?} {a} {b}");
}

#[test]
fn a_head_behind_a_model_is_one_model() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../firmware/data/digits.tflite");
    let model = litert::read(&std::fs::read(path).unwrap()).unwrap();
    let (features, _) = model.cut_before_activation("5").unwrap();
    let mut head = <chain![ScaleShift<64, Relu>, Dense<64, 10>]>::ZERO;
    head.init(Init::GlorotUniform, &mut Pcg32::seed_from_u64(1));
    head.0.shift = [0.5; 64];
    let whole = features.then(&Graph::of::<[f32; 64], _>(&head).unwrap()).unwrap();
    let whole = litert::read(&litert::write(&whole).unwrap()).unwrap();
    let inputs = models::examples(&model, 3, EXAMPLES);
    let [rows, found] = [&features, &whole].map(|graph| Executor::new(graph).unwrap().run_all(&inputs).unwrap());
    let steps = features.tensors[features.outputs[0]].quantization.clone().unwrap();
    let meaning = Standardize::new([steps.zero_points[0] as f32; 64], [steps.scales[0]; 64]);
    let mut arena = Arena::<512>::ZERO;
    for (row, found) in rows.as_chunks::<64>().0.iter().zip(found.as_chunks::<40>().0) {
        let expected = arena.predict(&(&meaning, &head), &row.map(|x| x as i8));
        for (found, expected) in found.as_chunks().0.iter().zip(expected) {
            assert!((f32::from_le_bytes(*found) - expected).abs() <= 1e-4, "{found:?} {expected}");
        }
    }
    assert!(model.then(&Graph::of::<[f32; 64], _>(&head).unwrap()).is_err());
}

#[test]
fn integers_by_extremes_stay_near_floats() {
    stay_near(Range::MinMax);
}

#[test]
fn integers_by_least_error_stay_near_floats() {
    stay_near(Range::MeanSquaredError);
}

fn stay_near(range: Range) {
    const NETWORKS: u64 = 120;
    let mut noises = Vec::new();
    for seed in 0..NETWORKS {
        let of = match seed % 6 {
            0 if seed % 12 > 0 => models::gated,
            0 => models::recurrent,
            1 => models::embedded,
            _ => models::random,
        };
        let graph = of(seed, Scalar::F32);
        let quantised = quantise(&graph, &models::examples(&graph, seed, EXAMPLES), range, &[])
            .unwrap_or_else(|error| panic!("{seed}: {error}\n{graph:?}"));
        let mut outputs = quantised.graph.outputs.iter().map(|output| &quantised.graph.tensors[*output]);
        assert!(outputs.all(|value| value.scalar == Scalar::I8), "{seed}: {graph:?}");
        if let Ok(file) = litert::write(&quantised.graph) {
            assert!(litert::read(&file).unwrap() == quantised.graph, "{seed}");
        }
        let report = quantised.report(&models::examples(&graph, seed, EXAMPLES)).unwrap();
        let noise = report.layers.last().map_or(f32::INFINITY, |layer| layer.decibels);
        assert!(noise > 20.0, "{seed}: {range:?}\n{report}");
        noises.push(noise);
    }
    noises.sort_by(f32::total_cmp);
    let median = noises[noises.len() / 2];
    println!("{range:?}: {} dB at least, half above {median} dB", noises[0]);
    assert!(median > 40.0, "{median}");
}

#[test]
fn layers_that_are_kept_stay_in_floats() {
    for seed in 0..24 {
        let graph = models::random(seed, Scalar::F32);
        let examples = models::examples(&graph, seed, EXAMPLES);
        let layers = models::layers(&graph, &examples);
        let layers: Vec<&str> = layers.iter().map(String::as_str).collect();
        let kept = layers[seed as usize % layers.len()];
        let quantised = quantise(&graph, &examples, Range::default(), &[kept]).unwrap();
        let named = |tensor: usize| quantised.graph.tensors[tensor].name == kept;
        let mut writers = quantised.graph.nodes.iter().filter(|node| node.outputs.iter().any(|output| named(*output)));
        let writer = writers.next().unwrap();
        let float = |tensor: usize| quantised.graph.tensors[tensor].scalar == Scalar::F32;
        assert!(float(writer.outputs[0]) && writer.inputs.iter().flatten().all(|input| float(*input)), "{seed}");
        assert!(litert::read(&litert::write(&quantised.graph).unwrap()).unwrap() == quantised.graph, "{seed}");
        let report = quantised.report(&examples).unwrap();
        let noise = report.layers.last().map_or(f32::INFINITY, |layer| layer.decibels);
        assert!(noise > 20.0, "{seed}: {kept}\n{report}");

        // Of integers nothing is left where all layers are kept.
        let all = quantise(&graph, &examples, Range::default(), &layers).unwrap();
        let report = all.report(&examples).unwrap();
        assert!(report.layers.iter().all(|layer| layer.decibels == f32::INFINITY), "{seed}\n{report}");
        let example = &examples[..examples.len() / EXAMPLES];
        assert_eq!(all.inputs(example), example);
    }
    let graph = models::random(1, Scalar::F32);
    let refused = quantise(&graph, &models::examples(&graph, 1, 2), Range::default(), &["no layer"]);
    assert_eq!(refused.unwrap_err(), QuantiseError::NoLayer("no layer".into()));
}

#[test]
fn a_picture_has_a_bar_for_each_layer_and_tells_which_loses_most() {
    let layer = |tensor: &str, decibels| LayerNoise { operator: "CONV_2D", tensor: tensor.into(), decibels };
    let layers = vec![layer("exact", f32::INFINITY), layer("first", 45.0), layer("a<b & c", 30.0), layer("last", 27.0)];
    let report = Report { layers, greatest: vec![[1, 1], [0, 2]] };
    assert_eq!(report.most_lost().map(|(layer, drop)| (&layer.tensor[..], drop)), Some(("a<b & c", 15.0)));
    let svg = report.svg();
    assert_eq!(svg.matches("fill=\"#1f77b4\"").count(), 3);
    let worst: Vec<&str> = svg.lines().filter(|line| line.contains("#d66027")).collect();
    assert!(matches!(worst[..], [line] if line.contains("a&lt;b &amp; c")), "{svg}");
}

#[test]
fn inputs_of_other_sizes_stay_floats() {
    type Net = nerve::chain![Standardize<2>, Dense<2, 3, Sigmoid>, Dense<3, 2>];
    let mut net = *networks::random::<Net>(1);
    let mut examples = Vec::new();
    for i in 0..64 {
        examples.extend([1000.0 + i as f32, 0.001 * (i * 37 % 64) as f32].map(f32::to_le_bytes).concat());
    }
    let scalar_of_input = |net: &Net| {
        let quantised = quantise(&Graph::of::<[f32; 2], _>(net).unwrap(), &examples, Range::default(), &[]).unwrap();
        let noise = quantised.report(&examples).unwrap().layers.last().unwrap().decibels;
        assert!(noise > 20.0, "{noise} dB");
        quantised.graph.tensors[quantised.graph.inputs[0]].scalar
    };
    net.0.0 = Standardize::new([1032.0, 0.032], [1.0 / 18.5, 1.0 / 0.0185]);
    assert_eq!(scalar_of_input(&net), Scalar::F32);
    net.0.0 = Standardize::new([500.0, 500.0], [0.002, 0.003]);
    assert_eq!(scalar_of_input(&net), Scalar::I8);
}

#[test]
fn channels_of_a_signal_in_other_units_stay_floats_until_they_are_alike() {
    type Window = [[f32; 2]; 12];
    type Net = nerve::chain![Standardize<2>, nerve::Conv1d<2, 4, 3, Sigmoid>, nerve::GlobalAvgPool, Dense<4, 2>];
    let mut net = *networks::random::<Net>(1);
    net.0.0.0 = Standardize::new([1032.0, 0.032], [1.0 / 18.5, 1.0 / 0.0185]);
    let mut examples = Vec::new();
    for i in 0..64 * 12 {
        examples.extend([1000.0 + (i % 64) as f32, 0.001 * (i * 37 % 64) as f32].map(f32::to_le_bytes).concat());
    }
    let quantised = quantise(&Graph::of::<Window, _>(&net).unwrap(), &examples, Range::default(), &[]).unwrap();
    let noise = quantised.report(&examples).unwrap().layers.last().unwrap().decibels;
    assert!(noise > 20.0, "{noise} dB");
    assert_eq!(quantised.graph.tensors[quantised.graph.inputs[0]].scalar, Scalar::F32);
}

#[test]
fn bad_examples_are_refused() {
    let graph = Graph::of::<[f32; 2], _>(&*networks::random::<Dense<2, 3>>(1)).unwrap();
    let refused = |graph: &Graph, examples: &[u8]| quantise(graph, examples, Range::default(), &[]).unwrap_err();
    assert_eq!(refused(&graph, &[]), QuantiseError::NoExamples);
    assert!(matches!(refused(&graph, &[0; 12]), QuantiseError::Input(_)));
    let numbers = [f32::NAN, 1.0].map(f32::to_le_bytes).concat();
    assert!(matches!(refused(&graph, &numbers), QuantiseError::NotFinite(_)));
    let mut integers = quantise(&graph, &[0; 16], Range::default(), &[]).unwrap().graph;
    assert!(matches!(refused(&integers, &[0; 2]), QuantiseError::NotFloat(_)));
    integers.inputs.clear();
    assert!(matches!(refused(&integers, &[0; 2]), QuantiseError::NotFloat(_)));
}
