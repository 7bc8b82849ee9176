//! Weights files: the device takes what the library takes, and nothing of what it does not.
#![no_main]

use host_tests::learner::{Memory, Watched, factory, flash};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|file: &[u8]| {
    let (mut flash, mut memory) = (flash(), Memory::ZERO);
    let mut device = Watched::new(&mut memory, &mut flash);
    let mut expected = factory();
    let good = host_tests::learner::load(&mut expected, file);
    assert_eq!(device.upload(file).is_ok(), good);
    assert!(*device.network() == expected);
});
