//! Text files named on the command line.

use std::io::Read as _;
use std::path::Path;

use crate::output::{HintExt, error_with_hint};

/// Reads a whole text of at most `bytes_max` bytes.
pub(crate) fn read_text(path: &Path, bytes_max: u64) -> anyhow::Result<String> {
    let problem = || format!("cannot read {}", path.display());
    let too_long = |what: String| {
        let hint = format!("files up to {bytes_max} bytes are read");
        error_with_hint(format!("{} has {what}", path.display()), hint)
    };
    let file = std::fs::File::open(path).hint(problem(), "check the path")?;
    let n_bytes = file.metadata().hint(problem(), "check the path")?.len();
    if n_bytes > bytes_max {
        return Err(too_long(format!("{n_bytes} bytes")));
    }
    // Pipes and devices do not say how long they are.
    let mut text = String::new();
    let n_read = file
        .take(bytes_max + 1)
        .read_to_string(&mut text)
        .hint(problem(), "it must be a UTF-8 text")?;
    if n_read as u64 > bytes_max {
        return Err(too_long("more than that".into()));
    }
    Ok(text)
}

/// Writes a whole text.
pub(crate) fn write_text(path: &Path, text: &str) -> anyhow::Result<()> {
    std::fs::write(path, text)
        .hint(format!("cannot write {}", path.display()), "name a place that can be written")
}
