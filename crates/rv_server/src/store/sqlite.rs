//! The embedded store: SQLite in one file, write-ahead log, every commit synced to the disk.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OptionalExtension, Transaction, params};
use sha2::{Digest, Sha256};

use super::{
    Append, Batch, Entry, Hash, Head, MAX_BODY_BYTES, Message, READ_LIMIT, Row, Store, StoreError,
    chain, check_sizes,
};

/// Version of the tables; a file of another version is refused.
pub const SCHEMA_VERSION: i64 = 1;

/// Marks the file as ours (`PRAGMA application_id`), so that a foreign database is not written to.
const APPLICATION_ID: i64 = 0x7276_5354;

const SCHEMA: &str = "
CREATE TABLE ledger_key (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE ledger (
  position INTEGER PRIMARY KEY,
  key_id INTEGER NOT NULL REFERENCES ledger_key(id),
  version INTEGER NOT NULL,
  body BLOB NOT NULL,
  hash BLOB NOT NULL
);
CREATE UNIQUE INDEX ledger_by_key ON ledger (key_id, version);
CREATE TABLE row (
  tbl TEXT NOT NULL, key TEXT NOT NULL, body BLOB NOT NULL, PRIMARY KEY (tbl, key)
) WITHOUT ROWID;
CREATE TABLE outbox (
  id INTEGER PRIMARY KEY AUTOINCREMENT, topic TEXT NOT NULL, body BLOB NOT NULL
);
CREATE TABLE blob (id BLOB PRIMARY KEY, body BLOB NOT NULL) WITHOUT ROWID;
";

/// A ledger key as this writer knows it.
#[derive(Clone, Copy, Debug)]
struct KeyState {
    id: i64,
    version: u64,
}

/// See the module.
#[derive(Debug)]
pub struct SqliteStore {
    connection: Connection,
    head: Head,
    keys: BTreeMap<String, KeyState>,
}

impl SqliteStore {
    /// Opens the file, and creates it if it is not there.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Self::with(Connection::open(path)?)
    }

    /// Caps the size of the file at a number of 4 kB pages; beyond it the disk counts as full.
    pub fn limit_pages(&mut self, n_pages: u32) -> Result<(), StoreError> {
        self.connection.pragma_update_and_check(None, "max_page_count", n_pages, |_| Ok(()))?;
        Ok(())
    }

    fn with(mut connection: Connection) -> Result<Self, StoreError> {
        connection.busy_timeout(Duration::from_secs(2))?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "foreign_keys", "ON")?;
        connection.pragma_update(None, "cache_size", -16_384)?;
        let application: i64 =
            connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
        let n_tables: i64 =
            connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
        if n_tables == 0 {
            let transaction = connection.transaction()?;
            transaction.execute_batch(SCHEMA)?;
            transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
            transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
            transaction.commit()?;
        } else if application != APPLICATION_ID {
            return Err(StoreError::Corrupt("the file is a database of another program".into()));
        }
        let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
        if found != SCHEMA_VERSION {
            return Err(StoreError::Schema { found, needed: SCHEMA_VERSION });
        }
        let check: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
        if check != "ok" {
            return Err(StoreError::Corrupt(check));
        }
        let mut store = Self { connection, head: Head::default(), keys: BTreeMap::new() };
        store.reload()?;
        Ok(store)
    }

    /// Reads the head and the keys' versions from the file.
    fn reload(&mut self) -> Result<(), StoreError> {
        let last = self
            .connection
            .query_row(
                "SELECT position, hash FROM ledger ORDER BY position DESC LIMIT 1",
                [],
                |row| Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?)),
            )
            .optional()?;
        self.head = match last {
            Some((position, hash)) => {
                Head { position: position as u64, hash: hash_of(&hash, position)? }
            }
            None => Head::default(),
        };
        let mut statement = self.connection.prepare(
            "SELECT k.name, k.id, (SELECT max(version) FROM ledger WHERE key_id = k.id) \
             FROM ledger_key k",
        )?;
        let rows = statement.query_map([], |row| {
            let version = row.get::<_, Option<i64>>(2)?.unwrap_or(0) as u64;
            Ok((row.get::<_, String>(0)?, KeyState { id: row.get(1)?, version }))
        })?;
        self.keys = rows.collect::<Result<_, _>>()?;
        Ok(())
    }

    fn entries(
        &self,
        condition: &str,
        params: &[&dyn rusqlite::ToSql],
    ) -> Result<Vec<Entry>, StoreError> {
        let sql = format!(
            "SELECT l.position, k.name, l.version, l.body, l.hash \
             FROM ledger l JOIN ledger_key k ON k.id = l.key_id WHERE {condition}"
        );
        let mut statement = self.connection.prepare_cached(&sql)?;
        let rows = statement.query_map(params, |row| {
            Ok((
                row.get::<_, i64>(0)?,
                row.get::<_, String>(1)?,
                row.get::<_, i64>(2)?,
                row.get::<_, Vec<u8>>(3)?,
                row.get::<_, Vec<u8>>(4)?,
            ))
        })?;
        let mut entries = Vec::new();
        for row in rows {
            let (position, key, version, body, hash) = row?;
            entries.push(Entry {
                position: position as u64,
                key,
                version: version as u64,
                body,
                hash: hash_of(&hash, position)?,
            });
        }
        Ok(entries)
    }
}

impl Store for SqliteStore {
    fn commit(&mut self, batch: &Batch) -> Result<Head, StoreError> {
        check_sizes(batch)?;
        let transaction = self.connection.transaction()?;
        let mut head = self.head;
        let mut changed = BTreeMap::<String, KeyState>::new();
        for append in &batch.appends {
            let known = changed.get(&append.key).or_else(|| self.keys.get(&append.key)).copied();
            let state = append_to(&transaction, append, known, &mut head)?;
            changed.insert(append.key.clone(), state);
        }
        write_rest(&transaction, batch)?;
        transaction.commit()?;
        self.head = head;
        self.keys.extend(changed);
        Ok(head)
    }

    fn head(&self) -> Head {
        self.head
    }

    fn version(&self, key: &str) -> Result<u64, StoreError> {
        Ok(self.keys.get(key).map_or(0, |k| k.version))
    }

    fn read(&self, after: u64, limit: usize) -> Result<Vec<Entry>, StoreError> {
        self.entries(
            "l.position > ?1 ORDER BY l.position LIMIT ?2",
            &[&clamp(after), &clamp(limit.min(READ_LIMIT) as u64)],
        )
    }

    fn read_key(
        &self,
        key: &str,
        after_version: u64,
        limit: usize,
    ) -> Result<Vec<Entry>, StoreError> {
        let Some(state) = self.keys.get(key) else { return Ok(Vec::new()) };
        self.entries(
            "l.key_id = ?1 AND l.version > ?2 ORDER BY l.version LIMIT ?3",
            &[&state.id, &clamp(after_version), &clamp(limit.min(READ_LIMIT) as u64)],
        )
    }

    fn row(&self, table: &str, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let mut statement =
            self.connection.prepare_cached("SELECT body FROM row WHERE tbl = ?1 AND key = ?2")?;
        Ok(statement.query_row(params![table, key], |row| row.get(0)).optional()?)
    }

    fn rows(&self, table: &str, after: &str, limit: usize) -> Result<Vec<Row>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT key, body FROM row WHERE tbl = ?1 AND key > ?2 ORDER BY key LIMIT ?3",
        )?;
        let limit = clamp(limit.min(READ_LIMIT) as u64);
        let rows = statement.query_map(params![table, after, limit], |row| {
            Ok(Row { table: table.into(), key: row.get(0)?, body: row.get(1)? })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn outbox(&self, after: u64, limit: usize) -> Result<Vec<Message>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT id, topic, body FROM outbox WHERE id > ?1 ORDER BY id LIMIT ?2",
        )?;
        let limit = clamp(limit.min(READ_LIMIT) as u64);
        let rows = statement.query_map(params![clamp(after), limit], |row| {
            Ok(Message { id: row.get::<_, i64>(0)? as u64, topic: row.get(1)?, body: row.get(2)? })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn put_blob(&mut self, bytes: &[u8]) -> Result<Hash, StoreError> {
        if bytes.len() > MAX_BODY_BYTES {
            return Err(StoreError::TooLarge(bytes.len()));
        }
        let id: Hash = Sha256::digest(bytes).into();
        self.connection.execute(
            "INSERT INTO blob (id, body) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
            params![&id[..], bytes],
        )?;
        Ok(id)
    }

    fn blob(&self, id: &Hash) -> Result<Option<Vec<u8>>, StoreError> {
        let mut statement =
            self.connection.prepare_cached("SELECT body FROM blob WHERE id = ?1")?;
        Ok(statement.query_row(params![&id[..]], |row| row.get(0)).optional()?)
    }

    fn checkpoint(&mut self) -> Result<(), StoreError> {
        self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        Ok(())
    }
}

/// Appends one key's entries and advances the head.
fn append_to(
    transaction: &Transaction<'_>,
    append: &Append,
    known: Option<KeyState>,
    head: &mut Head,
) -> Result<KeyState, StoreError> {
    let found = known.map_or(0, |k| k.version);
    if found != append.expected {
        return Err(StoreError::Conflict {
            key: append.key.clone(),
            expected: append.expected,
            found,
        });
    }
    let id = match known {
        Some(state) => state.id,
        None => {
            transaction
                .prepare_cached("INSERT INTO ledger_key (name) VALUES (?1)")?
                .execute(params![append.key])?;
            transaction.last_insert_rowid()
        }
    };
    let mut insert = transaction.prepare_cached(
        "INSERT INTO ledger (position, key_id, version, body, hash) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    let mut version = found;
    for body in &append.bodies {
        version += 1;
        let position = head.position + 1;
        let hash = chain(&head.hash, position, &append.key, version, body);
        insert.execute(params![clamp(position), id, clamp(version), body, &hash[..]])?;
        *head = Head { position, hash };
    }
    Ok(KeyState { id, version })
}

/// Writes rows and outbox.
fn write_rest(transaction: &Transaction<'_>, batch: &Batch) -> Result<(), StoreError> {
    let mut put = transaction.prepare_cached(
        "INSERT INTO row (tbl, key, body) VALUES (?1, ?2, ?3) \
         ON CONFLICT (tbl, key) DO UPDATE SET body = excluded.body",
    )?;
    for row in &batch.puts {
        put.execute(params![row.table, row.key, row.body])?;
    }
    let mut delete = transaction.prepare_cached("DELETE FROM row WHERE tbl = ?1 AND key = ?2")?;
    for (table, key) in &batch.deletes {
        delete.execute(params![table, key])?;
    }
    let mut queue =
        transaction.prepare_cached("INSERT INTO outbox (topic, body) VALUES (?1, ?2)")?;
    for (topic, body) in &batch.messages {
        queue.execute(params![topic, body])?;
    }
    let mut done = transaction.prepare_cached("DELETE FROM outbox WHERE id = ?1")?;
    for id in &batch.done {
        done.execute(params![clamp(*id)])?;
    }
    Ok(())
}

/// SQLite's integers are signed.
fn clamp(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

fn hash_of(bytes: &[u8], position: i64) -> Result<Hash, StoreError> {
    bytes
        .try_into()
        .map_err(|_| StoreError::Corrupt(format!("entry {position} has no proper hash")))
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::Full,
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                Self::Corrupt(error.to_string())
            }
            _ => Self::Backend(error.to_string()),
        }
    }
}
