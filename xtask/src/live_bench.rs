//! What a live server costs: processor time, lag, and bytes to each viewer.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use serde_json::{Value, json};

use crate::server::Server;
use crate::shell::{built, say, sh, words};

const USAGE: &str = "usage: cargo xtask live-bench [--viewers N] [--speed X] [--from HH:MM] \
    [--seconds S] [-- ARGS of robovan up]";

/// Clock ticks of `/proc/PID/stat` in a second; a constant of Linux's interface.
const TICKS_PER_S: f64 = 100.0;
/// Speed at which the time before the measured one passes.
const FAST: f64 = 200.0;
/// Longest wait for the measured time to come.
const WARM_MAX: Duration = Duration::from_secs(1800);
/// Time between two looks at the clock.
const POLL: Duration = Duration::from_millis(500);

/// What is to be measured.
struct Bench {
    n_viewers: usize,
    speed: f64,
    /// Seconds of the day.
    from_s: i64,
    seconds: f64,
    up_args: Vec<String>,
}

/// Runs a server with viewers and prints what it cost, as JSON.
pub(crate) fn run(args: &[String]) -> anyhow::Result<()> {
    let bench = parse(args)?;
    sh(&mut words("cargo build --release --package robovan"))?;
    let data_dir = Path::new("target/live-bench");
    if data_dir.exists() {
        std::fs::remove_dir_all(data_dir)?;
    }
    let mut up = Command::new(built("release", "robovan")?);
    up.args(["up", "--listen", "127.0.0.1:0", "--data-dir"]).arg(data_dir).args(&bench.up_args);
    let server = Server::start(&mut up)?;
    say("running the time before");
    let warmed = Instant::now();
    server.call("POST", "sim/speed", Some(&json!({ "factor": FAST })))?;
    while server.call("GET", "sim", None)?["now_ms"].as_i64().unwrap_or(0) / 1000 % 86_400
        < bench.from_s
    {
        ensure!(warmed.elapsed() < WARM_MAX, "the measured time does not come");
        std::thread::sleep(POLL);
    }
    server.call("POST", "sim/speed", Some(&json!({ "factor": bench.speed })))?;
    let measured = measure(&server, &bench)?;
    let mut out = std::io::stdout().lock();
    Ok(writeln!(out, "{}", serde_json::to_string_pretty(&measured)?)?)
}

fn parse(args: &[String]) -> anyhow::Result<Bench> {
    let mut bench =
        Bench { n_viewers: 0, speed: 1.0, from_s: 9 * 3600, seconds: 60.0, up_args: Vec::new() };
    let mut rest = args.iter();
    while let Some(name) = rest.next() {
        if name == "--" {
            bench.up_args = rest.cloned().collect();
            break;
        }
        let value = rest.next().context(USAGE)?;
        match name.as_str() {
            "--viewers" => bench.n_viewers = value.parse()?,
            "--speed" => bench.speed = value.parse()?,
            "--seconds" => bench.seconds = value.parse()?,
            "--from" => {
                let (hours, minutes) = value.split_once(':').context(USAGE)?;
                bench.from_s = hours.parse::<i64>()? * 3600 + minutes.parse::<i64>()? * 60;
            }
            _ => bail!(USAGE),
        }
    }
    Ok(bench)
}

fn measure(server: &Server, bench: &Bench) -> anyhow::Result<Value> {
    let viewers: Vec<Viewer> =
        (0..bench.n_viewers).map(|_| Viewer::open(server)).collect::<Result<_, _>>()?;
    // The first frames are whole and the caches cold.
    std::thread::sleep(Duration::from_secs(3));
    let clock = || -> anyhow::Result<i64> {
        server.call("GET", "sim", None)?["now_ms"].as_i64().context("no clock")
    };
    let (cpu_before_s, clock_before_ms) = (cpu_s(server.id())?, clock()?);
    let bytes_before: Vec<u64> = viewers.iter().map(|v| v.n_bytes.load(Relaxed)).collect();
    let began = Instant::now();
    let mut lag_s_max = 0.0_f64;
    while began.elapsed().as_secs_f64() < bench.seconds {
        std::thread::sleep(POLL);
        lag_s_max =
            lag_s_max.max(server.call("GET", "sim", None)?["lag_s"].as_f64().unwrap_or(0.0));
    }
    let wall_s = began.elapsed().as_secs_f64();
    let cpu_used_s = cpu_s(server.id())? - cpu_before_s;
    let passed_s = (clock()? - clock_before_ms) as f64 / 1000.0;
    let rates = viewers.iter().zip(&bytes_before).map(|(v, b)| v.n_bytes.load(Relaxed) - b);
    let bytes_max = rates.max().unwrap_or(0);
    let kpi = server.call("GET", "kpi", None)?;
    Ok(json!({
        "cpu_s_per_s": round(cpu_used_s / wall_s),
        "speed": bench.speed,
        "speed_reached": round(passed_s / wall_s),
        "lag_s_max": round(lag_s_max),
        "n_viewers": bench.n_viewers,
        "viewer_kb_per_s_max": round(bytes_max as f64 / 1000.0 / wall_s),
        "rss_mb": round(rss_mb(server.id())?),
        "n_vans": kpi["vans_total"],
        "n_vans_driving": kpi["vans_driving"],
        "n_pending": kpi["pending"],
        "n_delivered": kpi["delivered"],
        "wall_s": round(wall_s),
    }))
}

fn round(x: f64) -> f64 {
    (x * 1000.0).round() / 1000.0
}

/// Processor time that a process has used, user and system.
fn cpu_s(pid: u32) -> anyhow::Result<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name in brackets may hold anything; fields are counted behind it (proc(5): 14 and 15).
    let (_, rest) = stat.rsplit_once(')').context("no process name")?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let ticks =
        |idx: usize| fields.get(idx).context("too few fields")?.parse::<f64>().context("no number");
    Ok((ticks(11)? + ticks(12)?) / TICKS_PER_S)
}

fn rss_mb(pid: u32) -> anyhow::Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:")).context("no VmRSS")?;
    let kb: f64 = line.split_whitespace().next().context("no number")?.parse()?;
    Ok(kb / 1000.0)
}

/// A viewer of the whole city that counts what it is sent.
struct Viewer {
    n_bytes: Arc<AtomicU64>,
    is_over: Arc<AtomicBool>,
}

impl Viewer {
    fn open(server: &Server) -> anyhow::Result<Self> {
        let mut stream = TcpStream::connect(server.address())?;
        let (address, token) = (server.address(), server.token());
        write!(
            stream,
            "GET /api/v1/live?token={token} HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\n\
             Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )?;
        let bbox = "{\"type\":\"subscribe\",\"bbox\":[-180,-85,180,85],\"zoom\":10}";
        // A text frame, masked with zeros, as a client's must be.
        let mut frame = vec![0x81, 0x80 | bbox.len() as u8, 0, 0, 0, 0];
        frame.extend_from_slice(bbox.as_bytes());
        stream.write_all(&frame)?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        let n_bytes = Arc::new(AtomicU64::new(0));
        let is_over = Arc::new(AtomicBool::new(false));
        let (counted, over) = (Arc::clone(&n_bytes), Arc::clone(&is_over));
        std::thread::spawn(move || {
            let mut buffer = vec![0; 64 << 10];
            while let Ok(n @ 1..) = stream.read(&mut buffer) {
                counted.fetch_add(n as u64, Relaxed);
                if over.load(Relaxed) {
                    return;
                }
            }
        });
        Ok(Self { n_bytes, is_over })
    }
}

impl Drop for Viewer {
    fn drop(&mut self) {
        self.is_over.store(true, Relaxed);
    }
}
