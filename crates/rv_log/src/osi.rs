//! Scenes in ASAM OSI's words: `osi3.GroundTruth` as protobuf, with the schema and the metadata that
//! make an MCAP file a trace that tools of other makers read.
//!
//! Names and numbers are those of OSI 3.8.0 (open-simulation-interface; "OSI trace file formats" for
//! the metadata). Written are the vehicle driven, who moves, and what stands for good; roads are not,
//! since the scenario's own map goes along with the log.

use std::collections::BTreeMap;

use crate::protobuf::{self, Bytes, FileText, MessageText};

/// Version of OSI that is written.
const VERSION: [u64; 3] = [3, 8, 0];
const VERSION_TEXT: &str = "3.8.0";
/// Version of protobuf whose encoding is used; it has not changed since.
const PROTOBUF_TEXT: &str = "3.0.0";

/// Name of the metadata record that every trace has.
pub const TRACE: &str = "net.asam.osi.trace";

/// What there is at a moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GroundTruth {
    /// When, ns.
    pub at_ns: u64,
    /// Which of the moving ones is the vehicle driven.
    pub host_id: u64,
    /// Those that move.
    pub moving: Vec<Moving>,
    /// Those that stand for good; their speed and acceleration say nothing.
    pub stationary: Vec<Moving>,
}

/// Something with a place, upright.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moving {
    /// Its number, one for each thing.
    pub id: u64,
    /// What it is.
    pub kind: MovingKind,
    /// The middle of its box, m.
    pub middle_m: [f64; 3],
    /// Heading, counter-clockwise from east, rad.
    pub yaw_rad: f64,
    /// Length, width and height, m.
    pub size_m: [f64; 3],
    /// Speed along its heading, m/s.
    pub speed_mps: f64,
    /// Acceleration along its heading, m/s2.
    pub acceleration_mps2: f64,
}

/// Kinds of those that move, as OSI numbers them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MovingKind {
    /// Not known.
    Unknown = 0,
    /// A vehicle.
    Vehicle = 2,
    /// Somebody on foot.
    Pedestrian = 3,
}

impl GroundTruth {
    /// Name of the message, and of its schema.
    pub const NAME: &'static str = "osi3.GroundTruth";

    /// The bytes of the message.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Bytes::default();
        out.message(1, |version| {
            for (field, part) in (1..).zip(VERSION) {
                version.whole_kept(field, part);
            }
        });
        out.message(2, |time| {
            time.whole_kept(1, self.at_ns / 1_000_000_000);
            time.whole_kept(2, self.at_ns % 1_000_000_000);
        });
        out.message(3, |id| id.whole_kept(1, self.host_id));
        for thing in &self.stationary {
            out.message(4, |out| {
                out.message(1, |id| id.whole_kept(1, thing.id));
                out.message(2, |base| write_place(base, thing));
            });
        }
        for thing in &self.moving {
            out.message(5, |out| {
                out.message(1, |id| id.whole_kept(1, thing.id));
                out.message(2, |base| {
                    write_place(base, thing);
                    let (sin, cos) = thing.yaw_rad.sin_cos();
                    let along = |x: f64| [x * cos, x * sin, 0.0];
                    base.message(4, |v| numbers(v, &along(thing.speed_mps)));
                    base.message(5, |a| numbers(a, &along(thing.acceleration_mps2)));
                });
                out.whole_kept(3, thing.kind as u64);
            });
        }
        out.into_vec()
    }

    /// The schema: a serialized `FileDescriptorSet` with the part of OSI that is written.
    pub fn schema() -> Vec<u8> {
        protobuf::schema(&[FILE])
    }

    /// What a trace says of itself.
    pub fn trace_metadata() -> BTreeMap<String, String> {
        words(&[
            ("version", VERSION_TEXT),
            ("min_osi_version", VERSION_TEXT),
            ("max_osi_version", VERSION_TEXT),
            ("min_protobuf_version", PROTOBUF_TEXT),
            ("max_protobuf_version", PROTOBUF_TEXT),
        ])
    }

    /// What a channel of a trace says of itself.
    pub fn channel_metadata() -> BTreeMap<String, String> {
        words(&[
            ("net.asam.osi.trace.channel.osi_version", VERSION_TEXT),
            ("net.asam.osi.trace.channel.protobuf_version", PROTOBUF_TEXT),
        ])
    }
}

fn words(rows: &[(&str, &str)]) -> BTreeMap<String, String> {
    rows.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
}

/// Size, place and heading: the first three fields of both bases.
fn write_place(out: &mut Bytes, thing: &Moving) {
    out.message(1, |size| numbers(size, &thing.size_m));
    out.message(2, |at| numbers(at, &thing.middle_m));
    out.message(3, |turn| numbers(turn, &[0.0, 0.0, thing.yaw_rad]));
}

/// Numbers as fields 1, 2, 3 and so on; zero, too, for readers ask whether a field is there.
fn numbers(out: &mut Bytes, all: &[f64]) {
    for (field, x) in (1..).zip(all) {
        out.number_kept(field, *x);
    }
}

/// The part of OSI's files that is written, as one.
const FILE: FileText = ("osi_groundtruth.proto", "osi3", "", &[], MESSAGES);

const MESSAGES: &[MessageText] = &[
    (
        "GroundTruth",
        &[
            ("version", 1, "InterfaceVersion"),
            ("timestamp", 2, "Timestamp"),
            ("host_vehicle_id", 3, "Identifier"),
            ("stationary_object", 4, "*StationaryObject"),
            ("moving_object", 5, "*MovingObject"),
        ],
    ),
    (
        "InterfaceVersion",
        &[
            ("version_major", 1, "uint32"),
            ("version_minor", 2, "uint32"),
            ("version_patch", 3, "uint32"),
        ],
    ),
    ("Timestamp", &[("seconds", 1, "int64"), ("nanos", 2, "uint32")]),
    ("Identifier", &[("value", 1, "uint64")]),
    ("StationaryObject", &[("id", 1, "Identifier"), ("base", 2, "BaseStationary")]),
    (
        "MovingObject",
        &[
            ("id", 1, "Identifier"),
            ("base", 2, "BaseMoving"),
            ("type", 3, "Type:TYPE_UNKNOWN,TYPE_OTHER,TYPE_VEHICLE,TYPE_PEDESTRIAN,TYPE_ANIMAL"),
        ],
    ),
    (
        "BaseStationary",
        &[
            ("dimension", 1, "Dimension3d"),
            ("position", 2, "Vector3d"),
            ("orientation", 3, "Orientation3d"),
        ],
    ),
    (
        "BaseMoving",
        &[
            ("dimension", 1, "Dimension3d"),
            ("position", 2, "Vector3d"),
            ("orientation", 3, "Orientation3d"),
            ("velocity", 4, "Vector3d"),
            ("acceleration", 5, "Vector3d"),
        ],
    ),
    ("Dimension3d", &[("length", 1, "double"), ("width", 2, "double"), ("height", 3, "double")]),
    ("Vector3d", &[("x", 1, "double"), ("y", 2, "double"), ("z", 3, "double")]),
    ("Orientation3d", &[("roll", 1, "double"), ("pitch", 2, "double"), ("yaw", 3, "double")]),
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use prost_reflect::{DescriptorPool, DynamicMessage, Value};

    use super::*;

    fn field(message: &Value, name: &str) -> Value {
        let message = message.as_message().unwrap();
        assert!(message.has_field_by_name(name), "{name} is told");
        message.get_field_by_name(name).unwrap().into_owned()
    }

    fn number(message: &Value, path: &[&str]) -> f64 {
        path.iter().fold(message.clone(), |m, name| field(&m, name)).as_f64().unwrap()
    }

    /// Reads a thing back by the schema alone, with a protobuf library.
    fn read(thing: &Value, is_moving: bool) -> Moving {
        let yaw_rad = number(thing, &["base", "orientation", "yaw"]);
        let along = |what: &str| {
            if !is_moving {
                return 0.0;
            }
            let xy = ["x", "y"].map(|k| number(thing, &["base", what, k]));
            xy[0] * yaw_rad.cos() + xy[1] * yaw_rad.sin()
        };
        let kind = || match field(thing, "type").as_enum_number().unwrap() {
            2 => MovingKind::Vehicle,
            3 => MovingKind::Pedestrian,
            _ => MovingKind::Unknown,
        };
        Moving {
            id: field(&field(thing, "id"), "value").as_u64().unwrap(),
            kind: if is_moving { kind() } else { MovingKind::Unknown },
            middle_m: ["x", "y", "z"].map(|k| number(thing, &["base", "position", k])),
            yaw_rad,
            size_m: ["length", "width", "height"].map(|k| number(thing, &["base", "dimension", k])),
            speed_mps: along("velocity"),
            acceleration_mps2: along("acceleration"),
        }
    }

    prop_compose! {
        fn a_thing(is_moving: bool)(
            id in any::<u64>(),
            kind in prop::sample::select(vec![
                MovingKind::Unknown, MovingKind::Vehicle, MovingKind::Pedestrian,
            ]),
            middle_m in prop::array::uniform3(-1e6..1e6_f64),
            yaw_rad in -3.0..3.0_f64,
            (speed_mps, acceleration_mps2) in (-3.0..40.0_f64, -8.0..3.0_f64),
        ) -> Moving {
            let told = |x: f64| if is_moving { x } else { 0.0 };
            Moving {
                id,
                kind: if is_moving { kind } else { MovingKind::Unknown },
                middle_m,
                yaw_rad,
                size_m: [4.5, 0.0, 1.5],
                speed_mps: told(speed_mps),
                acceleration_mps2: told(acceleration_mps2),
            }
        }
    }

    fn same(a: &Moving, b: &Moving) -> bool {
        let near = |a: f64, b: f64| (a - b).abs() < 1e-9;
        near(a.speed_mps, b.speed_mps)
            && near(a.acceleration_mps2, b.acceleration_mps2)
            && Moving { speed_mps: 0.0, acceleration_mps2: 0.0, ..*a }
                == Moving { speed_mps: 0.0, acceleration_mps2: 0.0, ..*b }
    }

    proptest! {
        #[test]
        fn a_library_reads_back_what_was_written(
            at_ns in 0..4_000_000_000_000_000_000_u64,
            host_id in any::<u64>(),
            moving in proptest::collection::vec(a_thing(true), 0..5),
            stationary in proptest::collection::vec(a_thing(false), 0..5),
        ) {
            let truth = GroundTruth { at_ns, host_id, moving, stationary };
            let pool = DescriptorPool::decode(GroundTruth::schema().as_slice()).unwrap();
            let descriptor = pool.get_message_by_name(GroundTruth::NAME).unwrap();
            let bytes = truth.encode();
            let message = Value::Message(DynamicMessage::decode(descriptor, bytes.as_slice()).unwrap());
            let whole = |path: [&str; 2]| field(&field(&message, path[0]), path[1]);
            let seconds = whole(["timestamp", "seconds"]).as_i64().unwrap() as u64;
            let nanos = whole(["timestamp", "nanos"]).as_u32().unwrap();
            prop_assert_eq!(seconds * 1_000_000_000 + u64::from(nanos), at_ns);
            prop_assert_eq!(whole(["host_vehicle_id", "value"]).as_u64(), Some(host_id));
            prop_assert_eq!(whole(["version", "version_minor"]).as_u32(), Some(8));
            for (name, wanted, moves) in [
                ("moving_object", &truth.moving, true),
                ("stationary_object", &truth.stationary, false),
            ] {
                let listed = message.as_message().unwrap().get_field_by_name(name).unwrap();
                let back: Vec<Moving> =
                    listed.as_list().unwrap().iter().map(|v| read(v, moves)).collect();
                prop_assert_eq!(back.len(), wanted.len());
                prop_assert!(back.iter().zip(wanted).all(|(a, b)| same(a, b)), "{:?} {:?}", back, wanted);
            }
        }
    }
}
