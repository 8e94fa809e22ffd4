//! The way to the fleet: whole messages over something that carries bytes.

use std::io::{self, Read, Write};

use rv_wire::MAX_MESSAGE_BYTES;

/// Most bytes that wait to be sent. What does not fit is dropped: the channel repeats it.
const OUTBOX_BYTES_MAX: usize = 4 * MAX_MESSAGE_BYTES;

/// Carries whole messages; may lose, delay and repeat them.
pub trait Link {
    /// Messages that have come since the last call. An error means that the link is gone.
    fn receive(&mut self) -> Result<Vec<Vec<u8>>, LinkError>;

    /// Sends a message, or drops it.
    fn send(&mut self, message: &[u8]);
}

/// Why a link is of no more use. The vehicle drives on; its shell opens another.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// The other end closed it.
    #[error("the fleet closed the link")]
    Closed,
    /// The stream failed.
    #[error("the link failed")]
    Io(#[source] io::Error),
    /// A frame claims to be longer than any message.
    #[error("a frame claims {n_bytes} bytes, more than {MAX_MESSAGE_BYTES}")]
    TooLong {
        /// Its length.
        n_bytes: usize,
    },
}

/// A link over a byte stream that does not block: each message behind its length (u32, little
/// endian).
#[derive(Debug)]
pub struct StreamLink<S> {
    stream: S,
    inbox: Vec<u8>,
    outbox: Vec<u8>,
}

impl<S: Read + Write> StreamLink<S> {
    /// Wraps a stream, which must be set not to block.
    pub fn new(stream: S) -> Self {
        Self { stream, inbox: Vec::new(), outbox: Vec::new() }
    }

    fn flush(&mut self) -> io::Result<()> {
        while !self.outbox.is_empty() {
            match self.stream.write(&self.outbox) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(n_bytes) => drop(self.outbox.drain(..n_bytes)),
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => break,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }

    /// Takes the first whole message out of the inbox.
    fn next_message(&mut self) -> Result<Option<Vec<u8>>, LinkError> {
        let Some((length, rest)) = self.inbox.split_first_chunk::<4>() else { return Ok(None) };
        let n_bytes = u32::from_le_bytes(*length) as usize;
        if n_bytes > MAX_MESSAGE_BYTES {
            return Err(LinkError::TooLong { n_bytes });
        }
        if rest.len() < n_bytes {
            return Ok(None);
        }
        let message = rest[..n_bytes].to_vec();
        self.inbox.drain(..4 + n_bytes);
        Ok(Some(message))
    }
}

impl<S: Read + Write> Link for StreamLink<S> {
    fn receive(&mut self) -> Result<Vec<Vec<u8>>, LinkError> {
        self.flush().map_err(LinkError::Io)?;
        let mut messages = Vec::new();
        let mut chunk = [0; 16 * 1024];
        let mut has_ended = false;
        // One longest message a turn at most, so that a flood does not hold up the vehicle.
        while self.inbox.len() <= MAX_MESSAGE_BYTES + 4 {
            match self.stream.read(&mut chunk) {
                Ok(0) => {
                    has_ended = true;
                    break;
                }
                Ok(n_bytes) => self.inbox.extend_from_slice(&chunk[..n_bytes]),
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => break,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(LinkError::Io(e)),
            }
        }
        while let Some(message) = self.next_message()? {
            messages.push(message);
        }
        if has_ended && messages.is_empty() { Err(LinkError::Closed) } else { Ok(messages) }
    }

    fn send(&mut self, message: &[u8]) {
        if self.outbox.len() + message.len() + 4 <= OUTBOX_BYTES_MAX {
            self.outbox.extend_from_slice(&(message.len() as u32).to_le_bytes());
            self.outbox.extend_from_slice(message);
        }
        // A failed write shows again at the next `receive`, which reports it.
        let _ = self.flush();
    }
}
