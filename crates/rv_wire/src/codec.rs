//! Messages as bytes: one version byte, then postcard.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Version of the wire format, the first byte of every message.
pub const WIRE_VERSION: u8 = 2;

/// Longest message that is read, bytes. A mission of 500 stops with 100 edges each takes a third.
pub const MAX_MESSAGE_BYTES: usize = 512 * 1024;

/// Why bytes are no message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Nothing there.
    #[error("message is empty")]
    Empty,
    /// Made by another version.
    #[error("message has wire version {found}, this side speaks {WIRE_VERSION}")]
    Version {
        /// What it has.
        found: u8,
    },
    /// Over [`MAX_MESSAGE_BYTES`].
    #[error("message has {n_bytes} bytes, more than {MAX_MESSAGE_BYTES}")]
    TooLong {
        /// Its length.
        n_bytes: usize,
    },
    /// Not of this form.
    #[error("message is malformed")]
    Malformed,
    /// Bytes after its end.
    #[error("message has {n_bytes} bytes after its end")]
    Trailing {
        /// How many.
        n_bytes: usize,
    },
}

/// Encodes a message.
pub fn encode<T: Serialize>(message: &T) -> Vec<u8> {
    postcard::to_extend(message, vec![WIRE_VERSION])
        .expect("plain data without maps of unknown length always serialises into a Vec")
}

/// Decodes a message; never panics, and allocates no more than a small multiple of its length.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, DecodeError> {
    if bytes.len() > MAX_MESSAGE_BYTES {
        return Err(DecodeError::TooLong { n_bytes: bytes.len() });
    }
    let (version, payload) = bytes.split_first().ok_or(DecodeError::Empty)?;
    if *version != WIRE_VERSION {
        return Err(DecodeError::Version { found: *version });
    }
    let (message, rest) = postcard::take_from_bytes(payload).map_err(|_| DecodeError::Malformed)?;
    if rest.is_empty() { Ok(message) } else { Err(DecodeError::Trailing { n_bytes: rest.len() }) }
}
