//! The rooms of `src` and the one direction in which they use each other.

use std::fs;
use std::path::{Path, PathBuf};

/// Each room, and what it may use beside itself.
const ROOMS: [(&str, &[&str]); 9] = [
    ("numbers", &[]),
    ("frontend", &["numbers"]),
    ("kernels", &["numbers"]),
    ("layers", &["numbers", "kernels"]),
    ("infer", &["numbers", "layers"]),
    ("quant", &["numbers", "kernels", "layers", "infer"]),
    ("storage", &["numbers", "layers"]),
    ("training", &["numbers", "kernels", "layers", "infer", "storage"]),
    ("exchange", &["numbers", "kernels", "layers", "infer", "quant", "storage", "training"]),
];

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// What a line of code names behind `crate::`, comments left out.
fn named(line: &str) -> impl Iterator<Item = (bool, &str)> {
    let code = line.split("//").next().unwrap_or_default();
    code.match_indices("crate::").map(move |(at, path)| {
        let rest = &code[at + path.len()..];
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        (code[..at].ends_with('$'), &rest[..end])
    })
}

/// Against the direction, or through the crate's root. Macros that users call name what is public, by `$crate`.
fn wrong(room: &str, line: &str) -> Option<String> {
    let allowed = ROOMS.iter().find(|(name, _)| *name == room)?.1;
    let is_room = |name: &str| ROOMS.iter().any(|(room, _)| *room == name);
    let mut wrong = named(line).filter(|(macro_, name)| {
        let fits = *name == room || allowed.contains(name);
        !fits && (is_room(name) || !macro_)
    });
    wrong.next().map(|(_, name)| name.to_owned())
}

#[test]
fn rooms_use_each_other_in_one_direction() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("../src");
    let mut seen = 0;
    let mut found = String::new();
    for (room, _) in ROOMS {
        for file in files(&src.join(room)).iter().filter(|file| file.extension().is_some_and(|e| e == "rs")) {
            seen += 1;
            for (number, line) in fs::read_to_string(file).unwrap().lines().enumerate() {
                if let Some(name) = wrong(room, line) {
                    let file = file.strip_prefix(&src).unwrap().display();
                    found += &format!("src/{file}:{}: `{room}` may not use `{name}`\n", number + 1);
                }
            }
        }
    }
    assert!(found.is_empty(), "{found}");
    assert!(seen > 40, "{seen} files looked at");
}

#[test]
fn an_import_against_the_direction_is_found() {
    assert_eq!(wrong("kernels", "use crate::layers::Dense;").as_deref(), Some("layers"));
    assert_eq!(wrong("layers", "use crate::Real;").as_deref(), Some("Real"));
    assert_eq!(wrong("layers", "    $crate::training::f();").as_deref(), Some("training"));
    for fits in ["use crate::numbers::Real;", "($a) => { $crate::chain!($a) }", "// crate::training", "let x = 1;"] {
        assert_eq!(wrong("layers", fits), None, "{fits}");
    }
}
