//! LiteRT's files: what is read, what is refused, what is written.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::{env, fs};

use host_tests::models;
use nerve::graph::Scalar;
use nerve::litert::{self, ReadError, Reason};

/// Public models, from the folder that `NERVE_MODELS` names.
fn models() -> Vec<(String, Vec<u8>)> {
    let Some(folder) = env::var_os("NERVE_MODELS").map(PathBuf::from) else {
        println!("skipped: NERVE_MODELS names no folder of .tflite files");
        return Vec::new();
    };
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files = files.filter(|path| path.extension().is_some_and(|extension| extension == "tflite"));
    files.map(|path| (path.file_stem().unwrap().to_string_lossy().into_owned(), fs::read(path).unwrap())).collect()
}

#[test]
fn public_models_are_read_and_written_back() {
    for (name, file) in models() {
        match litert::read(&file) {
            Ok(graph) => {
                println!("{name}: {} nodes, {} tensors", graph.nodes.len(), graph.tensors.len());
                let written = litert::write(&graph).unwrap();
                assert!(litert::read(&written).unwrap() == graph, "{name}");
            }
            Err(error) => {
                println!("{name}: {error}");
                let ReadError::Unsupported(refusals) = error else { panic!("{name}") };
                let all = |reason: Reason| refusals.iter().any(|refusal| refusal.reason == reason);
                match &name[..] {
                    // Despite its name, its convolutions' weights are integers.
                    "kws_f32" => assert!(all(Reason::DynamicRange)),
                    _ => panic!("{name}"),
                }
            }
        }
    }
}

#[test]
fn random_models_are_written_and_read_back() {
    for seed in 0..300 {
        for scalar in [Scalar::I8, Scalar::F32] {
            let graph = models::random(seed, scalar);
            let read = litert::read(&litert::write(&graph).unwrap())
                .unwrap_or_else(|error| panic!("{seed}: {error}\n{graph:?}"));
            assert!(read == graph, "{seed} {scalar:?}");
            let graph = models::recurrent(seed, scalar);
            assert!(litert::read(&litert::write(&graph).unwrap()).unwrap() == graph, "recurrent {seed} {scalar:?}");
            let graph = models::elu(seed, scalar);
            assert!(litert::read(&litert::write(&graph).unwrap()).unwrap() == graph, "elu {seed} {scalar:?}");
            let graph = models::embedded(seed, scalar);
            assert!(litert::read(&litert::write(&graph).unwrap()).unwrap() == graph, "embedded {seed} {scalar:?}");
            let graph = models::steps(seed, scalar);
            assert!(litert::read(&litert::write(&graph).unwrap()).unwrap() == graph, "steps {seed} {scalar:?}");
        }
    }
}

#[test]
fn random_models_have_every_operator_and_geometry() {
    let mut counts = BTreeMap::new();
    for seed in 0..840 {
        for kind in models::kinds(&models::random(seed, Scalar::I8)) {
            *counts.entry(kind).or_insert(0) += 1;
        }
    }
    for (kind, count) in &counts {
        println!("{count:4} {kind}");
    }
    let rare: Vec<_> = counts.iter().filter(|(_, count)| **count < 10).collect();
    assert!(rare.is_empty() && counts.len() == 129, "{rare:?} of {}", counts.len());
}
