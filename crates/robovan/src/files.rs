//! Text files named on the command line.

use std::path::Path;

use crate::output::{HintExt, error_with_hint};

/// Reads a whole text of at most `bytes_max` bytes.
pub(crate) fn read_text(path: &Path, bytes_max: u64) -> anyhow::Result<String> {
    let problem = || format!("cannot read {}", path.display());
    let n_bytes = std::fs::metadata(path).hint(problem(), "check the path")?.len();
    if n_bytes > bytes_max {
        return Err(error_with_hint(
            format!("{} has {n_bytes} bytes", path.display()),
            format!("files up to {bytes_max} bytes are read"),
        ));
    }
    std::fs::read_to_string(path).hint(problem(), "it must be a UTF-8 text")
}

/// Writes a whole text.
pub(crate) fn write_text(path: &Path, text: &str) -> anyhow::Result<()> {
    std::fs::write(path, text)
        .hint(format!("cannot write {}", path.display()), "name a place that can be written")
}
