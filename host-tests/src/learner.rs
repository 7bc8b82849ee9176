//! A learning device on the desktop, that is watched: what it refuses must change nothing, what it answers must be true.

use nerve::checkpoint::CheckpointStore;
use nerve::prelude::*;
use nerve_learner::{Classes, Device, Learner, Line, Model, Whole};
use nerve_protocol::{Error, FrameError, Numbers, OVERHEAD, Receiver, Reply, Request, Target, decode, encode};

use crate::flash::SimFlash;

#[path = "../../examples/iris/networks.rs"]
mod networks;
pub use networks::{Input, Net};

/// What the firmware's learner runs and learns.
pub struct Flowers;

impl Model<3, KEPT> for Flowers {
    type Input = Input;
    type Body = Linear;
    const BODY: &'static Linear = &Linear;
    type Row = Input;
    type Net = Net;
    type Task = Classes;
}

/// Samples that it keeps.
pub const KEPT: usize = 12;
/// Its memory.
pub type Memory = nerve_learner::Memory<Flowers, 3, KEPT, FILE, ARENA>;
/// Bytes in its weights file.
pub const FILE: usize = weights::file_len::<f32, Net>();
/// Bytes of memory for inference.
pub const ARENA: usize = arena_len::<Whole<'static, Flowers, 3, KEPT>, Input>();
/// The longest frame.
pub const FRAME: usize = 256;
/// What the learner saves to.
pub type Flash = SimFlash<4, 1024>;
/// The firmware's weights file.
pub const FACTORY: &[u8] = include_bytes!("../../firmware/data/iris.nrv");

/// Four pages, all erased.
pub fn flash() -> Flash {
    Flash::new(4)
}

/// A device, whose flash is `flash`.
pub struct Watched<'a> {
    learner: Learner<'a, Flowers, &'a mut Flash, 3, KEPT, FILE, ARENA>,
    line: Line<FRAME>,
    /// The frame under way, as the device should see it.
    sent: Receiver<FRAME>,
}

impl<'a> Watched<'a> {
    /// Switches it on.
    pub fn new(memory: &'a mut Memory, flash: &'a mut Flash) -> Self {
        let end = flash.bytes.len() as u32;
        let store = CheckpointStore::new(flash, 0..end, 10_000).expect("the range is that of the flash");
        let device = Device { board: "the desktop", memory: || (0, 0) };
        let learner =
            Learner::new(memory, store, FACTORY, 0.02, device).expect("the factory's weights are of this network");
        Self { learner, line: Line::EMPTY, sent: Receiver::EMPTY }
    }

    /// The network as it is now.
    pub fn network(&self) -> &Net {
        self.learner.network()
    }

    /// Sends bytes of any kind. `each` sees every answer.
    ///
    /// # Panics
    /// If the device answers what is not true, or changes what it should not.
    pub fn send(&mut self, bytes: &[u8], mut each: impl FnMut(&Reply)) {
        for byte in bytes {
            let mut request = None;
            if let Some(frame) = self.sent.push(*byte) {
                request = Some(frame.map(|frame| frame.to_vec()));
            }
            let before = request.is_some().then(|| self.learner.network().clone());
            let response = self.line.push(&mut self.learner, *byte);
            assert_eq!(response.is_some(), request.is_some(), "one answer to each frame, and none before its end");
            let (Some(response), Some(request), Some(before)) = (response, request, before) else { continue };
            let mut answer = response.frame.to_vec();
            assert_eq!(answer.pop(), Some(0), "a frame ends with zero");
            let reply: Reply = decode(&mut answer).expect("an answer is a frame");
            check(request, &reply, &before, self.learner.network());
            each(&reply);
        }
    }

    /// Sends a request and gives what `read` makes of the answer.
    pub fn call<R>(&mut self, request: &Request, read: impl Fn(&Reply) -> R) -> R {
        let mut buffer = [0; FRAME];
        let frame = encode(request, &mut buffer).expect("a request fits into a frame").to_vec();
        let mut result = None;
        self.send(&frame, |reply| result = Some(read(reply)));
        result.expect("there is an answer")
    }

    /// Uploads a file; whether the device took it.
    pub fn upload(&mut self, file: &[u8]) -> Result<(), Error> {
        let done = |reply: &Reply| match reply {
            Reply::Done => Ok(()),
            Reply::Error(error) => Err(*error),
            other => panic!("{other:?}"),
        };
        self.call(&Request::BeginUpload { length: file.len() as u32 }, done)?;
        let mut offset = 0;
        for bytes in file.chunks(FRAME - OVERHEAD) {
            self.call(&Request::Upload { offset, bytes }, done)?;
            offset += bytes.len() as u32;
        }
        self.call(&Request::EndUpload, done)
    }

    /// The bits of the logits for an input.
    pub fn infer(&mut self, input: &Input) -> Vec<u32> {
        self.call(&Request::Infer { input: Numbers::new(input) }, |reply| match reply {
            Reply::Output { outputs, .. } => outputs.floats().map(f32::to_bits).collect(),
            other => panic!("{other:?}"),
        })
    }
}

/// Whether this is the answer to such a frame, and the network as it should be.
fn check(frame: Result<Vec<u8>, FrameError>, reply: &Reply, before: &Net, after: &Net) {
    let unchanged = bits(before) == bits(after);
    if let Reply::Error(_) = reply {
        assert!(unchanged, "a refused request changed the network");
    }
    let mut frame = match frame {
        Ok(frame) => frame,
        Err(_) => return assert_eq!(*reply, Reply::Error(Error::FrameTooLong { limit: FRAME as u32 })),
    };
    match (decode::<Request>(&mut frame), reply) {
        (Err(_), reply) => assert_eq!(*reply, Reply::Error(Error::Malformed)),
        (Ok(_), Reply::Error(Error::Malformed | Error::FrameTooLong { .. })) => panic!("a good frame was refused"),
        (Ok(_), Reply::Error(_)) => {}
        (Ok(Request::Info), Reply::Info(_)) => assert!(unchanged),
        (Ok(Request::Infer { input }), Reply::Output { class, outputs }) => {
            let mut x = [0.0; 4];
            assert!(unchanged && input.copy_to(&mut x));
            let mut arena = Arena::<{ arena_len::<Net, Input>() }>::ZERO;
            let expected = arena.predict(after, &x).map(f32::to_bits);
            assert!(outputs.floats().map(f32::to_bits).eq(expected));
            assert!(class.is_some_and(|class| class < 3));
        }
        (Ok(Request::Evaluate { target: Target::Class(class), .. }), Reply::Evaluated { loss, .. }) => {
            assert!(unchanged && class < 3 && loss.is_finite());
        }
        (Ok(Request::Train { target: Target::Class(class), .. }), Reply::Trained { loss, kept, .. }) => {
            assert!(class < 3 && loss.is_finite() && finite(after) && (*kept || unchanged));
        }
        (Ok(Request::Save | Request::Load | Request::EndUpload), Reply::Done) => assert!(finite(after)),
        (Ok(Request::FactoryReset), Reply::Done) => assert_eq!(*after, factory()),
        (Ok(Request::Proximal { mu }), Reply::Done) => assert!(unchanged && mu.is_finite() && mu >= 0.0),
        (Ok(Request::Restart | Request::BeginUpload { .. } | Request::Upload { .. }), Reply::Done)
        | (Ok(Request::BeginDownload), Reply::File { .. })
        | (Ok(Request::Download { .. }), Reply::Piece { .. }) => assert!(unchanged),
        (Ok(request), reply) => panic!("{request:?} was answered by {reply:?}"),
    }
}

/// The network that the firmware is built with.
pub fn factory() -> Net {
    let mut net = Net::ZERO;
    weights::load(&mut net, FACTORY).expect("the factory's weights are of this network");
    net
}

/// Of every weight: NaN is not equal to itself.
fn bits(net: &Net) -> Vec<u32> {
    let mut bits = Vec::new();
    net.visit(&mut |tensor: &[f32]| bits.extend(tensor.iter().map(|v| v.to_bits())));
    bits
}

fn finite(net: &Net) -> bool {
    let mut finite = true;
    net.visit(&mut |tensor: &[f32]| finite &= tensor.iter().all(|v| v.is_finite()));
    finite
}

/// Whether the library takes a weights file for the network.
pub fn load(net: &mut Net, file: &[u8]) -> bool {
    weights::load(net, file).is_ok()
}
