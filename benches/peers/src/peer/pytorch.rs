//! A Python process that does the same work and takes its own CPU time: `pytorch.py`.

use std::cell::RefCell;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::work::{self, LEARNING_RATE, Mlp, Network, Timed};

#[derive(Clone)]
pub struct PyTorch {
    process: Rc<RefCell<Process>>,
    pub version: String,
}

struct Process {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl PyTorch {
    /// Fails unless python3 has torch.
    pub fn start() -> Result<Self> {
        let mut child = Command::new("python3")
            .args(["-c", include_str!("pytorch.py"), &LEARNING_RATE.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("no python3")?;
        let input = child.stdin.take().context("no input")?;
        let output = BufReader::new(child.stdout.take().context("no output")?);
        let mut torch =
            Self { process: Rc::new(RefCell::new(Process { child, input, output })), version: String::new() };
        torch.version = torch.ask("version", &[]).context("python3 has no torch")?;
        Ok(torch)
    }

    /// Sends a line and the values that belong to it, receives a line.
    fn ask(&self, line: &str, values: &[&[f32]]) -> Result<String> {
        let process = &mut *self.process.borrow_mut();
        writeln!(process.input, "{line}")?;
        for value in values.iter().copied().flatten() {
            process.input.write_all(&value.to_le_bytes())?;
        }
        process.input.flush()?;
        let mut answer = String::new();
        process.output.read_line(&mut answer)?;
        ensure!(answer.ends_with('\n'), "pytorch.py has stopped");
        Ok(answer.trim().to_owned())
    }

    fn time(&self, what: &str, calls: u32) -> Duration {
        let nanoseconds = self.ask(&format!("time {what} {calls}"), &[]).and_then(|answer| Ok(answer.parse()?));
        Duration::from_nanos(nanoseconds.expect("pytorch.py answers with a number"))
    }

    pub fn cnn_step(&self) -> Timed {
        let (images, classes) = work::images();
        let classes = classes.map(|c| c as f32);
        let values = [images.as_flattened().as_flattened().as_flattened(), &classes];
        let name = self.ask(&format!("cnn {}", work::CNN_BATCH), &values).expect("pytorch.py answers with a name");
        let torch = self.clone();
        Box::new(move |calls| torch.time(&format!("{name} step"), calls))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn network<const I: usize, const H: usize, const O: usize, const B: usize>(torch: &PyTorch) -> Box<dyn Network> {
    let task = Mlp::<I, H, O, B>::new();
    let classes = task.classes.map(|c| c as f32);
    let values = [task.w1.as_flattened(), &task.b1, task.w2.as_flattened(), &task.b2, task.x.as_flattened(), &classes];
    let name = torch.ask(&format!("mlp {I} {H} {O} {B}"), &values).expect("pytorch.py answers with a name");
    Box::new(Remote { torch: torch.clone(), name })
}

struct Remote {
    torch: PyTorch,
    name: String,
}

impl Network for Remote {
    fn forward(&mut self) {
        self.time_forward(1);
    }
    fn step(&mut self) {
        self.time_step(1);
    }
    fn time_forward(&mut self, calls: u32) -> Duration {
        self.torch.time(&format!("{} forward", self.name), calls)
    }
    fn time_step(&mut self, calls: u32) -> Duration {
        self.torch.time(&format!("{} step", self.name), calls)
    }
    fn logits(&mut self) -> Vec<f32> {
        let line = self.torch.ask(&format!("logits {}", self.name), &[]).expect("pytorch.py answers with numbers");
        line.split(' ').map(|v| v.parse().expect("pytorch.py answers with numbers")).collect()
    }
}
