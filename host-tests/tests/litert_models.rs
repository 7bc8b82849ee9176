//! Public models and random ones, with the bits of LiteRT's reference kernels.
//!
//! `NERVE_MODELS` names a folder of files NAME.tflite, NAME.input.bin and NAME.output.bin: the inputs of examples one after another and what
//! LiteRT makes of them.

use std::path::{Path, PathBuf};
use std::{env, fs};

use nerve::executor::Executor;
use nerve::graph::{Cost, Graph, Op, Scalar};
use nerve::litert;

/// The bytes of all outputs, example by example.
fn run(graph: &Graph, inputs: &[u8]) -> Vec<u8> {
    let mut executor = Executor::new(graph).unwrap();
    let lengths: Vec<usize> = graph.inputs.iter().map(|input| graph.tensors[*input].bytes()).collect();
    let mut outputs = Vec::new();
    for mut example in inputs.chunks_exact(lengths.iter().sum()) {
        let mut parts = Vec::new();
        for length in &lengths {
            let (part, rest) = example.split_at(*length);
            parts.push(part);
            example = rest;
        }
        outputs.extend(executor.run(&parts).unwrap().flatten());
    }
    outputs
}

/// Elements that differ: integers at all, floats by more than 10⁻⁵ of the expected value or two units in the last place.
fn differences(scalar: Scalar, found: &[u8], expected: &[u8]) -> usize {
    assert_eq!(found.len(), expected.len());
    if scalar != Scalar::F32 {
        return found.iter().zip(expected).filter(|(found, expected)| found != expected).count();
    }
    let floats = |bytes: &[u8]| bytes.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect::<Vec<_>>();
    let pairs = floats(found).into_iter().zip(floats(expected));
    let far = |(found, expected): &(f32, f32)| {
        let steps = (found.to_bits() as i32).abs_diff(expected.to_bits() as i32);
        steps > 2 && (found - expected).abs() > 1e-5 * expected.abs()
    };
    pairs.filter(far).count()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = files.filter(|path| path.extension().is_some_and(|end| end == "tflite")).collect();
    files.sort();
    files
}

#[test]
fn public_models_have_the_bits_of_litert() {
    let Some(folder) = env::var_os("NERVE_MODELS").map(PathBuf::from) else {
        println!("skipped: NERVE_MODELS names no folder of .tflite files");
        return;
    };
    let mut wrong = Vec::new();
    for file in files(&folder) {
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        let Ok(expected) = fs::read(file.with_extension("output.bin")) else { continue };
        let Ok(graph) = litert::read(&fs::read(&file).unwrap()) else {
            println!("{name}: not read");
            continue;
        };
        let start = std::time::Instant::now();
        let found = run(&graph, &fs::read(file.with_extension("input.bin")).unwrap());
        let scalar = graph.tensors[graph.outputs[0]].scalar;
        let count = differences(scalar, &found, &expected);
        println!("{name}: {count} of {} differ, {:?}", expected.len() / scalar.bytes(), start.elapsed());
        if count > 0 {
            wrong.push(name);
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}

/// What stands before the sigmoid says more than what stands behind it, which is nearly always 0.
#[test]
fn networks_with_ring_buffers_have_the_logits_of_litert_at_every_step() {
    let Some(folder) = env::var_os("NERVE_MODELS").map(PathBuf::from) else {
        println!("skipped: NERVE_MODELS names no folder of .tflite files");
        return;
    };
    for name in ["v2_okay_nabu", "v2_vad"] {
        let file = |ending: &str| fs::read(folder.join(format!("{name}.{ending}"))).unwrap();
        let mut graph = litert::read(&file("tflite")).unwrap();
        let last = graph.nodes.iter().find(|node| node.op == Op::Logistic).unwrap();
        graph.outputs = vec![last.inputs[0].unwrap()];
        let (inputs, expected) = (file("input.bin"), file("logit.bin"));
        assert_eq!(expected.len(), 200);
        let mut executor = Executor::new(&graph).unwrap();
        for _ in 0..2 {
            assert_eq!(executor.run_all(&inputs).unwrap(), expected, "{name}");
            executor.reset();
        }
    }
}

#[test]
fn public_models_take_as_much_memory_as_their_values_at_the_same_time() {
    let Some(folder) = env::var_os("NERVE_MODELS").map(PathBuf::from) else {
        println!("skipped: NERVE_MODELS names no folder of .tflite files");
        return;
    };
    for (name, bytes) in [
        ("ad01_int8", 768),
        ("kws_int8", 16_000),
        ("streaming_wakeword_int8", 6_656),
        ("resnet8_int8", 49_152),
        ("vww_int8", 55_296),
    ] {
        let Ok(file) = fs::read(folder.join(name).with_extension("tflite")) else { continue };
        assert_eq!(Cost::of(&litert::read(&file).unwrap()).ram, bytes, "{name}");
    }
}
