//! One cycle after another: sense, decide, remember, act, speak.

use std::io;

use rv_base::Timestamp;
use rv_onboard::{Atlas, Input, Onboard, OnboardConfig, Output, Sensed};

use crate::link::{Link, LinkError};
use crate::memory::Memory;

/// Version of the stored memory, its first byte.
const MEMORY_VERSION: u8 = 1;

/// The maker's side of the vehicle: sensors, doors, keypad, charger, drive.
pub trait Hardware {
    /// What has happened since the last call, oldest first.
    fn sense(&mut self, now: Timestamp) -> Vec<Input>;

    /// Does what the brain wants. [`Output::Send`] is never passed here.
    fn act(&mut self, output: &Output);
}

/// Why a vehicle cannot start or go on.
#[derive(Debug, thiserror::Error)]
pub enum VehicleError {
    /// The memory cannot be read or written; the vehicle must not act on what it would forget.
    #[error("the vehicle's memory cannot be used")]
    Memory(#[source] io::Error),
    /// The memory was written by another version or is broken.
    #[error("the vehicle's memory is not of this version")]
    OtherVersion,
}

/// A vehicle: the onboard brain in its shell.
#[derive(Debug)]
pub struct Vehicle<H, L, M> {
    brain: Onboard,
    hardware: H,
    link: Option<L>,
    memory: M,
}

impl<H: Hardware, L: Link, M: Memory> Vehicle<H, L, M> {
    /// Starts with what the memory holds, or as a new vehicle standing where `sensed` says.
    pub fn start(
        config: OnboardConfig,
        atlas: Atlas,
        sensed: Sensed,
        hardware: H,
        link: L,
        mut memory: M,
    ) -> Result<Self, VehicleError> {
        let brain = match memory.load().map_err(VehicleError::Memory)? {
            None => Onboard::new(config, atlas, sensed),
            Some(bytes) => match bytes.split_first() {
                Some((&MEMORY_VERSION, body)) => {
                    let known =
                        postcard::from_bytes(body).map_err(|_| VehicleError::OtherVersion)?;
                    Onboard::resume(config, atlas, known)
                }
                _ => return Err(VehicleError::OtherVersion),
            },
        };
        let mut vehicle = Self { brain, hardware, link: Some(link), memory };
        vehicle.remember()?;
        Ok(vehicle)
    }

    /// One cycle. A lost link is returned once and then does without until [`Self::relink`]; a
    /// failed memory ends the vehicle's work.
    pub fn turn(&mut self, now: Timestamp) -> Result<Option<LinkError>, VehicleError> {
        let mut outputs = Vec::new();
        let lost = self.listen(now, &mut outputs);
        for input in self.hardware.sense(now) {
            self.brain.step(now, input, &mut outputs);
        }
        self.brain.step(now, Input::Tick, &mut outputs);
        // Every message acknowledges what was heard, so none leaves before that is remembered.
        let is_telling = outputs.iter().any(|o| !matches!(o, Output::Drive { .. }));
        if is_telling {
            self.remember()?;
        }
        for output in outputs {
            match output {
                Output::Send(envelope) => {
                    if let Some(link) = &mut self.link {
                        link.send(&rv_wire::encode(&envelope));
                    }
                }
                other => self.hardware.act(&other),
            }
        }
        Ok(lost)
    }

    /// Goes on over a new link.
    pub fn relink(&mut self, link: L) {
        self.link = Some(link);
    }

    /// The brain, to look at.
    pub fn brain(&self) -> &Onboard {
        &self.brain
    }

    fn listen(&mut self, now: Timestamp, outputs: &mut Vec<Output>) -> Option<LinkError> {
        match self.link.as_mut()?.receive() {
            Ok(messages) => {
                for bytes in messages {
                    // A message that cannot be read is as good as lost: the channel repeats it.
                    if let Ok(envelope) = rv_wire::decode(&bytes) {
                        self.brain.step(now, Input::Downlink(envelope), outputs);
                    }
                }
                None
            }
            Err(error) => {
                self.link = None;
                Some(error)
            }
        }
    }

    fn remember(&mut self) -> Result<(), VehicleError> {
        let mut bytes = vec![MEMORY_VERSION];
        bytes = postcard::to_extend(self.brain.memory(), bytes)
            .expect("the memory is plain data and fits a Vec");
        self.memory.save(&bytes).map_err(VehicleError::Memory)
    }
}
