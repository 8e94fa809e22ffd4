//! Large road topologies in DIMACS and PACE text (`p sp n m`, `a u v w`; `p tw n m`, `u v`), to
//! measure routing at the size of a state.
//!
//! Such files have neither positions nor, often, weights. Positions are made from the topology: how
//! many roads a junction is away from four that lie far apart tells about where it is, which is
//! enough for cutting the map apart. Lengths and kinds of road that the file does not give are
//! drawn from a seed.

use std::io::{BufRead, BufReader, Read};

use rv_base::{EdgeId, JunctionId, LatLon, Meters, MetersPerSecond, Rng, RoadId};
use rv_map::{City, Edge, ModeSet, Road, RoadGraph, RoadKind, Surface};

use crate::error::ImportError;

/// Most junctions that are read.
const NODES_MAX: usize = 5_000_000;
/// Most roads that are read.
const ROADS_MAX: usize = 12_000_000;
/// Longest line, bytes.
const LINE_MAX: u64 = 4096;

/// Reads a topology; the largest connected part becomes a city of two-way roads.
pub fn build_dimacs(input: impl Read, name: &str, seed: u64) -> Result<City, ImportError> {
    let (n_nodes, mut pairs) = read(input)?;
    for pair in &mut pairs {
        (pair.0, pair.1) = (pair.0.min(pair.1), pair.0.max(pair.1));
    }
    // Of both directions of a road, or of several roads between two junctions, the shortest.
    pairs.sort_unstable();
    pairs.dedup_by_key(|pair| (pair.0, pair.1));
    let all = Neighbours::of(n_nodes, &pairs);
    let part = largest_part(&all);
    let mut number = vec![u32::MAX; n_nodes];
    for (new, old) in part.iter().enumerate() {
        number[*old as usize] = new as u32;
    }
    pairs.retain(|pair| number[pair.0 as usize] != u32::MAX);
    for pair in &mut pairs {
        (pair.0, pair.1) = (number[pair.0 as usize], number[pair.1 as usize]);
    }
    if pairs.is_empty() {
        return Err(ImportError::NoRoads);
    }
    let neighbours = Neighbours::of(part.len(), &pairs);
    let junctions = positions(&neighbours);
    let graph = road_graph(junctions, &pairs, &mut Rng::from_seed(seed));
    let range = |of: fn(&LatLon) -> i32| {
        let all = || graph.junctions.iter().map(of);
        (all().min().unwrap_or(0), all().max().unwrap_or(0))
    };
    let ((south, north), (west, east)) = (range(|p| p.lat_e7()), range(|p| p.lon_e7()));
    let corner = |lat, lon| LatLon::from_e7(lat, lon).expect("positions lie around the equator");
    Ok(City {
        name: name.to_owned(),
        bounds: (corner(south, west), corner(north, east)),
        graph,
        ..City::default()
    })
}

/// A road: its ends and its length, m; zero if that is not known.
type Pair = (u32, u32, u32);

fn read(input: impl Read) -> Result<(usize, Vec<Pair>), ImportError> {
    let mut reader = BufReader::new(input);
    let (mut line, mut at_byte) = (String::new(), 0_u64);
    let mut n_nodes = None;
    let mut pairs = Vec::new();
    loop {
        line.clear();
        let n = reader.by_ref().take(LINE_MAX).read_line(&mut line).map_err(ImportError::Io)?;
        if n == 0 {
            break;
        }
        at_byte += n as u64;
        let broken =
            |what: &str| ImportError::Syntax { format: "DIMACS", at_byte, what: what.to_owned() };
        let words: Vec<&str> = line.split_whitespace().take(5).collect();
        let number = |at: usize| words.get(at).and_then(|word| word.parse::<u32>().ok());
        let (from, to, weight) = match words.first() {
            None | Some(&"c") => continue,
            Some(&"p") => {
                let n = number(2).ok_or_else(|| broken("the header has no number of nodes"))?;
                if n as usize > NODES_MAX {
                    return Err(ImportError::TooLarge { what: "nodes", limit: NODES_MAX as u64 });
                }
                n_nodes = Some(n as usize);
                continue;
            }
            Some(&"a" | &"e") => (number(1), number(2), number(3)),
            Some(_) => (number(0), number(1), None),
        };
        let Some(n) = n_nodes else { return Err(broken("a road stands before the header")) };
        let (Some(from), Some(to)) = (from, to) else {
            return Err(broken("a line is neither header, comment nor road"));
        };
        if from == 0 || to == 0 || from as usize > n || to as usize > n {
            return Err(broken("a road ends at a node that there is not"));
        }
        if pairs.len() >= ROADS_MAX {
            return Err(ImportError::TooLarge { what: "roads", limit: ROADS_MAX as u64 });
        }
        if from != to {
            pairs.push((from - 1, to - 1, weight.unwrap_or(0).min(1_000_000)));
        }
    }
    n_nodes.map(|n| (n, pairs)).ok_or(ImportError::UnknownFormat)
}

/// The neighbours of each node.
struct Neighbours {
    first: Vec<u32>,
    other: Vec<u32>,
}

impl Neighbours {
    fn of(n_nodes: usize, pairs: &[Pair]) -> Self {
        let mut first = vec![0_u32; n_nodes + 1];
        for (a, b, _) in pairs {
            first[*a as usize + 1] += 1;
            first[*b as usize + 1] += 1;
        }
        for node in 0..n_nodes {
            first[node + 1] += first[node];
        }
        let mut next = first.clone();
        let mut other = vec![0; 2 * pairs.len()];
        for (a, b, _) in pairs {
            for (here, there) in [(a, b), (b, a)] {
                other[next[*here as usize] as usize] = *there;
                next[*here as usize] += 1;
            }
        }
        Self { first, other }
    }

    fn n_nodes(&self) -> usize {
        self.first.len() - 1
    }

    /// Distances from a node in roads, `u32::MAX` where there is no way, and the farthest node.
    fn spread(&self, from: u32) -> (Vec<u32>, u32) {
        let mut far = vec![u32::MAX; self.n_nodes()];
        let mut queue = vec![from];
        far[from as usize] = 0;
        let mut at = 0;
        while let Some(node) = queue.get(at).copied() {
            let range = self.first[node as usize] as usize..self.first[node as usize + 1] as usize;
            for there in &self.other[range] {
                if far[*there as usize] == u32::MAX {
                    far[*there as usize] = far[node as usize] + 1;
                    queue.push(*there);
                }
            }
            at += 1;
        }
        (far, queue[queue.len() - 1])
    }
}

/// The nodes of the largest connected part, ascending.
fn largest_part(all: &Neighbours) -> Vec<u32> {
    let mut part_of = vec![u32::MAX; all.n_nodes()];
    let (mut best, mut n_best) = (0, 0);
    for start in 0..all.n_nodes() as u32 {
        if part_of[start as usize] != u32::MAX {
            continue;
        }
        part_of[start as usize] = start;
        let mut part = vec![start];
        let mut at = 0;
        while let Some(node) = part.get(at).copied() {
            let range = all.first[node as usize] as usize..all.first[node as usize + 1] as usize;
            for there in &all.other[range] {
                if part_of[*there as usize] == u32::MAX {
                    part_of[*there as usize] = start;
                    part.push(*there);
                }
            }
            at += 1;
        }
        if part.len() > n_best {
            (best, n_best) = (start, part.len());
        }
    }
    (0..all.n_nodes() as u32).filter(|node| part_of[*node as usize] == best).collect()
}

/// About where each junction of a connected topology lies, a few degrees around the equator.
fn positions(neighbours: &Neighbours) -> Vec<LatLon> {
    let ends_of = |start: u32| {
        let (_, a) = neighbours.spread(start);
        let (from_a, b) = neighbours.spread(a);
        let (from_b, _) = neighbours.spread(b);
        (from_a, from_b)
    };
    let (west, east) = ends_of(0);
    // The second axis ends at what is far from both ends of the first and about in their middle.
    let middle = (0..neighbours.n_nodes())
        .max_by_key(|node| {
            let (w, e) = (i64::from(west[*node]), i64::from(east[*node]));
            w.min(e) - (w - e).abs()
        })
        .unwrap_or(0);
    let (south, _) = neighbours.spread(middle as u32);
    let opposite = (0..neighbours.n_nodes())
        .max_by_key(|node| {
            let balance = (i64::from(west[*node]) - i64::from(east[*node])).abs();
            i64::from(south[*node]) - balance / 2
        })
        .unwrap_or(0);
    let (north, _) = neighbours.spread(opposite as u32);
    // A road is a hundred metres or so; a hundredth of a degree keeps apart what is a road apart.
    let degrees = |a: u32, b: u32| {
        ((i64::from(a) - i64::from(b)) * 5_000).clamp(-80 * 10_000_000, 80 * 10_000_000) as i32
    };
    (0..neighbours.n_nodes())
        .map(|node| {
            // A little apart, so that no two lie in one spot.
            let apart = (node % 997) as i32;
            let lat = degrees(south[node], north[node]) + apart;
            let lon = degrees(west[node], east[node]) + (node / 997 % 997) as i32;
            LatLon::from_e7(lat, lon).expect("at most 80 degrees from the equator")
        })
        .collect()
}

fn road_graph(junctions: Vec<LatLon>, pairs: &[Pair], rng: &mut Rng) -> RoadGraph {
    const KINDS: [(RoadKind, f64); 4] = [
        (RoadKind::Primary, 90.0),
        (RoadKind::Secondary, 70.0),
        (RoadKind::Tertiary, 50.0),
        (RoadKind::Residential, 30.0),
    ];
    let road = |(idx, (kind, kmh)): (usize, (RoadKind, f64))| Road {
        source_id: idx as i64,
        name: String::new(),
        kind,
        speed_limit: MetersPerSecond::from_kmh(kmh),
        n_lanes: (1, 1),
        surface: Surface::Paved,
        is_roundabout: false,
        is_destination_only: false,
        is_tunnel: false,
        is_bridge: false,
        width_max: None,
        height_max: None,
        mass_max: None,
    };
    let roads: Vec<Road> = KINDS.into_iter().enumerate().map(road).collect();
    let mut directed: Vec<(Edge, usize)> = Vec::with_capacity(2 * pairs.len());
    for (idx, (a, b, length_m)) in pairs.iter().enumerate() {
        let drawn = Meters(rng.range(30.0, 600.0));
        let kind = [0, 1, 2, 2, 3, 3, 3, 3][rng.below(8)];
        let length = if *length_m > 0 { Meters(f64::from(*length_m)) } else { drawn };
        for (tail, head) in [(*a, *b), (*b, *a)] {
            let edge = Edge {
                tail: JunctionId(tail),
                head: JunctionId(head),
                length,
                road: RoadId(kind),
                first_shape: 0,
                n_shape: 0,
                is_forward: tail == *a,
                modes: ModeSet::ALL,
                reverse: None,
            };
            directed.push((edge, idx));
        }
    }
    directed.sort_by_key(|(edge, idx)| (edge.tail, *idx));
    let mut of_pair = vec![[EdgeId(0); 2]; pairs.len()];
    for (at, (edge, idx)) in directed.iter().enumerate() {
        of_pair[*idx][usize::from(edge.is_forward)] = EdgeId::from_idx(at);
    }
    let mut first_out = vec![0_u32; junctions.len() + 1];
    let mut edges = Vec::with_capacity(directed.len());
    for (mut edge, idx) in directed {
        edge.reverse = Some(of_pair[idx][usize::from(!edge.is_forward)]);
        first_out[edge.tail.idx() + 1] += 1;
        edges.push(edge);
    }
    for junction in 0..junctions.len() {
        first_out[junction + 1] += first_out[junction];
    }
    RoadGraph {
        is_signal: (0..junctions.len()).map(|_| rng.chance(0.05)).collect(),
        junctions,
        first_out,
        edges,
        roads,
        ..RoadGraph::default()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn build(text: &str) -> Result<City, ImportError> {
        build_dimacs(text.as_bytes(), "test", 1)
    }

    #[test]
    fn both_formats_give_two_way_roads_of_the_largest_part() {
        let pace = build("c a square and an island\np tw 6 5\n1 2\n2 3\n3 4\n4 1\n5 6\n").unwrap();
        assert_eq!((pace.graph.n_junctions(), pace.graph.n_edges()), (4, 8));
        let sp = build("p sp 3 4\na 1 2 70\na 2 1 70\na 2 3 90\na 3 3 1\n").unwrap();
        let lengths: Vec<f64> = sp.graph.edges.iter().map(|edge| edge.length.0).collect();
        assert_eq!(lengths, [70.0, 70.0, 90.0, 90.0]);
        for city in [&pace, &sp] {
            for (idx, edge) in city.graph.edges.iter().enumerate() {
                let back = city.graph.edge(edge.reverse.unwrap());
                assert_eq!((back.tail, back.head), (edge.head, edge.tail));
                assert_eq!(back.reverse, Some(EdgeId::from_idx(idx)));
            }
        }
        assert_eq!(pace, build("p tw 6 5\n5 6\n4 1\n3 4\n2 3\n1 2\n").unwrap());
    }

    #[test]
    fn wrong_lines_are_named() {
        for text in ["", "1 2\n", "p tw x y\n", "p tw 2 1\n1 3\n", "p tw 2 1\n1 zwei\n", "p\n"] {
            assert!(build(text).is_err(), "{text:?}");
        }
        assert!(matches!(build("p tw 99999999 1\n"), Err(ImportError::TooLarge { .. })));
        assert!(matches!(build("p tw 3 0\n"), Err(ImportError::NoRoads)));
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "(p (tw|sp) [0-9]{1,3} [0-9]{1,3}\n)?([0-9a ]{0,9}\n){0,30}") {
            let _ = build(&text);
        }
    }
}
