//! The hash chain over ledger entries.

use std::fmt;

use rv_base::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// One ledger entry: when, and its canonical bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When it was recorded.
    pub at: Timestamp,
    /// The event's canonical bytes.
    pub bytes: Vec<u8>,
}

/// A SHA-256 value; prints as 64 hexadecimal digits.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Digest(pub [u8; 32]);

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The running hash: `head = SHA-256(head before | at, i64 LE | length, u64 LE | bytes)`, starting
/// from 32 zero bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chain {
    head: Digest,
    n_entries: u64,
}

impl Chain {
    /// Continues from a known head.
    pub fn resume(head: Digest, n_entries: u64) -> Self {
        Self { head, n_entries }
    }

    /// Adds an entry and returns the new head.
    pub fn push(&mut self, at: Timestamp, bytes: &[u8]) -> Digest {
        let mut hasher = Sha256::new();
        hasher.update(self.head.0);
        hasher.update(at.0.to_le_bytes());
        hasher.update((bytes.len() as u64).to_le_bytes());
        hasher.update(bytes);
        self.head = Digest(hasher.finalize().into());
        self.n_entries += 1;
        self.head
    }

    /// Hash over all entries so far.
    pub fn head(&self) -> Digest {
        self.head
    }

    /// How many entries it covers.
    pub fn n_entries(&self) -> u64 {
        self.n_entries
    }
}
