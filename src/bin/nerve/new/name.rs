//! Names of packages, checked as cargo does.

use anyhow::{Result, ensure};

/// Words of the language, crates that every compiler has, what cargo puts beside programs, and the library.
#[rustfmt::skip]
const TAKEN: &[&str] = &[
    "Self", "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate", "do", "dyn", "else", "enum", "extern",
    "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop", "macro", "match", "mod", "move", "mut", "override", "priv", "pub", "ref",
    "return", "self", "static", "struct", "super", "trait", "true", "try", "type", "typeof", "unsafe", "unsized", "use", "virtual", "where",
    "while", "yield",
    "alloc", "core", "proc_macro", "proc-macro", "std", "test",
    "build", "deps", "examples", "incremental",
    "nerve", "train",
];

pub fn check(name: &str) -> Result<()> {
    let letters = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    let begins = name.starts_with(|c: char| c.is_ascii_alphabetic());
    ensure!(letters && begins, "`{name}` is no package's name: a letter, then letters, digits, `-` and `_`");
    ensure!(
        !TAKEN.contains(&name),
        "`{name}` is taken, as a word of Rust or another package's name: choose another name"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn names_are_checked_as_cargo_does() {
        for name in ["my-sensor", "a", "K2_b"] {
            check(name).unwrap();
        }
        for name in ["", "2nd", "-x", "_x", "a b", "a/b", "..", "é", "fn", "std", "nerve"] {
            check(name).unwrap_err();
        }
    }
}
