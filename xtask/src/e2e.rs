//! The console in a real browser against the real server.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, bail};

use crate::server::Server;
use crate::setup;
use crate::shell::{built, sh, words};

/// Starts a server on a free port with a fresh store, drives the console, and stops the server.
pub(crate) fn run() -> anyhow::Result<()> {
    setup::console()?;
    setup::chromium()?;
    sh(&mut words("cargo build --package robovan"))?;
    let folder = Path::new("target/e2e");
    if folder.exists() {
        std::fs::remove_dir_all(folder)?;
    }
    std::fs::create_dir_all(folder)?;
    let data_dir = folder.join("data");
    let mut tokens = Vec::new();
    for role in ["viewer", "operator", "tenant"] {
        tokens.push(format!("--{role}-token"));
        tokens.push(add_token(&data_dir, role)?);
    }
    let mut up = Command::new(built("debug", "robovan")?);
    up.args(["up", "--listen", "127.0.0.1:0", "--vans", "20", "--parcels", "1500"])
        .args(["--speed", "30", "--detailed-vans", "10", "--data-dir"])
        .arg(&data_dir);
    let server = Server::start(&mut up)?;
    let base = format!("http://{}", server.address());
    sh(words("npm run e2e --silent --")
        .args(["--base-url", &base, "--token", server.token()])
        .args(["--shots", "../target/e2e/shots"])
        .args(tokens)
        .current_dir("console"))
}

/// A lasting token of a role.
fn add_token(data_dir: &Path, role: &str) -> anyhow::Result<String> {
    let mut add = Command::new(built("debug", "robovan")?);
    add.args(["token", "add", "--name", role, "--role", role, "--data-dir"]).arg(data_dir);
    if role == "tenant" {
        add.args(["--tenant-id", "1"]);
    }
    let output = add.stderr(Stdio::inherit()).output().context("cannot run `robovan token`")?;
    if !output.status.success() {
        bail!("`robovan token add` failed");
    }
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}
