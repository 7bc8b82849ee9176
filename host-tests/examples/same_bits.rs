//! Prints the words of [`host_tests::same_bits`], one to a line, to be compared with a device's.

fn main() {
    host_tests::same_bits::run(|word| println!("{word:08x}"));
}
