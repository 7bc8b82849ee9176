//! Every example's figures in one table.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Result, bail, ensure};

const EXAMPLES: [&str; 7] = ["iris", "mnist", "wine", "autoencoder", "denoise", "cnn", "signal"];

pub fn run(life_expectancy: Option<PathBuf>) -> Result<()> {
    let mut table = Vec::new();
    let mut remarks = Vec::new();
    let mut failed = Vec::new();
    let mut experiments: Vec<_> = EXAMPLES.iter().map(|name| (*name, None)).collect();
    match life_expectancy {
        Some(file) => {
            ensure!(file.is_file(), "could not find {}", file.display());
            experiments.insert(3, ("life-expectancy", Some(file)));
        }
        None => remarks.push("life-expectancy: skipped, no --life-expectancy FILE was given".to_owned()),
    }
    for (name, data) in experiments {
        eprintln!("{name} …");
        let mut example = Command::new("cargo");
        example.args(["run", "--quiet", "--release", "--example", name, "--", "--table"]);
        if let Some(file) = data {
            example.arg("--data").arg(file);
        }
        let output = example.stderr(Stdio::inherit()).output()?;
        let stdout = String::from_utf8_lossy(&output.stdout);
        let (rows, rest): (Vec<&str>, Vec<&str>) =
            stdout.lines().filter(|line| !line.is_empty()).partition(|line| line.starts_with('|'));
        // Each example prints the heading.
        table.extend(rows.iter().skip(if table.is_empty() { 0 } else { 2 }).map(|row| (*row).to_owned()));
        remarks.extend(rest.iter().map(|line| format!("{name}: {line}")));
        if !output.status.success() {
            failed.push(name);
        }
    }
    println!("{}", table.join("\n"));
    for remark in remarks {
        println!("\n{remark}");
    }
    if !failed.is_empty() {
        bail!("failed or worse than the reference: {}", failed.join(", "));
    }
    Ok(())
}
