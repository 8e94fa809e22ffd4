//! The monitor: lets a trajectory through only if it is safe by rules of its own, and brakes
//! otherwise.
//!
//! It shares no code with the planner: own geometry (sampled outlines against half-planes), own
//! kinematic check, own road test handed in as line segments. Its longitudinal distance is that of
//! responsibility-sensitive safety (Shalev-Shwartz, Shammah and Shashua 2017, "On a formal model of
//! safe and scalable self-driving cars", definition 1).
//!
//! What it guarantees, and under which assumptions, stands in docs/driver.md.

use rv_base::Point2;

/// What the monitor assumes of the vehicle and of others.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rules {
    /// Time between an observation and the start of braking, s.
    pub response_s: f64,
    /// Strongest acceleration of the follower during the response, m/s2.
    pub acceleration_max_mps2: f64,
    /// Braking that the follower surely reaches, m/s2.
    pub braking_min_mps2: f64,
    /// Strongest braking of the one in front, m/s2.
    pub braking_max_mps2: f64,
    /// Oldest observation that is trusted, s.
    pub age_max_s: f64,
    /// Strongest longitudinal and lateral acceleration that the vehicle can follow, m/s2.
    pub grip_mps2: f64,
    /// Fastest it may drive, m/s.
    pub speed_max_mps: f64,
}

/// One state of a trajectory to be judged; the position is the centre.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pose {
    /// Seconds from now.
    pub at_s: f64,
    /// Centre, m.
    pub centre: Point2,
    /// Heading, rad.
    pub heading_rad: f64,
    /// Speed, m/s.
    pub speed_mps: f64,
}

/// Something that the vehicle must not touch, at a time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hazard {
    /// Seconds from now at which it is there.
    pub at_s: f64,
    /// Centre, m.
    pub centre: Point2,
    /// Heading, rad.
    pub heading_rad: f64,
    /// Half its length and half its width, m.
    pub half_m: (f64, f64),
}

/// All that the monitor looks at.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    /// Where the vehicle is now.
    pub now: Pose,
    /// Half its length and half its width, m.
    pub half_m: (f64, f64),
    /// The trajectory, in order of time.
    pub plan: &'a [Pose],
    /// Hazards at the times of the trajectory.
    pub hazards: &'a [Hazard],
    /// Edges of the road.
    pub edges: &'a [(Point2, Point2)],
    /// Age of the observation that all this rests on, s.
    pub age_s: f64,
    /// The vehicle in front: gap, m, and speed, m/s.
    pub lead: Option<(f64, f64)>,
}

/// What the monitor found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The trajectory may be driven.
    Pass,
    /// It must not: brake to a stand (minimal-risk manoeuvre).
    Stop(Reason),
}

/// Why a trajectory is not let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// No trajectory, or one that ends at once.
    Empty,
    /// A number is not finite.
    NotFinite,
    /// The observation is too old.
    Stale,
    /// It does not begin where the vehicle is.
    Jump,
    /// The vehicle cannot follow it.
    Infeasible,
    /// Too fast.
    TooFast,
    /// It touches a hazard.
    Contact,
    /// It crosses an edge of the road.
    Edge,
    /// Too near to the vehicle in front, and not braking.
    TooNear,
}

/// Judges a trajectory. Linear in states times hazards and edges.
pub fn judge(rules: &Rules, case: &Case<'_>) -> Verdict {
    match fault(rules, case) {
        Some(reason) => Verdict::Stop(reason),
        None => Verdict::Pass,
    }
}

/// The gap that a follower needs, m: whatever the one in front does, the follower can stop behind
/// it if it brakes after its response time.
pub fn rss_gap_m(rules: &Rules, follower_mps: f64, lead_mps: f64) -> f64 {
    let (v, t) = (follower_mps.max(0.0), rules.response_s);
    let after = v + rules.acceleration_max_mps2 * t;
    let own_m = v * t
        + rules.acceleration_max_mps2 * t * t / 2.0
        + after * after / (2.0 * rules.braking_min_mps2);
    let lead = lead_mps.max(0.0);
    (own_m - lead * lead / (2.0 * rules.braking_max_mps2)).max(0.0)
}

/// The acceleration of the minimal-risk manoeuvre in the lane: brake at the rate surely reached,
/// harder if something is near.
pub fn minimal_risk_mps2(rules: &Rules, reason: Reason) -> f64 {
    match reason {
        Reason::Contact | Reason::TooNear | Reason::Edge => -rules.braking_max_mps2,
        _ => -rules.braking_min_mps2,
    }
}

fn fault(rules: &Rules, case: &Case<'_>) -> Option<Reason> {
    if !case.age_s.is_finite() || !pose_is_finite(&case.now) {
        return Some(Reason::NotFinite);
    }
    if case.age_s > rules.age_max_s || case.age_s < 0.0 {
        return Some(Reason::Stale);
    }
    if case.plan.len() < 2 {
        return Some(Reason::Empty);
    }
    if !case.plan.iter().all(pose_is_finite) || !case.hazards.iter().all(hazard_is_finite) {
        return Some(Reason::NotFinite);
    }
    let first = &case.plan[0];
    let off_m =
        (first.centre.x_m - case.now.centre.x_m).hypot(first.centre.y_m - case.now.centre.y_m);
    if off_m > 0.5 || (first.speed_mps - case.now.speed_mps).abs() > 1.0 || first.at_s.abs() > 0.05
    {
        return Some(Reason::Jump);
    }
    for pair in case.plan.windows(2) {
        if let Some(reason) = unfollowable(rules, &pair[0], &pair[1]) {
            return Some(reason);
        }
    }
    for pose in case.plan {
        let same_time = |h: &&Hazard| (h.at_s - pose.at_s).abs() < 1e-3;
        if case.hazards.iter().filter(same_time).any(|h| touches(pose, case.half_m, h)) {
            return Some(Reason::Contact);
        }
        if case.edges.iter().any(|e| crosses(pose, case.half_m, *e)) {
            return Some(Reason::Edge);
        }
    }
    let brakes = case.plan[1].speed_mps < first.speed_mps - 1e-6 || first.speed_mps < 0.1;
    match case.lead {
        Some((gap_m, speed_mps)) if !(gap_m.is_finite() && speed_mps.is_finite()) => {
            Some(Reason::NotFinite)
        }
        Some((gap_m, speed_mps))
            if gap_m < rss_gap_m(rules, case.now.speed_mps, speed_mps) && !brakes =>
        {
            Some(Reason::TooNear)
        }
        _ => None,
    }
}

fn pose_is_finite(p: &Pose) -> bool {
    [p.at_s, p.centre.x_m, p.centre.y_m, p.heading_rad, p.speed_mps].iter().all(|x| x.is_finite())
}

fn hazard_is_finite(h: &Hazard) -> bool {
    [h.at_s, h.centre.x_m, h.centre.y_m, h.heading_rad, h.half_m.0, h.half_m.1]
        .iter()
        .all(|x| x.is_finite())
}

/// What forbids going from one state to the next.
fn unfollowable(rules: &Rules, a: &Pose, b: &Pose) -> Option<Reason> {
    let dt_s = b.at_s - a.at_s;
    if !(1e-3..=1.0).contains(&dt_s) {
        return Some(Reason::Infeasible);
    }
    if b.speed_mps > rules.speed_max_mps || b.speed_mps < -0.1 {
        return Some(Reason::TooFast);
    }
    let moved_m = (b.centre.x_m - a.centre.x_m).hypot(b.centre.y_m - a.centre.y_m);
    let expected_m = (a.speed_mps + b.speed_mps) / 2.0 * dt_s;
    let turned = (b.heading_rad - a.heading_rad).sin().atan2((b.heading_rad - a.heading_rad).cos());
    let along = (b.speed_mps - a.speed_mps) / dt_s;
    let across = a.speed_mps.max(b.speed_mps) * turned / dt_s;
    // The centre of a turning vehicle moves a little further than its rear axle.
    let slack_m = 0.05 + 0.02 * expected_m.abs() + 2.0 * turned.abs();
    let is_off = (moved_m - expected_m).abs() > slack_m;
    (is_off || along.hypot(across) > rules.grip_mps2 * 1.01).then_some(Reason::Infeasible)
}

/// Corners of a rectangle.
fn outline(centre: Point2, heading_rad: f64, half_m: (f64, f64)) -> [Point2; 4] {
    let (s, c) = heading_rad.sin_cos();
    let corner = |l: f64, w: f64| Point2 {
        x_m: centre.x_m + l * c - w * s,
        y_m: centre.y_m + l * s + w * c,
    };
    let (l, w) = half_m;
    [corner(l, w), corner(-l, w), corner(-l, -w), corner(l, -w)]
}

/// True if two rectangles touch: a side of one parts them, or they do (all corners of the other
/// beyond the line through a side).
fn touches(pose: &Pose, half_m: (f64, f64), hazard: &Hazard) -> bool {
    let a = outline(pose.centre, pose.heading_rad, half_m);
    let b = outline(hazard.centre, hazard.heading_rad, hazard.half_m);
    !parts(&a, &b) && !parts(&b, &a)
}

fn parts(a: &[Point2; 4], b: &[Point2; 4]) -> bool {
    (0..4).any(|i| {
        let (p, q) = (a[i], a[(i + 1) % 4]);
        // Corners run counter-clockwise: outside lies to the right of each side.
        b.iter()
            .all(|r| (q.x_m - p.x_m) * (r.y_m - p.y_m) - (q.y_m - p.y_m) * (r.x_m - p.x_m) < 0.0)
    })
}

/// True if a segment meets the outline or lies within it.
fn crosses(pose: &Pose, half_m: (f64, f64), (p, q): (Point2, Point2)) -> bool {
    let reach_m = half_m.0 + half_m.1;
    let (x, y) = (pose.centre.x_m, pose.centre.y_m);
    if p.x_m.min(q.x_m) > x + reach_m
        || p.x_m.max(q.x_m) < x - reach_m
        || p.y_m.min(q.y_m) > y + reach_m
        || p.y_m.max(q.y_m) < y - reach_m
    {
        return false;
    }
    let a = outline(pose.centre, pose.heading_rad, half_m);
    let side = |o: Point2, d: Point2, r: Point2| {
        (d.x_m - o.x_m) * (r.y_m - o.y_m) - (d.y_m - o.y_m) * (r.x_m - o.x_m)
    };
    let within = (0..4).all(|i| side(a[i], a[(i + 1) % 4], p) >= 0.0);
    within
        || (0..4).any(|i| {
            let (o, d) = (a[i], a[(i + 1) % 4]);
            side(o, d, p) * side(o, d, q) <= 0.0 && side(p, q, o) * side(p, q, d) <= 0.0
        })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rules() -> Rules {
        Rules {
            response_s: 0.5,
            acceleration_max_mps2: 2.0,
            braking_min_mps2: 4.0,
            braking_max_mps2: 8.0,
            age_max_s: 0.3,
            grip_mps2: 11.5,
            speed_max_mps: 40.0,
        }
    }

    fn straight(speed_mps: f64, n: usize) -> Vec<Pose> {
        (0..n)
            .map(|i| Pose {
                at_s: i as f64 * 0.1,
                centre: Point2 { x_m: speed_mps * i as f64 * 0.1, y_m: 0.0 },
                heading_rad: 0.0,
                speed_mps,
            })
            .collect()
    }

    fn case<'a>(plan: &'a [Pose], hazards: &'a [Hazard]) -> Case<'a> {
        let now = straight(10.0, 1)[0];
        Case { now, half_m: (2.25, 0.8), plan, hazards, edges: &[], age_s: 0.1, lead: None }
    }

    #[test]
    fn a_good_plan_passes_and_each_fault_is_named() {
        let plan = straight(10.0, 20);
        assert_eq!(judge(&rules(), &case(&plan, &[])), Verdict::Pass);
        let stop = |c: Case<'_>| match judge(&rules(), &c) {
            Verdict::Stop(reason) => reason,
            Verdict::Pass => panic!("let through"),
        };
        assert_eq!(stop(Case { age_s: 0.4, ..case(&plan, &[]) }), Reason::Stale);
        assert_eq!(stop(case(&plan[..1], &[])), Reason::Empty);
        assert_eq!(stop(case(&plan[3..], &[])), Reason::Jump);
        let edge = [(Point2 { x_m: 12.0, y_m: -9.0 }, Point2 { x_m: 12.0, y_m: 9.0 })];
        assert_eq!(stop(Case { edges: &edge, ..case(&plan, &[]) }), Reason::Edge);
        let centre = Point2 { x_m: 14.0, y_m: 1.0 };
        let hazard = [Hazard { at_s: 1.2, centre, heading_rad: 1.0, half_m: (2.0, 1.0) }];
        assert_eq!(stop(case(&plan, &hazard)), Reason::Contact);
        assert_eq!(stop(Case { lead: Some((5.0, 2.0)), ..case(&plan, &[]) }), Reason::TooNear);
        let mut wild = plan.clone();
        wild[5].heading_rad = 1.5;
        assert_eq!(stop(case(&wild, &[])), Reason::Infeasible);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

        /// Random corruption of a plan: what passes is finite, can be followed, and touches
        /// nothing by a test of its own (points of the outline within the hazard).
        #[test]
        fn nothing_unsafe_gets_through(
            at in 0_usize..20, field in 0_usize..5, kind in 0_usize..4, size in -50.0..50.0_f64,
            hx in -5.0..25.0_f64, hy in -4.0..4.0_f64, heading in -3.0..3.0_f64, when in 0_usize..20,
        ) {
            let mut plan = straight(10.0, 20);
            let slot = match field {
                0 => &mut plan[at].at_s,
                1 => &mut plan[at].centre.x_m,
                2 => &mut plan[at].centre.y_m,
                3 => &mut plan[at].heading_rad,
                _ => &mut plan[at].speed_mps,
            };
            *slot = match kind { 0 => f64::NAN, 1 => f64::INFINITY, 2 => *slot + size, _ => *slot };
            let hazards = [Hazard {
                at_s: when as f64 * 0.1,
                centre: Point2 { x_m: hx, y_m: hy },
                heading_rad: heading,
                half_m: (2.0, 1.0),
            }];
            if judge(&rules(), &case(&plan, &hazards)) == Verdict::Pass {
                for (i, p) in plan.iter().enumerate() {
                    prop_assert!(p.centre.x_m.is_finite() && p.speed_mps.is_finite());
                    prop_assert!((p.centre.x_m - i as f64).abs() < 3.0, "{p:?}");
                }
                let p = &plan[when];
                let h = &hazards[0];
                for (l, w) in [(2.25, 0.8), (-2.25, 0.8), (2.25, -0.8), (-2.25, -0.8), (0.0, 0.0)] {
                    let (s, c) = p.heading_rad.sin_cos();
                    let (x, y) = (p.centre.x_m + l * c - w * s, p.centre.y_m + l * s + w * c);
                    let (dx, dy) = (x - h.centre.x_m, y - h.centre.y_m);
                    let (s, c) = h.heading_rad.sin_cos();
                    let inside = (dx * c + dy * s).abs() < 2.0 && (dy * c - dx * s).abs() < 1.0;
                    prop_assert!(!inside);
                }
            }
        }

        /// A follower that keeps the gap and brakes as assumed never reaches one that brakes hard.
        #[test]
        fn the_gap_suffices(v in 0.0..40.0_f64, lead in 0.0..40.0_f64) {
            let r = rules();
            let (mut gap, mut own, mut front) = (rss_gap_m(&r, v, lead) + 0.01, v, lead);
            let dt = 0.001;
            for i in 0..30_000 {
                let a = if f64::from(i) * dt < r.response_s { r.acceleration_max_mps2 } else { -r.braking_min_mps2 };
                let (own_was, front_was) = (own, front);
                own = (own + a * dt).max(0.0);
                front = (front - r.braking_max_mps2 * dt).max(0.0);
                gap += ((front + front_was) - (own + own_was)) / 2.0 * dt;
                prop_assert!(gap > 0.0, "{gap} at {i}");
            }
        }
    }
}
