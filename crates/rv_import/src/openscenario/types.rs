//! A scenario as it is played: who takes part, where they start, and the story.

use std::collections::BTreeMap;

/// A concrete scenario: all parameters have values, all catalogs are looked up.
#[derive(Clone, Debug, PartialEq)]
pub struct Scenario {
    /// What its author says it is.
    pub description: String,
    /// The OpenDRIVE file, as the scenario names it; empty if it names none.
    pub road_file: String,
    /// Who takes part.
    pub entities: Vec<Entity>,
    /// What is done before the story begins.
    pub init: Vec<Deed>,
    /// Stories, with acts, groups, manoeuvres, events and actions below each other.
    pub stories: Vec<Element>,
    /// What ends the scenario.
    pub stop: Option<Trigger>,
    /// Parameters by name.
    pub parameters: BTreeMap<String, String>,
    /// Variables by name, as they are at the start.
    pub variables: BTreeMap<String, String>,
    /// Parameters whose value breaks their constraints.
    pub outside_constraints: Vec<String>,
    /// Actions, conditions and the like that are not played, with how often they stand there.
    pub unsupported: BTreeMap<String, usize>,
}

/// One who takes part.
#[derive(Clone, Debug, PartialEq)]
pub struct Entity {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: EntityKind,
    /// `car`, `truck`, `bicycle`, `pedestrian` and so on, as the scenario says.
    pub category: String,
    /// Middle of its box ahead of and to the left of its reference point, m.
    pub centre_m: (f64, f64),
    /// Length of its box, m.
    pub length_m: f64,
    /// Width of its box, m.
    pub width_m: f64,
    /// Front axle ahead of the rear axle, m; zero without axles.
    pub wheelbase_m: f64,
    /// Largest steering angle, rad.
    pub steering_max_rad: f64,
    /// Fastest, m/s.
    pub speed_max_mps: f64,
    /// Strongest acceleration, m/s2.
    pub acceleration_max_mps2: f64,
    /// Strongest braking, m/s2.
    pub braking_max_mps2: f64,
    /// True if the scenario gives it a controller of its own.
    pub has_controller: bool,
}

/// Kinds of those who take part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntityKind {
    /// A vehicle.
    Vehicle,
    /// One who walks.
    Pedestrian,
    /// A thing.
    Thing,
}

/// Number of an entity in [`Scenario::entities`].
pub type EntityIdx = usize;

/// An action and who acts.
#[derive(Clone, Debug, PartialEq)]
pub struct Deed {
    /// Who; none for global actions.
    pub actor: Option<EntityIdx>,
    /// What.
    pub action: Action,
}

/// A part of the story.
#[derive(Clone, Debug, PartialEq)]
pub struct Element {
    /// Which level of the story it is.
    pub level: Level,
    /// Its name.
    pub name: String,
    /// What starts it; it starts with its parent if there is none.
    pub start: Option<Trigger>,
    /// What stops it.
    pub stop: Option<Trigger>,
    /// How often it may run; none is without end.
    pub runs_max: Option<u32>,
    /// What an event does to the others of its manoeuvre.
    pub priority: Priority,
    /// Its parts.
    pub children: Vec<Element>,
    /// For actions: what is done by whom.
    pub deed: Option<Deed>,
}

/// Levels of a story.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// A story.
    Story,
    /// An act.
    Act,
    /// A manoeuvre group.
    Group,
    /// A manoeuvre.
    Maneuver,
    /// An event.
    Event,
    /// An action.
    Action,
}

/// What an event does to running events of its manoeuvre.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Priority {
    /// It ends them.
    Override,
    /// It does not start while one runs.
    Skip,
    /// It runs beside them.
    Parallel,
}

/// Any of some groups, each of which needs all of its conditions.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trigger {
    /// The groups.
    pub groups: Vec<Vec<Condition>>,
}

/// A condition.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    /// Its name.
    pub name: String,
    /// How long after it holds it counts, s.
    pub delay_s: f64,
    /// Whether becoming or being true counts.
    pub edge: Edge,
    /// What must be so.
    pub test: Test,
}

/// Which change of a condition counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edge {
    /// Being true.
    None,
    /// Becoming true.
    Rising,
    /// Becoming false.
    Falling,
    /// Either.
    Both,
}

/// How a value is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Less than.
    Less,
    /// Less than or equal.
    LessEqual,
    /// Greater than.
    Greater,
    /// Greater than or equal.
    GreaterEqual,
    /// Equal.
    Equal,
    /// Not equal.
    NotEqual,
}

impl Rule {
    /// Compares two numbers.
    pub fn holds(self, a: f64, b: f64) -> bool {
        match self {
            Self::Less => a < b,
            Self::LessEqual => a <= b,
            Self::Greater => a > b,
            Self::GreaterEqual => a >= b,
            Self::Equal => (a - b).abs() < 1e-6,
            Self::NotEqual => (a - b).abs() >= 1e-6,
        }
    }
}

/// What must be so.
#[derive(Clone, Debug, PartialEq)]
pub enum Test {
    /// Time since the start, s.
    Time(Rule, f64),
    /// A parameter.
    Parameter(String, Rule, String),
    /// A variable.
    Variable(String, Rule, String),
    /// A part of the story is in a state, or has just changed.
    Story {
        /// Level of the part; none if it is of any level.
        level: Option<Level>,
        /// Name of the part, or the end of its path.
        name: String,
        /// Which state or change.
        state: StoryState,
    },
    /// Something about some of those who take part.
    Entities {
        /// About whom.
        who: Vec<EntityIdx>,
        /// True if it must hold for all of them, false if for any.
        all: bool,
        /// What.
        test: EntityTest,
    },
    /// Something that is not played: never true.
    Unsupported,
}

/// A state or a change of a part of the story.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoryState {
    /// It waits for its trigger.
    Standby,
    /// It runs.
    Running,
    /// It has ended.
    Complete,
    /// It has just started.
    Starting,
    /// It has just ended.
    Ending,
    /// It has just been stopped.
    Stopping,
    /// It has just been skipped.
    Skipping,
}

/// Something about one who takes part.
#[derive(Clone, Debug, PartialEq)]
pub enum EntityTest {
    /// It touches one of these.
    Collision(Vec<EntityIdx>),
    /// It has been off the road so long, s.
    Offroad(f64),
    /// It has stood so long, s.
    StandStill(f64),
    /// Its speed, m/s.
    Speed(Rule, f64),
    /// Its speed less that of another one, m/s.
    RelativeSpeed(EntityIdx, Rule, f64),
    /// Its acceleration, m/s2.
    Acceleration(Rule, f64),
    /// The way it has gone, m.
    Traveled(f64),
    /// It is so near to a place, m.
    Reach(Position, f64),
    /// Its distance from a place, m.
    Distance(Position, Measure, Rule, f64),
    /// Its distance from another one, m.
    RelativeDistance(EntityIdx, Measure, Rule, f64),
    /// Time until it is where another one is now, s.
    TimeHeadway(EntityIdx, Measure, Rule, f64),
    /// Time until it meets another one, s.
    TimeToCollision(EntityIdx, Measure, Rule, f64),
    /// Its heading from east, or from the road, within a tolerance, rad.
    Angle {
        /// Which heading, rad.
        angle_rad: f64,
        /// How near, rad.
        tolerance_rad: f64,
        /// True if measured from the direction of the road.
        is_relative: bool,
    },
}

/// How a distance is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measure {
    /// Between boxes instead of reference points.
    pub is_free: bool,
    /// Which part of the distance.
    pub part: DistancePart,
    /// Along the road instead of along the entity.
    pub along_road: bool,
}

/// Which part of a distance is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DistancePart {
    /// Along.
    Along,
    /// Across.
    Across,
    /// The straight one.
    Straight,
}

/// A heading.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Orientation {
    /// Angle, rad.
    pub heading_rad: f64,
    /// True if measured from the direction that a place has by itself.
    pub is_relative: bool,
}

/// A place.
#[derive(Clone, Debug, PartialEq)]
pub enum Position {
    /// In the plane.
    World {
        /// East, m.
        x_m: f64,
        /// North, m.
        y_m: f64,
        /// From east, rad.
        heading_rad: f64,
    },
    /// In a lane.
    Lane {
        /// Road.
        road: String,
        /// Lane.
        lane: i64,
        /// Along the road, m.
        s_m: f64,
        /// Left of the lane's middle, m.
        offset_m: f64,
        /// Heading.
        turn: Option<Orientation>,
    },
    /// Beside a road's reference line.
    Road {
        /// Road.
        road: String,
        /// Along, m.
        s_m: f64,
        /// To the left, m.
        t_m: f64,
        /// Heading.
        turn: Option<Orientation>,
    },
    /// From another one, by lanes.
    RelativeLane {
        /// From whom.
        entity: EntityIdx,
        /// Lanes to the left in its direction.
        lanes: i64,
        /// Along the road, m.
        ds_m: f64,
        /// Left of the lane's middle, m.
        offset_m: f64,
        /// Heading.
        turn: Option<Orientation>,
    },
    /// From another one, along and across the road.
    RelativeRoad {
        /// From whom.
        entity: EntityIdx,
        /// Along, m.
        ds_m: f64,
        /// Across, m.
        dt_m: f64,
        /// Heading.
        turn: Option<Orientation>,
    },
    /// From another one, ahead and to the left of it.
    RelativeObject {
        /// From whom.
        entity: EntityIdx,
        /// Ahead, m.
        dx_m: f64,
        /// To the left, m.
        dy_m: f64,
        /// Heading.
        turn: Option<Orientation>,
    },
    /// From another one, east and north of it.
    RelativeWorld {
        /// From whom.
        entity: EntityIdx,
        /// East, m.
        dx_m: f64,
        /// North, m.
        dy_m: f64,
        /// Heading.
        turn: Option<Orientation>,
    },
    /// Along a route.
    Route {
        /// Places that the route goes by.
        waypoints: Vec<Position>,
        /// Along the route, m.
        path_m: f64,
        /// Lane and offset from its middle; none if `t_m` is meant.
        lane: Option<(i64, f64)>,
        /// Left of the reference line, m.
        t_m: f64,
        /// Heading.
        turn: Option<Orientation>,
    },
    /// Along a trajectory.
    Trajectory {
        /// The trajectory.
        trajectory: Box<Trajectory>,
        /// Along, m.
        s_m: f64,
        /// To the left, m.
        t_m: f64,
        /// Heading.
        turn: Option<Orientation>,
    },
}

/// A line that is followed exactly.
#[derive(Clone, Debug, PartialEq)]
pub struct Trajectory {
    /// True if it ends where it begins.
    pub is_closed: bool,
    /// Its shape.
    pub shape: Shape,
}

/// Shape of a trajectory.
#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    /// Straight from place to place; times in s if given.
    Polyline(Vec<(Option<f64>, Position)>),
    /// Pieces whose curvature changes evenly.
    Clothoids(Vec<ClothoidPiece>),
}

/// A piece of a trajectory.
#[derive(Clone, Debug, PartialEq)]
pub struct ClothoidPiece {
    /// Where it begins; where the one before it ends if none.
    pub start: Option<Position>,
    /// Curvature at its start, 1/m.
    pub curvature_1pm: f64,
    /// Curvature at its end, 1/m.
    pub curvature_end_1pm: f64,
    /// Length, m.
    pub length_m: f64,
}

/// How a value goes over to another one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dynamics {
    /// The curve.
    pub shape: DynamicsShape,
    /// What the number is.
    pub dimension: DynamicsDimension,
    /// The number: s, m, or units per s.
    pub value: f64,
}

/// The curve of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DynamicsShape {
    /// At once.
    Step,
    /// Evenly.
    Linear,
    /// Half a wave.
    Sinusoidal,
    /// A cubic without slope at both ends.
    Cubic,
}

/// What the number of a change is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DynamicsDimension {
    /// Its duration.
    Time,
    /// The way that it takes.
    Distance,
    /// Its steepest rate.
    Rate,
}

/// A speed to be reached.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum SpeedTarget {
    /// This speed, m/s.
    Absolute(f64),
    /// That of another one and so much more, m/s.
    Delta {
        /// Whose.
        entity: EntityIdx,
        /// So much more, m/s.
        value_mps: f64,
        /// True if it is kept when the other one's changes.
        is_continuous: bool,
    },
    /// That of another one times a factor.
    Factor {
        /// Whose.
        entity: EntityIdx,
        /// The factor.
        factor: f64,
        /// True if it is kept when the other one's changes.
        is_continuous: bool,
    },
}

/// What is done.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// It is put to a place.
    Teleport(Position),
    /// Its speed changes.
    Speed(SpeedTarget, Dynamics),
    /// Its speed follows points in time: s since the start or the point before, m/s.
    SpeedProfile(Vec<(Option<f64>, f64)>),
    /// It keeps a distance to another one.
    LongitudinalDistance {
        /// To whom.
        entity: EntityIdx,
        /// Distance, m, or time gap, s.
        gap: Gap,
        /// Between boxes.
        is_free: bool,
        /// True if it is kept on and on.
        is_continuous: bool,
        /// Whether it is in front of or behind the other one.
        displacement: Displacement,
        /// Limits of acceleration, braking (m/s2) and speed (m/s); none is at once.
        limits: Option<(f64, f64, f64)>,
    },
    /// It goes over to another lane.
    LaneChange {
        /// Lane, or lanes to the left of another one's.
        target: LaneTarget,
        /// Left of the new lane's middle, m.
        offset_m: f64,
        /// How.
        dynamics: Dynamics,
    },
    /// It goes over to another offset in its lane.
    LaneOffset {
        /// Offset, m, and from whom if it is relative.
        offset_m: f64,
        /// From whom.
        from: Option<EntityIdx>,
        /// The curve.
        shape: DynamicsShape,
        /// Strongest acceleration across, m/s2; none is at once.
        lateral_max_mps2: Option<f64>,
    },
    /// It comes to a place when another one comes to another place.
    Synchronize {
        /// The other one.
        master: EntityIdx,
        /// The other one's place.
        master_target: Position,
        /// Its own place.
        target: Position,
        /// Speed at the end and how it is steady before that.
        final_speed: Option<(FinalSpeed, SteadyState)>,
        /// Tolerances of the other one and of its own, m.
        tolerance_m: (f64, f64),
    },
    /// It follows a line.
    FollowTrajectory {
        /// The line.
        trajectory: Trajectory,
        /// Where on it it begins, m.
        offset_m: f64,
        /// Times of the line count, with this scale and offset (s); none if its own speed does.
        timing: Option<Timing>,
    },
    /// It follows a route.
    AssignRoute(Vec<Position>),
    /// It goes to a place by the road.
    AcquirePosition(Position),
    /// Its controller takes over: along and across.
    ActivateController(Option<bool>, Option<bool>),
    /// A variable or parameter is set.
    Set(String, String),
    /// So much is added to a variable or parameter.
    Add(String, f64),
    /// A variable or parameter is multiplied.
    Multiply(String, f64),
    /// Someone is taken away.
    Delete(EntityIdx),
    /// Weather, lights and the like: nothing that moves.
    Scenery(&'static str),
    /// Something that is not played.
    Unsupported,
}

/// A gap to be kept.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Gap {
    /// m.
    Distance(f64),
    /// s at the other one's speed.
    Time(f64),
}

/// Where one is seen from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Displacement {
    /// Wherever it is.
    Any,
    /// Behind.
    Trailing,
    /// In front.
    Leading,
}

/// A lane to go to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LaneTarget {
    /// This one.
    Absolute(i64),
    /// So many to the left of another one's.
    Relative(EntityIdx, i64),
}

/// Speed at the end of a synchronisation, m/s.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum FinalSpeed {
    /// This.
    Absolute(f64),
    /// That of the master and so much more.
    Relative(f64),
}

/// How long before the end the speed is steady.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum SteadyState {
    /// Not.
    None,
    /// s.
    Time(f64),
    /// m.
    Distance(f64),
}

/// How times of a trajectory count.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Timing {
    /// True if from the start of the action, false if from the start of all.
    pub is_relative: bool,
    /// Factor.
    pub scale: f64,
    /// Added, s.
    pub offset_s: f64,
}
