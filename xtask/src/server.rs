//! A `robovan up` of the project's own, for tests and measurements.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::Value;

/// Most lines read while waiting for the server's address.
const LINES_MAX: usize = 200;

/// A server that is stopped when it is dropped.
pub(crate) struct Server {
    child: Child,
    address: SocketAddr,
    token: String,
}

impl Server {
    /// Starts `robovan up` and waits until it listens.
    pub(crate) fn start(up: &mut Command) -> anyhow::Result<Self> {
        let mut child = up.stdout(Stdio::piped()).spawn().context("cannot start the server")?;
        let stdout = child.stdout.take().context("the server's output is read once")?;
        let mut lines = BufReader::new(stdout).lines();
        for line in lines.by_ref().take(LINES_MAX) {
            let line = line?;
            let Some((address, token)) =
                line.strip_prefix("http://").and_then(|url| url.split_once("/#token="))
            else {
                continue;
            };
            let (address, token) = (address.parse()?, token.trim().to_owned());
            // Keep the pipe open and empty, so that the server never writes into a closed one.
            std::thread::spawn(move || lines.for_each(drop));
            return Ok(Self { child, address, token });
        }
        // It has ended by itself.
        let _ = child.wait();
        bail!("the server ended without printing its URL")
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The admin's token.
    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    /// The process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Calls its API with the admin's token; fails unless it answers with a 200.
    pub(crate) fn call(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> anyhow::Result<Value> {
        let mut stream = TcpStream::connect(self.address)?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        let body = body.map_or_else(String::new, Value::to_string);
        write!(
            stream,
            "{method} /api/v1/{path} HTTP/1.0\r\nHost: {}\r\nAuthorization: Bearer {}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.address,
            self.token,
            body.len(),
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let (head, body) = answer.split_once("\r\n\r\n").context("no whole answer")?;
        if !head.starts_with("HTTP/1.0 200") {
            bail!("{method} {path}: {answer}");
        }
        Ok(serde_json::from_str(body)?)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself, and then there is nothing to stop.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
