//! LiteRT files: read, or refused in words; what is read can be written and read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nerve::graph::Cost;
use nerve::litert;

fuzz_target!(|file: &[u8]| match litert::read(file) {
    Ok(graph) => {
        Cost::of(&graph);
        assert!(litert::write(&graph).is_ok_and(|file| litert::read(&file).is_ok()));
    }
    Err(error) => assert!(!error.to_string().is_empty()),
});
