//! Scenes in Foxglove's words: `foxglove.SceneUpdate` as protobuf, and the schema that goes with it
//! into an MCAP file, so that viewers draw it.
//!
//! Names and numbers of the fields are those of Foxglove's schemas (foxglove-sdk, schemas/proto, MIT)
//! and the bytes those of protobuf (protobuf.dev, "Encoding"). Only boxes and lines are written; the
//! schema tells of all kinds, since viewers look for them.

use crate::protobuf::{self, Bytes, FileText, MessageText};

/// Content of a scene: things to draw, each in place of the one of the same name before.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SceneUpdate {
    /// What is to be drawn.
    pub entities: Vec<Entity>,
}

/// Boxes and lines under one name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Entity {
    /// When, ns.
    pub at_ns: u64,
    /// Frame that its numbers refer to.
    pub frame: String,
    /// Name.
    pub id: String,
    /// Boxes.
    pub cubes: Vec<Cube>,
    /// Lines.
    pub lines: Vec<Line>,
}

/// A box that stands upright.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cube {
    /// Its middle, m.
    pub middle_m: [f64; 3],
    /// Turned about the vertical, rad.
    pub yaw_rad: f64,
    /// Length, width and height, m.
    pub size_m: [f64; 3],
    /// Red, green, blue and opacity, 0 to 1.
    pub rgba: [f64; 4],
}

/// A line through points.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// How points are joined.
    pub kind: LineKind,
    /// Thickness, m.
    pub thickness_m: f64,
    /// The points, m.
    pub points_m: Vec<[f64; 3]>,
    /// Red, green, blue and opacity, 0 to 1.
    pub rgba: [f64; 4],
}

/// How the points of a line are joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineKind {
    /// One after the other.
    Strip = 0,
    /// And the last with the first.
    Loop = 1,
}

impl SceneUpdate {
    /// Name of the message, and of its schema.
    pub const NAME: &'static str = "foxglove.SceneUpdate";

    /// The bytes of the message.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Bytes::default();
        for entity in &self.entities {
            out.message(2, |out| write_entity(out, entity));
        }
        out.into_vec()
    }

    /// The schema: a serialized `FileDescriptorSet` that holds all files needed.
    pub fn schema() -> Vec<u8> {
        protobuf::schema(&FILES)
    }
}

fn write_entity(out: &mut Bytes, entity: &Entity) {
    out.message(1, |time| {
        time.whole(1, entity.at_ns / 1_000_000_000);
        time.whole(2, entity.at_ns % 1_000_000_000);
    });
    out.text(2, &entity.frame);
    out.text(3, &entity.id);
    // Stays until it is replaced.
    out.message(4, |_| {});
    for cube in &entity.cubes {
        out.message(8, |out| {
            out.message(1, |pose| {
                pose.message(1, |at| numbers(at, &cube.middle_m));
                let (sin, cos) = (cube.yaw_rad / 2.0).sin_cos();
                pose.message(2, |turn| numbers(turn, &[0.0, 0.0, sin, cos]));
            });
            out.message(2, |size| numbers(size, &cube.size_m));
            out.message(3, |color| numbers(color, &cube.rgba));
        });
    }
    for line in &entity.lines {
        out.message(11, |out| {
            out.whole(1, line.kind as u64);
            out.message(2, |pose| {
                pose.message(1, |_| {});
                pose.message(2, |turn| turn.number(4, 1.0));
            });
            out.number(3, line.thickness_m);
            for point in &line.points_m {
                out.message(5, |at| numbers(at, point));
            }
            out.message(6, |color| numbers(color, &line.rgba));
        });
    }
}

/// Numbers as fields 1, 2, 3 and so on.
fn numbers(out: &mut Bytes, all: &[f64]) {
    for (i, x) in all.iter().enumerate() {
        out.number(i as u32 + 1, *x);
    }
}

/// Files of the schema.
const FILES: [FileText; 3] = [
    (
        "google/protobuf/timestamp.proto",
        "google.protobuf",
        "proto3",
        &[],
        &[("Timestamp", &[("seconds", 1, "int64"), ("nanos", 2, "int32")])],
    ),
    (
        "google/protobuf/duration.proto",
        "google.protobuf",
        "proto3",
        &[],
        &[("Duration", &[("seconds", 1, "int64"), ("nanos", 2, "int32")])],
    ),
    (
        "foxglove/SceneUpdate.proto",
        "foxglove",
        "proto3",
        &["google/protobuf/timestamp.proto", "google/protobuf/duration.proto"],
        SCENE,
    ),
];

const SCENE: &[MessageText] = &[
    ("SceneUpdate", &[("deletions", 1, "*SceneEntityDeletion"), ("entities", 2, "*SceneEntity")]),
    (
        "SceneEntityDeletion",
        &[
            ("timestamp", 1, "google.protobuf.Timestamp"),
            ("type", 2, "Type:MATCHING_ID,ALL"),
            ("id", 3, "string"),
        ],
    ),
    (
        "SceneEntity",
        &[
            ("timestamp", 1, "google.protobuf.Timestamp"),
            ("frame_id", 2, "string"),
            ("id", 3, "string"),
            ("lifetime", 4, "google.protobuf.Duration"),
            ("frame_locked", 5, "bool"),
            ("metadata", 6, "*KeyValuePair"),
            ("arrows", 7, "*ArrowPrimitive"),
            ("cubes", 8, "*CubePrimitive"),
            ("spheres", 9, "*SpherePrimitive"),
            ("cylinders", 10, "*CylinderPrimitive"),
            ("lines", 11, "*LinePrimitive"),
            ("triangles", 12, "*TriangleListPrimitive"),
            ("texts", 13, "*TextPrimitive"),
            ("models", 14, "*ModelPrimitive"),
        ],
    ),
    ("KeyValuePair", &[("key", 1, "string"), ("value", 2, "string")]),
    (
        "ArrowPrimitive",
        &[
            ("pose", 1, "Pose"),
            ("shaft_length", 2, "double"),
            ("shaft_diameter", 3, "double"),
            ("head_length", 4, "double"),
            ("head_diameter", 5, "double"),
            ("color", 6, "Color"),
        ],
    ),
    ("CubePrimitive", &[("pose", 1, "Pose"), ("size", 2, "Vector3"), ("color", 3, "Color")]),
    ("SpherePrimitive", &[("pose", 1, "Pose"), ("size", 2, "Vector3"), ("color", 3, "Color")]),
    (
        "CylinderPrimitive",
        &[
            ("pose", 1, "Pose"),
            ("size", 2, "Vector3"),
            ("bottom_scale", 3, "double"),
            ("top_scale", 4, "double"),
            ("color", 5, "Color"),
        ],
    ),
    (
        "LinePrimitive",
        &[
            ("type", 1, "Type:LINE_STRIP,LINE_LOOP,LINE_LIST"),
            ("pose", 2, "Pose"),
            ("thickness", 3, "double"),
            ("scale_invariant", 4, "bool"),
            ("points", 5, "*Point3"),
            ("color", 6, "Color"),
            ("colors", 7, "*Color"),
            ("indices", 8, "*fixed32"),
        ],
    ),
    (
        "TriangleListPrimitive",
        &[
            ("pose", 1, "Pose"),
            ("points", 2, "*Point3"),
            ("color", 3, "Color"),
            ("colors", 4, "*Color"),
            ("indices", 5, "*fixed32"),
        ],
    ),
    (
        "TextPrimitive",
        &[
            ("pose", 1, "Pose"),
            ("billboard", 2, "bool"),
            ("font_size", 3, "double"),
            ("scale_invariant", 4, "bool"),
            ("color", 5, "Color"),
            ("text", 6, "string"),
        ],
    ),
    (
        "ModelPrimitive",
        &[
            ("pose", 1, "Pose"),
            ("scale", 2, "Vector3"),
            ("color", 3, "Color"),
            ("override_color", 4, "bool"),
            ("url", 5, "string"),
            ("media_type", 6, "string"),
            ("data", 7, "bytes"),
        ],
    ),
    ("Pose", &[("position", 1, "Vector3"), ("orientation", 2, "Quaternion")]),
    ("Vector3", &[("x", 1, "double"), ("y", 2, "double"), ("z", 3, "double")]),
    ("Point3", &[("x", 1, "double"), ("y", 2, "double"), ("z", 3, "double")]),
    (
        "Quaternion",
        &[("x", 1, "double"), ("y", 2, "double"), ("z", 3, "double"), ("w", 4, "double")],
    ),
    ("Color", &[("r", 1, "double"), ("g", 2, "double"), ("b", 3, "double"), ("a", 4, "double")]),
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use prost_reflect::{DescriptorPool, DynamicMessage, ReflectMessage as _, Value};

    use super::*;

    fn decoded(update: &SceneUpdate) -> DynamicMessage {
        let pool = DescriptorPool::decode(SceneUpdate::schema().as_slice()).unwrap();
        let descriptor = pool.get_message_by_name(SceneUpdate::NAME).unwrap();
        DynamicMessage::decode(descriptor, update.encode().as_slice()).unwrap()
    }

    fn field(message: &Value, name: &str) -> Value {
        let message = message.as_message().unwrap();
        message.get_field_by_name(name).unwrap().into_owned()
    }

    fn list(message: &Value, name: &str) -> Vec<Value> {
        field(message, name).as_list().unwrap().to_vec()
    }

    fn number(message: &Value, path: &[&str]) -> f64 {
        path.iter().fold(message.clone(), |m, name| field(&m, name)).as_f64().unwrap()
    }

    /// Reads the message back by the schema alone, with a protobuf library.
    fn read(update: &SceneUpdate) -> SceneUpdate {
        let message = Value::Message(decoded(update));
        let xyz = |m: &Value| ["x", "y", "z"].map(|k| number(m, &[k]));
        let rgba = |m: &Value| ["r", "g", "b", "a"].map(|k| number(m, &["color", k]));
        let entity = |e: &Value| Entity {
            at_ns: field(&field(e, "timestamp"), "seconds").as_i64().unwrap() as u64
                * 1_000_000_000
                + field(&field(e, "timestamp"), "nanos").as_i32().unwrap() as u64,
            frame: field(e, "frame_id").as_str().unwrap().to_owned(),
            id: field(e, "id").as_str().unwrap().to_owned(),
            cubes: list(e, "cubes")
                .iter()
                .map(|c| Cube {
                    middle_m: xyz(&field(&field(c, "pose"), "position")),
                    yaw_rad: 2.0
                        * number(c, &["pose", "orientation", "z"])
                            .atan2(number(c, &["pose", "orientation", "w"])),
                    size_m: xyz(&field(c, "size")),
                    rgba: rgba(c),
                })
                .collect(),
            lines: list(e, "lines")
                .iter()
                .map(|l| Line {
                    kind: match field(l, "type").as_enum_number().unwrap() {
                        0 => LineKind::Strip,
                        _ => LineKind::Loop,
                    },
                    thickness_m: number(l, &["thickness"]),
                    points_m: list(l, "points").iter().map(xyz).collect(),
                    rgba: rgba(l),
                })
                .collect(),
        };
        SceneUpdate { entities: list(&message, "entities").iter().map(entity).collect() }
    }

    prop_compose! {
        fn an_entity()(
            at_ns in 0..4_000_000_000_000_000_000_u64,
            (frame, id) in (".{0,6}", ".{0,6}"),
            cubes in proptest::collection::vec(
                (prop::array::uniform3(-1e6..1e6_f64), -3.0..3.0_f64, prop::array::uniform4(0.0..1.0_f64)),
                0..4,
            ),
            lines in proptest::collection::vec(
                (any::<bool>(), proptest::collection::vec(prop::array::uniform3(-1e6..1e6_f64), 0..5)),
                0..4,
            ),
        ) -> Entity {
            let cube = |(middle_m, yaw_rad, rgba)| Cube { middle_m, yaw_rad, size_m: [4.5, 0.0, 1.5], rgba };
            let line = |(is_loop, points_m)| Line {
                kind: if is_loop { LineKind::Loop } else { LineKind::Strip },
                thickness_m: 0.25,
                points_m,
                rgba: [0.0, 0.5, 1.0, 1.0],
            };
            Entity {
                at_ns,
                frame,
                id,
                cubes: cubes.into_iter().map(cube).collect(),
                lines: lines.into_iter().map(line).collect(),
            }
        }
    }

    proptest! {
        #[test]
        fn a_library_reads_back_what_was_written(entities in proptest::collection::vec(an_entity(), 0..3)) {
            let update = SceneUpdate { entities };
            let mut back = read(&update);
            for (a, b) in update.entities.iter().zip(&mut back.entities) {
                for (a, b) in a.cubes.iter().zip(&mut b.cubes) {
                    prop_assert!((a.yaw_rad - b.yaw_rad).abs() < 1e-9);
                    b.yaw_rad = a.yaw_rad;
                }
            }
            prop_assert_eq!(update, back);
        }
    }

    #[test]
    fn the_schema_names_every_field_that_viewers_look_for() {
        let message = decoded(&SceneUpdate { entities: vec![Entity::default()] });
        let names: Vec<String> =
            message.descriptor().fields().map(|f| f.name().to_owned()).collect();
        assert_eq!(names, ["deletions", "entities"]);
        let entity = &list(&Value::Message(message), "entities")[0];
        for empty in ["arrows", "spheres", "cylinders", "triangles", "texts", "models", "metadata"]
        {
            assert!(list(entity, empty).is_empty(), "{empty}");
        }
    }
}
