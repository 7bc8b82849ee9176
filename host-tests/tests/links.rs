//! What pages of the repository point to is there.

use std::fs;
use std::path::Path;

const PAGES: [&str; 17] = [
    "README.md",
    "CHANGELOG.md",
    "benches/device.md",
    "examples/README.md",
    "firmware/boards/README.md",
    "src/guide/costs.md",
    "src/guide/features.md",
    "src/guide/from_csv.md",
    "src/guide/from_pytorch.md",
    "src/guide/layers.md",
    "src/guide/learner.md",
    "src/guide/memory.md",
    "src/guide/new_classes.md",
    "src/guide/new_layer.md",
    "src/guide/own_model.md",
    "src/guide/proofs.md",
    "src/guide/streams.md",
];

#[test]
fn links_lead_somewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let (mut links, mut dead) = (0, vec![]);
    for page in PAGES {
        let path = root.join(page);
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{page}: {error}"));
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = link.split('#').next().unwrap_or_default();
            // Pages elsewhere are not asked for; those of this library do not exist before it is published.
            let elsewhere =
                link.contains("://") && !link.contains("docs.rs/nerve") && !link.contains("crates.io/crates/nerve");
            // In the documentation, links to items.
            let item = file.is_empty() || file.contains("::") || !file.contains('.') || file.starts_with("crate");
            if elsewhere || item {
                continue;
            }
            links += 1;
            if link.contains("://") || !path.with_file_name("").join(file).exists() {
                dead.push(format!("{page}: {link}"));
            }
        }
    }
    assert!(links > 10, "{links} links");
    assert!(dead.is_empty(), "{}", dead.join("\n"));
}
