//! A host's session with the learner on an emulated board: infer, drift, train, save, reset, infer; then its network as ONNX, and
//! PyTorch's on it.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{fs, slice};

use anyhow::{Context, Result, anyhow, ensure};
use serde_json::{Value, json};

use crate::device::{BOARDS, Board, LEARNER, M4F, build_all, number};
use crate::setup::Toolchain;
use crate::{onnx, output};

// The flowers that the firmware is shown.
include!("../../firmware/data/flowers.rs");

#[path = "../../host-tests/tests/torch/device.rs"]
mod pytorch;

/// A model that `device.py` has trained in PyTorch.
const PYTORCH: &str = "host-tests/tests/torch/device.safetensors";
/// How far logits may be from those of PyTorch or onnxruntime, in parts of the largest, or of 1 if that is larger.
const TOLERANCE: f32 = 1e-6;
const FOLDER: &str = "target/session";
/// The program that talks to devices.
pub const NERVE: &str = "target/release/nerve";

/// The most bytes of RAM that the learner may take on any board: variables, and stack.
const STATICS: u32 = 3 * 1024;
/// See [`STATICS`].
const STACK: u32 = 6 * 1024;

/// Runs a session on every board and shows what it took.
pub fn run(toolchain: Toolchain) -> Result<String> {
    build_nerve()?;
    let mut text = String::new();
    for board in BOARDS {
        text.push_str(&session(board, toolchain).with_context(|| format!("the session with {}", board.feature))?);
    }
    Ok(text + "the devices' networks as ONNX: " + &onnx::compare(FOLDER, TOLERANCE)?)
}

/// Builds [`NERVE`]. Beside an example, its dependencies have the features of those of tests, so that no step builds them anew.
pub fn build_nerve() -> Result<()> {
    output(Command::new("cargo").args(["build", "--quiet", "--release", "--bin", "nerve", "--example", "convert"]))?;
    Ok(())
}

/// The host's program at the serial line of a board.
struct Host {
    port: String,
}

impl Host {
    fn call(&self, arguments: &[&str]) -> Result<String> {
        let mut nerve = Command::new(NERVE);
        output(nerve.args(["device", "--port", &self.port, "--timeout", PATIENCE]).args(arguments))
    }

    fn accuracy(&self, csv: &Path) -> Result<f32> {
        let printed = self.call(&["evaluate", &csv.to_string_lossy()])?;
        number(&printed, "accuracy ")
    }

    /// An error unless the device refuses to learn from this sample, for this reason.
    fn refuses(&self, sample: &str, csv: &Path, reason: &str) -> Result<()> {
        fs::write(csv, format!("{sample}\n"))?;
        let error = self.call(&["train", &csv.to_string_lossy()]).err();
        let error = error.with_context(|| format!("a sample was learned for which it should be said: {reason}"))?;
        ensure!(error.to_string().contains(reason), "`{reason}` expected: {error}");
        Ok(())
    }

    /// The device's logits for the held-out flowers of the drifted sensor.
    fn logits(&self) -> Result<Vec<[f32; 3]>> {
        let inputs = HELD_OUT.map(|(x, ..)| fields(&recalibrated(&x)));
        let printed = self.call(&[&["infer"][..], &inputs.each_ref().map(String::as_str)].concat())?;
        let logits = |line: &str| -> Result<[f32; 3]> {
            let (_, list) = line.split_once("logits [").context("no logits")?;
            let values = list.trim_end_matches(']').split(", ").map(str::parse).collect::<Result<Vec<_>, _>>()?;
            values.try_into().map_err(|values| anyhow!("not three logits: {values:?}"))
        };
        printed.lines().map(logits).collect()
    }
}

fn session(board: &Board, toolchain: Toolchain) -> Result<String> {
    let elf = board.build(toolchain, LEARNER)?;
    let folder = empty_folder(board.feature)?;
    let file = |name: &str| folder.join(name);
    let (held_out, labelled, weights) = (file("held-out.csv"), file("labelled.csv"), file("tuned.nrv"));
    csv(&held_out, HELD_OUT.iter().map(|(x, class, _)| (x, *class)))?;
    csv(&labelled, LABELLED.iter().map(|(x, class)| (x, *class)))?;
    let path = |path: &PathBuf| path.to_string_lossy().into_owned();

    let emulator = board.start(&elf, &folder)?;
    let host = Host { port: format!("unix:{}", file("serial.sock").display()) };
    let class = host.call(&["infer", "5.1,3.5,1.4,0.2"])?;
    ensure!(class.starts_with("class 0,"), "a setosa was taken for {class}");
    host.refuses("NaN,3,1,0.2,0", &file("refused.csv"), "infinite or NaN")?;
    host.refuses("5,3,1,0.2,3", &file("refused.csv"), "does not exist")?;
    let drifted = host.accuracy(&held_out)?;
    host.call(&["train", &path(&labelled), "--epochs", "30"])?;
    let learned = host.accuracy(&held_out)?;
    let samples_saved = samples(&host)?;
    host.call(&["save"])?;
    host.call(&["download", &path(&weights)])?;
    // What is learned after a save is lost by a reset, the program's own or a power cut; what was saved is not.
    let mut accuracies = Vec::new();
    host.call(&["train", &path(&labelled)])?;
    host.call(&["restart"])?;
    accuracies.push(host.accuracy(&held_out)?);
    ensure!(samples(&host)? == samples_saved, "the restart did not lose what was not saved");
    host.call(&["train", &path(&labelled)])?;
    drop(emulator);
    let emulator = board.start(&elf, &folder)?;
    accuracies.push(host.accuracy(&held_out)?);
    ensure!(samples(&host)? == samples_saved, "the power cut did not lose what was not saved");
    // The factory's network, then the tuned one again.
    host.call(&["factory-reset"])?;
    let factory = host.accuracy(&held_out)?;
    host.call(&["upload", &path(&weights)])?;
    accuracies.push(host.accuracy(&held_out)?);
    let by_pytorch = interchange(&host, &folder)?;
    let info = host.call(&["info"])?;
    drop(emulator);

    ensure!(drifted < 75.0 && factory == drifted && learned >= 90.0, "accuracy {drifted} %, then {learned} %");
    ensure!(accuracies.iter().all(|accuracy| *accuracy == learned), "accuracy {learned} %, later {accuracies:?}");
    let (statics, stack): (f32, f32) = (number(&info, "RAM ")?, number(&info, "variables, ")?);
    ensure!(statics <= STATICS as f32 && stack <= STACK as f32, "too much RAM:\n{info}");
    Ok(format!(
        "{}: drifted {drifted} %, learned {learned} %, kept over restart and power cut; {statics} bytes of variables, {stack} of stack; \
         PyTorch's logits within {by_pytorch:.1e}\n",
        board.core
    ))
}

/// Where a session's files are.
fn empty_folder(name: &str) -> Result<PathBuf> {
    let folder = Path::new(FOLDER).join(name);
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    Ok(folder)
}

fn samples(host: &Host) -> Result<f32> {
    number(&host.call(&["info"])?, "samples learned ")
}

/// Leaves what the device has learned as ONNX, with inputs and its outputs to compare, then gives it what PyTorch has learned. Returns how
/// far its logits are from PyTorch's.
fn interchange(host: &Host, folder: &Path) -> Result<f32> {
    let bytes = |values: &[f32]| values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<_>>();
    let convert = |from: &Path, to: &Path| output(Command::new("target/release/examples/convert").args([from, to]));
    let weights = folder.join("tuned.nrv");
    host.call(&["download", &weights.to_string_lossy()])?;
    convert(&weights, &folder.join("tuned.onnx"))?;
    fs::write(folder.join("tuned.x"), bytes(HELD_OUT.map(|(x, ..)| recalibrated(&x)).as_flattened()))?;
    fs::write(folder.join("tuned.y"), bytes(host.logits()?.as_flattened()))?;
    convert(Path::new(PYTORCH), &weights)?;
    host.call(&["upload", &weights.to_string_lossy()])?;
    difference(&host.logits()?)
}

/// How far the device's logits are from PyTorch's, in parts of the largest; an error if too far.
fn difference(logits: &[[f32; 3]]) -> Result<f32> {
    let (found, expected) = (logits.as_flattened(), pytorch::LOGITS.as_flattened());
    ensure!(found.len() == expected.len(), "{} logits, not {}", found.len(), expected.len());
    let largest = expected.iter().fold(1.0, |largest: f32, v| largest.max(v.abs()));
    let difference = found.iter().zip(expected).fold(0.0, |most: f32, (a, b)| most.max((a - b).abs())) / largest;
    ensure!(difference < TOLERANCE, "the device's logits differ from PyTorch's by {difference:.1e}");
    Ok(difference)
}

/// What a sensor shows that was calibrated anew.
fn recalibrated(x: &[f32; 4]) -> [f32; 4] {
    x.map(|v| 0.75 * v + 1.5)
}

/// Numbers between commas.
fn fields(x: &[f32; 4]) -> String {
    x.map(|v| v.to_string()).join(",")
}

/// Writes the flowers as the drifted sensor shows them.
fn csv<'a>(path: &Path, flowers: impl Iterator<Item = (&'a [f32; 4], usize)>) -> Result<()> {
    let rows = flowers.map(|(x, class)| format!("{},{class}\n", fields(&recalibrated(x))));
    Ok(fs::write(path, rows.collect::<String>())?)
}

/// Seconds that a device is given to answer: boards without a floating-point unit take longer, as do busy machines.
pub const PATIENCE: &str = "30";

/// What a device answers to each of these requests, each within so many seconds.
pub fn ask(port: &str, timeout: &str, requests: &[Value]) -> Result<Vec<Value>> {
    let mut nerve = Command::new(NERVE);
    nerve.args(["device", "--json", "--timeout", timeout, "--port", port]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut nerve = nerve.spawn()?;
    // Its end lets the program end.
    let lines: String = requests.iter().map(|request| format!("{request}\n")).collect();
    nerve.stdin.take().context("no input")?.write_all(lines.as_bytes())?;
    let answers = String::from_utf8(nerve.wait_with_output()?.stdout)?;
    answers.lines().map(|line| serde_json::from_str(line).with_context(|| line.to_owned())).collect()
}

/// Why the device does not do what it was asked for.
pub fn refusal(answer: &Value) -> Option<&str> {
    answer["error"].as_str()
}

/// The weights in an answer.
pub fn weights(answers: &[Value], at: usize) -> Result<Vec<Value>> {
    let list = answers.get(at).and_then(|answer| answer["weights"].as_array());
    list.cloned().with_context(|| format!("no weights: {answers:?}"))
}

/// These weights with another last one.
fn with_last(weights: &[Value], last: f64) -> Vec<Value> {
    let others = weights.iter().take(weights.len().saturating_sub(1));
    others.cloned().chain([last.into()]).collect()
}

/// Bytes of an emulated board's flash that a save erases, and in a piece of that.
const ERASED: (usize, usize) = (2 * 4096, 64);

/// Lets power fail in the middle of saves: at the beginning of an erase, in it and at its end, in the first word, in the first item, in the
/// middle and in the last word. The board must come up with what was saved or with what was being saved, to the bit, and save again. Returns
/// how many saves were cut.
fn power_cuts(board: &Board, elf: &Path, folder: &Path) -> Result<usize> {
    let [flash, power] = ["flash.bin", "power.bin"].map(|name| folder.join(name));
    let _ = fs::remove_file(&flash);
    let port = format!("unix:{}", folder.join("serial.sock").display());
    let boot = |requests: &[Value]| {
        let _emulator = board.start(elf, folder)?;
        ask(&port, PATIENCE, requests)
    };
    let [download, save, load] = ["download", "save", "load"].map(Value::from);
    let factory = weights(&boot(slice::from_ref(&download))?, 0)?;
    let state = |number: usize| with_last(&factory, number as f64);
    let upload = |number: usize| json!({"upload": state(number)});

    // From now on both halves of the flash hold a state: a save erases one, and writes as many words as are not erased in it.
    let answers = boot(&[upload(1), save.clone(), upload(2), save.clone()])?;
    ensure!(answers.iter().all(|answer| refusal(answer).is_none()), "{answers:?}");
    let (erase, words) =
        (ERASED.0 / ERASED.1, fs::read(&flash)?.chunks(4).filter(|word| *word != [0xff; 4]).count() / 2);
    let (mut saved, mut saving, mut cuts) = (state(2), state(2), 0);
    let pieces = [0, erase / 2, erase - 1, erase, erase + 5, erase + words / 2, erase + words - 1];
    for (number, pieces) in (3..).zip(pieces) {
        fs::write(&power, (pieces as u32).to_le_bytes())?;
        let answers = boot(&[download.clone(), upload(number), save.clone()])?;
        let found = weights(&answers, 0)?;
        ensure!(
            found == saved || found == saving,
            "neither the old state nor the new one, before a cut at piece {pieces}"
        );
        cuts += usize::from(answers.last().and_then(refusal).is_some());
        (saved, saving) = (found, state(number));
    }
    fs::remove_file(&power)?;
    let answers = boot(&[download.clone(), upload(99), save, load, download])?;
    let found = weights(&answers, 0)?;
    ensure!(found == saved || found == saving, "neither the old state nor the new one, after the last cut");
    ensure!(weights(&answers, 4)? == state(99), "nothing can be saved after power cuts: {answers:?}");
    ensure!(cuts >= pieces.len() - 1, "power failed in {cuts} of {} saves", pieces.len());
    Ok(cuts)
}

/// Samples of digits that the host's program shows a device: what it is given to keep, and new ones.
const DIGITS: [&str; 2] = ["given", "shown"];
/// Bytes of an image, behind which its digit stands.
const IMAGE: usize = 28 * 28;

/// The same with a network whose first layers are integers and lie in flash, and with one that learns values.
pub fn digits_and_values(toolchain: Toolchain) -> Result<String> {
    build_nerve()?;
    let programs = build_all(toolchain, M4F.target, M4F.feature, &["learner_digits", "learner_gauge"])?;
    Ok(digits(&programs.join("learner_digits"))? + &values(&programs.join("learner_gauge"))?)
}

/// Digits that the device has not seen are learned, and kept through power cuts in the middle of learning and of saving; what cannot be is
/// refused.
fn digits(elf: &Path) -> Result<String> {
    let mut example = Command::new("cargo");
    example.args(["run", "--quiet", "--release", "--example", "adapt", "--", "--device", "firmware/data"]);
    match output(&mut example) {
        Err(error) if error.to_string().contains("could not fetch") => return Ok(format!("skipped digits: {error}\n")),
        result => result?,
    };
    let folder = empty_folder("digits")?;
    let file = |name: &str| folder.join(name).with_extension("csv");
    for name in DIGITS {
        let examples = fs::read(Path::new("target/adapt").join(name).with_extension("bin"))?;
        let row = |example: &[u8]| {
            let (image, digit) = example.split_at(IMAGE);
            let pixels = image.iter().map(|pixel| (*pixel as i8).to_string()).collect::<Vec<_>>();
            format!("{},{}\n", pixels.join(","), digit[0])
        };
        let rows: Vec<String> = examples.chunks_exact(IMAGE + 1).map(row).collect();
        fs::write(file(name), rows.concat())?;
        fs::write(file("one"), &rows[0])?;
    }
    let path = |name: &str| file(name).to_string_lossy().into_owned();

    let emulator = M4F.start(elf, &folder)?;
    let host = Host { port: format!("unix:{}", folder.join("serial.sock").display()) };
    let [known, unknown] = [host.accuracy(&file("given"))?, host.accuracy(&file("shown"))?];
    let zeros = vec!["0"; IMAGE - 1].join(",");
    host.refuses(&format!("0,{zeros},10"), &file("refused"), "does not exist")?;
    host.refuses(&format!("NaN,{zeros},1"), &file("refused"), "is not an integer")?;
    host.refuses(&format!("{zeros},1"), &file("refused"), "takes 784")?;
    ensure!(samples(&host)? == 0.0, "a refused sample was learned");
    refuses_infinite_weights(&host)?;
    refuses_other_features(&host, &folder)?;
    // More samples than are kept.
    host.call(&["train", &path("given")])?;
    host.call(&["train", &path("shown"), "--epochs", "2"])?;
    let [kept, learned] = [host.accuracy(&file("given"))?, host.accuracy(&file("shown"))?];
    let samples_saved = samples(&host)?;
    host.call(&["save"])?;
    host.call(&["train", &path("one")])?;
    drop(emulator);
    let emulator = M4F.start(elf, &folder)?;
    let after = host.accuracy(&file("shown"))?;
    ensure!(samples(&host)? == samples_saved && after == learned, "the power cut changed what was saved: {after} %");
    let info = host.call(&["info"])?;
    drop(emulator);
    let cuts = power_cuts(&M4F, elf, &folder)?;
    ensure!(known > 95.0 && unknown < 5.0, "before: {known} % of known digits, {unknown} % of new ones");
    ensure!(kept > 90.0 && learned > 80.0, "after: {kept} % of known digits, {learned} % of new ones");
    let (statics, stack): (f32, f32) = (number(&info, "RAM ")?, number(&info, "variables, ")?);
    ensure!(statics + stack < 64.0 * 1024.0, "too much RAM:\n{info}");
    Ok(format!(
        "new digits {unknown} %, learned {learned} %; those known before {known} %, then {kept} %; kept over a power cut, and {cuts} within \
         saves; {statics} bytes of variables, {stack} of stack\n"
    ))
}

/// A head that has learned on other features is refused, by the host's program before it is sent; one that does not name its features, as all did
/// in format 1, is taken.
fn refuses_other_features(host: &Host, folder: &Path) -> Result<()> {
    let file = folder.join("head.nrv");
    let path = file.to_string_lossy();
    host.call(&["download", &path])?;
    let head = fs::read(&file)?;
    ensure!(head.starts_with(b"nerv\x03"), "the device's file does not name its features");
    let mut other = head.clone();
    other[18] ^= 1;
    fs::write(&file, other)?;
    let error = host.call(&["upload", &path]).err().context("a head of other features was taken")?;
    ensure!(error.to_string().contains("learned on other features"), "`learned on other features` expected: {error}");
    fs::write(&file, [b"nerv\x01", &head[5..18], &head[22..]].concat())?;
    host.call(&["upload", &path])?;
    host.call(&["download", &path])?;
    ensure!(fs::read(&file)? == head, "a head that does not name its features was changed");
    Ok(())
}

fn refuses_infinite_weights(host: &Host) -> Result<()> {
    let download = json!("download");
    let before = weights(&ask(&host.port, PATIENCE, slice::from_ref(&download))?, 0)?;
    let answers = ask(&host.port, PATIENCE, &[json!({"upload": with_last(&before, 1e39)}), download])?;
    let said = answers.first().and_then(refusal).unwrap_or_default();
    ensure!(said.contains("infinite or NaN"), "`infinite or NaN` expected: {said}");
    ensure!(weights(&answers, 1)? == before, "a refused file changed the network");
    Ok(())
}

/// The values that a gauge's channels mean are learned, and kept through a power cut; what cannot be is refused.
fn values(elf: &Path) -> Result<String> {
    let folder = empty_folder("values")?;
    let file = |name: &str| folder.join(name).with_extension("csv");
    for (name, shift) in [("shown", 0.0), ("held-out", 0.15)] {
        let row = |i: usize| {
            let [pressure, temperature] = [i % 6, i / 6].map(|at| 0.3 * at as f32 - 0.9 + shift);
            let [a, b] = [pressure + 0.4 * pressure * temperature, temperature * temperature - 0.2 * pressure];
            format!("{pressure},{temperature},{a},{b}\n")
        };
        fs::write(file(name), (0..36).map(row).collect::<String>())?;
    }
    let path = |name: &str| file(name).to_string_lossy().into_owned();

    let emulator = M4F.start(elf, &folder)?;
    let host = Host { port: format!("unix:{}", folder.join("serial.sock").display()) };
    let loss = || number::<f32>(&host.call(&["evaluate", &path("held-out")])?, "loss ");
    let before = loss()?;
    host.refuses("NaN,0,0,0", &file("refused"), "number of the input is infinite or NaN")?;
    host.refuses("0,0,inf,0", &file("refused"), "value of the target is infinite or NaN")?;
    host.refuses("0,0,0", &file("refused"), "the network takes 2")?;
    ensure!(samples(&host)? == 0.0 && loss()? == before, "a refused sample was learned");
    // More samples than are kept.
    host.call(&["train", &path("shown"), "--epochs", "12"])?;
    let (learned, samples_saved) = (loss()?, samples(&host)?);
    host.call(&["save"])?;
    host.call(&["train", &path("shown")])?;
    drop(emulator);
    let _emulator = M4F.start(elf, &folder)?;
    ensure!(samples(&host)? == samples_saved && loss()? == learned, "the power cut changed what was saved");
    let output = host.call(&["infer", "0.3,-0.6"])?;
    ensure!(learned < 0.1 * before, "mean squared error {before}, then {learned}");
    Ok(format!("values: mean squared error {before}, learned {learned}, kept over a power cut; 0.3,-0.6: {output}"))
}
