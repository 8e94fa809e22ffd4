//! The same town in every format, and where formats differ.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use rv_import::{ImportError, ImportOptions, Limits, build_city};
use rv_map::City;

use crate::town::{Town, crossroads};

fn town() -> Town {
    crossroads()
        .with_node('h', -50.0, -12.0, vec![("addr:housenumber", "7"), ("addr:street", "Ring")])
        .with_turn(
            1,
            &[("node", i64::from(u32::from('C')))],
            3,
            vec![("restriction", "no_left_turn")],
        )
}

fn city(input: &[u8]) -> (City, String) {
    let (city, report) = build_city(input, &ImportOptions::named("town")).unwrap();
    (city, report.format)
}

fn gzipped(plain: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn every_format_gives_the_same_city() {
    let town = town();
    let (expected, format) = city(town.xml().as_bytes());
    assert_eq!(format, "OSM XML");
    assert_eq!(expected.graph.forbidden.len(), 1);
    assert_eq!(city(&town.pbf()), (expected.clone(), "OSM PBF".to_owned()));
    assert_eq!(city(town.json().as_bytes()), (expected.clone(), "JSON".to_owned()));
    assert_eq!(city(&gzipped(town.xml().as_bytes())), (expected.clone(), "OSM XML".to_owned()));
    assert_eq!(city(&gzipped(town.json().as_bytes())), (expected.clone(), "JSON".to_owned()));
    assert_eq!(city(&gzipped(&town.pbf())), (expected, "OSM PBF".to_owned()));
}

#[test]
fn overpass_geometry_needs_no_nodes() {
    let json = r#"{"elements": [
        {"type": "way", "id": 1, "tags": {"highway": "residential"},
         "geometry": [{"lat": 43.7, "lon": 7.4}, {"lat": 43.701, "lon": 7.4}]},
        {"type": "way", "id": 2, "nodes": [5, 6], "tags": {"highway": "residential"},
         "geometry": [{"lat": 43.701, "lon": 7.4}, {"lat": 43.701, "lon": 7.401}]},
        {"type": "way", "id": 3, "tags": {"highway": "residential"},
         "geometry": [{"lat": 43.701, "lon": 7.4}, {"lat": 43.702, "lon": 7.4}]}
    ]}"#;
    let (city, _) = city(json.as_bytes());
    // Ways 1 and 3 meet by position; way 2 has ids of its own and is an island.
    assert_eq!(city.graph.n_edges(), 4);
}

#[test]
fn a_server_that_gave_up_is_quoted() {
    let json =
        crossroads().json().replace("\"generator\":\"test\"", "\"remark\":\"runtime error\"");
    let (_, report) = build_city(json.as_bytes(), &ImportOptions::named("town")).unwrap();
    assert_eq!(report.remark.as_deref(), Some("runtime error"));
}

#[test]
fn truncated_input_says_so() {
    let town = town();
    let cut = |bytes: &[u8], less: usize| {
        let result = build_city(&bytes[..bytes.len() - less], &ImportOptions::named("town"));
        assert!(matches!(result, Err(ImportError::Truncated { .. })), "{result:?}");
    };
    cut(town.xml().as_bytes(), 9);
    cut(town.xml().as_bytes(), 100);
    cut(town.json().as_bytes(), 1);
    cut(&town.pbf(), 1);
    cut(&gzipped(town.xml().as_bytes()), 12);
    cut(&gzipped(town.json().as_bytes()), 12);
}

#[test]
fn limits_end_an_import_with_a_hint() {
    let check = |change: fn(&mut Limits), bytes: &[u8]| {
        let mut options = ImportOptions::named("town");
        change(&mut options.limits);
        let error = build_city(bytes, &options).unwrap_err();
        assert!(matches!(error, ImportError::TooLarge { .. }), "{error:?}");
        assert!(error.hint().contains("osmium"));
    };
    let town = town();
    for bytes in [town.xml().into_bytes(), town.json().into_bytes(), town.pbf()] {
        check(|limits| limits.n_input_bytes_max = 200, &bytes);
        check(|limits| limits.n_nodes_max = 3, &bytes);
        check(|limits| limits.n_ways_max = 3, &bytes);
        check(|limits| limits.n_refs_max = 3, &bytes);
        check(|limits| limits.n_tag_bytes_max = 100, &bytes);
        check(|limits| limits.n_unpacked_bytes_max = 300, &gzipped(&bytes));
    }
    let mut options = ImportOptions::named("town");
    options.limits.n_members_max = 2;
    let (city, report) = build_city(town.pbf().as_slice(), &options).unwrap();
    assert!(city.graph.forbidden.is_empty());
    assert_eq!(report.warnings.len(), 1);
}

#[test]
fn a_bomb_does_not_unpack() {
    let bomb = gzipped(&vec![b' '; 50 << 20]);
    let mut options = ImportOptions::named("bomb");
    options.limits.n_unpacked_bytes_max = 1 << 20;
    let error = build_city(bomb.as_slice(), &options).unwrap_err();
    assert!(
        matches!(error, ImportError::TooLarge { .. } | ImportError::UnknownFormat),
        "{error:?}"
    );
    let open = [b"<osm ".as_slice(), &[b'x'; 3 << 20]].concat();
    let error = build_city(open.as_slice(), &ImportOptions::named("open")).unwrap_err();
    assert!(matches!(error, ImportError::TooLarge { .. }), "{error:?}");
}

#[test]
fn what_is_no_map_is_told_from_a_broken_one() {
    let build = |bytes: &[u8]| build_city(bytes, &ImportOptions::named("x")).unwrap_err();
    assert!(matches!(build(b""), ImportError::UnknownFormat));
    assert!(matches!(build(b"# A heading"), ImportError::UnknownFormat));
    assert!(matches!(build(b"<html></html>"), ImportError::UnknownFormat));
    assert!(matches!(build(b"{\"a\": 1}"), ImportError::Syntax { .. }));
    assert!(matches!(build(b"<osm><node id='x'/></osm>"), ImportError::Syntax { .. }));
}
