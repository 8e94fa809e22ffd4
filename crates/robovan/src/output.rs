//! What the command says: data to standard output, errors with hints to standard error.

use std::fmt;
use std::io::{self, Write};
use std::process::ExitCode;

use serde::Serialize;

/// An error's advice to the user, carried in its context chain.
#[derive(Debug)]
struct Hint {
    problem: String,
    hint: String,
}

impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problem)
    }
}

/// An error with a message and a hint of what to do about it.
pub(crate) fn error_with_hint(
    problem: impl Into<String>,
    hint: impl Into<String>,
) -> anyhow::Error {
    anyhow::Error::msg("").context(Hint { problem: problem.into(), hint: hint.into() })
}

/// An error's message followed by those of its causes.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(&format!(": {inner}"));
        cause = inner.source();
    }
    text
}

/// Adds what was being done, and a hint, to a failed result.
pub(crate) trait HintExt<T> {
    /// Wraps the error in `problem` and shows `hint` below it.
    fn hint(self, problem: impl Into<String>, hint: impl Into<String>) -> anyhow::Result<T>;
}

impl<T, E: Into<anyhow::Error>> HintExt<T> for Result<T, E> {
    fn hint(self, problem: impl Into<String>, hint: impl Into<String>) -> anyhow::Result<T> {
        self.map_err(|error| {
            error.into().context(Hint { problem: problem.into(), hint: hint.into() })
        })
    }
}

/// Prints an error as `error: what: why`, then its hints, and gives exit code 2.
pub(crate) fn report(error: &anyhow::Error) -> ExitCode {
    let causes: Vec<String> =
        error.chain().map(ToString::to_string).filter(|text| !text.is_empty()).collect();
    let mut text = format!("error: {}\n", causes.join(": "));
    if let Some(hint) = error.downcast_ref::<Hint>() {
        text.push_str(&format!("hint: {}\n", hint.hint));
    }
    // Nothing is left to tell if standard error is gone.
    let _ = io::stderr().write_all(text.as_bytes());
    ExitCode::from(2)
}

/// Tells the user something beside the data, on standard error.
pub(crate) fn note(text: &str) {
    // Nothing is left to tell if standard error is gone.
    let _ = io::stderr().write_all(format!("{text}\n").as_bytes());
}

/// Writes text to standard output; a reader that has gone away ends the command quietly.
pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => std::process::exit(0),
        other => Ok(other?),
    }
}

/// Writes a value to standard output as indented JSON with a newline.
pub(crate) fn print_json(value: &impl Serialize) -> anyhow::Result<()> {
    print(&(serde_json::to_string_pretty(value)? + "\n"))
}
