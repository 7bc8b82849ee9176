//! A device that learns, as its host sees it: frames in, frames out. Nothing here knows a board; the tests run it on the desktop.
//!
//! ```text
//! loop {
//!     if let Some(response) = line.push(&mut learner, uart.read()) {
//!         uart.write(response.frame);
//!         if response.restart { reset() }
//!     }
//! }
//! ```
#![no_std]

mod line;
mod model;
mod proximal;
mod transfer;

use core::array::from_ref;
use core::iter::once;

use embedded_storage::nor_flash::NorFlash;
use nerve::checkpoint::{CheckpointError, CheckpointStore};
use nerve::prelude::*;
use nerve::weights::LoadError;
use nerve::{Array, Guard, Replay};
use nerve_protocol::{Error, Info, Numbers, OVERHEAD, Reply, Request, VERSION};
use rand_core::SeedableRng;
use rand_pcg::Pcg32;

pub use line::{Line, Response};
pub use model::{Classes, Model, Task, Values};
use proximal::Proximal;
use transfer::Transfer;

/// Momentum of the optimizer.
const MOMENTUM: f32 = 0.9;
/// Of the choice which samples are kept.
const SEED: u64 = 0;

/// What a device is, for its host.
#[derive(Clone, Copy)]
pub struct Device {
    /// The board's name.
    pub board: &'static str,
    /// Bytes of RAM in variables, and the most bytes of stack used so far.
    pub memory: fn() -> (usize, usize),
}

/// The memory of a [`Learner`]: for a `static`, since [`ZERO`](Self::ZERO) is a constant. `FILE` is the bytes in a weights file of what learns,
/// `ARENA` those of inference, [`arena_len`] of [`Whole`].
pub struct Memory<M: Model<O, KEPT>, const O: usize, const KEPT: usize, const FILE: usize, const ARENA: usize> {
    net: M::Net,
    x: M::Input,
    arena: Arena<ARENA>,
    accumulator: Accumulator<M::Net, M::Row>,
    replay: Kept<M, O, KEPT>,
    proximal: Proximal<M::Net>,
    /// The network before a step, as a weights file.
    copy: [u8; FILE],
    transfer: Transfer<FILE>,
}

type TargetOf<M, const O: usize, const KEPT: usize> = <<M as Model<O, KEPT>>::Task as Task<O>>::Target;
type Kept<M, const O: usize, const KEPT: usize> = Replay<(<M as Model<O, KEPT>>::Row, TargetOf<M, O, KEPT>), KEPT, O>;
/// The whole network of a model.
pub type Whole<'a, M, const O: usize, const KEPT: usize> =
    (&'a <M as Model<O, KEPT>>::Body, &'a <M as Model<O, KEPT>>::Net);

impl<M: Model<O, KEPT>, const O: usize, const KEPT: usize, const FILE: usize, const ARENA: usize>
    Memory<M, O, KEPT, FILE, ARENA>
{
    /// Nothing learned, nothing received.
    pub const ZERO: Self = Self {
        net: Zero::ZERO,
        x: Zero::ZERO,
        arena: Arena::ZERO,
        accumulator: Accumulator::ZERO,
        replay: Replay::new(),
        proximal: Proximal::NONE,
        copy: [0; FILE],
        transfer: Transfer::NONE,
    };
}

/// A network that goes on learning, and keeps in flash what it has learned.
pub struct Learner<'a, M: Model<O, KEPT>, F, const O: usize, const KEPT: usize, const FILE: usize, const ARENA: usize> {
    memory: &'a mut Memory<M, O, KEPT, FILE, ARENA>,
    optimizer: Momentum<M::Net>,
    store: CheckpointStore<F>,
    factory: &'a [u8],
    steps: u64,
    /// Chooses which samples are kept.
    rng: Pcg32,
    device: Device,
}

impl<'a, M: Model<O, KEPT>, F: NorFlash, const O: usize, const KEPT: usize, const FILE: usize, const ARENA: usize>
    Learner<'a, M, F, O, KEPT, FILE, ARENA>
{
    const FILE_LEN: () =
        assert!(FILE == weights::file_len::<f32, M::Net>(), "FILE is not the network's weights::file_len");

    /// Loads what was saved last, or else the weights file `factory`.
    ///
    /// # Errors
    /// [`LoadError`] if `factory` is not of this network. A flash without a state that can be loaded is no error: the host
    /// learns of it when it asks to load.
    pub fn new(
        memory: &'a mut Memory<M, O, KEPT, FILE, ARENA>,
        store: CheckpointStore<F>,
        factory: &'a [u8],
        learning_rate: f32,
        device: Device,
    ) -> Result<Self, LoadError> {
        let () = Self::FILE_LEN;
        let optimizer = Momentum::new(learning_rate, MOMENTUM);
        let mut learner = Self { memory, optimizer, store, factory, steps: 0, rng: Pcg32::seed_from_u64(SEED), device };
        learner.replace(factory)?;
        if learner.load().is_err() {
            learner.replace(factory)?;
        }
        Ok(learner)
    }

    /// Does what the host asks for. `frame` is the most bytes of a frame.
    ///
    /// # Errors
    /// [`Error`]: then network and flash are as they were.
    pub fn handle(&mut self, request: Request, frame: usize) -> Result<Reply<'_>, Error> {
        match request {
            Request::Info => Ok(Reply::Info(self.info(frame))),
            Request::Infer { input } => {
                self.read(input)?;
                let Memory { net, x, arena, .. } = &mut *self.memory;
                let outputs = arena.predict(&(M::BODY, &*net), x);
                if outputs.iter().any(|v| !v.is_finite()) {
                    return Err(Error::Diverged);
                }
                let class = M::Task::CLASSES.then(|| argmax(outputs) as u32);
                Ok(Reply::Output { class, outputs: Numbers::new(outputs) })
            }
            Request::Train { input, target } => {
                let target = M::Task::target(target)?;
                self.read(input)?;
                self.train(target)
            }
            Request::Evaluate { input, target } => {
                let target = M::Task::target(target)?;
                self.read(input)?;
                let Memory { net, x, arena, accumulator, .. } = &mut *self.memory;
                let (row, mut class) = (arena.predict(M::BODY, x), None);
                let loss = accumulator
                    .trainer
                    .evaluate(net, &M::Task::LOSS, [(row, &target)], |y, _| class = Some(argmax(y) as u32))
                    .map_err(of_training)?;
                Ok(Reply::Evaluated { class: class.filter(|_| M::Task::CLASSES), loss })
            }
            Request::Proximal { mu } => {
                if !(mu.is_finite() && mu >= 0.0) {
                    return Err(Error::Proximal);
                }
                let Memory { net, accumulator, proximal, .. } = &mut *self.memory;
                proximal.begin(mu, net, accumulator.gradients_mut());
                Ok(Reply::Done)
            }
            Request::Save => self.save(),
            Request::Load => self.load(),
            Request::FactoryReset => {
                self.replace(self.factory).map_err(of_file)?;
                self.save()
            }
            Request::Restart => Ok(Reply::Done),
            Request::BeginUpload { length } => self.memory.transfer.begin_upload(length).map(|()| Reply::Done),
            Request::Upload { offset, bytes } => self.memory.transfer.upload(offset, bytes).map(|()| Reply::Done),
            Request::EndUpload => {
                let Memory { net, transfer, .. } = &mut *self.memory;
                weights::load(net, transfer.end_upload()?).map_err(of_file)?;
                self.begin_anew();
                Ok(Reply::Done)
            }
            Request::BeginDownload => {
                let Memory { net, transfer, .. } = &mut *self.memory;
                transfer.begin_download(|file| {
                    weights::save(&*net, file).map(|_| ()).map_err(|_| Error::NonFiniteWeight)
                })?;
                Ok(Reply::File { length: FILE as u32 })
            }
            Request::Download { offset } => {
                let bytes = self.memory.transfer.download(offset, frame.saturating_sub(OVERHEAD))?;
                Ok(Reply::Piece { offset, bytes })
            }
        }
    }

    /// The network as it is now.
    pub fn network(&self) -> &M::Net {
        &self.memory.net
    }

    fn info(&mut self, frame: usize) -> Info<'static> {
        let (statics, peak_stack) = (self.device.memory)();
        Info {
            protocol: VERSION,
            board: self.device.board,
            fingerprint: M::Net::FINGERPRINT,
            features: M::Net::FEATURES,
            inputs: M::Input::LEN as u32,
            integers: size_of::<M::Input>() == M::Input::LEN,
            outputs: O as u32,
            classes: M::Task::CLASSES,
            file_len: FILE as u32,
            frame: frame as u32,
            steps: self.steps,
            writes_left: self.store.writes_left(&(&mut self.memory.net, &mut self.optimizer)).unwrap_or(0),
            statics: statics as u32,
            peak_stack: peak_stack as u32,
        }
    }

    /// Copies an input to where the network reads it.
    fn read(&mut self, input: Numbers) -> Result<(), Error> {
        let x = self.memory.x.flat_mut();
        if !input.copy_to(x) {
            let found = input.count::<<M::Input as Array>::Elem>() as u32;
            return Err(Error::InputLength { found, expected: M::Input::LEN as u32 });
        }
        let finite = x.iter().all(|v| Into::<f32>::into(*v).is_finite());
        finite.then_some(()).ok_or(Error::NonFiniteInput)
    }

    /// A step on the mean loss of the sample in `x` and of those kept, and on the proximal term; taken back if that is larger afterwards.
    fn train(&mut self, target: TargetOf<M, O, KEPT>) -> Result<Reply<'static>, Error> {
        let Memory { net, x, arena, accumulator, replay, proximal, copy, .. } = &mut *self.memory;
        let row = *arena.predict(M::BODY, x);
        let kept = || replay.iter().map(|((row, target), _)| (row, target));
        let examples = || once((&row, &target)).chain(kept());
        let before = accumulator.trainer.evaluate(net, &M::Task::LOSS, examples(), |_, _| ()).map_err(of_training)?;
        let before = before + proximal.loss(net);
        let guard = Guard::begin(net, before, copy).map_err(|_| Error::NonFiniteWeight)?;
        let loss = accumulator.accumulate(net, &M::Task::LOSS, &[row], &[target]).map_err(of_training)?;
        let replayed = kept().try_for_each(|(row, target)| {
            accumulator.accumulate(net, &M::Task::LOSS, from_ref(row), from_ref(target)).map(|_| ())
        });
        proximal.add_gradient(net, accumulator.gradients_mut(), examples().count());
        let after = replayed
            .and(accumulator.apply(net, &mut self.optimizer))
            .and_then(|()| accumulator.trainer.evaluate(net, &M::Task::LOSS, examples(), |_, _| ()))
            .map(|after| after + proximal.loss(net));
        let better = guard.end(net, after).map_err(of_file)?;
        if better {
            self.steps += 1;
            let group = M::Task::group(&target);
            replay.insert((row, target), group, &mut self.rng).map_err(of_training)?;
        } else {
            // The same momentum would take the next step uphill too (O'Donoghue and Candès 2015, function restart).
            self.forget_momentum();
        }
        Ok(Reply::Trained { loss, steps: self.steps, kept: better })
    }

    /// The network of a weights file in place of this one.
    fn replace(&mut self, file: &[u8]) -> Result<(), LoadError> {
        weights::load(&mut self.memory.net, file)?;
        self.begin_anew();
        Ok(())
    }

    /// The network has other weights than those that were trained: what it makes of samples depends on nothing before.
    fn begin_anew(&mut self) {
        self.forget_momentum();
        self.memory.proximal.end();
        self.memory.replay = Replay::new();
        self.rng = Pcg32::seed_from_u64(SEED);
        self.steps = 0;
    }

    fn forget_momentum(&mut self) {
        Tensors::<f32>::visit_mut(&mut self.optimizer, &mut |moments| moments.fill(0.0));
    }

    fn save(&mut self) -> Result<Reply<'static>, Error> {
        let state = (&mut self.memory.net, &mut self.optimizer);
        self.store.save(&state, self.steps).map_err(of_store)?;
        Ok(Reply::Done)
    }

    fn load(&mut self) -> Result<Reply<'static>, Error> {
        let state = &mut (&mut self.memory.net, &mut self.optimizer);
        self.steps = self.store.load(state).map_err(of_store)?.ok_or(Error::NothingSaved)?;
        self.memory.proximal.end();
        self.memory.replay = Replay::new();
        Ok(Reply::Done)
    }
}

fn of_training(error: TrainError) -> Error {
    match error {
        TrainError::ClassOutOfRange { class, classes } => {
            Error::ClassOutOfRange { class: class as u32, classes: classes as u32 }
        }
        TrainError::NonFiniteLoss | TrainError::NonFiniteGradient | TrainError::NoExamples => Error::Diverged,
    }
}

fn of_file(error: LoadError) -> Error {
    match error {
        LoadError::Magic | LoadError::Version(_) | LoadError::Imported | LoadError::ElementType { .. } => {
            Error::NotWeights
        }
        LoadError::Architecture { found, expected } => Error::Architecture { found, expected },
        LoadError::Features { found, expected } => Error::Features { found, expected },
        LoadError::Length { found, expected } => Error::FileLength { found: found as u32, expected: expected as u32 },
        LoadError::Checksum => Error::FileDamaged,
        LoadError::NonFinite => Error::NonFiniteWeight,
    }
}

fn of_store<E>(error: CheckpointError<E>) -> Error {
    match error {
        CheckpointError::Load(_) => Error::SavedByAnother,
        CheckpointError::NonFinite => Error::NonFiniteWeight,
        CheckpointError::Unreliable => Error::FlashUnreliable,
        _ => Error::Flash,
    }
}
