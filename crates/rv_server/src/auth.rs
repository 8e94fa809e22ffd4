//! Who may do what: access tokens and roles. Denied unless allowed.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rv_base::TenantId;
use rv_fleet::{Actor, Role};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Most tokens of a file.
const TOKENS_MAX: usize = 10_000;
/// Requests a second that one token may make in the long run.
const RATE_PER_S: f64 = 200.0;
/// Requests that one token may make at once.
const BURST: f64 = 400.0;
/// Wrong tokens a second that are looked at, over all callers.
const WRONG_PER_S: f64 = 20.0;

/// Whom a token belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Name for people.
    pub name: String,
    /// Role and tenant.
    pub actor: Actor,
}

/// The tokens that are valid. Only their SHA-256 hashes are kept.
#[derive(Debug)]
pub struct AuthTable {
    by_hash: BTreeMap<[u8; 32], Entry>,
    wrong: Mutex<Bucket>,
}

#[derive(Debug)]
struct Entry {
    identity: Identity,
    bucket: Mutex<Bucket>,
}

/// Why a request is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denied {
    /// No token, or one that is not valid.
    Unknown,
    /// Too many requests.
    TooFast,
}

/// Why a token file is not usable.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// The file cannot be read or written.
    #[error("cannot access the token file {path}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file is readable or writable by others.
    #[error("the token file {0} is open to other users")]
    Exposed(PathBuf),
    /// The file is malformed.
    #[error("the token file {path} is wrong: {reason}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Where and why.
        reason: String,
    },
    /// No randomness from the operating system.
    #[error("the operating system gives no randomness")]
    NoRandomness,
}

impl AuthError {
    /// What the operator can do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Io { .. } => "check the owner and mode of the data directory",
            Self::Exposed(_) => "run `chmod 600` on it",
            Self::Malformed { .. } => {
                "each [[token]] needs name, role (viewer, tenant, operator or admin), sha256 (64 \
                 hex digits), and for a tenant tenant_id"
            }
            Self::NoRandomness => "make /dev/urandom available",
        }
    }
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TokenFile {
    #[serde(default)]
    token: Vec<TokenRow>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TokenRow {
    name: String,
    role: Role,
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant_id: Option<TenantId>,
    sha256: String,
}

impl Default for AuthTable {
    fn default() -> Self {
        Self { by_hash: BTreeMap::new(), wrong: Mutex::new(Bucket::new(WRONG_PER_S)) }
    }
}

impl AuthTable {
    /// Reads a token file; an absent one holds no tokens.
    pub fn load(path: &Path) -> Result<Self, AuthError> {
        let mut table = Self::default();
        for row in read(path)?.token {
            let malformed = |reason: String| AuthError::Malformed { path: path.into(), reason };
            let hash = parse_hex(&row.sha256)
                .ok_or_else(|| malformed(format!("sha256 of {}", row.name)))?;
            let actor = Actor { role: row.role, tenant: row.tenant_id };
            if (actor.role == Role::Tenant) != actor.tenant.is_some() {
                return Err(malformed(format!("tenant_id of {}", row.name)));
            }
            table.insert(hash, Identity { name: row.name, actor });
        }
        Ok(table)
    }

    /// Makes a token that is valid until this table is dropped, and returns its text.
    pub fn issue(&mut self, name: &str, actor: Actor) -> Result<String, AuthError> {
        let token = random_token()?;
        self.insert(hash_of(&token), Identity { name: name.into(), actor });
        Ok(token)
    }

    /// Whose token this is, if it is valid and not used too often.
    pub fn check(&self, token: Option<&str>) -> Result<&Identity, Denied> {
        let Some(token) = token else { return Err(Denied::Unknown) };
        // Looking a hash up leaks at most the hash's first bytes by its timing, never the token's.
        let Some(entry) = self.by_hash.get(&hash_of(token)) else {
            let is_slow = take(&self.wrong);
            return Err(if is_slow { Denied::Unknown } else { Denied::TooFast });
        };
        if take(&entry.bucket) { Ok(&entry.identity) } else { Err(Denied::TooFast) }
    }

    fn insert(&mut self, hash: [u8; 32], identity: Identity) {
        let bucket = Mutex::new(Bucket::new(BURST));
        self.by_hash.insert(hash, Entry { identity, bucket });
    }
}

/// Adds a token to a file, which is made if it is not there, readable by its owner only. Returns
/// the token's text, which is kept nowhere.
pub fn add_token(path: &Path, name: &str, actor: Actor) -> Result<String, AuthError> {
    let mut file = read(path)?;
    let token = random_token()?;
    let sha256 = hash_of(&token).iter().map(|b| format!("{b:02x}")).collect();
    file.token.push(TokenRow {
        name: name.into(),
        role: actor.role,
        tenant_id: actor.tenant,
        sha256,
    });
    let text = toml::to_string(&file)
        .map_err(|e| AuthError::Malformed { path: path.into(), reason: e.to_string() })?;
    // A whole new file in place of the old one, so that a crash leaves one or the other.
    let new = path.with_extension("new");
    let written = write_private(&new, text.as_bytes()).and_then(|()| std::fs::rename(&new, path));
    written.map_err(|source| AuthError::Io { path: path.into(), source })?;
    Ok(token)
}

fn read(path: &Path) -> Result<TokenFile, AuthError> {
    let io = |source| AuthError::Io { path: path.into(), source };
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(TokenFile::default()),
        Err(e) => return Err(io(e)),
    };
    check_mode(path)?;
    let malformed = |reason: String| AuthError::Malformed { path: path.into(), reason };
    let file: TokenFile = toml::from_str(&text).map_err(|e| malformed(e.to_string()))?;
    if file.token.len() > TOKENS_MAX {
        return Err(malformed(format!("more than {TOKENS_MAX} tokens")));
    }
    Ok(file)
}

#[cfg(unix)]
fn check_mode(path: &Path) -> Result<(), AuthError> {
    use std::os::unix::fs::PermissionsExt;
    let metadata =
        std::fs::metadata(path).map_err(|source| AuthError::Io { path: path.into(), source })?;
    if metadata.permissions().mode() & 0o077 == 0 {
        Ok(())
    } else {
        Err(AuthError::Exposed(path.into()))
    }
}

#[cfg(not(unix))]
fn check_mode(_path: &Path) -> Result<(), AuthError> {
    Ok(())
}

/// Writes a file that only its owner can read, durably.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn random_token() -> Result<String, AuthError> {
    let mut bytes = [0_u8; 24];
    getrandom::fill(&mut bytes).map_err(|_| AuthError::NoRandomness)?;
    Ok(bytes.iter().map(|b| format!("{b:02x}")).collect())
}

fn hash_of(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

fn parse_hex(text: &str) -> Option<[u8; 32]> {
    let digits: Vec<u8> =
        text.chars().map(|c| c.to_digit(16).map(|d| d as u8)).collect::<Option<_>>()?;
    let bytes: Vec<u8> = digits.chunks_exact(2).map(|d| d[0] << 4 | d[1]).collect();
    if digits.len() == 64 { bytes.try_into().ok() } else { None }
}

/// A bucket of requests that fills with time.
#[derive(Debug)]
struct Bucket {
    left: f64,
    size: f64,
    at: Option<Instant>,
}

impl Bucket {
    fn new(size: f64) -> Self {
        Self { left: size, size, at: None }
    }

    fn take(&mut self, now: Instant) -> bool {
        let waited = self.at.map_or(Duration::ZERO, |at| now.saturating_duration_since(at));
        let rate = RATE_PER_S.min(self.size);
        self.left = (self.left + waited.as_secs_f64() * rate).min(self.size);
        self.at = Some(now);
        let has_one = self.left >= 1.0;
        if has_one {
            self.left -= 1.0;
        }
        has_one
    }
}

fn take(bucket: &Mutex<Bucket>) -> bool {
    // A bucket is whole after any panic.
    bucket.lock().unwrap_or_else(PoisonError::into_inner).take(Instant::now())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_runs_dry_and_fills_again() {
        let mut bucket = Bucket::new(3.0);
        let start = Instant::now();
        assert_eq!((0..5).filter(|_| bucket.take(start)).count(), 3);
        assert!(bucket.take(start + Duration::from_secs(1)));
    }

    #[test]
    fn hex_is_read_strictly() {
        assert_eq!(parse_hex(&"0f".repeat(32)), Some([15; 32]));
        assert_eq!(parse_hex(&"0f".repeat(31)), None);
        assert_eq!(parse_hex(&"0g".repeat(32)), None);
        assert_eq!(parse_hex("é"), None);
    }
}
