//! The data directory: one store, the token file and a lock that keeps a second server out.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use crate::store::{SqliteStore, StoreError};

/// A data directory that this process alone writes to, until it is dropped.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    /// Held, never read: closing it opens the lock.
    _lock: File,
}

/// Why a data directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    /// It cannot be made, or not written to.
    #[error("cannot write to the data directory {path}")]
    Unwritable {
        /// The directory.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Another process uses it.
    #[error("the data directory {0} is in use by another process")]
    Locked(PathBuf),
    /// Its store cannot be used.
    #[error("cannot open the store in {path}")]
    Store {
        /// The directory.
        path: PathBuf,
        /// Why.
        #[source]
        source: StoreError,
    },
}

impl DataDirError {
    /// What the operator can do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Unwritable { .. } => {
                "choose another --data directory, or give this user write access to it"
            }
            Self::Locked(_) => "stop the other server, or choose another --data directory",
            Self::Store { source, .. } => source.hint(),
        }
    }
}

impl DataDir {
    /// Opens the directory, makes it if it is not there, and locks it.
    pub fn open(path: &Path) -> Result<Self, DataDirError> {
        let unwritable = |source| DataDirError::Unwritable { path: path.into(), source };
        std::fs::create_dir_all(path).map_err(unwritable)?;
        let lock = File::create(path.join("lock")).map_err(unwritable)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.into(), _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(DataDirError::Locked(path.into())),
            Err(TryLockError::Error(source)) => Err(unwritable(source)),
        }
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Opens its store.
    pub fn store(&self) -> Result<SqliteStore, DataDirError> {
        SqliteStore::open(&store_path(&self.path))
            .map_err(|source| DataDirError::Store { path: self.path.clone(), source })
    }

    /// Its token file.
    pub fn token_path(&self) -> PathBuf {
        token_path(&self.path)
    }
}

/// The token file within a data directory.
pub fn token_path(data_dir: &Path) -> PathBuf {
    data_dir.join("tokens.toml")
}

/// The store's file within a data directory.
pub fn store_path(data_dir: &Path) -> PathBuf {
    data_dir.join("fleet.db")
}
