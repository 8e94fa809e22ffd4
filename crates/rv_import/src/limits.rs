//! Limits on what is read, so that a huge or hostile file ends in an error.

use std::io::{self, BufRead, Read};

/// The most that an import takes in. The defaults fit a large city or a small country into about
/// 2 GB of memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the input as given.
    pub n_input_bytes_max: u64,
    /// Bytes after unpacking gzip.
    pub n_unpacked_bytes_max: u64,
    /// Nodes.
    pub n_nodes_max: u64,
    /// Ways.
    pub n_ways_max: u64,
    /// Node references of all ways together.
    pub n_refs_max: u64,
    /// Relations.
    pub n_relations_max: u64,
    /// Members of one relation, beyond which the relation is left out.
    pub n_members_max: usize,
    /// Nodes of one way, beyond which the way is left out (OpenStreetMap allows 2,000).
    pub n_way_nodes_max: usize,
    /// Bytes of all tags kept together.
    pub n_tag_bytes_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            n_input_bytes_max: 256 << 20,
            n_unpacked_bytes_max: 2 << 30,
            n_nodes_max: 30_000_000,
            n_ways_max: 4_000_000,
            n_refs_max: 40_000_000,
            n_relations_max: 400_000,
            n_members_max: 20_000,
            n_way_nodes_max: 10_000,
            n_tag_bytes_max: 256 << 20,
        }
    }
}

/// The error inside the `io::Error` of a [`Budget`] that is used up.
#[derive(Debug, thiserror::Error)]
#[error("more than {limit} {what}")]
pub(crate) struct OverBudget {
    pub what: &'static str,
    pub limit: u64,
}

/// A reader that counts its bytes and fails after a number of them.
pub(crate) struct Budget<R> {
    inner: R,
    what: &'static str,
    n_read: u64,
    n_max: u64,
    /// Where the current item must end; see [`Budget::start_item`].
    n_item_end: u64,
    n_item_max: u64,
}

impl<R: BufRead> Budget<R> {
    pub(crate) fn new(inner: R, what: &'static str, n_max: u64) -> Self {
        Self { inner, what, n_read: 0, n_max, n_item_end: u64::MAX, n_item_max: u64::MAX }
    }

    /// Bytes taken so far.
    pub(crate) fn n_read(&self) -> u64 {
        self.n_read
    }

    /// From here on, at most `n_max` bytes until the next call.
    pub(crate) fn start_item(&mut self, n_max: u64) {
        self.n_item_max = n_max;
        self.n_item_end = self.n_read.saturating_add(n_max);
    }
}

impl<R: BufRead> BufRead for Budget<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let n_end = self.n_max.min(self.n_item_end);
        let left = n_end.saturating_sub(self.n_read);
        let buffer = self.inner.fill_buf()?;
        if left == 0 && !buffer.is_empty() {
            let over = if self.n_read >= self.n_max {
                OverBudget { what: self.what, limit: self.n_max }
            } else {
                OverBudget { what: "bytes in one element", limit: self.n_item_max }
            };
            return Err(io::Error::other(over));
        }
        let n = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        Ok(&buffer[..n])
    }

    fn consume(&mut self, n: usize) {
        self.n_read += n as u64;
        self.inner.consume(n);
    }
}

impl<R: BufRead> Read for Budget<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let buffer = self.fill_buf()?;
        let n = buffer.len().min(out.len());
        out[..n].copy_from_slice(&buffer[..n]);
        self.consume(n);
        Ok(n)
    }
}
