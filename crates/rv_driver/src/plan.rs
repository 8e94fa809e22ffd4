//! How fast each junction of a path may be passed, so that a step looks only at the next ones.

use rv_base::{EdgeId, Meters, MetersPerSecond};

use crate::longitudinal::{Driver, SpeedPoint};
use crate::roads::RoadTable;

/// Speeds at the end of each edge of a path. Each is low enough to brake comfortably for all that
/// come after, so a vehicle that keeps the next one keeps them all.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SpeedPlan {
    pass_mps: Vec<f32>,
}

impl SpeedPlan {
    /// Plans a path; linear in its length.
    pub fn build(roads: &RoadTable, driver: &Driver, path: &[EdgeId]) -> Self {
        let mut pass_mps = vec![f32::INFINITY; path.len()];
        let twice_b = 2.0 * driver.braking_comfortable.0;
        for i in (0..path.len().saturating_sub(1)).rev() {
            let turn = roads.turn_speed(path[i], path[i + 1]).0;
            let later = f64::from(pass_mps[i + 1]);
            let reach = (later * later + twice_b * roads.length(path[i + 1]).0).sqrt();
            pass_mps[i] = turn.min(reach) as f32;
        }
        Self { pass_mps }
    }

    /// Collects into `points` the junctions that a vehicle on edge `idx` of the path can pass
    /// within `reach`, and the first one beyond.
    pub fn points(
        &self,
        roads: &RoadTable,
        path: &[EdgeId],
        idx: usize,
        offset: Meters,
        reach: Meters,
        points: &mut Vec<SpeedPoint>,
    ) {
        points.clear();
        let mut distance = -offset;
        for (edge, pass) in path.iter().zip(&self.pass_mps).skip(idx) {
            distance += roads.length(*edge);
            if pass.is_finite() {
                let speed = MetersPerSecond(f64::from(*pass));
                points.push(SpeedPoint { distance: distance.max(Meters::ZERO), speed });
            }
            if distance > reach {
                break;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use rv_base::{JunctionId, LatLon, RoadId, Seconds};
    use rv_map::{Edge, ModeSet, Road, RoadGraph, RoadKind, Surface};

    use super::*;
    use crate::longitudinal::{Ahead, Motion};

    /// A path of edges along a zigzag: every junction is a quarter turn.
    fn zigzag(n: usize) -> RoadGraph {
        let junctions: Vec<_> = (0..=n as i32)
            .map(|i| LatLon::from_e7(i / 2 * 5000, (i + 1) / 2 * 5000).unwrap())
            .collect();
        let edges = (0..n)
            .map(|i| Edge {
                tail: JunctionId::from_idx(i),
                head: JunctionId::from_idx(i + 1),
                length: junctions[i].distance_to(junctions[i + 1]),
                road: RoadId(0),
                first_shape: 0,
                n_shape: 0,
                is_forward: true,
                modes: ModeSet::ALL,
                reverse: None,
            })
            .collect();
        let road = Road {
            source_id: 1,
            name: String::new(),
            kind: RoadKind::Residential,
            speed_limit: MetersPerSecond(10.0),
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
        RoadGraph {
            rises_permille: Vec::new(),
            is_signal: vec![false; junctions.len()],
            first_out: (0..=n as u32).chain([n as u32]).collect(),
            junctions,
            edges,
            shape_points: vec![],
            roads: vec![road],
            forbidden: vec![],
        }
    }

    #[test]
    fn turns_are_passed_slowly_and_straights_fast() {
        let graph = zigzag(6);
        let roads = RoadTable::build(&graph);
        let path: Vec<_> = (0..6).map(EdgeId).collect();
        let driver = Driver::robovan();
        let plan = SpeedPlan::build(&roads, &driver, &path);
        let (mut motion, mut fastest) = (Motion::default(), 0.0_f64);
        let (mut idx, mut start_m, mut points) = (0, 0.0, Vec::new());
        let whole: Meters = path.iter().map(|e| roads.length(*e)).sum();
        for _ in 0..300 {
            while motion.travelled.0 > start_m + roads.length(path[idx]).0 && idx + 1 < 6 {
                start_m += roads.length(path[idx]).0;
                idx += 1;
                assert!(motion.speed.0 < 6.0, "turned at {}", motion.speed);
            }
            let offset = motion.travelled - Meters(start_m);
            plan.points(&roads, &path, idx, offset, motion.speed * Seconds(1.0), &mut points);
            let ahead = Ahead {
                points: &points,
                stop: Some(whole - motion.travelled),
                ..Ahead::free(MetersPerSecond(10.0))
            };
            let a = driver.acceleration(motion.speed, &ahead, Seconds(1.0));
            assert!(a.0 >= -1.5 - 1e-6);
            motion = motion.after(a, Seconds(1.0));
            fastest = fastest.max(motion.speed.0);
        }
        assert!(fastest > 7.0, "{fastest}");
        assert!((whole - motion.travelled).0.abs() < 0.01);
    }
}
