//! A device for other programs: a request in a line of JSON, an answer in the next.
//!
//! | request | answer |
//! |---|---|
//! | `"info"` | what `nerve device info` prints |
//! | `{"infer": [[5.1, 3.5, 1.4, 0.2]]}` | `{"outputs": [[…]], "classes": [0]}`; no classes if the network finds values |
//! | `{"train": {"samples": [[5.1, 3.5, 1.4, 0.2, 0]], "epochs": 1, "seed": 1}}` | `{"loss": …, "steps": …, "taken_back": …}` |
//! | `{"evaluate": [[5.1, 3.5, 1.4, 0.2, 0]]}` | `{"loss": …, "correct": 1}` |
//! | `{"proximal": 0.1}` | `{}`; holds what is learned to the weights of now, until others come (FedProx) |
//! | `"download"` | `{"weights": […]}`, in the order of a weights file |
//! | `{"upload": […]}` | `{}` |
//! | `"save"`, `"load"`, `"factory_reset"`, `"restart"` | `{}` |
//!
//! An answer also has the bytes `sent` to the device and `received` from it, and the `seconds` since its request. One that is `{"error": "…"}`
//! with these says why there is none; the line to the device is then opened anew.

use std::io::{self, BufRead, Write};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use nerve_protocol::Request as Wire;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Line;
use super::link::Link;
use super::samples::{Sample, Shape};

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Request {
    Info,
    Infer(Vec<Vec<f32>>),
    Train { samples: Vec<Vec<f32>>, epochs: u32, seed: u64 },
    Evaluate(Vec<Vec<f32>>),
    Proximal(f32),
    Download,
    Upload(Vec<f32>),
    Save,
    Load,
    FactoryReset,
    Restart,
}

/// Answers standard input's requests until it ends.
pub fn serve(line: &Line) -> Result<()> {
    let mut open = None;
    for request in io::stdin().lock().lines() {
        let (request, start) = (request?, Instant::now());
        let answer = answer(line, &mut open, &request);
        let [sent, received] = open.as_mut().map(Link::take_counts).unwrap_or_default();
        let mut object = answer.unwrap_or_else(|error| {
            open = None;
            json!({"error": format!("{error:#}")})
        });
        object["sent"] = sent.into();
        object["received"] = received.into();
        object["seconds"] = start.elapsed().as_secs_f64().into();
        let mut out = io::stdout().lock();
        writeln!(out, "{object}").and_then(|()| out.flush())?;
    }
    Ok(())
}

fn answer(line: &Line, open: &mut Option<Link>, request: &str) -> Result<Value> {
    let request: Request = serde_json::from_str(request).context("not a request")?;
    let link = match open {
        Some(link) => link,
        closed => closed.insert(line.open()?),
    };
    Ok(match request {
        Request::Info => info(link)?,
        Request::Infer(inputs) => {
            let shape = link.shape()?;
            let (mut classes, mut outputs) = (Vec::new(), Vec::new());
            for input in inputs {
                let (class, output) = link.infer(&shape.input(&input)?)?;
                classes.extend(class);
                outputs.push(exact(&output));
            }
            if shape.classes { json!({"outputs": outputs, "classes": classes}) } else { json!({"outputs": outputs}) }
        }
        Request::Train { samples, epochs, seed } => {
            let mut samples = read(link.shape()?, &samples)?;
            let learned = link.train(&mut samples, epochs, seed)?;
            json!({"loss": learned.loss, "steps": learned.steps, "taken_back": learned.taken_back})
        }
        Request::Evaluate(samples) => {
            let shape = link.shape()?;
            let evaluated = link.evaluate(&read(shape, &samples)?)?;
            let mut answer = json!({"loss": evaluated.loss});
            if shape.classes {
                answer["correct"] = evaluated.correct.into();
            }
            answer
        }
        Request::Proximal(mu) => done(link, &Wire::Proximal { mu })?,
        Request::Download => {
            let file = link.download()?;
            let header = if file.get(4) == Some(&WITH_FEATURES) { HEADER + 4 } else { HEADER };
            let (_, elements) = file.split_at_checked(header).context("what the device gave is no weights file")?;
            let weights: Vec<f32> = elements.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
            json!({"weights": exact(&weights)})
        }
        Request::Upload(weights) => {
            let info = link.info()?;
            let file = file(info.fingerprint, info.features, &weights);
            link.upload(&file)?;
            json!({})
        }
        Request::Save => done(link, &Wire::Save)?,
        Request::Load => done(link, &Wire::Load)?,
        Request::FactoryReset => done(link, &Wire::FactoryReset)?,
        Request::Restart => {
            link.restart()?;
            json!({})
        }
    })
}

fn done(link: &mut Link, request: &Wire) -> Result<Value> {
    link.done(request)?;
    Ok(json!({}))
}

fn info(link: &mut Link) -> Result<Value> {
    let info = link.info()?;
    Ok(json!({
        "board": info.board,
        "fingerprint": info.fingerprint,
        "features": info.features,
        "inputs": info.inputs,
        "integers": info.integers,
        "outputs": info.outputs,
        "classes": info.classes,
        "file_len": info.file_len,
        "frame": info.frame,
        "steps": info.steps,
        "writes_left": info.writes_left,
        "statics": info.statics,
        "peak_stack": info.peak_stack,
    }))
}

fn read(shape: Shape, rows: &[Vec<f32>]) -> Result<Vec<Sample>> {
    ensure!(!rows.is_empty(), "no samples");
    rows.iter().map(|row| shape.sample(row)).collect()
}

/// With as many digits as give back the same bits to any reader of JSON.
fn exact(numbers: &[f32]) -> Vec<f64> {
    numbers.iter().map(|number| f64::from(*number)).collect()
}

/// Bytes before the elements of a weights file of format 1; a head's, of format 3, names its features in four more.
const HEADER: usize = 18;
/// See [`HEADER`].
const WITH_FEATURES: u8 = 3;

/// The weights file of a network with this fingerprint, that has learned on features if they are not 0.
fn file(fingerprint: u32, features: u32, weights: &[f32]) -> Vec<u8> {
    let elements: Vec<u8> = weights.iter().flat_map(|weight| weight.to_le_bytes()).collect();
    let checksum = crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC).checksum(&elements);
    let numbers = [fingerprint, weights.len() as u32, checksum, features].map(u32::to_le_bytes);
    let (version, numbers) = if features == 0 { (1, &numbers[..3]) } else { (WITH_FEATURES, &numbers[..]) };
    [b"nerv", &[version, 4][..], numbers.as_flattened(), &elements].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use nerve::OnFeatures;
    use nerve::prelude::*;

    #[test]
    fn weights_become_the_file_that_the_library_writes() {
        fn check<N: Tensors<f32> + Zero>() {
            let weights: Vec<f32> = (0..N::LEN).map(|i| 0.1 * i as f32 - 0.3).collect();
            let file = file(N::FINGERPRINT, N::FEATURES, &weights);
            let mut net = N::ZERO;
            nerve::weights::load(&mut net, &file).unwrap();
            let mut written = vec![0; file.len()];
            assert_eq!(nerve::weights::save(&net, &mut written).unwrap(), file);
        }
        check::<chain![Standardize<2>, Dense<2, 3>]>();
        check::<chain![OnFeatures<7, Standardize<2>>, Dense<2, 3>]>();
    }

    #[test]
    fn numbers_keep_their_bits() {
        let numbers = [0.1, f32::MIN_POSITIVE, 1e-45, f32::MAX, -0.0, 16_777_217.0, 1.0 / 3.0];
        let text = serde_json::to_string(&exact(&numbers)).unwrap();
        let read: Vec<f32> = serde_json::from_str(&text).unwrap();
        assert!(read.iter().map(|number| number.to_bits()).eq(numbers.map(f32::to_bits)));
    }

    #[test]
    fn what_is_no_request_is_said() {
        for text in ["", "inform", "{\"upload\": [NaN]}", "{\"train\": {}}", "{\"infer\": [[1e39, \"x\"]]}"] {
            assert!(serde_json::from_str::<Request>(text).is_err(), "{text}");
        }
    }
}
