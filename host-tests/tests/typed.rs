//! Typed networks that are generated from models: compiled all together, and run beside the executor and LiteRT's reference outputs.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use host_tests::{models, networks};
use nerve::codegen::{self, GenerateError, Head};
use nerve::executor::Executor;
use nerve::graph::{self, Graph, Op, Scalar};
use nerve::prelude::*;
use nerve::quantise::{self, Range};
use nerve::{Array, litert};

/// Random models of each kind and scalar that are compiled.
const RANDOM: usize = 13;
/// Those of LSTMs, and of GRUs.
const RECURRENT: usize = 3;
/// Those with rows of a table.
const EMBEDDED: usize = 3;
/// Those of integers with a layer of floats.
const KEPT: usize = 3;
/// Those that take one step after another.
const STEPS: usize = 6;
/// Those of signals that go on.
const MOVING: usize = 8;
/// Instants in a window of one.
const WINDOW: usize = 24;
/// Of each scalar, those that run row by row.
const ROWS: usize = 6;
/// Of the largest output: floats are summed up in another order.
const TOLERANCE: f32 = 1e-5;

/// A model with its examples, what is expected of them, and the bytes of its arena if they are known.
struct Case {
    name: String,
    graph: Graph,
    inputs: Vec<u8>,
    expected: Vec<u8>,
    arena: Option<usize>,
    taken: Taken,
    /// What a stream without end makes of all examples, one after another.
    streamed: Option<Vec<u8>>,
    /// What learns on top of it.
    head: Option<Head<'static>>,
}

/// How examples are taken.
#[derive(Clone, Copy, PartialEq)]
enum Taken {
    Whole,
    /// Row by row too.
    Rows,
    /// As windows of a signal without end, too.
    Moving,
    /// As steps of a sequence.
    Steps,
}

/// What makes a random model of a seed.
type Of = fn(u64, Scalar) -> Graph;

/// Models for which a typed network can be generated.
fn random() -> Vec<Case> {
    let mut cases = Vec::new();
    let kinds: [(&str, Of, usize, Taken); 7] = [
        ("random", models::random, RANDOM, Taken::Whole),
        ("branches", models::branches, RANDOM, Taken::Whole),
        ("recurrent", models::recurrent, RECURRENT, Taken::Whole),
        ("embedded", models::embedded, EMBEDDED, Taken::Whole),
        ("gated", models::gated, RECURRENT, Taken::Whole),
        ("kept", |seed, _| models::kept(seed), KEPT, Taken::Whole),
        ("rows", models::rows, ROWS, Taken::Rows),
    ];
    for (kind, of, count, taken) in kinds {
        let scalars = if kind == "kept" { &[Scalar::I8][..] } else { &[Scalar::I8, Scalar::F32] };
        for scalar in scalars.iter().copied() {
            let taken =
                if ["recurrent", "gated"].contains(&kind) && scalar == Scalar::I8 { Taken::Rows } else { taken };
            let models = (0..).map(|seed| (seed, of(seed, scalar)));
            let typed = models.filter(|(_, graph)| {
                // A margin in which a whole kernel finds room cannot run row by row.
                codegen::generate(graph, "model").is_ok() && (kind != "rows" || codegen::streamed(graph).is_ok())
            });
            cases.extend(typed.take(count).map(|(seed, graph)| {
                let inputs = models::examples(&graph, seed, 3);
                let expected = Executor::new(&graph).unwrap().run_all(&inputs).unwrap();
                Case {
                    name: format!("{kind}_{}_{seed}", scalar.name()),
                    graph,
                    inputs,
                    expected,
                    arena: None,
                    taken,
                    streamed: None,
                    head: None,
                }
            }));
        }
    }
    let models = (0..).map(|seed| (seed, models::steps(seed, Scalar::I8)));
    let typed = models.filter(|(_, graph)| codegen::generate(graph, "model").is_ok());
    cases.extend(typed.take(STEPS).map(|(seed, graph)| {
        let inputs = models::examples(&graph, seed, 20);
        let expected = Executor::new(&graph).unwrap().run_all(&inputs).unwrap();
        let streamed = Some(expected.clone());
        Case {
            name: format!("steps_{seed}"),
            graph,
            inputs,
            expected,
            arena: None,
            taken: Taken::Steps,
            streamed,
            head: None,
        }
    }));
    cases
}

/// Signals that go on, three windows long.
fn moving() -> Vec<Case> {
    let models = (0..).map(|seed| (seed, models::moving(seed, WINDOW)));
    let cases = models.take(MOVING).map(|(seed, graph)| {
        let inputs = models::examples(&graph, seed, 3);
        let expected = Executor::new(&graph).unwrap().run_all(&inputs).unwrap();
        let recurrent = |op: &Op| matches!(op, Op::UnidirectionalSequenceLstm(_) | Op::Gru);
        // A state goes on with the signal.
        let streamed = match graph.nodes.iter().any(|node| recurrent(&node.op)) {
            true => Executor::new(&models::moving(seed, 3 * WINDOW)).unwrap().run_all(&inputs).unwrap(),
            false => of_windows(&graph, &inputs),
        };
        let (arena, taken, streamed) = (None, Taken::Moving, Some(streamed));
        Case { name: format!("moving_{seed}"), graph, inputs, expected, arena, taken, streamed, head: None }
    });
    cases.collect()
}

/// What a network makes of the windows of a signal of three, at every position at which it makes something.
fn of_windows(graph: &Graph, inputs: &[u8]) -> Vec<u8> {
    let mut executor = Executor::new(graph).unwrap();
    let layers = codegen::streamed(graph).unwrap();
    let (last, row) = (layers.last().unwrap(), inputs.len() / (3 * WINDOW));
    let begins = (0..).step_by(last.stride).take_while(|begin| begin + last.first <= 3 * WINDOW);
    let made = begins.flat_map(|begin| {
        let mut window = inputs[begin * row..].to_vec();
        // A stride may leave the last rows of a window unread.
        window.resize(WINDOW * row, 0);
        executor.run_all(&window).unwrap()
    });
    made.collect()
}

/// Whether outputs are equal, or as near as floats summed up in another order are.
fn agree(graph: &Graph, found: &[u8], expected: &[u8]) -> bool {
    let scalar = graph.tensors[graph.outputs[0]].scalar;
    // Integers in between make steps of small differences.
    let exact = graph.tensors.iter().any(|value| value.quantization.is_some()) || scalar != Scalar::F32;
    let floats = |bytes: &[u8]| bytes.as_chunks().0.iter().map(|x| f32::from_le_bytes(*x)).collect::<Vec<_>>();
    let (a, b) = if exact { (vec![], vec![]) } else { (floats(found), floats(expected)) };
    let largest = b.iter().fold(0_f32, |largest, x| largest.max(x.abs()));
    let near = |(a, b): (&f32, &f32)| (a - b).abs() <= TOLERANCE * largest || a == b;
    found.len() == expected.len() && if exact { found == expected } else { a.iter().zip(&b).all(near) }
}

/// What a network with ring buffers makes of each input as the first one.
fn first_steps(graph: &Graph, inputs: &[u8]) -> Vec<u8> {
    let mut executor = Executor::new(graph).unwrap();
    let step: usize = graph.inputs.iter().map(|input| graph.tensors[*input].bytes()).sum();
    let first = |x| {
        executor.reset();
        executor.run_all(x).unwrap()
    };
    inputs.chunks(step).flat_map(first).collect()
}

/// Networks of floats, what says that the integers of each have the type that follows from its own, and these integers.
fn declared() -> Vec<(String, Case)> {
    macro_rules! declared {
        ($($name:ident: $Net:ty, $X:ty;)*) => {
            vec![$({
                let (net, examples) = (networks::random::<$Net>(1), networks::inputs(1, 24 * <$X as Array>::LEN));
                let graph = quantise::of::<$X, $Net>(&net, &examples, Range::default()).unwrap().graph;
                let inputs = models::examples(&graph, 1, 3);
                let expected = Executor::new(&graph).unwrap().run_all(&inputs).unwrap();
                let name = concat!("declared_", stringify!($name));
                let ty = stringify!(nerve::Quantised<$Net, $X>);
                let case = Case {
                    name: name.into(),
                    graph,
                    inputs,
                    expected,
                    arena: None,
                    taken: Taken::Whole,
                    streamed: None,
                    head: None,
                };
                (format!("    let _: &{ty} = &{name}::NET;\n"), case)
            }),*]
        };
    }
    declared! {
        integers: chain![Standardize<4>, Dense<4, 10, Sigmoid>, Dense<10, 3>], [i8; 4];
        floats: chain![Standardize<4>, Dense<4, 10, Sigmoid>, Dense<10, 3>], [f32; 4];
        signal: chain![Standardize<3>, Conv1d<3, 4, 3, Elu>, Gru<4, 7>, Lstm<7, 5>, Relu], [[f32; 3]; 12];
        image: chain![
            Around<BatchNorm<Conv2d<2, 2, 3>, Tanh>, Concat<4>>,
            BatchNorm<DepthwiseConv2d<4, 3>, Sigmoid>,
            AvgPool2d<2, 4, 5>,
            Residual<chain![Relu, Conv2d<4, 4, 1>]>,
            Silu
        ], [[[i8; 2]; 10]; 8];
        padded: chain![Conv2d<2, 3, 3, Relu, To<4, 5, 2, 1>>, GlobalAvgPool, Dense<3, 2>], [[[i8; 2]; 10]; 8];
    }
}

fn public() -> Vec<Case> {
    let Some(folder) = env::var_os("NERVE_MODELS").map(PathBuf::from) else {
        println!("public models are skipped: NERVE_MODELS names no folder of .tflite files");
        return Vec::new();
    };
    let arenas = [
        ("ad01_int8", Some(768)),
        ("hello_world_f32", None),
        ("hello_world_int8", None),
        ("kws_int8", Some(16_000)),
        ("micro_speech_int8", None),
        ("resnet8_f32", None),
        ("resnet8_int8", Some(49_152)),
        ("streaming_wakeword_int8", Some(6_656)),
        ("v2_okay_nabu", None),
        ("v2_vad", None),
        ("vww_int8", Some(55_296)),
    ];
    let cases = arenas.map(|(name, arena)| {
        let read = |ending: &str| fs::read(folder.join(format!("{name}.{ending}"))).unwrap();
        let graph = litert::read(&read("tflite")).unwrap();
        let taken = match STREAMED.iter().any(|(streamed, _)| *streamed == name) {
            _ if graph.nodes.iter().any(|node| node.op == Op::Ring) => Taken::Steps,
            true => Taken::Rows,
            false => Taken::Whole,
        };
        let (inputs, expected) = (read("input.bin"), read("output.bin"));
        let streamed = (taken == Taken::Steps).then(|| expected.clone());
        Case { name: name.into(), graph, inputs, expected, arena, taken, streamed, head: None }
    });
    cases.into()
}

/// Models that run row by row too, and the bytes that they take then, with counters of 8.
const STREAMED: [(&str, usize); 3] =
    [("streaming_wakeword_int8", 4_600), ("vww_int8", 27_952), ("v2_okay_nabu", 4_296)];

/// Outputs of a new head.
const CLASSES: usize = 3;

/// A public model without its last layers, and random ones after their first; before the activation too, to be corrected.
fn cut() -> Vec<Case> {
    let of = |name: String, (graph, corrections): (Graph, Option<graph::Activation>), inputs: Vec<u8>| {
        let head = Head { outputs: CLASSES, corrections, known: None };
        codegen::generate_with_head(&graph, "model", head).ok()?;
        let expected = Executor::new(&graph).unwrap().run_all(&inputs).unwrap();
        Some(Case { name, graph, inputs, expected, arena: None, taken: Taken::Whole, streamed: None, head: Some(head) })
    };
    let case =
        |name: String, whole: Graph, layer: &str, inputs: Vec<u8>| of(name, (whole.cut(layer).ok()?, None), inputs);
    let to_correct = |name: String, whole: Graph, layer: &str, inputs: Vec<u8>| {
        let (graph, activation) = whole.cut_before_activation(layer).ok()?;
        of(name, (graph, Some(activation)), inputs)
    };
    let mut cases = Vec::new();
    if let Some(folder) = env::var_os("NERVE_MODELS").map(PathBuf::from) {
        let read = |ending: &str| fs::read(folder.join(format!("kws_int8.{ending}"))).unwrap();
        let graph = litert::read(&read("tflite")).unwrap();
        let layer = graph.layer_name(&graph.nodes[graph.nodes.len() - 3]).to_owned();
        cases.push(case("kws_int8_cut".into(), graph.clone(), &layer, read("input.bin")).unwrap());
        let last = graph.nodes.iter().rposition(|node| matches!(node.op, Op::Conv2d(_))).unwrap().to_string();
        cases.push(to_correct("kws_int8_to_correct".into(), graph, &last, read("input.bin")).unwrap());
    }
    for (scalar, count) in [(Scalar::I8, 3), (Scalar::F32, 1)] {
        let random = (0..).filter_map(|seed| {
            let whole = models::branches(seed, scalar);
            let inputs = models::examples(&whole, seed, 3);
            case(format!("cut_{}_{seed}", scalar.name()), whole, "1", inputs)
        });
        cases.extend(random.take(count));
        // Images and rows; what has an activation and what has none.
        let random = (0..).filter_map(|seed| {
            let whole = models::random(seed, scalar);
            let inputs = models::examples(&whole, seed, 3);
            let last =
                (0..whole.nodes.len()).rev().find(|node| whole.cut_before_activation(&node.to_string()).is_ok())?;
            to_correct(format!("to_correct_{}_{seed}", scalar.name()), whole, &last.to_string(), inputs)
        });
        cases.extend(random.take(2 * count));
    }
    cases
}

/// With the activation behind them, they are those of the layer: floats to the bit, integers to one of its steps, within its range.
#[test]
fn features_to_correct_are_those_of_the_layer() {
    let (mut layers, mut activations) = (0, 0);
    for (seed, scalar) in (0..60).flat_map(|seed| [(seed, Scalar::I8), (seed, Scalar::F32)]) {
        let whole = models::random(seed, scalar);
        for layer in (0..whole.nodes.len()).map(|layer| layer.to_string()) {
            let Ok((to_correct, activation)) = whole.cut_before_activation(&layer) else { continue };
            let inputs = models::examples(&to_correct, seed, 3);
            let (mut step, mut range) = (0.0, [f32::MIN, f32::MAX]);
            let [before, after] = [to_correct, whole.cut(&layer).unwrap()].map(|graph| {
                let outputs = Executor::new(&graph).unwrap().run_all(&inputs).unwrap();
                let Some(steps) = &graph.tensors[graph.outputs[0]].quantization else {
                    return outputs.as_chunks().0.iter().map(|y| f32::from_le_bytes(*y)).collect::<Vec<_>>();
                };
                step = steps.scales[0];
                range = [-128, 127].map(|end| step * (end - steps.zero_points[0]) as f32);
                outputs.iter().map(|y| step * (i32::from(*y as i8) - steps.zero_points[0]) as f32).collect()
            });
            let [least, greatest] = match activation {
                graph::Activation::None => [f32::MIN, f32::MAX],
                graph::Activation::Relu => [0.0, f32::MAX],
                graph::Activation::ReluN1To1 => [-1.0, 1.0],
                graph::Activation::Relu6 => [0.0, 6.0],
            };
            let tolerance = if activation == graph::Activation::None { 0.0 } else { 1.001 * step };
            for (before, after) in before.iter().zip(&after) {
                let difference = (before.max(least).min(greatest).max(range[0]).min(range[1]) - after).abs();
                assert!(difference <= tolerance, "{seed} {scalar:?} {layer}: {before} {after}, steps of {step}");
            }
            assert_eq!(before.len(), after.len());
            layers += 1;
            activations += usize::from(activation != graph::Activation::None);
        }
    }
    assert!(layers > 60 && activations > 40, "{layers} {activations}");
}

const MAIN: &str = r#"
/// Learns from features, and compares the whole network with the head on features.
fn learn<F, X, Row, H, const BYTES: usize>(name: &str, features: &F, mut head: H)
where
    F: Forward<X, Out = Row>,
    X: Array,
    Row: Array<Elem: Scalar<Float = f32>>,
    H: Layer<Row, Out = [f32; CLASSES]>,
{
    let inputs = std::fs::read(format!("{name}.x")).unwrap();
    let mut arena = Box::new(Arena::<BYTES>::ZERO);
    let mut trainer = Box::new(Trainer::<H, Row>::ZERO);
    for (i, x) in inputs.chunks_exact(size_of::<X>()).enumerate() {
        let x: X = bytemuck::pod_read_unaligned(x);
        let row = *arena.predict(features, &x);
        let class = i % CLASSES;
        let before = trainer.step(&mut head, &mut Sgd::new(1e-6), &CrossEntropy, &[row], &[class]).unwrap();
        let mut after = [0.0; CLASSES];
        let loss = trainer.evaluate(&head, &CrossEntropy, [(&row, &class)], |y, _| after = *y).unwrap();
        assert!(loss <= before, "{name}: {before}, then {loss}");
        assert_eq!(arena.predict(&(features, &head), &x).map(f32::to_bits), after.map(f32::to_bits), "{name}");
    }
}

fn run<N: Forward<X>, X: Array, const BYTES: usize>(name: &str, net: &N) {
    let inputs = std::fs::read(format!("{name}.x")).unwrap();
    let mut arena = Box::new(Arena::<BYTES>::ZERO);
    let mut outputs = Vec::new();
    for x in inputs.chunks_exact(size_of::<X>()) {
        let x: X = bytemuck::pod_read_unaligned(x);
        outputs.extend_from_slice(bytemuck::bytes_of(arena.predict(net, &x)));
    }
    std::fs::write(format!("{name}.y"), outputs).unwrap();
    std::fs::write(format!("{name}.arena"), BYTES.to_string()).unwrap();
}

/// Row by row: examples are whole signals, or steps of one without end.
fn stream<N: Streamed<X>, X: InRows>(name: &str, net: &N, whole: bool)
where
    OutRow<N, X>: bytemuck::Pod,
{
    let inputs = std::fs::read(format!("{name}.x")).unwrap();
    let mut stream = Box::new(Stream::<N, X>::ZERO);
    let (mut outputs, mut at) = (Vec::new(), Vec::new());
    for x in inputs.chunks_exact(size_of::<X>()) {
        for (row, count) in x.chunks_exact(size_of::<X::Row>()).zip(1..) {
            let y = stream.push(net, &bytemuck::pod_read_unaligned(row));
            at.extend(y.is_some().then_some(count));
            outputs.extend_from_slice(y.map(bytemuck::bytes_of).unwrap_or_default());
        }
        while whole && let Some(y) = stream.finish(net) {
            outputs.extend_from_slice(bytemuck::bytes_of(y));
        }
    }
    std::fs::write(format!("{name}.streamed"), outputs).unwrap();
    std::fs::write(format!("{name}.stream"), size_of_val(&*stream).to_string()).unwrap();
    std::fs::write(format!("{name}.first"), at.first().unwrap_or(&0_usize).to_string()).unwrap();
}
"#;

/// A program that runs all of them in the folder in which it is started.
fn build(folder: &Path, cases: &[Case], types: &[String]) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    fs::create_dir_all(folder.join("src")).unwrap();
    let manifest = format!(
        "[package]\nname = \"typed\"\nedition = \"2024\"\n[workspace]\n[dependencies]\nbytemuck = {{ version = \"1\", features = \
         [\"min_const_generics\"] }}\nnerve = {{ path = {root:?} }}\n[profile.dev]\nopt-level = 1\n"
    );
    fs::write(folder.join("Cargo.toml"), manifest).unwrap();
    fs::copy(root.join("Cargo.lock"), folder.join("Cargo.lock")).unwrap();
    let (mut modules, mut calls) = (String::new(), types.concat());
    for Case { name, graph, inputs, taken, head, .. } in cases {
        let cut = head.is_some();
        let generated = match head {
            Some(head) => codegen::generate_with_head(graph, name, *head),
            None => codegen::generate(graph, name),
        };
        let generated = generated.unwrap_or_else(|error| panic!("{name}: {error}"));
        fs::write(folder.join(format!("src/{name}.rs")), generated.source).unwrap();
        fs::write(folder.join(format!("src/{name}.nrv")), generated.weights).unwrap();
        if let Some(head) = generated.head {
            fs::write(folder.join(format!("src/{name}-head.nrv")), head).unwrap();
        }
        fs::write(folder.join(format!("{name}.x")), inputs).unwrap();
        writeln!(modules, "mod {name};").unwrap();
        let (net, value) = if cut { ("Features", "FEATURES") } else { ("Net", "NET") };
        let types = format!("{name}::{net}, {name}::Input");
        writeln!(calls, "    run::<{types}, {{ arena_len::<{types}>() }}>({name:?}, &{name}::{value});").unwrap();
        if cut {
            let of_net = format!("{{ arena_len::<{name}::Net<'static>, {name}::Input>() }}");
            let types = format!("{types}, {name}::Row, {name}::Head, {of_net}");
            writeln!(calls, "    learn::<{types}>({name:?}, &{name}::FEATURES, {name}::HEAD);").unwrap();
        }
        if *taken != Taken::Whole {
            let rows = *taken == Taken::Rows;
            let types = format!("{name}::Streamed, {name}::Input");
            writeln!(calls, "    stream::<{types}>({name:?}, &{name}::STREAMED, {rows});").unwrap();
        }
    }
    let uses = format!(
        "#![allow(dead_code)]\nuse nerve::{{Array, Forward, InRows, Layer, OutRow, Scalar, Streamed, prelude::*}};\nconst CLASSES: usize = {CLASSES};"
    );
    fs::write(folder.join("src/main.rs"), format!("{uses}\n{modules}{MAIN}\nfn main() {{\n{calls}}}\n")).unwrap();
}

fn cargo(folder: &Path, command: &str) -> Result<(), String> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args([command, "--offline", "--quiet", "--target-dir"]).arg(folder.parent().unwrap().join("typed-target"));
    let output = cargo.current_dir(folder).output().unwrap();
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}

#[test]
fn typed_networks_have_the_bits_of_the_executor_and_of_litert() {
    let mut cases = public();
    cases.extend(random());
    cases.extend(moving());
    cases.extend(cut());
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("typed");
    let (types, of_types): (Vec<_>, Vec<_>) = declared().into_iter().unzip();
    cases.extend(of_types);
    build(&folder, &cases, &types);
    cargo(&folder, "run").unwrap_or_else(|error| panic!("{error}"));
    for Case { name, graph, inputs, expected, arena, taken, streamed: expected_in_stream, .. } in &cases {
        let found = fs::read(folder.join(format!("{name}.y"))).unwrap();
        // An arena makes the first step of each.
        let first = (*taken == Taken::Steps).then(|| first_steps(graph, inputs));
        assert!(agree(graph, &found, first.as_ref().unwrap_or(expected)), "{name}");
        let bytes: usize = fs::read_to_string(folder.join(format!("{name}.arena"))).unwrap().parse().unwrap();
        println!("{name}: {} outputs agree, {bytes} bytes of RAM", found.len());
        if let Some(arena) = arena {
            assert_eq!(bytes, *arena, "{name}");
        }
        if *taken != Taken::Whole {
            let streamed = fs::read(folder.join(format!("{name}.streamed"))).unwrap();
            assert!(streamed == *expected_in_stream.as_ref().unwrap_or(&found), "{name} row by row");
        }
        if *taken != Taken::Whole {
            // What the command line tells about the stream.
            let read = |ending: &str| fs::read_to_string(folder.join(format!("{name}.{ending}"))).unwrap();
            let (bytes, first): (usize, usize) = (read("stream").parse().unwrap(), read("first").parse().unwrap());
            let layers = codegen::streamed(graph).unwrap_or_else(|error| panic!("{name}: {error}"));
            let about = layers.iter().map(|layer| layer.bytes).sum::<usize>();
            assert!((about * 7 / 8..=about + 64 + 96 * layers.len()).contains(&bytes), "{name}: {bytes}, told {about}");
            let told = layers.last().unwrap().first;
            let input = &graph.tensors[graph.inputs[0]].shape;
            assert!(first == told || first == 0 && told > input[1], "{name}: first at {first}, told {told}");
        }
        let streamed = STREAMED.iter().find(|(streamed, _)| streamed == name);
        if let Some((_, bytes)) = streamed {
            assert_eq!(fs::read_to_string(folder.join(format!("{name}.stream"))).unwrap(), bytes.to_string(), "{name}");
        }
    }

    // Constants of another model do not compile, nor what was damaged.
    let of_other = fs::read(folder.join(format!("src/{}.nrv", cases[1].name))).unwrap();
    let folder = folder.with_file_name("typed-damaged");
    build(&folder, &cases[..1], &[]);
    let file = folder.join(format!("src/{}.nrv", cases[0].name));
    let mut constants = fs::read(&file).unwrap();
    fs::write(&file, of_other).unwrap();
    let error = cargo(&folder, "check").expect_err("it compiles");
    assert!(error.contains("constants' file of another model"), "{error}");
    *constants.last_mut().unwrap() ^= 1;
    fs::write(&file, constants).unwrap();
    let error = cargo(&folder, "check").expect_err("it compiles");
    assert!(error.contains("damaged"), "{error}");
}

/// Whatever forks and is joined again; only what leaves a path for another one has no type.
#[test]
fn branches_of_all_kinds_have_a_type() {
    for seed in 0..300 {
        for scalar in [Scalar::I8, Scalar::F32] {
            let generated = codegen::generate(&models::branches(seed, scalar), "model");
            assert!(generated.is_ok(), "{seed} {}: {}", scalar.name(), generated.unwrap_err());
        }
    }
}

#[test]
fn what_has_no_typed_layers_is_refused_by_name() {
    let (mut refused, mut floats) = (0, 0);
    for seed in 0..300 {
        for scalar in [Scalar::I8, Scalar::F32] {
            let Err(error) = codegen::generate(&models::random(seed, scalar), "model") else { continue };
            println!("{seed} {}: {error}", scalar.name());
            let named = matches!(error, GenerateError::Untyped { operator: (_, name), .. } if !name.is_empty());
            assert!(named || error == GenerateError::Ends, "{error}");
            *if scalar == Scalar::I8 { &mut refused } else { &mut floats } += 1;
        }
    }
    assert!(refused < 30, "{refused} of 300 integer models are refused");
    assert!(floats < 45, "{floats} of 300 models of floats are refused");
}
