//! What survives a loss of power.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::PathBuf;

/// Keeps the newest state of the vehicle.
pub trait Memory {
    /// Replaces what is kept; it is durable on return.
    fn save(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// What was saved last, if anything ever was.
    fn load(&mut self) -> io::Result<Option<Vec<u8>>>;
}

/// A memory in one file, replaced whole: after a loss of power there is the old or the new state,
/// never a mixture.
#[derive(Debug)]
pub struct FileMemory {
    path: PathBuf,
}

impl FileMemory {
    /// A memory at a path whose folder exists.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }
}

impl Memory for FileMemory {
    fn save(&mut self, bytes: &[u8]) -> io::Result<()> {
        let next = self.path.with_extension("next");
        let mut file = File::create(&next)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&next, &self.path)?;
        let folder = self.path.parent().filter(|p| !p.as_os_str().is_empty());
        File::open(folder.unwrap_or_else(|| ".".as_ref()))?.sync_all()
    }

    fn load(&mut self) -> io::Result<Option<Vec<u8>>> {
        match fs::read(&self.path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(e),
        }
    }
}
