//! A store that fails on demand, to show what the server does then.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use super::{Batch, Entry, Hash, Head, Message, Row, Store, StoreError};

/// When a [`FaultyStore`] fails; shared with whoever decides it.
#[derive(Clone, Debug, Default)]
pub struct FaultPlan {
    /// Commits that still succeed; negative for "all".
    left: Arc<AtomicI64>,
}

impl FaultPlan {
    /// Nothing fails.
    pub fn healthy() -> Self {
        Self { left: Arc::new(AtomicI64::new(-1)) }
    }

    /// After `n` more writes every write fails as if the disk were full.
    pub fn fill_disk_after(&self, n: u32) {
        self.left.store(i64::from(n), Ordering::SeqCst);
    }

    /// There is room again.
    pub fn free_disk(&self) {
        self.left.store(-1, Ordering::SeqCst);
    }

    fn spend(&self) -> Result<(), StoreError> {
        let taken = self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| match n {
            0 => None,
            n if n < 0 => Some(n),
            n => Some(n - 1),
        });
        taken.map(|_| ()).map_err(|_| StoreError::Full)
    }
}

/// Wraps a store and fails its writes by a [`FaultPlan`].
#[derive(Debug)]
pub struct FaultyStore<S> {
    inner: S,
    plan: FaultPlan,
}

impl<S: Store> FaultyStore<S> {
    /// Wraps a store.
    pub fn new(inner: S, plan: FaultPlan) -> Self {
        Self { inner, plan }
    }
}

impl<S: Store> Store for FaultyStore<S> {
    fn commit(&mut self, batch: &Batch) -> Result<Head, StoreError> {
        self.plan.spend()?;
        self.inner.commit(batch)
    }
    fn head(&self) -> Head {
        self.inner.head()
    }
    fn version(&self, key: &str) -> Result<u64, StoreError> {
        self.inner.version(key)
    }
    fn read(&self, after: u64, limit: usize) -> Result<Vec<Entry>, StoreError> {
        self.inner.read(after, limit)
    }
    fn read_key(
        &self,
        key: &str,
        after_version: u64,
        limit: usize,
    ) -> Result<Vec<Entry>, StoreError> {
        self.inner.read_key(key, after_version, limit)
    }
    fn row(&self, table: &str, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.inner.row(table, key)
    }
    fn rows(&self, table: &str, after: &str, limit: usize) -> Result<Vec<Row>, StoreError> {
        self.inner.rows(table, after, limit)
    }
    fn outbox(&self, after: u64, limit: usize) -> Result<Vec<Message>, StoreError> {
        self.inner.outbox(after, limit)
    }
    fn put_blob(&mut self, bytes: &[u8]) -> Result<Hash, StoreError> {
        self.plan.spend()?;
        self.inner.put_blob(bytes)
    }
    fn blob(&self, id: &Hash) -> Result<Option<Vec<u8>>, StoreError> {
        self.inner.blob(id)
    }
    fn checkpoint(&mut self) -> Result<(), StoreError> {
        self.plan.spend()?;
        self.inner.checkpoint()
    }
}
