//! Hand-made towns, written as each of the formats.

use rv_base::{EdgeId, LatLon};
use rv_import::{ImportError, ImportOptions, ImportReport, build_city};
use rv_map::{City, Mode, ModeSet, RoadGraph};

pub type TagList = Vec<(&'static str, &'static str)>;

/// Nodes are letters; a way is a word.
#[derive(Clone, Default)]
pub struct Town {
    pub nodes: Vec<(char, f64, f64, TagList)>,
    pub ways: Vec<(i64, &'static str, TagList)>,
    /// Members are `(type, id or letter, role)`.
    pub relations: Vec<(i64, Vec<(&'static str, i64, &'static str)>, TagList)>,
}

pub const STREET: (&str, &str) = ("highway", "residential");

pub fn position(x_m: f64, y_m: f64) -> LatLon {
    const M_PER_DEG: f64 = 111_195.0;
    let lat = 43.73 + y_m / M_PER_DEG;
    LatLon::from_degrees(lat, 7.42 + x_m / (M_PER_DEG * 43.73_f64.to_radians().cos())).unwrap()
}

/// A cross of streets (west, centre, east and north, centre, south) within a ring of streets.
pub fn crossroads() -> Town {
    let corners = [('W', -100.0, 0.0), ('N', 0.0, 100.0), ('E', 100.0, 0.0), ('S', 0.0, -100.0)];
    let mut town = Town::default();
    town.nodes.push(('C', 0.0, 0.0, vec![]));
    town.nodes.extend(corners.map(|(letter, x, y)| (letter, x, y, vec![])));
    town.ways = vec![
        (1, "WC", vec![STREET]),
        (2, "CE", vec![STREET]),
        (3, "NC", vec![STREET]),
        (4, "CS", vec![STREET]),
        (5, "WNESW", vec![STREET, ("name", "Ring")]),
    ];
    town
}

impl Town {
    pub fn with_node(mut self, letter: char, x_m: f64, y_m: f64, tags: TagList) -> Self {
        self.nodes.retain(|(l, ..)| *l != letter);
        self.nodes.push((letter, x_m, y_m, tags));
        self
    }

    pub fn with_way(mut self, id: i64, nodes: &'static str, tags: TagList) -> Self {
        self.ways.retain(|(i, ..)| *i != id);
        self.ways.push((id, nodes, tags));
        self
    }

    pub fn with_turn(
        mut self,
        from: i64,
        via: &[(&'static str, i64)],
        to: i64,
        tags: TagList,
    ) -> Self {
        let mut members = vec![("way", from, "from"), ("way", to, "to")];
        members.extend(via.iter().map(|&(kind, id)| (kind, id, "via")));
        let mut tags = tags;
        tags.push(("type", "restriction"));
        self.relations.push((900 + self.relations.len() as i64, members, tags));
        self
    }

    pub fn xml(&self) -> String {
        let tags = |tags: &TagList| -> String {
            tags.iter().map(|(k, v)| format!("<tag k=\"{k}\" v=\"{v}\"/>")).collect()
        };
        let mut xml = String::from("<?xml version=\"1.0\"?>\n<osm version=\"0.6\">\n");
        for (letter, x, y, node_tags) in &self.nodes {
            let p = position(*x, *y);
            xml += &format!(
                "<node id=\"{}\" lat=\"{:.7}\" lon=\"{:.7}\">{}</node>\n",
                u32::from(*letter),
                p.lat_deg(),
                p.lon_deg(),
                tags(node_tags)
            );
        }
        for (id, nodes, way_tags) in &self.ways {
            let refs: String =
                nodes.chars().map(|c| format!("<nd ref=\"{}\"/>", u32::from(c))).collect();
            xml += &format!("<way id=\"{id}\">{refs}{}</way>\n", tags(way_tags));
        }
        for (id, members, relation_tags) in &self.relations {
            let members: String = members
                .iter()
                .map(|(kind, id, role)| {
                    format!("<member type=\"{kind}\" ref=\"{id}\" role=\"{role}\"/>")
                })
                .collect();
            xml += &format!("<relation id=\"{id}\">{members}{}</relation>\n", tags(relation_tags));
        }
        xml + "</osm>\n"
    }

    pub fn json(&self) -> String {
        let tags = |tags: &TagList| -> serde_json::Value {
            tags.iter()
                .map(|(k, v)| (k.to_string(), (*v).into()))
                .collect::<serde_json::Map<_, _>>()
                .into()
        };
        let mut elements = Vec::new();
        for (letter, x, y, node_tags) in &self.nodes {
            let p = position(*x, *y);
            elements.push(serde_json::json!({
                "type": "node", "id": u32::from(*letter), "lat": p.lat_deg(), "lon": p.lon_deg(),
                "tags": tags(node_tags),
            }));
        }
        for (id, nodes, way_tags) in &self.ways {
            let refs: Vec<u32> = nodes.chars().map(u32::from).collect();
            elements.push(serde_json::json!({
                "type": "way", "id": id, "nodes": refs, "tags": tags(way_tags),
            }));
        }
        for (id, members, relation_tags) in &self.relations {
            let members: Vec<_> = members
                .iter()
                .map(|(kind, id, role)| serde_json::json!({"type": kind, "ref": id, "role": role}))
                .collect();
            elements.push(serde_json::json!({
                "type": "relation", "id": id, "members": members, "tags": tags(relation_tags),
            }));
        }
        serde_json::json!({"version": 0.6, "generator": "test", "elements": elements}).to_string()
    }

    /// OSM PBF with uncompressed blobs, nodes dense.
    pub fn pbf(&self) -> Vec<u8> {
        let mut strings = vec![String::new()];
        let mut idx = |text: &str| -> u64 {
            let at = strings.iter().skip(1).position(|s| s == text).map(|i| i + 1);
            at.unwrap_or_else(|| {
                strings.push(text.to_owned());
                strings.len() - 1
            }) as u64
        };
        let (mut ids, mut lats, mut lons, mut key_values) = (vec![], vec![], vec![], vec![]);
        let mut last = (0_i64, 0_i64, 0_i64);
        for (letter, x, y, tags) in &self.nodes {
            let p = position(*x, *y);
            let at = (i64::from(u32::from(*letter)), i64::from(p.lat_e7()), i64::from(p.lon_e7()));
            varint(&mut ids, zigzag(at.0 - last.0));
            varint(&mut lats, zigzag(at.1 - last.1));
            varint(&mut lons, zigzag(at.2 - last.2));
            last = at;
            for (key, value) in tags {
                varint(&mut key_values, idx(key));
                varint(&mut key_values, idx(value));
            }
            varint(&mut key_values, 0);
        }
        let mut dense = Vec::new();
        for (field, row) in [(1, ids), (8, lats), (9, lons), (10, key_values)] {
            bytes(&mut dense, field, &row);
        }
        let mut group = Vec::new();
        bytes(&mut group, 2, &dense);
        for (id, nodes, tags) in &self.ways {
            let mut way = element(*id, tags, &mut idx);
            let (mut refs, mut last) = (vec![], 0);
            for node in nodes.chars().map(|c| i64::from(u32::from(c))) {
                varint(&mut refs, zigzag(node - last));
                last = node;
            }
            bytes(&mut way, 8, &refs);
            bytes(&mut group, 3, &way);
        }
        for (id, members, tags) in &self.relations {
            let mut relation = element(*id, tags, &mut idx);
            let (mut roles, mut refs, mut kinds, mut last) = (vec![], vec![], vec![], 0);
            for (kind, id, role) in members {
                varint(&mut roles, idx(role));
                varint(&mut refs, zigzag(id - last));
                varint(&mut kinds, u64::from(*kind == "way"));
                last = *id;
            }
            for (field, row) in [(8, roles), (9, refs), (10, kinds)] {
                bytes(&mut relation, field, &row);
            }
            bytes(&mut group, 4, &relation);
        }
        let mut table = Vec::new();
        for text in &strings {
            bytes(&mut table, 1, text.as_bytes());
        }
        let mut block = Vec::new();
        bytes(&mut block, 1, &table);
        bytes(&mut block, 2, &group);
        let mut header = Vec::new();
        bytes(&mut header, 4, b"OsmSchema-V0.6");
        bytes(&mut header, 4, b"DenseNodes");
        let mut file = blob("OSMHeader", &header);
        file.extend(blob("OSMData", &block));
        file
    }

    pub fn try_build(&self) -> Result<(City, ImportReport), ImportError> {
        build_city(self.xml().as_bytes(), &ImportOptions::named("town"))
    }

    #[track_caller]
    pub fn build(&self) -> (City, ImportReport) {
        let (city, report) = self.try_build().unwrap();
        assert_eq!(city.validate(), Ok(()));
        (city, report)
    }

    /// The letter of a position; `?` for one made up by the importer.
    fn letter(&self, p: LatLon) -> char {
        let at = self.nodes.iter().find(|(_, x, y, _)| position(*x, *y).distance_to(p).0 < 0.1);
        at.map_or('?', |(letter, ..)| *letter)
    }

    /// Letters along consecutive edges, junctions only.
    pub fn path(&self, graph: &RoadGraph, edges: &[EdgeId]) -> String {
        let junction = |j: rv_base::JunctionId| self.letter(graph.junctions[j.idx()]);
        let heads = edges.iter().map(|e| junction(graph.edge(*e).head));
        [junction(graph.edge(edges[0]).tail)].into_iter().chain(heads).collect()
    }

    /// Every edge as `AB:modes`, sorted.
    pub fn edges(&self, graph: &RoadGraph) -> Vec<String> {
        let mut list: Vec<_> = (0..graph.n_edges())
            .map(EdgeId::from_idx)
            .map(|id| format!("{}:{}", self.path(graph, &[id]), letters(graph.edge(id).modes)))
            .collect();
        list.sort();
        list
    }

    /// Every forbidden path as `ABC:modes`, sorted.
    pub fn forbidden(&self, graph: &RoadGraph) -> Vec<String> {
        let paths = graph.forbidden.iter();
        let mut list: Vec<_> =
            paths.map(|p| format!("{}:{}", self.path(graph, &p.edges), letters(p.modes))).collect();
        list.sort();
        list
    }
}

/// Car, van, truck, robot, bicycle, foot.
pub fn letters(modes: ModeSet) -> String {
    Mode::ALL
        .iter()
        .zip("cvtrbf".chars())
        .filter(|(m, _)| modes.contains(**m))
        .map(|(_, c)| c)
        .collect()
}

pub fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

pub fn bytes(out: &mut Vec<u8>, field: u64, bytes: &[u8]) {
    varint(out, field << 3 | 2);
    varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn element(id: i64, tags: &TagList, idx: &mut impl FnMut(&str) -> u64) -> Vec<u8> {
    let (mut keys, mut values) = (Vec::new(), Vec::new());
    for (key, value) in tags {
        varint(&mut keys, idx(key));
        varint(&mut values, idx(value));
    }
    let mut element = Vec::new();
    varint(&mut element, 1 << 3);
    varint(&mut element, id as u64);
    bytes(&mut element, 2, &keys);
    bytes(&mut element, 3, &values);
    element
}

/// One uncompressed blob with its header.
pub fn blob(kind: &str, content: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    bytes(&mut body, 1, content);
    let mut header = Vec::new();
    bytes(&mut header, 1, kind.as_bytes());
    varint(&mut header, 3 << 3);
    varint(&mut header, body.len() as u64);
    let mut file = (header.len() as u32).to_be_bytes().to_vec();
    file.extend(header);
    file.extend(body);
    file
}
