//! LiteRT and ONNX files with something wrong in them: neither a panic, nor a hang, nor memory beyond a multiple of their length.

use std::path::PathBuf;
use std::time::{Duration, Instant};
use std::{env, fs};

use host_tests::{models, mutations, networks};
use nerve::executor::Executor;
use nerve::graph::{Cost, Graph, Op, Scalar};
use nerve::{litert, onnx};
use peak_alloc::PeakAlloc;
use rand_core::SeedableRng;
use rand_pcg::Pcg32;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// How often a file is changed; `NERVE_MUTATIONS` says otherwise.
const MUTATIONS: u32 = 100_000;
/// Models that take more are not run: multiply-accumulates, and bytes of RAM.
const CHEAP: (u64, usize) = (1 << 20, 1 << 20);

// One test, since the memory of another one would be counted too.
#[test]
fn files_are_read_or_refused() {
    let mut files: Vec<Vec<u8>> = (0..120)
        .map(|seed| (seed, [Scalar::I8, Scalar::F32][seed as usize % 2]))
        .map(|(seed, scalar)| match seed {
            ..108 => models::random(seed, scalar),
            _ => models::recurrent(seed, scalar),
        })
        .map(|graph| litert::write(&graph).unwrap())
        .collect();
    let mut onnx_files: Vec<Vec<u8>> = networks::typed().into_iter().map(|typed| typed.onnx).collect();
    if let Some(folder) = env::var_os("NERVE_MODELS").map(PathBuf::from) {
        for (ending, files) in [("tflite", &mut files), ("onnx", &mut onnx_files)] {
            let paths = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
            let paths = paths.filter(|path| path.extension().is_some_and(|extension| extension == ending));
            let found: Vec<Vec<u8>> = paths.map(|path| fs::read(path).unwrap()).collect();
            if !found.is_empty() {
                *files = found;
            }
        }
    } else {
        println!("skipped public models: NERVE_MODELS names no folder of .tflite or .onnx files");
    }
    let count = env::var("NERVE_MUTATIONS").map_or(MUTATIONS, |count| count.parse().unwrap());
    check(&files, count, |file| litert::read(file).map_err(|error| error.to_string()));
    check(&onnx_files, count / 5, |file| onnx::read(file).map_err(|error| error.to_string()));
}

/// Reads changed copies of files.
fn check(files: &[Vec<u8>], count: u32, of: impl Fn(&[u8]) -> Result<Graph, String>) {
    let mut rng = Pcg32::seed_from_u64(1);
    let (mut read, mut run, mut slowest, mut largest) = (0, 0, Duration::ZERO, 0.0_f64);
    for _ in 0..count {
        let file = mutations::mutated(files, &mut rng);
        ALLOCATOR.reset_peak_usage();
        let (before, start) = (ALLOCATOR.current_usage(), Instant::now());
        let result = of(&file);
        slowest = slowest.max(start.elapsed());
        largest = largest.max((ALLOCATOR.peak_usage() - before) as f64 / (file.len() as f64 + 64.0));
        match result {
            Ok(graph) => {
                read += 1;
                let cost = Cost::of(&graph);
                assert!(cost.flash <= 2 * file.len());
                // Takes its time.
                if read % 8 == 0 {
                    match litert::write(&graph) {
                        Ok(file) => assert!(litert::read(&file).is_ok_and(|again| again == graph)),
                        Err(_) => assert!(graph.nodes.iter().any(|node| node.op == Op::Gru)),
                    }
                    run += usize::from(is_run(&graph, cost));
                }
            }
            Err(error) => assert!(!error.is_empty()),
        }
    }
    println!(
        "{count} files, {read} of them read, {run} run; the slowest took {slowest:?}, the largest {largest:.1} times its length"
    );
    assert!(read > count / 100 && read < count && run > 0);
    assert!(slowest < Duration::from_secs(5) && largest < 32.0);
}

/// Whether a graph was run; it may be refused, or take too long.
fn is_run(graph: &Graph, cost: Cost) -> bool {
    let cheap = cost.multiply_accumulates <= CHEAP.0 && cost.ram <= CHEAP.1;
    match Executor::new(graph) {
        Ok(mut executor) if cheap => {
            let inputs = graph.inputs.iter().map(|input| vec![0x5a; graph.tensors[*input].bytes()]).collect::<Vec<_>>();
            executor.run_all(&inputs.concat()).is_ok()
        }
        Ok(_) => false,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            false
        }
    }
}
