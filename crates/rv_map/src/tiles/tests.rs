use super::*;
use crate::city::{Area, AreaKind, Label, LabelKind, Place};
use crate::testing;

/// What a decoder that shares no code with the encoder reads from a layer.
#[derive(Debug, Default, PartialEq)]
struct Layer {
    name: String,
    version: u64,
    extent: u64,
    features: Vec<DecodedFeature>,
}

#[derive(Debug, Default, PartialEq)]
struct DecodedFeature {
    id: Option<u64>,
    kind: u64,
    attributes: Vec<(String, String)>,
    /// Absolute positions, one list for each MoveTo.
    parts: Vec<Vec<(i64, i64)>>,
    is_closed: bool,
}

fn varint(bytes: &mut &[u8]) -> u64 {
    let (mut value, mut shift) = (0, 0);
    loop {
        let byte = bytes[0];
        *bytes = &bytes[1..];
        value |= u64::from(byte & 0x7f) << shift;
        shift += 7;
        if byte < 0x80 {
            return value;
        }
    }
}

fn fields(mut bytes: &[u8]) -> Vec<(u64, u64, &[u8])> {
    let mut fields = Vec::new();
    while !bytes.is_empty() {
        let key = varint(&mut bytes);
        let value = varint(&mut bytes);
        match key & 7 {
            0 => fields.push((key >> 3, value, &[][..])),
            2 => {
                let (inner, rest) = bytes.split_at(value as usize);
                fields.push((key >> 3, 0, inner));
                bytes = rest;
            }
            other => panic!("wire type {other}"),
        }
    }
    fields
}

fn numbers(mut bytes: &[u8]) -> Vec<u64> {
    let mut list = Vec::new();
    while !bytes.is_empty() {
        list.push(varint(&mut bytes));
    }
    list
}

fn decode(tile: &[u8]) -> Vec<Layer> {
    fields(tile)
        .into_iter()
        .map(|(number, _, bytes)| {
            assert_eq!(number, 3);
            decode_layer(bytes)
        })
        .collect()
}

fn decode_layer(bytes: &[u8]) -> Layer {
    let mut layer = Layer::default();
    let (mut keys, mut values) = (Vec::new(), Vec::new());
    for (number, value, bytes) in fields(bytes) {
        match number {
            1 => layer.name = String::from_utf8(bytes.to_vec()).unwrap(),
            3 => keys.push(String::from_utf8(bytes.to_vec()).unwrap()),
            4 => values.push(match fields(bytes)[0] {
                (1, _, text) => String::from_utf8(text.to_vec()).unwrap(),
                (5 | 7, number, _) => number.to_string(),
                other => panic!("value {other:?}"),
            }),
            5 => layer.extent = value,
            15 => layer.version = value,
            _ => {}
        }
    }
    for (_, _, bytes) in fields(bytes).into_iter().filter(|(number, ..)| *number == 2) {
        let mut feature = DecodedFeature::default();
        for (number, value, bytes) in fields(bytes) {
            match number {
                1 => feature.id = Some(value),
                2 => {
                    for pair in numbers(bytes).chunks(2) {
                        let (key, value) = (pair[0] as usize, pair[1] as usize);
                        feature.attributes.push((keys[key].clone(), values[value].clone()));
                    }
                }
                3 => feature.kind = value,
                4 => decode_commands(&numbers(bytes), &mut feature),
                _ => panic!("field {number}"),
            }
        }
        layer.features.push(feature);
    }
    layer
}

fn decode_commands(commands: &[u64], feature: &mut DecodedFeature) {
    let (mut i, mut at) = (0, (0_i64, 0_i64));
    while i < commands.len() {
        let (id, count) = (commands[i] & 7, commands[i] >> 3);
        i += 1;
        if id == 7 {
            feature.is_closed = true;
            continue;
        }
        for _ in 0..count {
            let step = |v: u64| (v >> 1) as i64 ^ -((v & 1) as i64);
            at = (at.0 + step(commands[i]), at.1 + step(commands[i + 1]));
            i += 2;
            if id == 1 {
                feature.parts.push(Vec::new());
            }
            feature.parts.last_mut().unwrap().push(at);
        }
    }
}

fn double_area(ring: &[(i64, i64)]) -> i64 {
    let next = ring.iter().cycle().skip(1);
    ring.iter().zip(next).map(|(a, b)| a.0 * b.1 - b.0 * a.1).sum()
}

/// A small city with one of everything around a middle.
fn city() -> City {
    let mut city = testing::square_city();
    let (south_west, north_east) = city.bounds;
    let at = |lat: f64, lon: f64| {
        LatLon::from_degrees(
            south_west.lat_deg() + lat * (north_east.lat_deg() - south_west.lat_deg()),
            south_west.lon_deg() + lon * (north_east.lon_deg() - south_west.lon_deg()),
        )
        .unwrap()
    };
    let ring = |a: f64, b: f64| vec![at(a, a), at(a, b), at(b, b), at(b, a)];
    city.areas = vec![
        Area { kind: AreaKind::Building, rings: vec![ring(0.2, 0.3), ring(0.22, 0.28)] },
        Area { kind: AreaKind::Water, rings: vec![ring(0.5, 0.9)] },
    ];
    city.labels = vec![Label {
        kind: LabelKind::City,
        text: "Squareville".to_owned(),
        position: at(0.5, 0.5),
    }];
    city.places = vec![Place { position: at(0.25, 0.25), ..city.places[0].clone() }];
    city
}

#[test]
fn a_tile_decodes_to_what_the_city_holds() {
    let city = city();
    let index = TileIndex::new(&city);
    let (x, y) = TileIndex::tile_at(14, city.labels[0].position);
    let tile = index.tile(14, x, y);
    assert_eq!(tile, TileIndex::new(&city).tile(14, x, y), "same city, same bytes");
    let layers = decode(&tile);
    let names: Vec<_> = layers.iter().map(|l| l.name.as_str()).collect();
    assert_eq!(names, ["water", "building", "road", "label"]);
    assert!(layers.iter().all(|l| l.version == 2 && l.extent == 4096));
    let building = &layers[1].features[0];
    assert_eq!(building.kind, 3);
    assert_eq!(building.parts.len(), 2);
    assert!(building.is_closed);
    assert!(double_area(&building.parts[0]) > 0 && double_area(&building.parts[1]) < 0);
    let label = &layers[3].features[0];
    assert!(label.attributes.contains(&("text".to_owned(), "Squareville".to_owned())));
    let road = &layers[2].features[0];
    assert!(road.attributes.contains(&("kind".to_owned(), "residential".to_owned())));
    assert!(road.attributes.contains(&("van".to_owned(), "1".to_owned())));
}

#[test]
fn places_come_with_their_ids_at_close_zoom() {
    let city = city();
    let index = TileIndex::new(&city);
    let (x, y) = TileIndex::tile_at(17, city.places[0].position);
    let layers = decode(&index.tile(17, x, y));
    let place = layers.iter().find(|l| l.name == "place").unwrap();
    assert_eq!(place.features[0].id, Some(0));
    let (x, y) = TileIndex::tile_at(16, city.places[0].position);
    assert!(decode(&index.tile(16, x, y)).iter().all(|l| l.name != "place"));
}

#[test]
fn every_coordinate_stays_within_the_buffer() {
    let city = city();
    let index = TileIndex::new(&city);
    let mut n_tiles = 0;
    for z in TileIndex::ZOOM_MIN..=TileIndex::ZOOM_MAX {
        let (west, south) = TileIndex::tile_at(z, city.bounds.0);
        let (east, north) = TileIndex::tile_at(z, city.bounds.1);
        for x in west..=east {
            for y in north..=south {
                for feature in decode(&index.tile(z, x, y)).iter().flat_map(|l| &l.features) {
                    n_tiles += 1;
                    for (px, py) in feature.parts.iter().flatten() {
                        let allowed = -i64::from(BUFFER)..=i64::from(EXTENT + BUFFER);
                        assert!(allowed.contains(px) && allowed.contains(py), "{px} {py}");
                    }
                }
            }
        }
    }
    assert!(n_tiles > 0);
}

#[test]
fn no_tile_outside_of_the_world() {
    let index = TileIndex::new(&city());
    assert!(index.tile(7, 0, 0).is_empty());
    assert!(index.tile(19, 0, 0).is_empty());
    assert!(index.tile(8, 256, 0).is_empty());
    assert!(index.tile(8, 0, 0).is_empty());
    assert!(TileIndex::new(&City::default()).tile(8, 0, 0).is_empty());
}
