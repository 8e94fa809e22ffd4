//! The map as read: sorted tables of nodes, ways and relations.

use rv_base::LatLon;

use crate::error::ImportError;
use crate::limits::Limits;
use crate::osm::{Member, Sink, TagPairs};
use crate::report::{WarningKind, Warnings};

/// Stands for a node that the file does not contain.
pub(crate) const NO_NODE: u32 = u32::MAX;

/// Keys and values of one element; few, so searched one after another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tags(Vec<(Box<str>, Box<str>)>);

impl Tags {
    #[cfg(test)]
    pub(crate) fn of(pairs: &[(&str, &str)]) -> Self {
        Self(pairs.iter().map(|&(k, v)| (k.into(), v.into())).collect())
    }

    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(k, _)| &**k == key).map(|(_, v)| &**v)
    }

    pub(crate) fn is(&self, key: &str, value: &str) -> bool {
        self.get(key) == Some(value)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(k, v)| (&**k, &**v))
    }
}

/// A text cut to the length that OpenStreetMap allows, for other sources may give more.
pub(crate) fn short(text: &str) -> String {
    const CHARS_MAX: usize = 255;
    text.chars().take(CHARS_MAX).collect()
}

pub(crate) struct RawWay {
    pub id: i64,
    /// Indices of nodes, [`NO_NODE`] where the file lacks it.
    pub nodes: Vec<u32>,
    pub tags: Tags,
}

impl RawWay {
    /// True for a ring of at least three nodes, all of them in the file.
    pub(crate) fn is_ring(&self) -> bool {
        self.nodes.len() >= 4
            && self.nodes.first() == self.nodes.last()
            && !self.nodes.contains(&NO_NODE)
    }
}

pub(crate) struct RawRelation {
    pub id: i64,
    pub members: Vec<Member>,
    pub tags: Tags,
}

/// Everything of a file that a city can be made from.
#[derive(Default)]
pub(crate) struct RawMap {
    pub bounds: Option<(LatLon, LatLon)>,
    /// Sorted; the other tables speak of nodes by their index here.
    pub node_ids: Vec<i64>,
    pub positions: Vec<LatLon>,
    /// Sorted by node.
    pub node_tags: Vec<(u32, Tags)>,
    /// Sorted by id.
    pub ways: Vec<RawWay>,
    /// Sorted by id.
    pub relations: Vec<RawRelation>,
    pub remark: Option<String>,
}

impl RawMap {
    pub(crate) fn node_idx(&self, id: i64) -> Option<u32> {
        self.node_ids.binary_search(&id).ok().map(|i| i as u32)
    }

    pub(crate) fn way_idx(&self, id: i64) -> Option<usize> {
        self.ways.binary_search_by_key(&id, |w| w.id).ok()
    }

    pub(crate) fn tags_of_node(&self, node: u32) -> Option<&Tags> {
        let i = self.node_tags.binary_search_by_key(&node, |(n, _)| *n).ok()?;
        Some(&self.node_tags[i].1)
    }

    /// Positions of a way's nodes, without those that the file lacks.
    pub(crate) fn points_of(&self, way: &RawWay) -> Vec<LatLon> {
        let known = way.nodes.iter().filter(|&&n| n != NO_NODE);
        known.map(|&n| self.positions[n as usize]).collect()
    }
}

/// Gathers what the readers send and keeps the limits.
pub(crate) struct Collector<'a> {
    limits: &'a Limits,
    warnings: &'a mut Warnings,
    nodes: Vec<(i64, LatLon)>,
    node_tags: Vec<(i64, Tags)>,
    ways: Vec<(i64, Vec<i64>, Tags)>,
    relations: Vec<RawRelation>,
    bounds: Option<(LatLon, LatLon)>,
    remark: Option<String>,
    n_refs: u64,
    n_tag_bytes: u64,
}

impl<'a> Collector<'a> {
    pub(crate) fn new(limits: &'a Limits, warnings: &'a mut Warnings) -> Self {
        Self {
            limits,
            warnings,
            nodes: Vec::new(),
            node_tags: Vec::new(),
            ways: Vec::new(),
            relations: Vec::new(),
            bounds: None,
            remark: None,
            n_refs: 0,
            n_tag_bytes: 0,
        }
    }

    fn keep_tags(&mut self, pairs: &TagPairs<'_>) -> Result<Tags, ImportError> {
        let kept = pairs.iter().filter(|(key, _)| is_useful(key));
        let tags = Tags(kept.map(|&(k, v)| (k.into(), v.into())).collect());
        self.n_tag_bytes += tags.iter().map(|(k, v)| 64 + (k.len() + v.len()) as u64).sum::<u64>();
        check("bytes of tags", self.n_tag_bytes, self.limits.n_tag_bytes_max)?;
        Ok(tags)
    }

    /// Sorts the tables and resolves references between them.
    pub(crate) fn finish(mut self) -> RawMap {
        // Of an element given twice the last stands, as in a file that was patched at its end.
        self.nodes.sort_by_key(|(id, _)| *id);
        self.nodes.reverse();
        self.nodes.dedup_by_key(|(id, _)| *id);
        self.nodes.reverse();
        let (node_ids, positions): (Vec<_>, Vec<_>) = self.nodes.into_iter().unzip();
        let node_idx = |id: i64| node_ids.binary_search(&id).ok().map(|i| i as u32);
        let mut node_tags: Vec<_> = self
            .node_tags
            .into_iter()
            .filter_map(|(id, tags)| node_idx(id).map(|idx| (idx, tags)))
            .collect();
        node_tags.sort_by_key(|(idx, _)| *idx);
        node_tags.dedup_by_key(|(idx, _)| *idx);
        self.ways.sort_by_key(|(id, ..)| *id);
        self.ways.dedup_by_key(|(id, ..)| *id);
        let mut ways = Vec::with_capacity(self.ways.len());
        for (id, refs, tags) in self.ways {
            let nodes: Vec<_> =
                refs.into_iter().map(|id| node_idx(id).unwrap_or(NO_NODE)).collect();
            if nodes.contains(&NO_NODE) {
                self.warnings.add(WarningKind::WayNodeMissing, id);
            }
            ways.push(RawWay { id, nodes, tags });
        }
        self.relations.sort_by_key(|r| r.id);
        self.relations.dedup_by_key(|r| r.id);
        RawMap {
            bounds: self.bounds,
            node_ids,
            positions,
            node_tags,
            ways,
            relations: self.relations,
            remark: self.remark,
        }
    }
}

fn check(what: &'static str, n: u64, limit: u64) -> Result<(), ImportError> {
    if n > limit { Err(ImportError::TooLarge { what, limit }) } else { Ok(()) }
}

/// False for keys that only mappers and other importers read.
fn is_useful(key: &str) -> bool {
    const USELESS: [&str; 14] = [
        "attribution",
        "created_by",
        "fixme",
        "FIXME",
        "image",
        "import",
        "note",
        "phone",
        "ref:",
        "source",
        "survey",
        "tiger:",
        "website",
        "wiki",
    ];
    // A restriction's source is useless, but the source of a speed limit can be its zone.
    key == "source:maxspeed"
        || !(USELESS.iter().any(|prefix| key.starts_with(prefix))
            || (key.starts_with("name:") && key != "name:en"))
}

impl Sink for Collector<'_> {
    fn limits(&self) -> &Limits {
        self.limits
    }

    fn bounds(&mut self, (low, high): (LatLon, LatLon)) {
        if low.lat_e7() < high.lat_e7() && low.lon_e7() < high.lon_e7() {
            self.bounds = Some((low, high));
        }
    }

    fn node(
        &mut self,
        id: i64,
        position: Option<LatLon>,
        tags: &TagPairs<'_>,
    ) -> Result<(), ImportError> {
        let Some(position) = position else {
            self.warnings.add(WarningKind::NodeOffEarth, id);
            return Ok(());
        };
        self.nodes.push((id, position));
        check("nodes", self.nodes.len() as u64, self.limits.n_nodes_max)?;
        if !tags.is_empty() {
            let tags = self.keep_tags(tags)?;
            if !tags.0.is_empty() {
                self.node_tags.push((id, tags));
            }
        }
        Ok(())
    }

    fn way(&mut self, id: i64, refs: &[i64], tags: &TagPairs<'_>) -> Result<(), ImportError> {
        if refs.len() > self.limits.n_way_nodes_max {
            self.warnings.add(WarningKind::WayTooLong, id);
            return Ok(());
        }
        self.n_refs += refs.len() as u64;
        check("node references", self.n_refs, self.limits.n_refs_max)?;
        let tags = self.keep_tags(tags)?;
        self.ways.push((id, refs.to_vec(), tags));
        check("ways", self.ways.len() as u64, self.limits.n_ways_max)
    }

    fn relation(
        &mut self,
        id: i64,
        members: Vec<Member>,
        tags: &TagPairs<'_>,
    ) -> Result<(), ImportError> {
        if members.len() > self.limits.n_members_max {
            self.warnings.add(WarningKind::RelationTooLarge, id);
            return Ok(());
        }
        self.n_refs += members.len() as u64;
        check("node references", self.n_refs, self.limits.n_refs_max)?;
        let tags = self.keep_tags(tags)?;
        self.relations.push(RawRelation { id, members, tags });
        check("relations", self.relations.len() as u64, self.limits.n_relations_max)
    }

    fn remark(&mut self, text: &str) {
        self.remark = Some(text.chars().take(300).collect());
    }
}
