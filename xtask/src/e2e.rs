//! The console in a real browser against the real server.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, bail};

use crate::setup;
use crate::shell::{sh, words};

/// Most lines read while waiting for the server's address.
const LINES_MAX: usize = 200;

/// Starts a server on a free port with a fresh store, drives the console, and stops the server.
pub(crate) fn run() -> anyhow::Result<()> {
    setup::console()?;
    setup::chromium()?;
    sh(&mut words("cargo build --package robovan"))?;
    let folder = std::path::Path::new("target/e2e");
    if folder.exists() {
        std::fs::remove_dir_all(folder)?;
    }
    std::fs::create_dir_all(folder)?;
    let mut server = Server(
        Command::new("target/debug/robovan")
            .args(["up", "--listen", "127.0.0.1:0", "--vans", "20", "--parcels", "1500"])
            .args(["--speed", "30", "--data-dir"])
            .arg(folder.join("data"))
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start the server")?,
    );
    let url = server.url()?;
    let (base, token) = url.split_once("/#token=").context("the server's URL has no token")?;
    sh(words("npm run e2e --silent -- --only access")
        .args(["--base-url", base, "--token", token])
        .current_dir("console"))
}

/// A server that is stopped when it is dropped.
struct Server(Child);

impl Server {
    /// Reads standard output up to the line that has the URL.
    fn url(&mut self) -> anyhow::Result<String> {
        let stdout = self.0.stdout.take().context("the server's output is read once")?;
        let mut lines = BufReader::new(stdout).lines();
        for line in lines.by_ref().take(LINES_MAX) {
            let line = line?;
            if let Some(url) = line.split_whitespace().find(|word| word.starts_with("http://")) {
                let url = url.to_string();
                // Keep the pipe open and empty, so that the server never writes into a closed one.
                std::thread::spawn(move || lines.for_each(drop));
                return Ok(url);
            }
        }
        bail!("the server ended without printing its URL")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself, and then there is nothing to stop.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
