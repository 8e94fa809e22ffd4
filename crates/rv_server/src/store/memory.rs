//! A store in memory, for tests and for runs that leave nothing behind.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::{
    Batch, Entry, Hash, Head, Message, READ_LIMIT, Row, Store, StoreError, chain, check_sizes,
};

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore {
    entries: Vec<Entry>,
    by_key: BTreeMap<String, Vec<usize>>,
    rows: BTreeMap<(String, String), Vec<u8>>,
    outbox: BTreeMap<u64, (String, Vec<u8>)>,
    last_message: u64,
    blobs: BTreeMap<Hash, Vec<u8>>,
}

impl Store for MemoryStore {
    fn commit(&mut self, batch: &Batch) -> Result<Head, StoreError> {
        check_sizes(batch)?;
        let mut pending = BTreeMap::<&str, u64>::new();
        for append in &batch.appends {
            let found = self.by_key.get(&append.key).map_or(0, |v| v.len() as u64)
                + pending.get(append.key.as_str()).copied().unwrap_or(0);
            if found != append.expected {
                return Err(StoreError::Conflict {
                    key: append.key.clone(),
                    expected: append.expected,
                    found,
                });
            }
            *pending.entry(&append.key).or_default() += append.bodies.len() as u64;
        }
        for append in &batch.appends {
            for body in &append.bodies {
                let head = self.head();
                let position = head.position + 1;
                let of_key = self.by_key.entry(append.key.clone()).or_default();
                of_key.push(self.entries.len());
                let version = of_key.len() as u64;
                self.entries.push(Entry {
                    position,
                    key: append.key.clone(),
                    version,
                    body: body.clone(),
                    hash: chain(&head.hash, position, &append.key, version, body),
                });
            }
        }
        for row in &batch.puts {
            self.rows.insert((row.table.clone(), row.key.clone()), row.body.clone());
        }
        for key in &batch.deletes {
            self.rows.remove(key);
        }
        for message in &batch.messages {
            self.last_message += 1;
            self.outbox.insert(self.last_message, message.clone());
        }
        for id in &batch.done {
            self.outbox.remove(id);
        }
        Ok(self.head())
    }

    fn head(&self) -> Head {
        self.entries.last().map_or(Head::default(), |e| Head { position: e.position, hash: e.hash })
    }

    fn version(&self, key: &str) -> Result<u64, StoreError> {
        Ok(self.by_key.get(key).map_or(0, |v| v.len() as u64))
    }

    fn read(&self, after: u64, limit: usize) -> Result<Vec<Entry>, StoreError> {
        let from = usize::try_from(after).unwrap_or(usize::MAX).min(self.entries.len());
        Ok(self.entries[from..].iter().take(limit.min(READ_LIMIT)).cloned().collect())
    }

    fn read_key(
        &self,
        key: &str,
        after_version: u64,
        limit: usize,
    ) -> Result<Vec<Entry>, StoreError> {
        let of_key = self.by_key.get(key).map_or(&[][..], Vec::as_slice);
        let from = usize::try_from(after_version).unwrap_or(usize::MAX).min(of_key.len());
        let picked = of_key[from..].iter().take(limit.min(READ_LIMIT));
        Ok(picked.map(|idx| self.entries[*idx].clone()).collect())
    }

    fn row(&self, table: &str, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.rows.get(&(table.into(), key.into())).cloned())
    }

    fn rows(&self, table: &str, after: &str, limit: usize) -> Result<Vec<Row>, StoreError> {
        let from = (
            std::ops::Bound::Excluded((table.to_owned(), after.to_owned())),
            std::ops::Bound::Unbounded,
        );
        let rows = self.rows.range(from).take_while(|((t, _), _)| t == table);
        Ok(rows
            .take(limit.min(READ_LIMIT))
            .map(|((table, key), body)| Row {
                table: table.clone(),
                key: key.clone(),
                body: body.clone(),
            })
            .collect())
    }

    fn outbox(&self, after: u64, limit: usize) -> Result<Vec<Message>, StoreError> {
        let Some(first) = after.checked_add(1) else { return Ok(Vec::new()) };
        let messages = self.outbox.range(first..).take(limit.min(READ_LIMIT));
        Ok(messages
            .map(|(id, (topic, body))| Message {
                id: *id,
                topic: topic.clone(),
                body: body.clone(),
            })
            .collect())
    }

    fn put_blob(&mut self, bytes: &[u8]) -> Result<Hash, StoreError> {
        if bytes.len() > super::MAX_BODY_BYTES {
            return Err(StoreError::TooLarge(bytes.len()));
        }
        let id: Hash = Sha256::digest(bytes).into();
        self.blobs.entry(id).or_insert_with(|| bytes.to_vec());
        Ok(id)
    }

    fn blob(&self, id: &Hash) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.blobs.get(id).cloned())
    }

    fn checkpoint(&mut self) -> Result<(), StoreError> {
        Ok(())
    }
}
