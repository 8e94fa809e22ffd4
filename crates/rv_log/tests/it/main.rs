//! Round trips, cuts and changes of log files.

#![allow(clippy::unwrap_used, reason = "a test that cannot set itself up has failed")]

use proptest::prelude::*;
use rv_base::Timestamp;
use rv_log::{Chain, Digest, Entry, LogError, LogReader, LogWriter};

fn write(entries: &[Entry]) -> (Vec<u8>, Digest) {
    let mut file = Vec::new();
    let mut log = LogWriter::new(&mut file, "{}").unwrap();
    for entry in entries {
        log.append(entry).unwrap();
    }
    let head = log.finish().unwrap();
    (file, head)
}

fn read(file: &[u8]) -> Result<(Vec<Entry>, Digest), LogError> {
    let mut reader = LogReader::new(file)?;
    let mut entries = Vec::new();
    while let Some(entry) = reader.next_entry()? {
        entries.push(entry);
    }
    Ok((entries, reader.head()))
}

fn entries() -> impl Strategy<Value = Vec<Entry>> {
    let entry = (any::<i64>(), prop::collection::vec(any::<u8>(), 0..40))
        .prop_map(|(at, bytes)| Entry { at: Timestamp(at), bytes });
    prop::collection::vec(entry, 0..12)
}

proptest! {
    #[test]
    fn logs_round_trip(entries in entries()) {
        let (file, head) = write(&entries);
        prop_assert_eq!(read(&file).unwrap(), (entries, head));
    }

    #[test]
    fn a_cut_log_says_how_far_it_goes(entries in entries(), cut: prop::sample::Index) {
        let (file, _) = write(&entries);
        let cut = cut.index(file.len());
        match read(&file[..cut]) {
            Err(LogError::CutOff { n_entries }) => {
                prop_assert!(n_entries <= entries.len() as u64);
            }
            Err(LogError::NotALog) => prop_assert!(cut < 8),
            other => prop_assert!(false, "{other:?}"),
        }
    }

    #[test]
    fn any_changed_byte_is_noticed(entries in entries(), at: prop::sample::Index, by in 1_u8..) {
        let (mut file, _) = write(&entries);
        let idx = at.index(file.len());
        file[idx] ^= by;
        // Only the header's own text may differ: it is not part of the ledger.
        let is_header_text = (12..14).contains(&idx);
        prop_assert!(is_header_text || read(&file).is_err());
    }
}

#[test]
fn the_chain_depends_on_order_time_and_cuts() {
    let head = |entries: &[(i64, &[u8])]| {
        let mut chain = Chain::default();
        for (at, bytes) in entries {
            chain.push(Timestamp(*at), bytes);
        }
        chain.head().to_string()
    };
    expect_test::expect!["480436e1bc6ca60370402dd448930220421df9fec7957a3e32081083b92d4dfe"]
        .assert_eq(&head(&[(1, b"ab"), (2, b"c")]));
    assert_ne!(head(&[(1, b"ab"), (2, b"c")]), head(&[(1, b"a"), (2, b"bc")]));
    assert_ne!(head(&[(1, b"ab"), (2, b"c")]), head(&[(2, b"c"), (1, b"ab")]));
    assert_ne!(head(&[(1, b"ab")]), head(&[(2, b"ab")]));
}
