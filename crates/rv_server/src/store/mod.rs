//! Durable state behind one trait of three primitives: an append-only ledger per key, rows with an
//! outbox, and immutable blobs.
//!
//! Everything that belongs together goes into one [`Batch`] and becomes durable together or not at
//! all. The ledger is a hash chain, so that a changed or missing entry is found by [`verify`].

mod faulty;
mod memory;
mod sqlite;

use sha2::{Digest, Sha256};

pub use faulty::{FaultPlan, FaultyStore};
pub use memory::MemoryStore;
pub use sqlite::{SCHEMA_VERSION, SqliteStore};

/// A SHA-256 digest.
pub type Hash = [u8; 32];

/// Most entries, rows or messages that one read returns.
pub const READ_LIMIT: usize = 10_000;

/// Largest body of an entry, row, message or blob, bytes.
pub const MAX_BODY_BYTES: usize = 64 << 20;

/// Where state is kept. One writer at a time.
pub trait Store: Send {
    /// Makes a batch durable, all or nothing, and says where the ledger stands then.
    fn commit(&mut self, batch: &Batch) -> Result<Head, StoreError>;

    /// Where the ledger stands.
    fn head(&self) -> Head;

    /// Number of entries under a key.
    fn version(&self, key: &str) -> Result<u64, StoreError>;

    /// Entries of all keys after a global position, in order, at most `limit` (capped at
    /// [`READ_LIMIT`]).
    fn read(&self, after: u64, limit: usize) -> Result<Vec<Entry>, StoreError>;

    /// Entries of one key after a version of it, in order, at most `limit`.
    fn read_key(
        &self,
        key: &str,
        after_version: u64,
        limit: usize,
    ) -> Result<Vec<Entry>, StoreError>;

    /// A row's body.
    fn row(&self, table: &str, key: &str) -> Result<Option<Vec<u8>>, StoreError>;

    /// Rows of a table whose key is greater than `after`, by key, at most `limit`.
    fn rows(&self, table: &str, after: &str, limit: usize) -> Result<Vec<Row>, StoreError>;

    /// Messages of the outbox with a number greater than `after`, oldest first, at most `limit`.
    fn outbox(&self, after: u64, limit: usize) -> Result<Vec<Message>, StoreError>;

    /// Keeps a blob under its digest. Keeping the same bytes again changes nothing.
    fn put_blob(&mut self, bytes: &[u8]) -> Result<Hash, StoreError>;

    /// A blob's bytes.
    fn blob(&self, id: &Hash) -> Result<Option<Vec<u8>>, StoreError>;

    /// Tidies up before a clean end; everything committed is durable without it.
    fn checkpoint(&mut self) -> Result<(), StoreError>;
}

/// What becomes durable together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// Ledger entries, in order.
    pub appends: Vec<Append>,
    /// Rows to write; replaces what was there.
    pub puts: Vec<Row>,
    /// Rows to delete, as (table, key).
    pub deletes: Vec<(String, String)>,
    /// Messages to queue, as (topic, body).
    pub messages: Vec<(String, Vec<u8>)>,
    /// Messages that have been handed over and leave the outbox.
    pub done: Vec<u64>,
}

impl Batch {
    /// True if a commit would change nothing.
    pub fn is_empty(&self) -> bool {
        self.appends.is_empty()
            && self.puts.is_empty()
            && self.deletes.is_empty()
            && self.messages.is_empty()
            && self.done.is_empty()
    }

    /// Queues a row to be written.
    pub fn put(&mut self, table: &str, key: &str, body: Vec<u8>) {
        self.puts.push(Row { table: table.into(), key: key.into(), body });
    }
}

/// Entries for one key of the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Append {
    /// The key, such as `fleet`.
    pub key: String,
    /// How many entries the writer believes are there; the commit fails if it is wrong.
    pub expected: u64,
    /// Bodies, in order.
    pub bodies: Vec<Vec<u8>>,
}

/// An entry of the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Place among all entries, from 1, without gaps.
    pub position: u64,
    /// Its key.
    pub key: String,
    /// Place among the key's entries, from 1, without gaps.
    pub version: u64,
    /// Content.
    pub body: Vec<u8>,
    /// Chain hash up to and including this entry, see [`chain`].
    pub hash: Hash,
}

/// A row of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Table.
    pub table: String,
    /// Key within the table.
    pub key: String,
    /// Content.
    pub body: Vec<u8>,
}

/// A message of the outbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Number, growing.
    pub id: u64,
    /// What it is about.
    pub topic: String,
    /// Content.
    pub body: Vec<u8>,
}

/// The end of the ledger.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// Position of the last entry; 0 if there is none.
    pub position: u64,
    /// Its chain hash; zeros if there is none.
    pub hash: Hash,
}

/// Why the store did not do what was asked. Nothing of it was done then.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Somebody else appended to the key.
    #[error("ledger key {key} has {found} entries, not {expected}")]
    Conflict {
        /// The key.
        key: String,
        /// What the writer believed.
        expected: u64,
        /// What is there.
        found: u64,
    },
    /// No room on the disk.
    #[error("the disk is full")]
    Full,
    /// The data cannot be trusted.
    #[error("the store is damaged: {0}")]
    Corrupt(String),
    /// Written by another version of the program.
    #[error("the store has schema version {found}, this program needs {needed}")]
    Schema {
        /// In the file.
        found: i64,
        /// In this program.
        needed: i64,
    },
    /// Over [`MAX_BODY_BYTES`].
    #[error("a body of {0} bytes is over the limit")]
    TooLarge(usize),
    /// Anything else that the backend reports.
    #[error("storage failed: {0}")]
    Backend(String),
}

impl StoreError {
    /// What the operator can do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Conflict { .. } => "make sure that only one server writes to this data directory",
            Self::Full => "free some space; the server goes on by itself, nothing accepted is lost",
            Self::Corrupt(_) => {
                "run `robovan ledger verify`; restore the data directory from a backup, or start \
                 with an empty one"
            }
            Self::Schema { .. } => {
                "start the version that wrote it, or choose another --data directory"
            }
            Self::TooLarge(_) => "send less at once",
            Self::Backend(_) => "check that the data directory is writable and the disk healthy",
        }
    }
}

/// Hash of a chain that ends with this entry: SHA-256 over the hash before it, the position, the
/// length of the key, the key, the version (numbers as 8 bytes, little endian) and the body.
pub fn chain(before: &Hash, position: u64, key: &str, version: u64, body: &[u8]) -> Hash {
    let mut hasher = Sha256::new();
    hasher.update(before);
    hasher.update(position.to_le_bytes());
    hasher.update((key.len() as u64).to_le_bytes());
    hasher.update(key.as_bytes());
    hasher.update(version.to_le_bytes());
    hasher.update(body);
    hasher.finalize().into()
}

/// Walks the whole ledger and checks positions, versions and the hash chain. Returns the head that
/// the entries lead to. What a server that runs beside it appends meanwhile is left out.
pub fn verify(store: &dyn Store) -> Result<Head, StoreError> {
    let stored = store.head();
    let mut head = Head::default();
    let mut versions = std::collections::BTreeMap::<String, u64>::new();
    'walk: while head.position < stored.position {
        let entries = store.read(head.position, READ_LIMIT)?;
        if entries.is_empty() {
            break;
        }
        for entry in entries {
            if entry.position > stored.position {
                break 'walk;
            }
            let version = versions.entry(entry.key.clone()).or_default();
            *version += 1;
            if entry.position != head.position + 1 || entry.version != *version {
                return Err(StoreError::Corrupt(format!(
                    "after position {} comes {}, version {} of {}",
                    head.position, entry.position, entry.version, entry.key
                )));
            }
            let hash = chain(&head.hash, entry.position, &entry.key, entry.version, &entry.body);
            if hash != entry.hash {
                return Err(StoreError::Corrupt(format!(
                    "entry {} does not match its hash",
                    entry.position
                )));
            }
            head = Head { position: entry.position, hash };
        }
    }
    if stored != head {
        return Err(StoreError::Corrupt(format!(
            "the ledger should end at {} but ends at {}",
            stored.position, head.position
        )));
    }
    Ok(head)
}

/// Checks the sizes of a batch before a backend touches anything.
fn check_sizes(batch: &Batch) -> Result<(), StoreError> {
    let bodies = batch.appends.iter().flat_map(|a| a.bodies.iter());
    let rows = batch.puts.iter().map(|r| &r.body);
    let messages = batch.messages.iter().map(|(_, body)| body);
    match bodies.chain(rows).chain(messages).find(|b| b.len() > MAX_BODY_BYTES) {
        Some(body) => Err(StoreError::TooLarge(body.len())),
        None => Ok(()),
    }
}
