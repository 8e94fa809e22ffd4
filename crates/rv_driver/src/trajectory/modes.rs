//! What others may do besides the likeliest: turn off at a fork, change lanes, brake; each with a
//! probability. Plans are chosen by what they cost in expectation over these.

use rv_base::Point2;

use super::forecast::{Future, Seen, along, away_rad, lane_of, likeliest, line_along, reach_m};
use super::geometry::{square_m2, wrapped_rad};
use super::road::Road;

/// Most manoeuvres that are regarded, the likeliest first.
pub(super) const MODES_MAX: usize = 12;
/// Most of the others that are thought about, the nearest first.
const OTHERS_MAX: usize = 8;
/// Manoeuvres less probable than this are left out.
const PROBABLE: f64 = 0.04;
/// Angle away from where it heads at which a branch is e times less likely, rad.
const BRANCH_RAD: f64 = 0.35;
/// Angle against its lane at which a vehicle changes over as likely as not, rad, and the width of
/// a lane, m.
const CHANGES_RAD: f64 = 0.08;
const LANE_M: f64 = 3.5;
/// How likely somebody brakes for what we do not see, and how hard, m/s2.
const BRAKES: (f64, f64) = (0.1, 4.0);

/// A manoeuvre that one of the others may make.
#[derive(Clone, Debug, PartialEq)]
pub struct Mode {
    /// How probable it is; what is left of 1 is the likeliest one, which the forecast holds.
    pub probability: f64,
    /// Where it leads.
    pub future: Future,
}

/// Manoeuvres of those who keep to lanes and are nearest to a place, for `n` steps, the likeliest
/// first.
pub fn modes(road: &Road, seen: &[Seen], from: Point2, n: usize, dt_s: f64) -> Vec<Mode> {
    let mut all = Vec::new();
    let moves = |s: &&Seen| s.keeps_lane && !s.is_static && s.speed_mps > 1.0;
    let mut near: Vec<&Seen> = seen.iter().filter(moves).collect();
    let away_m2 = |s: &Seen| square_m2(s.body.centre, from);
    near.sort_by(|a, b| away_m2(a).total_cmp(&away_m2(b)));
    for s in near.into_iter().take(OTHERS_MAX) {
        let Some(lane) = lane_of(road, s) else { continue };
        let way_m = reach_m(s, n, dt_s);
        let way = likeliest(road, s, lane, way_m);
        let own = line_along(road, s, &way);
        branches(road, s, (&way, way_m), |probability, line| {
            all.push(Mode { probability, future: along(s, line, None, n, dt_s) });
        });
        let slant = wrapped_rad(s.body.heading_rad - road.heading_at(lane, s.body.centre));
        let probability = slant.abs() / (slant.abs() + CHANGES_RAD);
        if probability >= PROBABLE {
            let future = changes_over(s, &own, slant, n, dt_s);
            all.push(Mode { probability, future });
        }
        let braking = Some((0.0, BRAKES.1));
        let future = along(s, &own, braking, n, dt_s);
        all.push(Mode { probability: BRAKES.0, future });
    }
    all.sort_by(|a, b| b.probability.total_cmp(&a.probability));
    all.truncate(MODES_MAX);
    all
}

/// It goes over into the lane to which it slants.
fn changes_over(s: &Seen, line: &[(Point2, f64)], slant_rad: f64, n: usize, dt_s: f64) -> Future {
    let mut future = along(s, line, None, n, dt_s);
    let over_mps = s.speed_mps * slant_rad.sin();
    for (k, body) in future.bodies.iter_mut().enumerate() {
        let Some(body) = body else { continue };
        let by_m = (over_mps * k as f64 * dt_s).clamp(-LANE_M, LANE_M);
        let (sin, cos) = body.heading_rad.sin_cos();
        body.centre.x_m -= by_m * sin;
        body.centre.y_m += by_m * cos;
    }
    future
}

/// Other ways at the forks of its way, with how likely they are.
fn branches(
    road: &Road,
    s: &Seen,
    (way, way_m): (&[usize], f64),
    mut found: impl FnMut(f64, &[(Point2, f64)]),
) {
    let (mut length_m, mut left) = (0.0, 1.0);
    for (i, lane) in way.iter().enumerate() {
        length_m += road.length_m(*lane);
        let Some(taken) = way.get(i + 1).filter(|_| length_m < way_m) else { break };
        let successors = &road.map().lanes[*lane].successors;
        let weight = |lane: usize| (-away_rad(road, s, lane) / BRANCH_RAD).exp();
        let whole: f64 = successors.iter().map(|lane| weight(*lane)).sum();
        for other in successors.iter().copied().filter(|other| other != taken) {
            let mut branch = way[..=i].to_vec();
            branch.extend(likeliest(road, s, other, way_m));
            let probability = left * weight(other) / whole.max(1e-9);
            if probability >= PROBABLE {
                found(probability, &line_along(road, s, &branch));
            }
        }
        left *= weight(*taken) / whole.max(1e-9);
    }
}

#[cfg(test)]
mod tests {
    use rv_base::Point2;
    use rv_map::lanes::{Lane, LaneMap};

    use super::super::geometry::Body;
    use super::*;

    /// A lane of 50 m that leads on straight and to the left.
    fn fork() -> Road {
        let border = |from: (f64, f64), to: (f64, f64)| -> Vec<Point2> {
            let mix = |a: f64, b: f64, i: i32| a + (b - a) * f64::from(i) / 10.0;
            (0..=10)
                .map(|i| Point2 { x_m: mix(from.0, to.0, i), y_m: mix(from.1, to.1, i) })
                .collect()
        };
        let lane = |from: (f64, f64), to: (f64, f64)| Lane {
            left: border((from.0, from.1 + 1.75), (to.0, to.1 + 1.75)),
            right: border((from.0, from.1 - 1.75), (to.0, to.1 - 1.75)),
            ..Lane::default()
        };
        let stem = Lane { successors: vec![1, 2], ..lane((0.0, 0.0), (50.0, 0.0)) };
        let on = Lane { predecessors: vec![0], ..lane((50.0, 0.0), (150.0, 0.0)) };
        let left = Lane { predecessors: vec![0], ..lane((50.0, 0.0), (130.0, 50.0)) };
        Road::build(&LaneMap { lanes: vec![stem, on, left] })
    }

    fn car(x_m: f64, heading_rad: f64, speed_mps: f64) -> Seen {
        Seen {
            id: 7,
            body: Body {
                centre: Point2 { x_m, y_m: 0.0 },
                heading_rad,
                half_length_m: 2.3,
                half_width_m: 0.9,
            },
            speed_mps,
            acceleration_mps2: 0.0,
            yaw_rate_radps: 0.0,
            is_static: false,
            keeps_lane: true,
        }
    }

    fn end(mode: &Mode) -> Point2 {
        mode.future.bodies.last().unwrap().unwrap().centre
    }

    #[test]
    fn a_fork_has_a_branch_with_a_probability_and_turning_makes_it_likelier() {
        let road = fork();
        let branch = |seen: Seen| {
            let all = modes(&road, &[seen], Point2::default(), 40, 0.1);
            assert!(all.iter().all(|m| (0.0..1.0).contains(&m.probability)), "{all:?}");
            all.iter().find(|m| end(m).y_m > 8.0).map(|m| m.probability)
        };
        let straight = branch(car(20.0, 0.0, 15.0)).unwrap();
        let turning = branch(Seen { yaw_rate_radps: 0.1, ..car(20.0, 0.0, 15.0) }).unwrap();
        assert!(turning > straight && straight > 0.04, "{straight} {turning}");
        // The fork is too far away to be reached.
        assert_eq!(branch(car(5.0, 0.0, 2.0)), None);
    }

    #[test]
    fn it_may_brake_and_changes_lanes_the_likelier_the_more_it_slants() {
        let road = fork();
        let change = |heading_rad: f64| {
            let all = modes(&road, &[car(10.0, heading_rad, 8.0)], Point2::default(), 30, 0.1);
            all.iter().find(|m| end(m).y_m < -1.0).map_or(0.0, |m| m.probability)
        };
        assert!(change(-0.15) > change(-0.06) && change(-0.06) > 0.3);
        assert_eq!(change(0.0), 0.0);
        let all = modes(&road, &[car(10.0, 0.0, 8.0)], Point2::default(), 30, 0.1);
        assert!(all.iter().any(|m| m.probability == BRAKES.0 && end(m).x_m < 20.0), "{all:?}");
        // Who stands or walks has no lanes to choose from.
        assert!(modes(&road, &[car(10.0, 0.0, 0.0)], Point2::default(), 30, 0.1).is_empty());
        let walks = Seen { keeps_lane: false, ..car(10.0, 0.0, 2.0) };
        assert!(modes(&road, &[walks], Point2::default(), 30, 0.1).is_empty());
    }
}
