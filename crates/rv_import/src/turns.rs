//! Turn restrictions: from relations to sequences of edges that may not be driven.
//!
//! wiki.openstreetmap.org/wiki/Relation:restriction. An `only_` restriction with ways in between
//! binds at every step: who enters the first of them must follow through to the last.

use rv_base::{EdgeId, JunctionId};
use rv_map::{ForbiddenPath, Mode, ModeSet, RoadGraph};

use crate::osm::MemberKind;
use crate::raw::{RawMap, RawRelation, Tags};
use crate::report::{DroppedCounts, WarningKind, Warnings};
use crate::roads::Roads;

/// Ways in between that one restriction may have.
const VIA_WAYS_MAX: usize = 32;
/// Edges of one path, which bounds the search along split ways.
const PATH_EDGES_MAX: usize = 256;

/// Resolves every restriction of the file; returns the paths, in a fixed order, and how many
/// restrictions they come from.
pub(crate) fn resolve(
    raw: &RawMap,
    roads: &Roads,
    dropped: &mut DroppedCounts,
    warnings: &mut Warnings,
) -> (Vec<ForbiddenPath>, usize) {
    let mut paths = Vec::new();
    let mut n_bound = 0;
    for relation in raw.relations.iter().filter(|r| is_restriction(&r.tags)) {
        let before = paths.len();
        for rule in rules_of(relation, warnings) {
            match resolve_one(raw, roads, relation, &rule) {
                Ok(found) => paths.extend(found),
                Err(Unresolved::NotInGraph) => {}
                Err(Unresolved::Broken) => {
                    warnings.add(WarningKind::RestrictionBroken, relation.id)
                }
                Err(Unresolved::Ambiguous) => {
                    warnings.add(WarningKind::RestrictionAmbiguous, relation.id);
                }
            }
        }
        if paths.len() > before {
            n_bound += 1;
        } else {
            dropped.n_turn_restrictions += 1;
        }
    }
    paths.sort_by(|a, b| {
        (&a.edges, a.source_id, a.modes.0).cmp(&(&b.edges, b.source_id, b.modes.0))
    });
    paths.dedup();
    (paths, n_bound)
}

/// True for a relation that restricts turns, whatever for.
pub(crate) fn is_restriction(tags: &Tags) -> bool {
    tags.get("type").is_some_and(|t| t == "restriction" || t.starts_with("restriction:"))
}

enum Unresolved {
    /// A road of it is not in the graph, or the turn does not exist there.
    NotInGraph,
    /// Members are missing or do not meet.
    Broken,
    /// The first or last road runs through the node, so it is not known which side is meant.
    Ambiguous,
}

struct Rule {
    is_only: bool,
    modes: ModeSet,
}

/// What the tags of one relation say; more than one rule if it differs by vehicle.
fn rules_of(relation: &RawRelation, warnings: &mut Warnings) -> Vec<Rule> {
    const WHEELS: ModeSet = ModeSet::MOTOR.union(ModeSet::of(&[Mode::Bicycle]));
    let tags = &relation.tags;
    let except = tags.get("except").unwrap_or("");
    let excepted = except
        .split([';', ','])
        .map(|class| modes_of(class.trim()))
        .fold(ModeSet::NONE, ModeSet::union);
    let mut rules = Vec::new();
    for (key, value) in tags.iter() {
        let modes = match key.strip_prefix("restriction") {
            Some("") => match tags.get("type").and_then(|t| t.strip_prefix("restriction:")) {
                Some(class) => modes_of(class),
                None => WHEELS,
            },
            Some(":conditional") => {
                warnings.add(WarningKind::ConditionIgnored, relation.id);
                continue;
            }
            Some(suffix) if suffix.ends_with(":conditional") => {
                warnings.add(WarningKind::ConditionIgnored, relation.id);
                continue;
            }
            Some(suffix) => modes_of(suffix.trim_start_matches(':')),
            None => continue,
        };
        let is_only = value.starts_with("only_");
        if !is_only && !value.starts_with("no_") {
            warnings.add(WarningKind::ValueNotUnderstood, relation.id);
            continue;
        }
        let modes = modes.without(excepted);
        if !modes.is_empty() {
            rules.push(Rule { is_only, modes });
        }
    }
    rules
}

/// The modes in a class of vehicles; see `access` for why `motorcar` includes vans.
fn modes_of(class: &str) -> ModeSet {
    match class {
        "motor_vehicle" => ModeSet::MOTOR,
        "vehicle" => ModeSet::MOTOR.union(ModeSet::of(&[Mode::Bicycle])),
        "motorcar" => ModeSet::of(&[Mode::Car, Mode::Van]),
        "goods" | "delivery" => ModeSet::of(&[Mode::Van]),
        "hgv" => ModeSet::of(&[Mode::Truck]),
        "bicycle" => ModeSet::of(&[Mode::Bicycle]),
        "foot" => ModeSet::of(&[Mode::Foot, Mode::Robot]),
        _ => ModeSet::NONE,
    }
}

fn resolve_one(
    raw: &RawMap,
    roads: &Roads,
    relation: &RawRelation,
    rule: &Rule,
) -> Result<Vec<ForbiddenPath>, Unresolved> {
    let ways = |role: &str| -> Result<Vec<usize>, Unresolved> {
        let members = relation.members.iter().filter(|m| m.role == role);
        let ways = members.filter(|m| m.kind == MemberKind::Way);
        ways.map(|m| raw.way_idx(m.id).ok_or(Unresolved::Broken)).collect()
    };
    let (from, to, via_ways) = (ways("from")?, ways("to")?, ways("via")?);
    if from.is_empty() || to.is_empty() || via_ways.len() > VIA_WAYS_MAX {
        return Err(Unresolved::Broken);
    }
    let mut paths = Vec::new();
    // `no_entry` may come from several ways and `no_exit` may lead to several.
    for &from in &from {
        for &to in &to {
            let nodes = via_nodes(raw, relation, from, &via_ways, to)?;
            let walk = Walk { raw, roads, from, via_ways: &via_ways, to, nodes: &nodes };
            paths.extend(walk.forbidden(rule, relation.id)?);
        }
    }
    Ok(paths)
}

/// The nodes where the ways of a restriction meet: from/first, first/second, ..., last/to.
fn via_nodes(
    raw: &RawMap,
    relation: &RawRelation,
    from: usize,
    via_ways: &[usize],
    to: usize,
) -> Result<Vec<u32>, Unresolved> {
    if via_ways.is_empty() {
        let mut members = relation.members.iter();
        let via = members.find(|m| m.role == "via" && m.kind == MemberKind::Node);
        let node = via.and_then(|m| raw.node_idx(m.id)).ok_or(Unresolved::Broken)?;
        return Ok(vec![node]);
    }
    let chain: Vec<usize> =
        [from].into_iter().chain(via_ways.iter().copied()).chain([to]).collect();
    let meet = |pair: &[usize]| {
        let (a, b) = (&raw.ways[pair[0]].nodes, &raw.ways[pair[1]].nodes);
        let ends = |nodes: &[u32]| [nodes.first().copied(), nodes.last().copied()];
        let common = ends(a).into_iter().flatten().find(|n| ends(b).contains(&Some(*n)));
        common
            .or_else(|| ends(a).into_iter().flatten().find(|n| b.contains(n)))
            .or_else(|| ends(b).into_iter().flatten().find(|n| a.contains(n)))
            .ok_or(Unresolved::Broken)
    };
    chain.windows(2).map(meet).collect()
}

/// One restriction laid along the graph.
struct Walk<'a> {
    raw: &'a RawMap,
    roads: &'a Roads,
    from: usize,
    via_ways: &'a [usize],
    to: usize,
    nodes: &'a [u32],
}

impl Walk<'_> {
    fn forbidden(&self, rule: &Rule, source_id: i64) -> Result<Vec<ForbiddenPath>, Unresolved> {
        let graph = &self.roads.graph;
        let junctions: Option<Vec<JunctionId>> =
            self.nodes.iter().map(|n| self.roads.junction_of_node.get(n).copied()).collect();
        let junctions = junctions.ok_or(Unresolved::NotInGraph)?;
        let (first, last) = (junctions[0], junctions[junctions.len() - 1]);
        let arriving: Vec<EdgeId> =
            self.roads.edges_of_way(self.from).filter(|e| graph.edge(*e).head == first).collect();
        let leaving: Vec<EdgeId> =
            self.roads.edges_of_way(self.to).filter(|e| graph.edge(*e).tail == last).collect();
        let is_u_turn = self.from == self.to && self.via_ways.is_empty();
        if !is_u_turn && (arriving.len() > 1 || leaving.len() > 1) {
            return Err(Unresolved::Ambiguous);
        }
        let mut between = Vec::new();
        for (way, ends) in self.via_ways.iter().zip(junctions.windows(2)) {
            between.extend(self.along(*way, ends[0], ends[1])?);
        }
        let mut paths = Vec::new();
        let mut forbid = |edges: Vec<EdgeId>| {
            let open =
                edges.iter().map(|e| graph.edge(*e).modes).fold(rule.modes, ModeSet::intersection);
            if !open.is_empty() {
                paths.push(ForbiddenPath { edges, modes: open, source_id });
            }
        };
        for &arrival in &arriving {
            let mut prefix = vec![arrival];
            prefix.extend_from_slice(&between);
            if rule.is_only {
                let Some(&wanted) = leaving.first() else { return Err(Unresolved::NotInGraph) };
                prefix.push(wanted);
                for n in 1..prefix.len() {
                    for other in graph.out_edges(graph.edge(prefix[n - 1]).head) {
                        if other != prefix[n] {
                            forbid(prefix[..n].iter().copied().chain([other]).collect());
                        }
                    }
                }
                continue;
            }
            for &departure in &leaving {
                let is_back = graph.edge(arrival).reverse == Some(departure);
                if !is_u_turn || is_back {
                    forbid(prefix.iter().copied().chain([departure]).collect());
                }
            }
        }
        Ok(paths)
    }

    /// The edges of a way that lead from one junction to another, if the way's pieces do.
    fn along(
        &self,
        way: usize,
        start: JunctionId,
        end: JunctionId,
    ) -> Result<Vec<EdgeId>, Unresolved> {
        let graph: &RoadGraph = &self.roads.graph;
        debug_assert!(way < self.raw.ways.len());
        // Both directions of the way are tried; each is a chain without branches.
        for is_forward in [true, false] {
            let mut at = start;
            let mut edges = Vec::new();
            while edges.len() < PATH_EDGES_MAX {
                let mut onward = self.roads.edges_of_way(way).filter(|e| {
                    let edge = graph.edge(*e);
                    edge.tail == at && edge.is_forward == is_forward && !edges.contains(e)
                });
                let Some(next) = onward.next() else { break };
                edges.push(next);
                at = graph.edge(next).head;
                if at == end {
                    return Ok(edges);
                }
            }
        }
        Err(Unresolved::NotInGraph)
    }
}
