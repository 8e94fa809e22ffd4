//! Manoeuvres at walking pace from pose to pose, forwards and backwards, among things that stand:
//! bays, kerb-side gaps, gates, dead ends, turning around in a street.
//!
//! [`plan`] searches over poses with arcs that the vehicle can drive (hybrid A*: Dolgov, Thrun,
//! Montemerlo and Diebel 2010, "Path planning for autonomous vehicles in unknown semi-structured
//! environments") and now and then tries the words of Reeds and Shepp 1990 to the end, all of them and
//! not the shortest alone. Where they differ, the search begins at the end with less room, as ways
//! lead out of a narrow place more easily than into one. What is found is cut short by further words, and
//! the wheels are turned on the move where that leaves air enough, else at a stand (`smooth`).
//! [`Parker`] drives such a plan and waits for whoever comes into its way.
//!
//! Work is bounded by counts; the same question gives the same plan. A [`Search`] makes it a bit at a time,
//! for a cycle that must not take long.

mod ground;
mod guard;
mod joints;
mod parker;
mod path;
mod planning;
mod reeds_shepp;
mod search;
mod smooth;

use rv_base::Point2;
use thiserror::Error;

use crate::trajectory::{Body, Gear, Vehicle, wrapped_rad};

pub use guard::{obeyed, watched};
pub(crate) use parker::{AHEAD, AHEAD_S};
pub use parker::{Aims, Other, Parker, Step, Wait};
pub use planning::Search;

/// Pose of the vehicle by its rear axle.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct RearPose {
    /// Middle of the rear axle, m.
    pub rear: Point2,
    /// Heading, rad.
    pub heading_rad: f64,
}

impl RearPose {
    /// The pose of a vehicle whose centre is at a point.
    pub fn at_centre(vehicle: &Vehicle, centre: Point2, heading_rad: f64) -> Self {
        let rear = crate::trajectory::ahead(centre, heading_rad, -vehicle.rear_axle_m);
        Self { rear, heading_rad }
    }

    /// How far another pose is from it, m, and how far turned, rad.
    pub fn off(&self, other: &Self) -> (f64, f64) {
        let turned = wrapped_rad(other.heading_rad - self.heading_rad).abs();
        (self.rear.distance_to(other.rear).0, turned)
    }

    fn is_finite(&self) -> bool {
        [self.rear.x_m, self.rear.y_m, self.heading_rad].iter().all(|x| x.is_finite())
    }
}

/// What must not be touched.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ground {
    /// Walls, kerbs, fences, m.
    pub walls: Vec<(Point2, Point2)>,
    /// Things that stand: vehicles, posts.
    pub solids: Vec<Body>,
}

/// A stretch of a manoeuvre with the wheels at one angle.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Piece {
    /// Which way.
    pub gear: Gear,
    /// Angle of the wheels, rad, more than zero to the left.
    pub steering_rad: f64,
    /// Length, m.
    pub length_m: f64,
}

/// A point of a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RunPoint {
    /// Way since the run began, m.
    pub s_m: f64,
    /// Where the vehicle is.
    pub pose: RearPose,
    /// Angle of the wheels, rad.
    pub steering_rad: f64,
    /// Fastest that it may be passed, m/s, without sign.
    pub speed_mps: f64,
}

/// A part that is driven without standing, in one direction; before it the vehicle stands and its
/// wheels are turned.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// Which way.
    pub gear: Gear,
    /// At least two points, 5 cm apart or less.
    pub points: Vec<RunPoint>,
}

impl Run {
    /// Its length, m.
    pub fn length_m(&self) -> f64 {
        self.points.last().map_or(0.0, |p| p.s_m)
    }
}

/// How to plan, and at what pace.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Options {
    /// Air wanted around the vehicle, m: the first of these with which there is a way.
    pub air_m: [f64; 3],
    /// What a change of direction costs, as a way, m.
    pub change_m: f64,
    /// What a metre backwards costs, m.
    pub back_share: f64,
    /// Poses taken up before it gives up, for all of `air_m` together.
    pub expansions_max: u32,
    /// Share of the steering angle that is planned with; the rest is the follower's.
    pub steering_share: f64,
    /// Fastest forwards and backwards, m/s.
    pub speed_mps: (f64, f64),
    /// Acceleration and braking, m/s2.
    pub acceleration_mps2: f64,
}

impl Options {
    /// A delivery van among people.
    pub const VAN: Self = Self {
        air_m: [0.3, 0.15, 0.07],
        change_m: 2.5,
        back_share: 1.15,
        expansions_max: 24_000,
        steering_share: 0.93,
        speed_mps: (1.6, 1.2),
        acceleration_mps2: 0.5,
    };
}

/// A manoeuvre.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Its parts in order; at least one unless it is there already.
    pub runs: Vec<Run>,
    /// The arcs it is made of.
    pub pieces: Vec<Piece>,
    /// Where it ends.
    pub goal: RearPose,
    /// Length, m.
    pub length_m: f64,
    /// Changes of direction.
    pub n_changes: u32,
    /// Time that it takes with nobody about, s.
    pub time_s: f64,
    /// Air kept around the vehicle at least, m.
    pub air_m: f64,
    /// Poses taken up by the search.
    pub n_expansions: u32,
}

/// Why there is no plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Failure {
    /// A number is not finite, or the vehicle has no size.
    #[error("a pose, a shape or the vehicle is not made of usable numbers")]
    BadInput,
    /// Start and goal are too far apart to be one manoeuvre.
    #[error("start and goal are more than about 40 m apart")]
    TooFar,
    /// Too many shapes.
    #[error("there are more than 4,000 walls")]
    TooMuch,
    /// The vehicle touches something where it stands, or nearly.
    #[error("the vehicle all but touches something at the start")]
    StartTouches,
    /// It would touch something at the goal.
    #[error("the vehicle would touch something at the goal")]
    GoalTouches,
    /// No way for anything as wide as the vehicle.
    #[error("no way leads there for anything as wide as the vehicle")]
    Enclosed,
    /// All poses that can be reached, as far as they are told apart, were looked at.
    #[error("no way was found among all {n_expansions} poses within reach")]
    NoWay {
        /// Poses taken up.
        n_expansions: u32,
    },
    /// The bound of work was reached.
    #[error("no way was found within {n_expansions} poses")]
    CutOff {
        /// Poses taken up.
        n_expansions: u32,
    },
}

/// Plans a manoeuvre at once. Work is bounded by `expansions_max` poses, each with ten arcs of at most
/// 1.5 m and at most twelve words; memory by 64 m x 64 m of ground. [`Search`] does the same a bit at a
/// time.
pub fn plan(
    vehicle: &Vehicle,
    ground: &Ground,
    start: &RearPose,
    goal: &RearPose,
    options: &Options,
) -> Result<Plan, Failure> {
    Search::new(vehicle, ground, start, goal, options).finish()
}

fn is_usable(vehicle: &Vehicle, ground: &Ground, start: &RearPose, goal: &RearPose) -> bool {
    let sizes = [vehicle.length_m, vehicle.width_m, vehicle.wheelbase_m()];
    let limits = [vehicle.steering_max_rad, vehicle.steering_rate_max_radps];
    let point = |p: &Point2| p.x_m.is_finite() && p.y_m.is_finite();
    sizes.iter().all(|m| (0.2..=30.0).contains(m))
        && limits.iter().all(|x| (0.05..=1.4).contains(x))
        && start.is_finite()
        && goal.is_finite()
        && ground.walls.iter().all(|(a, b)| point(a) && point(b))
        && ground.solids.iter().all(|b| {
            point(&b.centre)
                && b.heading_rad.is_finite()
                && (0.0..=100.0).contains(&b.half_length_m)
                && (0.0..=100.0).contains(&b.half_width_m)
        })
}

#[cfg(test)]
mod tests;
