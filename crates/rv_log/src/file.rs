//! The log file.
//!
//! Layout, all numbers little endian: `RVLOG\0\0\x01`; u32 header length, header (UTF-8); then per
//! entry u32 length + 1, i64 at, bytes; then u32 0, u64 number of entries, 32 bytes head hash.

use std::io::{self, Read, Write};

use rv_base::Timestamp;

use crate::chain::{Chain, Digest, Entry};

const MAGIC: &[u8; 8] = b"RVLOG\0\0\x01";

/// Longest entry that is written or read, bytes.
pub const MAX_ENTRY_BYTES: usize = 16 * 1024 * 1024;

/// Longest header that is written or read, bytes.
pub const MAX_HEADER_BYTES: usize = 1024 * 1024;

/// Why a log cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The file system failed.
    #[error("cannot access the log")]
    Io(#[source] io::Error),
    /// The file does not begin as a log does.
    #[error("this is no robovan log")]
    NotALog,
    /// The header is no text, or too long.
    #[error("the log's header is malformed")]
    Header,
    /// An entry is longer than [`MAX_ENTRY_BYTES`].
    #[error("entry {idx} claims {n_bytes} bytes, more than {MAX_ENTRY_BYTES}")]
    EntryTooLong {
        /// Which entry, from 0.
        idx: u64,
        /// Its length.
        n_bytes: usize,
    },
    /// The file ends before its trailer.
    #[error("the log is cut off after {n_entries} whole entries")]
    CutOff {
        /// Entries that could be read.
        n_entries: u64,
    },
    /// The trailer does not agree with the entries.
    #[error("the log was changed: its {n_entries} entries do not give the hash in its trailer")]
    Changed {
        /// Entries that were read.
        n_entries: u64,
    },
}

/// Writes a log.
#[derive(Debug)]
pub struct LogWriter<W> {
    file: W,
    chain: Chain,
}

impl<W: Write> LogWriter<W> {
    /// Starts a log with a header.
    pub fn new(mut file: W, header: &str) -> Result<Self, LogError> {
        if header.len() > MAX_HEADER_BYTES {
            return Err(LogError::Header);
        }
        file.write_all(MAGIC).map_err(LogError::Io)?;
        file.write_all(&(header.len() as u32).to_le_bytes()).map_err(LogError::Io)?;
        file.write_all(header.as_bytes()).map_err(LogError::Io)?;
        Ok(Self { file, chain: Chain::default() })
    }

    /// Adds an entry.
    pub fn append(&mut self, entry: &Entry) -> Result<(), LogError> {
        let n_bytes = entry.bytes.len();
        if n_bytes > MAX_ENTRY_BYTES {
            return Err(LogError::EntryTooLong { idx: self.chain.n_entries(), n_bytes });
        }
        self.chain.push(entry.at, &entry.bytes);
        self.file.write_all(&(n_bytes as u32 + 1).to_le_bytes()).map_err(LogError::Io)?;
        self.file.write_all(&entry.at.0.to_le_bytes()).map_err(LogError::Io)?;
        self.file.write_all(&entry.bytes).map_err(LogError::Io)
    }

    /// Writes the trailer and returns the head hash.
    pub fn finish(mut self) -> Result<Digest, LogError> {
        self.file.write_all(&0_u32.to_le_bytes()).map_err(LogError::Io)?;
        self.file.write_all(&self.chain.n_entries().to_le_bytes()).map_err(LogError::Io)?;
        self.file.write_all(&self.chain.head().0).map_err(LogError::Io)?;
        self.file.flush().map_err(LogError::Io)?;
        Ok(self.chain.head())
    }
}

/// Reads a log, one entry at a time.
#[derive(Debug)]
pub struct LogReader<R> {
    file: R,
    header: String,
    chain: Chain,
    is_done: bool,
}

impl<R: Read> LogReader<R> {
    /// Opens a log and reads its header.
    pub fn new(mut file: R) -> Result<Self, LogError> {
        let mut magic = [0; 8];
        match file.read_exact(&mut magic) {
            Ok(()) if &magic == MAGIC => {}
            Ok(()) => return Err(LogError::NotALog),
            Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => return Err(LogError::NotALog),
            Err(e) => return Err(LogError::Io(e)),
        }
        let cut_off = |e| cut_off(e, 0);
        let n_bytes = u32::from_le_bytes(read_array(&mut file).map_err(cut_off)?) as usize;
        if n_bytes > MAX_HEADER_BYTES {
            return Err(LogError::Header);
        }
        let header = read_bytes(&mut file, n_bytes).map_err(cut_off)?;
        let header = String::from_utf8(header).map_err(|_| LogError::Header)?;
        Ok(Self { file, header, chain: Chain::default(), is_done: false })
    }

    /// The header.
    pub fn header(&self) -> &str {
        &self.header
    }

    /// The next entry; `None` after the last, once the trailer has been found to agree.
    pub fn next_entry(&mut self) -> Result<Option<Entry>, LogError> {
        if self.is_done {
            return Ok(None);
        }
        let idx = self.chain.n_entries();
        let cut_off = |e| cut_off(e, idx);
        let length = u32::from_le_bytes(read_array(&mut self.file).map_err(cut_off)?) as usize;
        let Some(n_bytes) = length.checked_sub(1) else {
            return self.read_trailer().map(|()| None);
        };
        if n_bytes > MAX_ENTRY_BYTES {
            return Err(LogError::EntryTooLong { idx, n_bytes });
        }
        let at = Timestamp(i64::from_le_bytes(read_array(&mut self.file).map_err(cut_off)?));
        let bytes = read_bytes(&mut self.file, n_bytes).map_err(cut_off)?;
        self.chain.push(at, &bytes);
        Ok(Some(Entry { at, bytes }))
    }

    /// Hash over the entries read so far.
    pub fn head(&self) -> Digest {
        self.chain.head()
    }

    /// How many entries have been read.
    pub fn n_entries(&self) -> u64 {
        self.chain.n_entries()
    }

    fn read_trailer(&mut self) -> Result<(), LogError> {
        let n_entries = self.chain.n_entries();
        let cut_off = |e| cut_off(e, n_entries);
        let n_claimed = u64::from_le_bytes(read_array(&mut self.file).map_err(cut_off)?);
        let head = Digest(read_array(&mut self.file).map_err(cut_off)?);
        if n_claimed != n_entries || head != self.chain.head() {
            return Err(LogError::Changed { n_entries });
        }
        self.is_done = true;
        Ok(())
    }
}

fn cut_off(error: io::Error, n_entries: u64) -> LogError {
    if error.kind() == io::ErrorKind::UnexpectedEof {
        LogError::CutOff { n_entries }
    } else {
        LogError::Io(error)
    }
}

fn read_array<const N: usize>(file: &mut impl Read) -> io::Result<[u8; N]> {
    let mut array = [0; N];
    file.read_exact(&mut array)?;
    Ok(array)
}

/// Reads exactly `n_bytes`, growing with what is really there, so that a false length in a short
/// file allocates little.
fn read_bytes(file: &mut impl Read, n_bytes: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(n_bytes as u64).read_to_end(&mut bytes)?;
    if bytes.len() == n_bytes { Ok(bytes) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}
