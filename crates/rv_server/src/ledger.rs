//! How the fleet's records stand in the store, and how a ledger is read from a data directory or a
//! log file.

use std::fs::File;
use std::io::BufReader;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use rv_base::Timestamp;
use rv_fleet::{Event, Record, State};
use rv_log::{Chain, Digest, LogError, LogReader};
use sha2::{Digest as _, Sha256};

use crate::data_dir::store_path;
use crate::store::{Entry, READ_LIMIT, SqliteStore, Store, StoreError, verify};

/// The fleet's key in the ledger.
pub const FLEET_KEY: &str = "fleet";

/// Body of an entry: 8 bytes of time (Unix ms, little endian), then the event in postcard.
pub fn encode(at: Timestamp, event: &Event) -> Vec<u8> {
    let body = at.0.to_le_bytes().to_vec();
    postcard::to_extend(event, body).expect("an event is plain data and memory suffices")
}

/// The record in an entry.
pub fn decode(entry: &Entry) -> Result<Record, StoreError> {
    let broken = || StoreError::Corrupt(format!("entry {} holds no known event", entry.position));
    let (at, event) = entry.body.split_first_chunk::<8>().ok_or_else(broken)?;
    Ok(Record {
        position: entry.version.checked_sub(1).ok_or_else(broken)?,
        at: Timestamp(i64::from_le_bytes(*at)),
        event: postcard::from_bytes(event).map_err(|_| broken())?,
    })
}

/// Reads the fleet's records from the first on, page by page. An error ends it and is kept.
pub struct Records<'a> {
    store: &'a dyn Store,
    page: std::vec::IntoIter<Entry>,
    version: u64,
    error: Option<StoreError>,
}

impl<'a> Records<'a> {
    /// Starts after a number of records.
    pub fn after(store: &'a dyn Store, n_records: u64) -> Self {
        Self { store, page: Vec::new().into_iter(), version: n_records, error: None }
    }

    /// What went wrong, if it did not come to the end.
    pub fn error(self) -> Result<(), StoreError> {
        self.error.map_or(Ok(()), Err)
    }

    fn try_next(&mut self) -> Result<Option<Record>, StoreError> {
        if self.page.len() == 0 {
            self.page = self.store.read_key(FLEET_KEY, self.version, READ_LIMIT)?.into_iter();
        }
        let Some(entry) = self.page.next() else { return Ok(None) };
        if entry.version != self.version + 1 {
            return Err(StoreError::Corrupt(format!("record {} is missing", self.version + 1)));
        }
        self.version = entry.version;
        decode(&entry).map(Some)
    }
}

impl Iterator for Records<'_> {
    type Item = Record;

    fn next(&mut self) -> Option<Record> {
        if self.error.is_some() {
            return None;
        }
        self.try_next().unwrap_or_else(|error| {
            self.error = Some(error);
            None
        })
    }
}

/// A ledger to be read: the store of a data directory, or a log file.
pub enum Source {
    /// A data directory's store.
    Store(Box<SqliteStore>),
    /// A log file.
    Log(Box<LogReader<BufReader<File>>>),
}

/// Why a ledger cannot be read to its end.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// Nothing there, or not readable.
    #[error("cannot open {path}")]
    Open {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The store failed or is damaged.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The log is damaged.
    #[error(transparent)]
    Log(#[from] LogError),
    /// An entry holds no event.
    #[error("record {0} holds no known event")]
    Event(u64),
}

impl SourceError {
    /// What can be done about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Open { .. } => "name a data directory of `robovan up` or a .rvlog file",
            Self::Store(error) => error.hint(),
            Self::Log(_) => "make the log anew, or take a whole copy of it",
            Self::Event(_) => "read it with the version of robovan that wrote it",
        }
    }
}

/// What was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tail {
    /// Number of records read.
    pub n_records: u64,
    /// Hash over them, as a log file's trailer has it.
    pub hash: Digest,
}

impl Source {
    /// Opens a data directory or a log file. A server may be running on the directory.
    pub fn open(path: &Path) -> Result<Self, SourceError> {
        let failed = |source| SourceError::Open { path: path.into(), source };
        if path.is_dir() {
            let file = store_path(path);
            // Opening would make an empty store of what is not there.
            std::fs::metadata(&file).map_err(failed)?;
            return Ok(Self::Store(Box::new(SqliteStore::open(&file)?)));
        }
        let file = File::open(path).map_err(failed)?;
        Ok(Self::Log(Box::new(LogReader::new(BufReader::new(file))?)))
    }

    /// Checks the hash chain of a store; that of a log file is checked as it is read to its end.
    pub fn check(&self) -> Result<(), SourceError> {
        if let Self::Store(store) = self {
            verify(&**store)?;
        }
        Ok(())
    }

    /// Hands over record by record until the end or a break.
    pub fn each(
        self,
        mut visit: impl FnMut(Record) -> ControlFlow<()>,
    ) -> Result<Tail, SourceError> {
        let mut chain = Chain::default();
        match self {
            Self::Store(store) => {
                let mut records = Records::after(&*store, 0);
                for record in records.by_ref() {
                    chain.push(record.at, &encode(record.at, &record.event)[8..]);
                    if visit(record).is_break() {
                        break;
                    }
                }
                records.error()?;
            }
            Self::Log(mut log) => {
                while let Some(entry) = log.next_entry()? {
                    let position = chain.n_entries();
                    chain.push(entry.at, &entry.bytes);
                    let event = postcard::from_bytes(&entry.bytes);
                    let event = event.map_err(|_| SourceError::Event(position))?;
                    if visit(Record { position, at: entry.at, event }).is_break() {
                        break;
                    }
                }
            }
        }
        Ok(Tail { n_records: chain.n_entries(), hash: chain.head() })
    }
}

/// Hash of a state's canonical bytes: equal ledgers lead to equal hashes.
pub fn state_hash(state: &State) -> Digest {
    let bytes = postcard::to_stdvec(state).expect("a state is plain data and memory suffices");
    Digest(Sha256::digest(&bytes).into())
}
