//! How the fleet's records stand in the store.

use rv_base::Timestamp;
use rv_fleet::{Event, Record};

use crate::store::{Entry, READ_LIMIT, Store, StoreError};

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
