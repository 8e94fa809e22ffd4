//! Feeds mutated maps to every importer until the time is up.
//!
//! `cargo run --release -p rv_import --example fuzz -- SECONDS SEED FILE...` takes real maps of any
//! kind (.osm.pbf, .osm, .json, .xodr, .xml, .xosc, .gr, also gzipped) and changes them: bytes, pieces cut
//! out, doubled or moved, numbers replaced by odd ones, and in PBF files the unpacked blocks. A panic
//! or an import of more than ten seconds stops it; what it was given lies in `fuzz-case`.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program that people run")]

use std::io::{Cursor, Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use flate2::read::{MultiGzDecoder, ZlibDecoder};
use rv_base::Rng;
use rv_import::lanes::{LaneletOrigin, read_lanelet2, read_opendrive};
use rv_import::openscenario::{Files, Template, Variations};
use rv_import::{ImportOptions, build_city, build_dimacs, commonroad};

/// What stands for a number.
const ODD: [&str; 16] = [
    "NaN",
    "inf",
    "-inf",
    "1e308",
    "-1e308",
    "0",
    "-0",
    "-1",
    "1e-320",
    "",
    "x",
    "90.0",
    "-180.0",
    "9223372036854775807",
    "18446744073709551616",
    "91.0",
];
/// Longest time that an import may take.
const SLOW: Duration = Duration::from_secs(10);

struct Sample {
    name: String,
    bytes: Vec<u8>,
}

fn main() {
    let mut args = std::env::args().skip(1);
    let number = |text: Option<String>| text.and_then(|t| t.parse::<u64>().ok());
    let (Some(seconds), Some(seed)) = (number(args.next()), number(args.next())) else {
        eprintln!("usage: fuzz SECONDS SEED FILE...");
        std::process::exit(2);
    };
    let samples: Vec<Sample> = args.filter_map(|path| read(&path)).collect();
    if samples.is_empty() {
        eprintln!("no map to begin with");
        std::process::exit(2);
    }
    let mut rng = Rng::from_seed(seed);
    let started = Instant::now();
    let (mut n_runs, mut n_read) = (0_u64, 0_u64);
    while started.elapsed() < Duration::from_secs(seconds) {
        let sample = &samples[rng.below(samples.len())];
        let mut bytes = sample.bytes.clone();
        if sample.name.ends_with(".pbf") && rng.chance(0.8) {
            bytes = mutated_blocks(&bytes, &mut rng);
        } else {
            for _ in 0..1 + rng.below(6) {
                mutate(&mut bytes, &mut rng);
            }
        }
        let begun = Instant::now();
        let result = catch_unwind(AssertUnwindSafe(|| import(&sample.name, &bytes)));
        n_runs += 1;
        n_read += u64::from(matches!(result, Ok(true)));
        if result.is_err() || begun.elapsed() > SLOW {
            std::fs::write("fuzz-case", &bytes).expect("the case can be written");
            let took_s = begun.elapsed().as_secs_f64();
            println!("run {n_runs}, {}: panic or slow, {took_s:.1} s; see fuzz-case", sample.name);
            std::process::exit(1);
        }
    }
    println!("{n_runs} mutated maps of {}: no panic; {n_read} were still read", samples.len());
}

/// A map, unpacked.
fn read(path: &str) -> Option<Sample> {
    let mut bytes = std::fs::read(path).ok()?;
    let mut name = path.to_owned();
    if let Some(inner) = path.strip_suffix(".gz") {
        let mut unpacked = Vec::new();
        MultiGzDecoder::new(Cursor::new(bytes)).read_to_end(&mut unpacked).ok()?;
        (bytes, name) = (unpacked, inner.to_owned());
    }
    (!bytes.is_empty()).then_some(Sample { name, bytes })
}

/// A disk without catalogs.
struct NoFiles;

impl Files for NoFiles {
    fn file(&mut self, _: &str) -> Result<Vec<u8>, String> {
        Err("no such file".to_owned())
    }

    fn folder(&mut self, _: &str) -> Result<Vec<String>, String> {
        Err("no such folder".to_owned())
    }
}

/// True if something was read.
fn import(name: &str, bytes: &[u8]) -> bool {
    let city = || {
        let found = build_city(bytes, &ImportOptions::named("fuzz"));
        if let Ok((city, _)) = &found {
            assert_eq!(city.validate(), Ok(()));
        }
        found.is_ok()
    };
    if name.ends_with(".xodr") {
        read_opendrive(bytes).is_ok()
    } else if name.ends_with(".gr") {
        build_dimacs(bytes, "fuzz", 1).is_ok_and(|city| city.graph.n_edges() > 0)
    } else if name.ends_with(".xosc") {
        let scenario = Template::read(bytes, &mut NoFiles).is_ok_and(|t| t.scenario(&[]).is_ok());
        scenario | Variations::read(bytes).is_ok()
    } else if name.ends_with(".xml") {
        commonroad::read_scenario(bytes).is_ok()
    } else if name.contains("lanelet") {
        read_lanelet2(bytes, LaneletOrigin::Map).is_ok() | city()
    } else {
        city()
    }
}

fn mutate(bytes: &mut Vec<u8>, rng: &mut Rng) {
    if bytes.is_empty() {
        return;
    }
    let at = rng.below(bytes.len());
    let piece = at..(at + 1 + rng.below(200)).min(bytes.len());
    match rng.below(8) {
        0 => bytes[at] ^= 1 << rng.below(8),
        1 => bytes[at] = rng.below(256) as u8,
        2 => drop(bytes.drain(piece)),
        3 => {
            let double = bytes[piece].to_vec();
            bytes.splice(at..at, double);
        }
        4 => {
            let moved: Vec<u8> = bytes.drain(piece).collect();
            let to = rng.below(bytes.len() + 1);
            bytes.splice(to..to, moved);
        }
        5 if rng.chance(0.1) => bytes.truncate(at),
        _ => odd_number(bytes, at, rng),
    }
}

/// Replaces the next number behind a place by an odd one.
fn odd_number(bytes: &mut Vec<u8>, at: usize, rng: &mut Rng) {
    let is_number = |byte: &u8| byte.is_ascii_digit() || b".-+eE".contains(byte);
    let Some(from) = bytes[at..].iter().position(u8::is_ascii_digit).map(|n| at + n) else {
        return;
    };
    let until = bytes[from..].iter().position(|b| !is_number(b)).map_or(bytes.len(), |n| from + n);
    bytes.splice(from..until, rng.choose(&ODD).copied().unwrap_or("0").bytes());
}

/// A PBF file with its blocks unpacked, mutated, and wrapped again.
fn mutated_blocks(bytes: &[u8], rng: &mut Rng) -> Vec<u8> {
    let mut out = Vec::new();
    let mut at = 0;
    while at + 4 < bytes.len() {
        let n =
            u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]) as usize;
        let Some(header) = bytes.get(at + 4..at + 4 + n) else { break };
        let fields = fields(header);
        let kind = fields.iter().find(|f| f.0 == 1).map_or(&b""[..], |f| f.2);
        let size = fields.iter().find(|f| f.0 == 3).map_or(0, |f| f.1 as usize);
        let Some(blob) = bytes.get(at + 4 + n..at + 4 + n + size) else { break };
        at += 4 + n + size;
        let mut block = Vec::new();
        for (field, _, data) in crate::fields(blob) {
            match field {
                1 => block = data.to_vec(),
                3 => drop(ZlibDecoder::new(data).read_to_end(&mut block)),
                _ => {}
            }
        }
        for _ in 0..rng.below(4) {
            mutate(&mut block, rng);
        }
        let mut blob = Vec::new();
        put_bytes(&mut blob, 1, &block);
        let mut header = Vec::new();
        put_bytes(&mut header, 1, kind);
        put_varint(&mut header, 3 << 3);
        put_varint(&mut header, blob.len() as u64);
        out.write_all(&(header.len() as u32).to_be_bytes()).expect("memory takes all");
        out.extend_from_slice(&header);
        out.extend_from_slice(&blob);
    }
    out
}

/// The fields of a protocol-buffer message: number, value, bytes.
fn fields(mut data: &[u8]) -> Vec<(u64, u64, &[u8])> {
    let mut found = Vec::new();
    while let Some(key) = varint(&mut data) {
        let Some(value) = varint(&mut data) else { break };
        let mut bytes = &b""[..];
        if key & 7 == 2 {
            let n = (value as usize).min(data.len());
            (bytes, data) = data.split_at(n);
        }
        found.push((key >> 3, value, bytes));
    }
    found
}

fn varint(data: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = data.split_first()?;
        *data = rest;
        value |= u64::from(byte & 127) << shift;
        if byte & 128 == 0 {
            return Some(value);
        }
    }
    None
}

fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value > 127 {
        out.push(value as u8 | 128);
        value >>= 7;
    }
    out.push(value as u8);
}

fn put_bytes(out: &mut Vec<u8>, field: u64, bytes: &[u8]) {
    put_varint(out, field << 3 | 2);
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}
