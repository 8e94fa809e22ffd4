//! Overpass JSON (`{"elements": [...]}`), as a stream, and bare lists of roads
//! (`[{"path": [[lat, lon], ...], "highway": ...}]`).

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::BufRead;

use rv_base::LatLon;
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::{Member, MemberKind, Sink, io_error};
use crate::error::ImportError;
use crate::limits::Budget;

/// Reads a whole file into `sink`.
pub(super) fn read<R: BufRead>(
    mut input: Budget<R>,
    sink: &mut dyn Sink,
) -> Result<(), ImportError> {
    let state = RefCell::new(State { sink, failure: None, by_position: BTreeMap::new() });
    let result = {
        let mut json = serde_json::Deserializer::from_reader(&mut input);
        Document { state: &state }.deserialize(&mut json).and_then(|()| json.end())
    };
    let at_byte = input.n_read();
    if let Some(failure) = state.into_inner().failure {
        return Err(failure);
    }
    result.map_err(|error| {
        if error.is_eof() {
            ImportError::Truncated { at_byte }
        } else if error.is_io() {
            io_error(error.into(), at_byte)
        } else {
            ImportError::Syntax { format: "JSON", at_byte, what: error.to_string() }
        }
    })
}

struct State<'a> {
    sink: &'a mut dyn Sink,
    /// What the sink said, which serde's error cannot carry.
    failure: Option<ImportError>,
    /// Ids of nodes that have none in the file.
    by_position: BTreeMap<LatLon, i64>,
}

impl State<'_> {
    fn keep<E: serde::de::Error>(&mut self, result: Result<(), ImportError>) -> Result<(), E> {
        result.map_err(|failure| {
            self.failure = Some(failure);
            E::custom("import stopped")
        })
    }

    fn node_at(&mut self, position: LatLon) -> Result<i64, ImportError> {
        let next = -1 - self.by_position.len() as i64;
        let id = *self.by_position.entry(position).or_insert(next);
        if id == next {
            self.sink.node(id, Some(position), &[])?;
        }
        Ok(id)
    }

    fn element(&mut self, element: Element) -> Result<(), ImportError> {
        let tags: Vec<_> = element.tags.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        match element.kind.as_str() {
            "node" => self.sink.node(element.id, position(element.lat, element.lon), &tags),
            "way" => {
                // `out geom` gives positions in the way; the nodes may then be absent.
                let mut refs = element.nodes;
                let geometry = element
                    .geometry
                    .iter()
                    .map(|p| p.as_ref().and_then(|p| position(Some(p.lat), Some(p.lon))));
                if refs.is_empty() {
                    for position in geometry.flatten() {
                        refs.push(self.node_at(position)?);
                    }
                } else {
                    for (&id, position) in refs.iter().zip(geometry) {
                        if position.is_some() {
                            self.sink.node(id, position, &[])?;
                        }
                    }
                }
                self.sink.way(element.id, &refs, &tags)
            }
            "relation" => {
                let members = element.members.into_iter().filter_map(JsonMember::into_member);
                self.sink.relation(element.id, members.collect(), &tags)
            }
            _ => Ok(()),
        }
    }

    fn road(&mut self, idx: usize, road: ListedRoad) -> Result<(), ImportError> {
        let mut refs = Vec::with_capacity(road.path.len());
        for (lat, lon) in road.path {
            if let Ok(position) = LatLon::from_degrees(lat, lon) {
                refs.push(self.node_at(position)?);
            }
        }
        let lanes =
            [road.lanes_forward, road.lanes_backward].map(|l| l.map(|l| l.len().to_string()));
        let oneway = if road.oneway { "yes" } else { "no" };
        let mut tags = vec![("highway", road.highway.as_str()), ("oneway", oneway)];
        if let Some(junction) = &road.junction {
            tags.push(("junction", junction));
        }
        if !road.name.is_empty() {
            tags.push(("name", &road.name));
        }
        for (key, lanes) in ["lanes:forward", "lanes:backward"].into_iter().zip(&lanes) {
            if let Some(n) = lanes.as_deref().filter(|n| *n != "0") {
                tags.push((key, n));
            }
        }
        self.sink.way(idx as i64 + 1, &refs, &tags)
    }
}

#[derive(Deserialize)]
struct Element {
    #[serde(rename = "type")]
    kind: String,
    id: i64,
    lat: Option<f64>,
    lon: Option<f64>,
    #[serde(default)]
    tags: BTreeMap<String, String>,
    #[serde(default)]
    nodes: Vec<i64>,
    #[serde(default)]
    geometry: Vec<Option<JsonPosition>>,
    #[serde(default)]
    members: Vec<JsonMember>,
}

#[derive(Deserialize)]
struct JsonPosition {
    lat: f64,
    lon: f64,
}

#[derive(Deserialize)]
struct JsonMember {
    #[serde(rename = "type")]
    kind: String,
    #[serde(rename = "ref")]
    id: i64,
    #[serde(default)]
    role: String,
}

impl JsonMember {
    fn into_member(self) -> Option<Member> {
        let kind = match self.kind.as_str() {
            "node" => MemberKind::Node,
            "way" => MemberKind::Way,
            "relation" => MemberKind::Relation,
            _ => return None,
        };
        Some(Member { kind, id: self.id, role: self.role })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListedRoad {
    #[serde(default)]
    name: String,
    path: Vec<(f64, f64)>,
    highway: String,
    #[serde(default)]
    oneway: bool,
    junction: Option<String>,
    lanes_forward: Option<Vec<IgnoredAny>>,
    lanes_backward: Option<Vec<IgnoredAny>>,
}

fn position(lat: Option<f64>, lon: Option<f64>) -> Option<LatLon> {
    LatLon::from_degrees(lat?, lon?).ok()
}

/// The whole file.
struct Document<'a, 'b> {
    state: &'a RefCell<State<'b>>,
}

impl<'de> DeserializeSeed<'de> for Document<'_, '_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Document<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object with `elements`, or a list of roads")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut seen_elements = false;
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "elements" => {
                    seen_elements = true;
                    map.next_value_seed(Elements { state: self.state })?;
                }
                "remark" => {
                    let text = map.next_value::<String>()?;
                    self.state.borrow_mut().sink.remark(&text);
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        if seen_elements { Ok(()) } else { Err(serde::de::Error::missing_field("elements")) }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let mut idx = 0;
        while let Some(road) = seq.next_element::<ListedRoad>()? {
            let mut state = self.state.borrow_mut();
            let result = state.road(idx, road);
            state.keep(result)?;
            idx += 1;
        }
        Ok(())
    }
}

/// The list under `elements`.
struct Elements<'a, 'b> {
    state: &'a RefCell<State<'b>>,
}

impl<'de> DeserializeSeed<'de> for Elements<'_, '_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Elements<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a list of nodes, ways and relations")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while let Some(element) = seq.next_element::<Element>()? {
            let mut state = self.state.borrow_mut();
            let result = state.element(element);
            state.keep(result)?;
        }
        Ok(())
    }
}
