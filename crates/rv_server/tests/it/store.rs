//! One suite for every store.

use proptest::prelude::*;
use rv_server::store::{
    Append, Batch, FaultPlan, FaultyStore, MemoryStore, SqliteStore, Store, StoreError, verify,
};

use crate::support::TempDir;

fn append(key: &str, expected: u64, bodies: &[&str]) -> Batch {
    let bodies = bodies.iter().map(|b| b.as_bytes().to_vec()).collect();
    Batch { appends: vec![Append { key: key.into(), expected, bodies }], ..Batch::default() }
}

fn bodies(store: &dyn Store, after: u64) -> Vec<String> {
    let entries = store.read(after, 100).unwrap();
    entries.into_iter().map(|e| String::from_utf8(e.body).unwrap()).collect()
}

/// The ledger: versions by key, one order over all keys, conflicts change nothing.
fn ledger(store: &mut dyn Store) {
    assert_eq!(store.head().position, 0);
    assert!(store.read(0, 10).unwrap().is_empty());
    store.commit(&append("a", 0, &["a1", "a2"])).unwrap();
    store.commit(&append("b", 0, &["b1"])).unwrap();
    let head = store.commit(&append("a", 2, &["a3"])).unwrap();
    assert_eq!(head.position, 4);
    assert_eq!(store.head(), head);
    assert_eq!(bodies(store, 0), ["a1", "a2", "b1", "a3"]);
    assert_eq!(bodies(store, 2), ["b1", "a3"]);
    assert_eq!(store.read(0, 1).unwrap().len(), 1);
    assert_eq!((store.version("a").unwrap(), store.version("none").unwrap()), (3, 0));
    let of_a = store.read_key("a", 1, 10).unwrap();
    assert_eq!(of_a.iter().map(|e| (e.version, e.position)).collect::<Vec<_>>(), [(2, 2), (3, 4)]);
    assert!(store.read_key("none", 0, 10).unwrap().is_empty());
    assert!(store.read(u64::MAX, 10).unwrap().is_empty());

    let mut stale = append("b", 1, &["b2"]);
    stale.appends.push(append("a", 2, &["late"]).appends.remove(0));
    stale.put("t", "k", b"v".to_vec());
    let error = store.commit(&stale).unwrap_err();
    assert!(matches!(error, StoreError::Conflict { expected: 2, found: 3, .. }), "{error}");
    assert_eq!(store.head(), head);
    assert_eq!((store.version("b").unwrap(), store.row("t", "k").unwrap()), (1, None));

    let mut twice = append("c", 0, &["c1"]);
    twice.appends.push(append("c", 1, &["c2"]).appends.remove(0));
    store.commit(&twice).unwrap();
    assert_eq!(verify(store).unwrap(), store.head());
}

/// Rows: written and deleted with the rest of the batch, listed by key within their table.
fn rows(store: &mut dyn Store) {
    let mut batch = append("rows", 0, &["x"]);
    for key in ["b", "a", "c"] {
        batch.put("vans", key, key.as_bytes().to_vec());
    }
    batch.put("other", "a", b"elsewhere".to_vec());
    store.commit(&batch).unwrap();
    let keys = |store: &dyn Store, after: &str, limit| {
        let rows = store.rows("vans", after, limit).unwrap();
        rows.into_iter().map(|r| r.key).collect::<Vec<_>>()
    };
    assert_eq!(keys(store, "", 10), ["a", "b", "c"]);
    assert_eq!(keys(store, "a", 1), ["b"]);
    let mut change = Batch { deletes: vec![("vans".into(), "b".into())], ..Batch::default() };
    change.put("vans", "c", b"new".to_vec());
    store.commit(&change).unwrap();
    assert_eq!(keys(store, "", 10), ["a", "c"]);
    assert_eq!(store.row("vans", "c").unwrap().unwrap(), b"new");
    assert_eq!(store.row("vans", "b").unwrap(), None);
}

/// Outbox: numbers grow and are never used again.
fn outbox(store: &mut dyn Store) {
    let queue = |text: &str| Batch {
        messages: vec![("notice".into(), text.as_bytes().to_vec())],
        ..Batch::default()
    };
    store.commit(&queue("one")).unwrap();
    store.commit(&queue("two")).unwrap();
    let waiting = store.outbox(0, 10).unwrap();
    assert_eq!(waiting.iter().map(|m| m.body.as_slice()).collect::<Vec<_>>(), [b"one", b"two"]);
    assert_eq!(store.outbox(waiting[0].id, 10).unwrap(), waiting[1..]);
    let done = waiting.iter().map(|m| m.id).collect();
    store.commit(&Batch { done, ..Batch::default() }).unwrap();
    assert!(store.outbox(0, 10).unwrap().is_empty());
    store.commit(&queue("three")).unwrap();
    assert!(store.outbox(0, 10).unwrap()[0].id > waiting[1].id);
}

/// Blobs: found under their digest, kept once.
fn blobs(store: &mut dyn Store) {
    let id = store.put_blob(b"segment").unwrap();
    assert_eq!(store.put_blob(b"segment").unwrap(), id);
    assert_eq!(store.blob(&id).unwrap().unwrap(), b"segment");
    assert_eq!(store.blob(&[0; 32]).unwrap(), None);
}

macro_rules! conformance {
    ($($case:ident),*) => { $(
        mod $case {
            use super::*;
            #[test]
            fn in_memory() {
                super::$case(&mut MemoryStore::default());
            }
            #[test]
            fn in_sqlite() {
                let dir = TempDir::new();
                super::$case(&mut SqliteStore::open(&dir.path().join("fleet.db")).unwrap());
            }
            #[test]
            fn behind_faults() {
                super::$case(&mut FaultyStore::new(MemoryStore::default(), FaultPlan::healthy()));
            }
        }
    )* };
}
conformance!(ledger, rows, outbox, blobs);

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    /// Both backends agree on whatever is committed, also on what they refuse and on the hashes.
    #[test]
    fn backends_agree(steps in prop::collection::vec((0_u8..3, 0_u64..6, 0_usize..3, 0_u8..4), 1..40)) {
        let dir = TempDir::new();
        let path = dir.path().join("fleet.db");
        let mut sqlite = SqliteStore::open(&path).unwrap();
        let mut memory = MemoryStore::default();
        for (key, expected, n, row) in steps {
            let key = format!("k{key}");
            let texts = ["x", "y", "z"];
            let mut batch = append(&key, expected, &texts[..n]);
            batch.put("t", &format!("r{row}"), vec![row]);
            batch.messages.push(("m".into(), vec![row]));
            if row == 3 { batch.deletes.push(("t".into(), "r0".into())); batch.done.push(1); }
            let (a, b) = (sqlite.commit(&batch), memory.commit(&batch));
            prop_assert_eq!(a.is_ok(), b.is_ok());
            prop_assert_eq!(sqlite.head(), memory.head());
        }
        prop_assert_eq!(sqlite.read(0, 1000).unwrap(), memory.read(0, 1000).unwrap());
        prop_assert_eq!(sqlite.rows("t", "", 1000).unwrap(), memory.rows("t", "", 1000).unwrap());
        prop_assert_eq!(sqlite.outbox(0, 1000).unwrap(), memory.outbox(0, 1000).unwrap());
        let head = verify(&sqlite).unwrap();
        drop(sqlite);
        let again = SqliteStore::open(&path).unwrap();
        prop_assert_eq!(again.head(), head);
        prop_assert_eq!(verify(&again).unwrap(), head);
    }
}

#[test]
fn a_full_disk_changes_nothing_and_heals() {
    let plan = FaultPlan::healthy();
    let mut store = FaultyStore::new(MemoryStore::default(), plan.clone());
    plan.fill_disk_after(1);
    store.commit(&append("a", 0, &["one"])).unwrap();
    assert!(matches!(store.commit(&append("a", 1, &["two"])), Err(StoreError::Full)));
    assert_eq!(bodies(&store, 0), ["one"]);
    plan.free_disk();
    store.commit(&append("a", 1, &["two"])).unwrap();
    assert_eq!(bodies(&store, 0), ["one", "two"]);
}

#[test]
fn a_really_full_file_is_reported_as_full() {
    let dir = TempDir::new();
    let path = dir.path().join("fleet.db");
    let mut store = SqliteStore::open(&path).unwrap();
    store.commit(&append("a", 0, &["one"])).unwrap();
    store.limit_pages(40).unwrap();
    let big = "x".repeat(400_000);
    assert!(matches!(store.commit(&append("a", 1, &[&big])), Err(StoreError::Full)));
    store.commit(&append("a", 1, &["two"])).unwrap();
    assert_eq!(bodies(&store, 0), ["one", "two"]);
    assert_eq!(verify(&store).unwrap().position, 2);
}

#[test]
fn a_changed_entry_is_found() {
    let dir = TempDir::new();
    let path = dir.path().join("fleet.db");
    let mut store = SqliteStore::open(&path).unwrap();
    store.commit(&append("a", 0, &["one", "two", "three"])).unwrap();
    drop(store);
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.execute("UPDATE ledger SET body = x'00' WHERE position = 2", []).unwrap();
    drop(connection);
    let error = verify(&SqliteStore::open(&path).unwrap()).unwrap_err();
    assert_eq!(error.to_string(), "the store is damaged: entry 2 does not match its hash");
}

#[test]
fn foreign_and_broken_files_are_refused() {
    let dir = TempDir::new();
    let path = dir.path().join("fleet.db");
    std::fs::write(&path, vec![7_u8; 8192]).unwrap();
    assert!(matches!(SqliteStore::open(&path), Err(StoreError::Corrupt(_))));
    std::fs::remove_file(&path).unwrap();
    rusqlite::Connection::open(&path).unwrap().execute("CREATE TABLE x (y)", []).unwrap();
    assert!(matches!(SqliteStore::open(&path), Err(StoreError::Corrupt(_))));
    std::fs::remove_file(&path).unwrap();
    drop(SqliteStore::open(&path).unwrap());
    rusqlite::Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    assert!(matches!(SqliteStore::open(&path), Err(StoreError::Schema { found: 99, .. })));
    assert!(matches!(SqliteStore::open(dir.path()), Err(StoreError::Backend(_))));
}

#[test]
fn what_is_appended_while_a_ledger_is_checked_is_no_damage() {
    let dir = TempDir::new();
    let path = dir.path().join("fleet.db");
    let mut writer = SqliteStore::open(&path).unwrap();
    writer.commit(&append("a", 0, &["one"])).unwrap();
    let reader = SqliteStore::open(&path).unwrap();
    writer.commit(&append("a", 1, &["two", "three"])).unwrap();
    assert_eq!(verify(&reader).unwrap().position, 1);
    assert_eq!(verify(&writer).unwrap().position, 3);
}
