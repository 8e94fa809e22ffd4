//! Mutated input: an error or a sound city, never a panic.

use proptest::prelude::*;
use rv_import::{ImportOptions, Limits, build_city};

use crate::town::{blob, crossroads};

/// Limits that keep a mutated file from asking for much.
fn options() -> ImportOptions {
    let mut options = ImportOptions::named("hostile");
    options.n_made_up_places_max = 1_000;
    options.limits = Limits { n_unpacked_bytes_max: 64 << 20, ..Limits::default() };
    options
}

fn survive(bytes: &[u8]) {
    if let Ok((city, _)) = build_city(bytes, &options()) {
        assert_eq!(city.validate(), Ok(()));
    }
}

type Changes = Vec<(prop::sample::Index, u8)>;

fn changes() -> impl Strategy<Value = Changes> {
    prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..5)
}

fn mutated(mut bytes: Vec<u8>, changes: &Changes) -> Vec<u8> {
    for (at, byte) in changes {
        let at = at.index(bytes.len());
        bytes[at] = *byte;
    }
    bytes
}

fn small_town() -> crate::town::Town {
    crossroads()
        .with_node('b', 50.0, 0.0, vec![("barrier", "bollard")])
        .with_node('h', -50.0, -12.0, vec![("addr:housenumber", "7"), ("addr:street", "Ring")])
        .with_way(2, "CbE", vec![("highway", "residential"), ("maxspeed", "30"), ("lanes", "2")])
        .with_way(11, "WNCW", vec![("building", "yes")])
        .with_way(12, "SE", vec![("natural", "coastline")])
        .with_turn(1, &[("way", 2)], 5, vec![("restriction", "only_left_turn")])
        .with_turn(1, &[("node", 67)], 3, vec![("restriction", "no_left_turn")])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn mutated_pbf(changes in changes()) {
        survive(&mutated(small_town().pbf(), &changes));
    }

    #[test]
    fn mutated_xml(changes in changes()) {
        survive(&mutated(small_town().xml().into_bytes(), &changes));
    }

    #[test]
    fn mutated_json(changes in changes()) {
        survive(&mutated(small_town().json().into_bytes(), &changes));
    }

    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        survive(&bytes);
        survive(&[b"\x1f\x8b\x08\x00".as_slice(), &bytes].concat());
        survive(&[blob("OSMHeader", b""), blob("OSMData", &bytes)].concat());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn mutated_monaco(
        changes in changes(),
        cut in prop::option::weighted(0.3, any::<prop::sample::Index>()),
    ) {
        let mut bytes = mutated(crate::real::MONACO.to_vec(), &changes);
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        survive(&bytes);
    }
}
