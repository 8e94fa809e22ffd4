//! CommonRoad scenarios (XML 2018b and 2020a, plain or gzip) and solutions.
//!
//! Format: Althoff, Koschi and Manzinger 2017, "CommonRoad: composable benchmarks for motion
//! planning on roads", and the XML schemas of the versions named. What is odd but usable becomes a
//! warning; what cannot be used is an error with a hint.

mod lanes;
mod solution;
mod tree;

use std::io::Read;

use rv_base::{Point2, Seconds};
use rv_map::lanes::{LaneIdx, LaneMap};

pub use solution::{SolutionProblem, SolutionState, VehicleModel, write_solution};
use tree::Element;

/// A scenario.
#[derive(Clone, Debug, PartialEq)]
pub struct Scenario {
    /// Name in the benchmark.
    pub benchmark_id: String,
    /// Version of the format.
    pub version: String,
    /// Time between two steps; more than zero.
    pub dt: Seconds,
    /// The roads.
    pub map: LaneMap,
    /// Everything that stands or moves.
    pub obstacles: Vec<Obstacle>,
    /// What is asked of the ego vehicle(s).
    pub problems: Vec<Problem>,
    /// What was odd.
    pub warnings: Vec<String>,
}

/// Something in the way.
#[derive(Clone, Debug, PartialEq)]
pub struct Obstacle {
    /// Id in the file.
    pub id: i64,
    /// Kind in the format's words: `car`, `pedestrian`, ...
    pub kind: String,
    /// True if it never moves; then it has one state that holds for all time.
    pub is_static: bool,
    /// States in order of time.
    pub states: Vec<ObstacleState>,
}

/// Where an obstacle is at a step.
#[derive(Clone, Debug, PartialEq)]
pub struct ObstacleState {
    /// Step.
    pub step: i64,
    /// Reference point.
    pub position: Point2,
    /// Heading, counter-clockwise from x, rad.
    pub heading_rad: f64,
    /// Speed, m/s; zero where not given.
    pub speed_mps: f64,
    /// What it covers, in world coordinates: rings of convex or plain polygons, or circles.
    pub shapes: Vec<Shape>,
}

/// A shape in world coordinates.
#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    /// Corners in order.
    Polygon(Vec<Point2>),
    /// A circle.
    Circle {
        /// Centre.
        centre: Point2,
        /// Radius, m.
        radius_m: f64,
    },
}

/// Start and goals of one ego vehicle.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    /// Id in the file.
    pub id: i64,
    /// First step.
    pub step: i64,
    /// Start position (centre of the vehicle).
    pub position: Point2,
    /// Start heading, rad.
    pub heading_rad: f64,
    /// Start speed, m/s.
    pub speed_mps: f64,
    /// Start yaw rate, rad/s.
    pub yaw_rate_radps: f64,
    /// Goals of which one is to be reached; empty if the file states none.
    pub goals: Vec<Goal>,
}

/// A region in time, space, speed and heading.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Goal {
    /// First and last step.
    pub steps: (i64, i64),
    /// Where; empty: anywhere.
    pub regions: Vec<Shape>,
    /// Lanes named as the goal, whose areas are among `regions`.
    pub lanes: Vec<LaneIdx>,
    /// Slowest and fastest, m/s.
    pub speed_mps: Option<(f64, f64)>,
    /// From and to, rad.
    pub heading_rad: Option<(f64, f64)>,
}

/// Why a scenario cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum CommonRoadError {
    /// Input failed.
    #[error("cannot read the scenario")]
    Read(#[source] std::io::Error),
    /// Broken XML.
    #[error("broken XML near byte {at_byte}: {message}")]
    Xml {
        /// Where.
        at_byte: u64,
        /// What.
        message: String,
    },
    /// The end is missing.
    #[error("the file ends at byte {at_byte}, before its last element")]
    Truncated {
        /// Where.
        at_byte: u64,
    },
    /// Too much of something.
    #[error("more than {limit} {what}")]
    TooLarge {
        /// Of what.
        what: &'static str,
        /// How many are allowed.
        limit: u64,
    },
    /// Not a scenario.
    #[error("the root element is <{0}>, not <commonRoad>")]
    NotCommonRoad(String),
    /// A version that is not read.
    #[error("version `{0}` of the format is not supported")]
    Version(String),
    /// Something needed is not there.
    #[error("<{element}> lacks `{what}`")]
    Missing {
        /// Where.
        element: String,
        /// What.
        what: String,
    },
    /// A value that makes no sense.
    #[error("<{element}> holds `{value}`, not {expected}")]
    Value {
        /// Where.
        element: String,
        /// The value.
        value: String,
        /// What was expected.
        expected: &'static str,
    },
}

impl CommonRoadError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Read(_) => "check that the file exists and, if it ends in .gz, is whole",
            Self::Xml { .. } | Self::Truncated { .. } => "fetch the file again; it seems damaged",
            Self::TooLarge { .. } => "split the scenario",
            Self::NotCommonRoad(_) => {
                "give a CommonRoad scenario, not a solution or another format"
            }
            Self::Version(_) => "versions 2017a to 2020a are read; convert the file",
            Self::Missing { .. } | Self::Value { .. } => {
                "the file does not follow the format; correct the element named"
            }
        }
    }
}

/// Reads a scenario, packed with gzip or not.
pub fn read_scenario(input: impl Read) -> Result<Scenario, CommonRoadError> {
    let root = tree::read(input)?;
    if root.name != "commonRoad" {
        return Err(CommonRoadError::NotCommonRoad(root.name));
    }
    let version = root.attribute("commonRoadVersion").unwrap_or_default().to_owned();
    if !["2017a", "2018a", "2018b", "2020a"].contains(&version.as_str()) {
        return Err(CommonRoadError::Version(version));
    }
    let mut warnings = Vec::new();
    let dt_text = root.attribute("timeStepSize").unwrap_or_default();
    let dt_s = dt_text.trim().parse::<f64>().ok().filter(|dt| *dt > 0.0 && *dt <= 10.0);
    let Some(dt_s) = dt_s else {
        return Err(CommonRoadError::Value {
            element: "commonRoad timeStepSize".to_owned(),
            value: dt_text.to_owned(),
            expected: "a time step above 0 s and up to 10 s",
        });
    };
    let map = lanes::read(&root, dt_s, &mut warnings)?;
    let obstacles = root
        .children
        .iter()
        .filter(|e| {
            ["obstacle", "dynamicObstacle", "staticObstacle", "environmentObstacle"]
                .contains(&e.name.as_str())
        })
        .map(|e| obstacle(e, &mut warnings))
        .collect::<Result<Vec<_>, _>>()?;
    let problems = root
        .all("planningProblem")
        .map(|e| problem(e, &map, &mut warnings))
        .collect::<Result<Vec<_>, _>>()?;
    if problems.is_empty() {
        warnings.push("no planning problem: nothing to drive".to_owned());
    }
    Ok(Scenario {
        benchmark_id: root.attribute("benchmarkID").unwrap_or("unnamed").to_owned(),
        version,
        dt: Seconds(dt_s),
        map,
        obstacles: obstacles.into_iter().flatten().collect(),
        problems,
        warnings,
    })
}

fn point(e: &Element) -> Result<Point2, CommonRoadError> {
    Ok(Point2 { x_m: e.need("x")?.number()?, y_m: e.need("y")?.number()? })
}

fn turned(p: Point2, by_rad: f64) -> Point2 {
    let (sin, cos) = by_rad.sin_cos();
    Point2 { x_m: p.x_m * cos - p.y_m * sin, y_m: p.x_m * sin + p.y_m * cos }
}

fn placed(p: Point2, at: Point2, heading_rad: f64) -> Point2 {
    let p = turned(p, heading_rad);
    Point2 { x_m: p.x_m + at.x_m, y_m: p.y_m + at.y_m }
}

/// An exact value or the middle of an interval.
fn value(e: &Element) -> Result<f64, CommonRoadError> {
    if let Some(exact) = e.child("exact") {
        return exact.number();
    }
    let (from, to) = interval(e)?;
    Ok((from + to) / 2.0)
}

/// An interval; an exact value is one of no width.
fn interval(e: &Element) -> Result<(f64, f64), CommonRoadError> {
    if let Some(exact) = e.child("exact") {
        let x = exact.number()?;
        return Ok((x, x));
    }
    let (from, to) = (e.need("intervalStart")?.number()?, e.need("intervalEnd")?.number()?);
    Ok((from, to))
}

/// The shapes within an element, in their own frame.
fn shapes(e: &Element) -> Result<Vec<Shape>, CommonRoadError> {
    let mut out = Vec::new();
    for shape in &e.children {
        match shape.name.as_str() {
            "rectangle" => {
                let (l, w) = (shape.need("length")?.number()?, shape.need("width")?.number()?);
                let turn = shape.child("orientation").map_or(Ok(0.0), Element::number)?;
                let centre = shape.child("center").map_or(Ok(Point2::default()), point)?;
                let corners = [(1.0, 1.0), (-1.0, 1.0), (-1.0, -1.0), (1.0, -1.0)].map(|(a, b)| {
                    placed(Point2 { x_m: a * l / 2.0, y_m: b * w / 2.0 }, centre, turn)
                });
                out.push(Shape::Polygon(corners.to_vec()));
            }
            "circle" => out.push(Shape::Circle {
                centre: shape.child("center").map_or(Ok(Point2::default()), point)?,
                radius_m: shape.need("radius")?.number()?,
            }),
            "polygon" => {
                let ring = shape.all("point").map(point).collect::<Result<Vec<_>, _>>()?;
                if ring.len() >= 3 {
                    out.push(Shape::Polygon(ring));
                }
            }
            _ => {}
        }
    }
    Ok(out)
}

fn place_shape(shape: &Shape, at: Point2, heading_rad: f64) -> Shape {
    match shape {
        Shape::Polygon(ring) => {
            Shape::Polygon(ring.iter().map(|p| placed(*p, at, heading_rad)).collect())
        }
        Shape::Circle { centre, radius_m } => {
            Shape::Circle { centre: placed(*centre, at, heading_rad), radius_m: *radius_m }
        }
    }
}

/// The middle of a set of shapes.
fn middle(shapes: &[Shape]) -> Point2 {
    let points: Vec<Point2> = shapes
        .iter()
        .flat_map(|s| match s {
            Shape::Polygon(ring) => ring.clone(),
            Shape::Circle { centre, .. } => vec![*centre],
        })
        .collect();
    let n = points.len().max(1) as f64;
    Point2 {
        x_m: points.iter().map(|p| p.x_m).sum::<f64>() / n,
        y_m: points.iter().map(|p| p.y_m).sum::<f64>() / n,
    }
}

/// Reads an obstacle; `None` with a warning if it has no state.
fn obstacle(e: &Element, warnings: &mut Vec<String>) -> Result<Option<Obstacle>, CommonRoadError> {
    let id = e.id("id")?;
    let role = e.child("role").map(|r| r.text.trim().to_owned());
    let is_static = e.name != "dynamicObstacle" && role.as_deref() != Some("dynamic");
    let kind = e.child("type").map_or("unknown", |t| t.text.trim()).to_owned();
    let own = e.child("shape").map_or(Ok(vec![]), shapes)?;
    let mut states = Vec::new();
    let state_elements = e
        .child("initialState")
        .into_iter()
        .chain(e.child("trajectory").into_iter().flat_map(|t| t.all("state")));
    for s in state_elements {
        states.push(state(s, &own)?);
    }
    for o in e.child("occupancySet").into_iter().flat_map(|set| set.all("occupancy")) {
        let covers = o.child("shape").map_or(Ok(vec![]), shapes)?;
        let step = value(o.need("time")?)? as i64;
        states.push(ObstacleState {
            step,
            position: middle(&covers),
            heading_rad: 0.0,
            speed_mps: 0.0,
            shapes: covers,
        });
    }
    if e.name == "environmentObstacle" {
        // Buildings: they hide, but stand beside the road.
        return Ok(None);
    }
    if states.is_empty() {
        warnings.push(format!("obstacle {id} has no state and is left out"));
        return Ok(None);
    }
    if is_static && states.len() > 1 {
        states.truncate(1);
    }
    states.sort_by_key(|s| s.step);
    states.dedup_by_key(|s| s.step);
    Ok(Some(Obstacle { id, kind, is_static, states }))
}

fn state(s: &Element, own: &[Shape]) -> Result<ObstacleState, CommonRoadError> {
    let heading_rad = s.child("orientation").map_or(Ok(0.0), value)?;
    let place = s.need("position")?;
    let region = shapes(place)?;
    let position = match place.child("point") {
        Some(p) => point(p)?,
        None => middle(&region),
    };
    Ok(ObstacleState {
        step: s.child("time").map_or(Ok(0.0), value)? as i64,
        position,
        heading_rad,
        speed_mps: s.child("velocity").map_or(Ok(0.0), value)?,
        shapes: own.iter().map(|o| place_shape(o, position, heading_rad)).collect(),
    })
}

fn problem(
    e: &Element,
    map: &LaneMap,
    warnings: &mut Vec<String>,
) -> Result<Problem, CommonRoadError> {
    let id = e.id("id")?;
    let start = e.need("initialState")?;
    let by_id = map.by_source_id();
    let mut goals = Vec::new();
    for g in e.all("goalState").chain(e.all("goalRegion").flat_map(|r| r.all("state"))) {
        let (from, to) = interval(g.need("time")?)?;
        let mut goal = Goal { steps: (from as i64, to as i64), ..Goal::default() };
        if let Some(place) = g.child("position") {
            goal.regions = shapes(place)?;
            for lane in place.all("lanelet") {
                let source_id = lane.id("ref")?;
                match by_id.get(&source_id) {
                    Some(idx) => {
                        goal.lanes.push(*idx);
                        goal.regions.push(Shape::Polygon(map.lanes[*idx].ring()));
                    }
                    None => {
                        warnings.push(format!("problem {id}: no lanelet {source_id} for its goal"))
                    }
                }
            }
            if goal.regions.is_empty() && place.child("point").is_some() {
                warnings
                    .push(format!("problem {id}: a point is no goal region; taken as 1 m around"));
                let centre = point(place.need("point")?)?;
                goal.regions.push(Shape::Circle { centre, radius_m: 1.0 });
            }
        }
        goal.speed_mps = g.child("velocity").map(interval).transpose()?;
        goal.heading_rad = g.child("orientation").map(interval).transpose()?;
        goals.push(goal);
    }
    if goals.is_empty() {
        warnings.push(format!("problem {id} states no goal"));
    }
    let place = start.need("position")?;
    let position = place.child("point").map_or_else(|| Ok(middle(&shapes(place)?)), point)?;
    let is_road = |p: Point2| map.lanes.iter().any(|lane| lane.contains(p));
    if !is_road(position) {
        warnings.push(format!("problem {id} begins outside of the road"));
    }
    let is_off = |goal: &Goal| {
        !goal.regions.is_empty() && !goal.regions.iter().any(|r| on_road(r, &is_road))
    };
    if !goals.is_empty() && goals.iter().all(is_off) {
        warnings.push(format!("problem {id}: its goal lies outside of the road"));
    }
    Ok(Problem {
        id,
        step: start.child("time").map_or(Ok(0.0), value)? as i64,
        position,
        heading_rad: value(start.need("orientation")?)?,
        speed_mps: value(start.need("velocity")?)?,
        yaw_rate_radps: start.child("yawRate").map_or(Ok(0.0), value)?,
        goals,
    })
}

/// True if the middle of a region or one of its corners lies on the road.
fn on_road(region: &Shape, is_road: &dyn Fn(Point2) -> bool) -> bool {
    is_road(middle(std::slice::from_ref(region)))
        || match region {
            Shape::Polygon(ring) => ring.iter().any(|p| is_road(*p)),
            _ => false,
        }
}

#[cfg(test)]
mod tests;
