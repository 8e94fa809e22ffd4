//! A server that is killed at random moments under load keeps what it acknowledged.
//!
//! The client stands outside and writes down every acknowledged order and every ledger record that
//! it was shown. After each restart it goes on; in the end all of it must stand in the ledger,
//! once, as it was. `ROBOVAN_KILLS` sets how often the server is killed, `ROBOVAN_KILL_SEED` when.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::process::Command;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use rv_base::{Rng, TenantId};
use rv_fleet::Event;
use rv_server::ledger::Source;
use serde_json::{Value, json};

use crate::http::Client;
use crate::server::{Server, TempDir, run};

/// A fleet that has something to do all the time.
const ARGS: [&str; 6] = ["--vans", "60", "--parcels", "1000", "--speed", "20"];

/// What the client was told.
#[derive(Default)]
struct Notes {
    /// Key to id, of orders whose acknowledgement arrived.
    acknowledged: BTreeMap<String, u64>,
    /// Requests of which no answer arrived; they are repeated.
    in_doubt: Vec<Value>,
    /// Ledger records that were shown, by position.
    shown: Vec<Value>,
    n_repeats: u32,
    next_key: u64,
}

fn order(notes: &mut Notes, rng: &mut Rng) -> Value {
    notes.next_key += 1;
    json!({
        "key": format!("crash-{}", notes.next_key), "tenant_id": rng.below(3),
        "place_id": rng.below(200), "n_parcels": 1 + rng.below(3), "mass_kg": 2.0,
    })
}

/// Keeps placing and reading until the server is gone.
fn load(client: &mut Client, notes: &mut Notes, rng: &mut Rng) -> std::io::Error {
    loop {
        let result = match rng.below(10) {
            0..=5 => place(client, notes, rng),
            6 => place_bulk(client, notes, rng),
            7 => repeat(client, notes, rng),
            _ => read_on(client, notes),
        };
        if let Err(error) = result {
            return error;
        }
    }
}

fn place(client: &mut Client, notes: &mut Notes, rng: &mut Rng) -> std::io::Result<()> {
    let doubtful = notes.in_doubt.pop();
    let order = doubtful.unwrap_or_else(|| order(notes, rng));
    let answer = client.call("POST", "/orders", Some(&order));
    let (status, body) = answer.inspect_err(|_| notes.in_doubt.push(order.clone()))?;
    match status {
        200 | 201 => acknowledge(notes, &order["key"], &body["id"]),
        // Refused for a reason of the fleet, such as no van left; or too fast.
        422 | 429 | 503 => {}
        _ => panic!("{order} was answered {status} {body}"),
    }
    Ok(())
}

fn place_bulk(client: &mut Client, notes: &mut Notes, rng: &mut Rng) -> std::io::Result<()> {
    let orders: Vec<Value> = (0..20).map(|_| order(notes, rng)).collect();
    let body = json!({ "orders": orders });
    let answer = client.call("POST", "/orders/bulk", Some(&body));
    let (_, body) = answer.inspect_err(|_| notes.in_doubt.extend(orders))?;
    for accepted in body["accepted"].as_array().into_iter().flatten() {
        acknowledge(notes, &accepted["key"], &accepted["id"]);
    }
    Ok(())
}

/// An acknowledged order is there, under its key and id.
fn repeat(client: &mut Client, notes: &mut Notes, rng: &mut Rng) -> std::io::Result<()> {
    if notes.acknowledged.is_empty() {
        return Ok(());
    }
    let nth = rng.below(notes.acknowledged.len());
    let (key, id) = notes.acknowledged.iter().nth(nth).unwrap();
    let (status, body) = client.call("GET", &format!("/orders/{id}"), None)?;
    if status != 429 && status != 503 {
        assert_eq!((status, &body["key"]), (200, &json!(key)), "order {id} is lost");
        notes.n_repeats += 1;
    }
    Ok(())
}

fn read_on(client: &mut Client, notes: &mut Notes) -> std::io::Result<()> {
    let path = format!("/ledger?after={}&limit=500", notes.shown.len());
    let (_, body) = client.call("GET", &path, None)?;
    for record in body["items"].as_array().into_iter().flatten() {
        assert_eq!(record["position"], notes.shown.len());
        notes.shown.push(record.clone());
    }
    Ok(())
}

fn acknowledge(notes: &mut Notes, key: &Value, id: &Value) {
    let (key, id) = (key.as_str().unwrap().to_owned(), id.as_u64().unwrap());
    let before = notes.acknowledged.insert(key.clone(), id);
    assert!(before.is_none_or(|old| old == id), "{key} has two ids, {before:?} and {id}");
}

/// Runs the server once, kills it after `alive`, and returns how long it served.
fn one_life(data_dir: &std::path::Path, notes: &mut Notes, rng: &mut Rng, alive: Duration) {
    let server = Server::start(data_dir, &ARGS).unwrap();
    let id = server.id();
    let (done, is_done) = mpsc::channel::<()>();
    let killer = std::thread::spawn(move || {
        // Either the time is over or the client has ended early.
        let _ = is_done.recv_timeout(alive);
        Command::new("kill").args(["-9", &id.to_string()]).status().unwrap();
    });
    let mut server = server;
    load(&mut server.client, notes, rng);
    drop(done);
    killer.join().unwrap();
    server.kill();
}

#[test]
fn nothing_acknowledged_is_lost_or_doubled_by_kills() {
    let n_kills: u32 = std::env::var("ROBOVAN_KILLS").map_or(3, |n| n.parse().unwrap());
    let seed: u64 = std::env::var("ROBOVAN_KILL_SEED").map_or(1, |n| n.parse().unwrap());
    let mut rng = Rng::from_seed(seed);
    let dir = TempDir::new();
    let mut notes = Notes::default();
    let began = Instant::now();
    for _ in 0..n_kills {
        let alive = Duration::from_millis(100 + rng.below(1500) as u64);
        one_life(dir.path(), &mut notes, &mut rng, alive);
    }
    let n_records = compare(dir.path(), &notes);
    let verdict = run(&["ledger", "verify", "--json"], dir.path());
    let said = String::from_utf8_lossy(&verdict.stdout);
    assert!(verdict.status.success(), "{said}{}", String::from_utf8_lossy(&verdict.stderr));
    println!(
        "{n_kills} kills in {:.0} s, seed {seed}: {} orders acknowledged, {} looked up again, {} \
         records shown of {n_records}; all there, once",
        began.elapsed().as_secs_f64(),
        notes.acknowledged.len(),
        notes.n_repeats,
        notes.shown.len(),
    );
    assert!(!notes.acknowledged.is_empty() && !notes.shown.is_empty());
}

/// Holds the notes against the ledger; returns its length.
fn compare(data_dir: &std::path::Path, notes: &Notes) -> u64 {
    // Keys belong to tenants; those of this client are its own.
    let mut orders = BTreeMap::<(String, TenantId), Vec<u64>>::new();
    let source = Source::open(data_dir).unwrap();
    let tail = source.each(|record| {
        if let Some(shown) = notes.shown.get(record.position as usize) {
            assert_eq!(shown["t_ms"], record.at.0, "record {}", record.position);
            // By way of text, as the shown one came.
            let text = serde_json::to_string(&record.event).unwrap();
            let event: Value = serde_json::from_str(&text).unwrap();
            assert!(shown["event"] == event, "record {} is another: {text}", record.position);
        }
        if let Event::OrderAccepted { order, .. } = &record.event {
            let key = (order.request.key.clone(), order.request.tenant);
            orders.entry(key).or_default().push(order.id.0);
        }
        ControlFlow::Continue(())
    });
    for (key, id) in &notes.acknowledged {
        let of_key = (key.clone(), TenantId(0))..=(key.clone(), TenantId(u16::MAX));
        let found: Vec<u64> = orders.range(of_key).flat_map(|(_, ids)| ids).copied().collect();
        assert_eq!(found, [*id], "{key} was acknowledged as {id}");
    }
    let doubled: Vec<_> = orders.iter().filter(|(_, ids)| ids.len() != 1).collect();
    assert!(doubled.is_empty(), "accepted twice: {doubled:?}");
    let tail = tail.unwrap();
    assert!(tail.n_records >= notes.shown.len() as u64, "records that were shown are lost");
    tail.n_records
}

#[test]
fn a_clean_stop_resumes_and_bad_starts_say_why() {
    let dir = TempDir::new();
    let mut server = Server::start(dir.path(), &ARGS).unwrap();
    let (_, before) = server.client.call("GET", "/sim", None).unwrap();
    let second = Server::start(dir.path(), &ARGS).err().unwrap();
    assert!(second.contains("in use by another process") && second.contains("hint:"), "{second}");
    let id = server.id().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    assert!(server.wait(), "it ends well when asked to");
    let mut server = Server::start(dir.path(), &ARGS).unwrap();
    let (_, after) = server.client.call("GET", "/sim", None).unwrap();
    assert!(after["now_ms"].as_i64() >= before["now_ms"].as_i64(), "{before} {after}");
    server.kill();
    let replay = || run(&["ledger", "replay", "--json"], dir.path()).stdout;
    let first: Value = serde_json::from_slice(&replay()).unwrap();
    assert_eq!(first["state_sha256"].as_str().unwrap().len(), 64);
    assert_eq!(serde_json::from_slice::<Value>(&replay()).unwrap(), first);
    std::fs::write(dir.path().join("fleet.db"), vec![9_u8; 5000]).unwrap();
    let broken = Server::start(dir.path(), &ARGS).err().unwrap();
    assert!(broken.contains("damaged") && broken.contains("hint:"), "{broken}");
}
