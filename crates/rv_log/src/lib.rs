//! Record and replay: the ledger's hash chain, and the log file that carries a whole run.
//!
//! It refuses to know what an event means: an entry is a moment and some bytes. The [`Chain`]
//! makes every entry depend on all before it, so two runs agree if their last hashes agree, and
//! no entry can be changed, dropped or moved without being noticed.
//!
//! A log file has a header (free JSON about the run), the entries, and a trailer with their number
//! and the last hash; a file that was cut off is read up to the cut and says so.
//!
//! ```
//! use rv_base::Timestamp;
//! use rv_log::{Entry, LogReader, LogWriter};
//!
//! let mut file = Vec::new();
//! let mut log = LogWriter::new(&mut file, r#"{"seed":7}"#).unwrap();
//! log.append(&Entry { at: Timestamp(5), bytes: b"opened".to_vec() }).unwrap();
//! let head = log.finish().unwrap();
//!
//! let mut reader = LogReader::new(file.as_slice()).unwrap();
//! assert_eq!(reader.header(), r#"{"seed":7}"#);
//! assert_eq!(reader.next_entry().unwrap().unwrap().bytes, b"opened");
//! assert!(reader.next_entry().unwrap().is_none());
//! assert_eq!(reader.head(), head);
//! ```

mod chain;
mod file;
pub mod foxglove;
pub mod osi;
mod protobuf;

pub use chain::{Chain, Digest, Entry};
pub use file::{LogError, LogReader, LogWriter, MAX_ENTRY_BYTES, MAX_HEADER_BYTES};
