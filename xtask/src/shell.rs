//! Running other programs.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, bail};

/// The workspace's root.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("xtask lies in the workspace's root")
        .to_path_buf()
}

/// Tells the user something.
pub(crate) fn say(text: &str) {
    // Nothing is left to tell if standard error is gone.
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// A binary that cargo has built, wherever this machine lets it build.
pub(crate) fn built(profile: &str, name: &str) -> anyhow::Result<PathBuf> {
    let output = words("cargo metadata --no-deps --format-version 1").output()?;
    let metadata: serde_json::Value =
        serde_json::from_slice(&output.stdout).context("cargo describes no workspace")?;
    let folder = metadata["target_directory"].as_str().context("cargo names no target folder")?;
    Ok(Path::new(folder).join(profile).join(name))
}

/// A command from a line of words.
pub(crate) fn words(line: &str) -> Command {
    let mut parts = line.split_whitespace();
    let mut command = Command::new(parts.next().expect("a command line has a first word"));
    command.args(parts);
    command
}

/// Runs a command to its end; fails if it does.
pub(crate) fn sh(command: &mut Command) -> anyhow::Result<()> {
    let line = describe(command);
    let status = command.status().with_context(|| format!("cannot run `{line}`"))?;
    if !status.success() {
        bail!("`{line}` failed ({status})");
    }
    Ok(())
}

/// True if a program answers to `--version`.
pub(crate) fn exists(program: &str) -> bool {
    Command::new(program)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

fn describe(command: &Command) -> String {
    std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|word| word.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}
