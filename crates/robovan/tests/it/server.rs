//! A running `robovan up`.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::http::Client;

/// The binary under test.
pub fn robovan() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_robovan"));
    // Settings of whoever runs the tests must not reach them.
    for (name, _) in std::env::vars() {
        if name.starts_with("ROBOVAN_") {
            command.env_remove(name);
        }
    }
    command
}

/// A server that is killed when the test ends.
pub struct Server {
    child: Child,
    pub client: Client,
}

impl Server {
    /// Starts on a free port and waits until it listens; what it said if it does not.
    pub fn start(data_dir: &Path, args: &[&str]) -> Result<Self, String> {
        let mut child = robovan()
            .args(["up", "--listen", "127.0.0.1:0", "--data-dir"])
            .arg(data_dir)
            .args(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut stderr = child.stderr.take().unwrap();
        let mut url = String::new();
        stdout.read_line(&mut url).unwrap();
        let parts = url.trim().strip_prefix("http://").and_then(|url| url.split_once("/#token="));
        let Some((address, token)) = parts else {
            let mut said = String::new();
            // Whatever it said is better than nothing.
            let _ = stderr.read_to_string(&mut said);
            let _ = child.wait();
            return Err(said);
        };
        // Read on, or it would block once the pipe is full.
        std::thread::spawn(move || std::io::copy(&mut stderr, &mut std::io::sink()));
        let client = Client::new(address.parse().unwrap(), token);
        Ok(Self { child, client })
    }

    /// Kills it without a warning, as `kill -9` does.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for its end and says whether it was a good one.
    pub fn wait(mut self) -> bool {
        self.child.wait().unwrap().success()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a command of the binary to its end.
pub fn run(args: &[&str], path: &Path) -> Output {
    robovan().args(args).arg(path).output().unwrap()
}

/// A directory that is deleted when the test ends.
pub struct TempDir(PathBuf);

impl TempDir {
    pub fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("robovan-{}-{n}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
