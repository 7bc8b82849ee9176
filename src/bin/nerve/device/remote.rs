//! What a device can be asked for, each in as many requests as it takes.

use anyhow::{Context, Result, ensure};
use indicatif::{ProgressBar, ProgressStyle};
use nerve::shuffle;
use nerve_protocol::{Error, Info, Numbers, OVERHEAD, Reply, Request};
use rand_core::SeedableRng;
use rand_pcg::Pcg32;

use super::link::{Link, LinkError, unexpected};
use super::samples::{Sample, Shape};

/// What learning came to.
pub struct Learned {
    /// The mean loss of the last epoch's samples, each before its step.
    pub loss: f32,
    /// Samples learned so far.
    pub steps: u64,
    /// Steps that were taken back, since they made kept samples worse.
    pub taken_back: u32,
}

/// What samples came to, without learning.
pub struct Evaluated {
    /// The mean.
    pub loss: f32,
    /// Of a classifier: how many are in the right class.
    pub correct: usize,
}

impl Link {
    pub fn info(&mut self) -> Result<Info<'_>> {
        match self.call(&Request::Info)? {
            Reply::Info(info) => {
                ensure!(
                    info.protocol == nerve_protocol::VERSION,
                    "the device speaks version {} of the protocol, this program {}: build both from the same source",
                    info.protocol,
                    nerve_protocol::VERSION
                );
                Ok(info)
            }
            other => Err(unexpected(&other)),
        }
    }

    pub fn shape(&mut self) -> Result<Shape> {
        Ok(Shape::from(&self.info()?))
    }

    /// The class of an input, if the network is a classifier, and the outputs.
    pub fn infer(&mut self, input: &[u8]) -> Result<(Option<u32>, Vec<f32>)> {
        match self.call(&Request::Infer { input: Numbers::new(input) })? {
            Reply::Output { class, outputs } => Ok((class, outputs.floats().collect())),
            other => Err(unexpected(&other)),
        }
    }

    /// Learns from all samples `epochs` times, each time in another order.
    pub fn train(&mut self, samples: &mut [Sample], epochs: u32, seed: u64) -> Result<Learned> {
        let mut rng = Pcg32::seed_from_u64(seed);
        let bar = progress(u64::from(epochs) * samples.len() as u64, "samples")?;
        let mut learned = Learned { loss: f32::NAN, steps: 0, taken_back: 0 };
        for _epoch in 0..epochs {
            shuffle(samples, &mut rng);
            let mut sum = 0.0;
            for sample in &*samples {
                match self.call(&Request::Train { input: sample.input(), target: sample.target() })? {
                    Reply::Trained { loss, steps, kept } => {
                        sum += loss;
                        learned.steps = steps;
                        learned.taken_back += u32::from(!kept);
                    }
                    other => return Err(unexpected(&other)),
                }
                bar.inc(1);
            }
            learned.loss = sum / samples.len() as f32;
            bar.set_message(format!("loss {:.4}", learned.loss));
        }
        bar.finish_and_clear();
        Ok(learned)
    }

    pub fn evaluate(&mut self, samples: &[Sample]) -> Result<Evaluated> {
        let bar = progress(samples.len() as u64, "samples")?;
        let (mut sum, mut correct) = (0.0, 0);
        for sample in samples {
            match self.call(&Request::Evaluate { input: sample.input(), target: sample.target() })? {
                Reply::Evaluated { class, loss } => {
                    sum += loss;
                    correct += usize::from(class == sample.class());
                }
                other => return Err(unexpected(&other)),
            }
            bar.inc(1);
        }
        bar.finish_and_clear();
        Ok(Evaluated { loss: sum / samples.len() as f32, correct })
    }

    /// Gives the device the network of a weights file.
    pub fn upload(&mut self, file: &[u8]) -> Result<()> {
        let info = self.info()?;
        let (frame, expected) = (info.frame as usize, info.features);
        if let Some(found) = features(file)
            && found != expected
            && expected != 0
        {
            return Err(LinkError::Refused(Error::Features { found, expected }).into());
        }
        let piece = frame.checked_sub(OVERHEAD).filter(|piece| *piece > 0);
        let piece = piece
            .with_context(|| format!("the device takes frames of {frame} bytes, which hold no piece of a file"))?;
        self.done(&Request::BeginUpload { length: u32::try_from(file.len())? })?;
        let bar = progress(file.len() as u64, "bytes")?;
        let mut offset = 0;
        for bytes in file.chunks(piece) {
            self.done(&Request::Upload { offset, bytes })?;
            offset += bytes.len() as u32;
            bar.inc(bytes.len() as u64);
        }
        bar.finish_and_clear();
        self.done(&Request::EndUpload)
    }

    /// The device's network as a weights file.
    pub fn download(&mut self) -> Result<Vec<u8>> {
        let length = match self.call(&Request::BeginDownload)? {
            Reply::File { length } => length,
            other => return Err(unexpected(&other)),
        };
        let bar = progress(u64::from(length), "bytes")?;
        let mut file = Vec::new();
        while file.len() < length as usize {
            match self.call(&Request::Download { offset: u32::try_from(file.len())? })? {
                Reply::Piece { offset, bytes } if offset as usize == file.len() && !bytes.is_empty() => {
                    file.extend_from_slice(bytes);
                    bar.inc(bytes.len() as u64);
                }
                other => return Err(unexpected(&other)),
            }
        }
        bar.finish_and_clear();
        Ok(file)
    }
}

/// The features that a weights file is of, if it says so.
fn features(file: &[u8]) -> Option<u32> {
    let name = file.get(18..)?.first_chunk()?;
    file.starts_with(b"nerv\x03").then(|| u32::from_le_bytes(*name))
}

/// Hidden where there is no terminal.
fn progress(length: u64, unit: &str) -> Result<ProgressBar> {
    let template = format!("{{wide_bar}} {{pos}}/{{len}} {unit}, {{eta}} left {{msg}}");
    Ok(ProgressBar::new(length).with_style(ProgressStyle::with_template(&template)?))
}
