//! Scenes of a manoeuvre: what stands about, where the van is and where it shall stand. Made by lot by
//! kind, or read from JSON.

use std::f64::consts::{FRAC_PI_2, PI};

use rv_base::{Point2, Rng};
use rv_driver::manoeuvre::{Ground, RearPose};
use rv_driver::trajectory::{Body, Vehicle};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Most shapes and walkers that a scene may have.
const SHAPES_MAX: usize = 1000;
const WALKERS_MAX: usize = 50;
/// No number of a scene is larger, m.
const FAR_M: f64 = 10_000.0;

/// Kinds of scenes made by lot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A bay at a right angle to its aisle.
    Bay,
    /// A bay at 45 to 60 degrees.
    Echelon,
    /// A gap between vehicles at the kerb.
    Kerb,
    /// Out of a lane that ends.
    DeadEnd,
    /// Turning around in a street.
    Turn,
    /// A bay between two vans in a yard behind a gate.
    Hub,
    /// Cannot be done.
    Sealed,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Bay, Self::Echelon, Self::Kerb, Self::DeadEnd, Self::Turn, Self::Hub, Self::Sealed];

    /// As it is given on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Self::Bay => "bay",
            Self::Echelon => "echelon",
            Self::Kerb => "kerb",
            Self::DeadEnd => "dead-end",
            Self::Turn => "turn",
            Self::Hub => "hub",
            Self::Sealed => "sealed",
        }
    }
}

/// A place by the middle of what stands there.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// Middle, m.
    pub x_m: f64,
    /// Middle, m.
    pub y_m: f64,
    /// Heading, counter-clockwise from x, rad.
    pub heading_rad: f64,
}

/// Something solid that stands.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Solid {
    /// Middle, m.
    pub x_m: f64,
    /// Middle, m.
    pub y_m: f64,
    /// Heading of its length, rad.
    pub heading_rad: f64,
    /// Length, m.
    pub length_m: f64,
    /// Width, m.
    pub width_m: f64,
}

/// A wall, kerb or fence.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wall {
    /// From where to where: x, y, x, y, m.
    pub ends_m: [f64; 4],
}

/// Somebody who walks straight from one place to another once, and is gone.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Walk {
    /// From where to where: x, y, x, y, m.
    pub ends_m: [f64; 4],
    /// When, s since the van set out.
    pub from_s: f64,
    /// How fast, m/s.
    pub speed_mps: f64,
    /// How long it stands half-way, s.
    #[serde(default)]
    pub pause_s: f64,
}

/// A scene.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scene {
    /// Its name.
    pub name: String,
    /// Where the van is.
    pub start: Place,
    /// Where it shall stand.
    pub goal: Place,
    /// Walls.
    #[serde(default)]
    pub walls: Vec<Wall>,
    /// Solids.
    #[serde(default)]
    pub solids: Vec<Solid>,
    /// People.
    #[serde(default)]
    pub walks: Vec<Walk>,
}

/// What is wrong with a scene.
#[derive(Debug, Error)]
pub enum SceneError {
    /// Not JSON of a scene.
    #[error("this is not a scene: {0}")]
    Json(String),
    /// Too much.
    #[error("a scene has at most {SHAPES_MAX} walls and solids and {WALKERS_MAX} walks")]
    TooMuch,
    /// A number is of no use.
    #[error("{what} has a number that is not finite, or beyond its range")]
    Number {
        /// Where.
        what: String,
    },
}

impl Scene {
    /// Checks sizes and numbers.
    pub fn checked(self) -> Result<Self, SceneError> {
        if self.walls.len() + self.solids.len() > SHAPES_MAX || self.walks.len() > WALKERS_MAX {
            return Err(SceneError::TooMuch);
        }
        let fine = |numbers: &[f64]| numbers.iter().all(|x| x.is_finite() && x.abs() <= FAR_M);
        let size = |m: f64| (0.01..=100.0).contains(&m);
        let place = |p: &Place| fine(&[p.x_m, p.y_m, p.heading_rad]);
        let bad = |what: String| Err(SceneError::Number { what });
        if !place(&self.start) || !place(&self.goal) {
            return bad("start or goal".to_owned());
        }
        if let Some(i) = self.walls.iter().position(|w| !fine(&w.ends_m)) {
            return bad(format!("wall {i}"));
        }
        let solid =
            |s: &Solid| fine(&[s.x_m, s.y_m, s.heading_rad]) && size(s.length_m) && size(s.width_m);
        if let Some(i) = self.solids.iter().position(|s| !solid(s)) {
            return bad(format!("solid {i}"));
        }
        let walk = |w: &Walk| {
            fine(&w.ends_m)
                && (0.0..=3600.0).contains(&w.from_s)
                && (0.1..=10.0).contains(&w.speed_mps)
                && (0.0..=600.0).contains(&w.pause_s)
        };
        if let Some(i) = self.walks.iter().position(|w| !walk(w)) {
            return bad(format!("walk {i}"));
        }
        Ok(self)
    }

    /// What must not be touched.
    pub fn ground(&self) -> Ground {
        let wall = |w: &Wall| {
            let [ax, ay, bx, by] = w.ends_m;
            (Point2 { x_m: ax, y_m: ay }, Point2 { x_m: bx, y_m: by })
        };
        let solid = |s: &Solid| Body {
            centre: Point2 { x_m: s.x_m, y_m: s.y_m },
            heading_rad: s.heading_rad,
            half_length_m: s.length_m / 2.0,
            half_width_m: s.width_m / 2.0,
        };
        Ground {
            walls: self.walls.iter().map(wall).collect(),
            solids: self.solids.iter().map(solid).collect(),
        }
    }

    /// Start and goal by the rear axle of a vehicle.
    pub fn ends(&self, vehicle: &Vehicle) -> (RearPose, RearPose) {
        let pose = |p: &Place| {
            RearPose::at_centre(vehicle, Point2 { x_m: p.x_m, y_m: p.y_m }, p.heading_rad)
        };
        (pose(&self.start), pose(&self.goal))
    }

    /// A scene of a kind by lot, for the usual van.
    pub fn by_lot(kind: Kind, seed: u64, vehicle: &Vehicle) -> Self {
        let mut rng = Rng::from_seed(seed).fork(kind.word());
        let mut scene = match kind {
            Kind::Bay => bays(&mut rng, vehicle, FRAC_PI_2),
            Kind::Echelon => {
                let slant = rng.range(0.78, 1.05);
                bays(&mut rng, vehicle, slant)
            }
            Kind::Kerb => {
                let room_m = rng.range(0.7, 2.2);
                kerb(&mut rng, vehicle, room_m)
            }
            Kind::DeadEnd => dead_end(&mut rng, vehicle),
            Kind::Turn => {
                let width_m = rng.range(4.6, 7.5);
                turn(&mut rng, vehicle, width_m)
            }
            Kind::Hub => {
                let gate_m = vehicle.width_m + rng.range(0.7, 1.8);
                hub(&mut rng, vehicle, gate_m)
            }
            Kind::Sealed => match rng.below(3) {
                0 => kerb(&mut rng, vehicle, -0.1),
                1 => {
                    let gate_m = vehicle.width_m - 0.1;
                    hub(&mut rng, vehicle, gate_m)
                }
                _ => {
                    let mut scene = dead_end(&mut rng, vehicle);
                    // Somebody parks across the mouth of the lane.
                    scene.solids.push(solid(0.0, 1.1, 0.0, 4.6, 1.8));
                    scene
                }
            },
        };
        scene.name = format!("{}-{seed}", kind.word());
        scene.turned_by_lot(&mut rng)
    }

    /// The same scene with people who walk straight through it between start and goal, whatever
    /// stands there.
    pub fn with_people(mut self, n: usize, seed: u64) -> Self {
        let mut rng = Rng::from_seed(seed).fork("people");
        for _ in 0..n.min(WALKERS_MAX) {
            let share = rng.range(0.0, 0.8);
            let mix = |a: f64, b: f64| a + (b - a) * share;
            let (x, y) = (
                mix(self.goal.x_m, self.start.x_m) + rng.range(-1.5, 1.5),
                mix(self.goal.y_m, self.start.y_m) + rng.range(-1.5, 1.5),
            );
            let (sin, cos) = rng.range(-PI, PI).sin_cos();
            // From so far away that nobody appears beside the van.
            let half_m = 18.0;
            self.walks.push(Walk {
                ends_m: [x - half_m * cos, y - half_m * sin, x + half_m * cos, y + half_m * sin],
                from_s: rng.range(-8.0_f64, 18.0).max(0.0),
                speed_mps: rng.range(0.9, 1.7),
                pause_s: 0.0,
            });
        }
        self
    }

    /// The same scene somewhere else, turned by any angle, and perhaps mirrored.
    fn turned_by_lot(self, rng: &mut Rng) -> Self {
        let mirror = if rng.chance(0.5) { -1.0 } else { 1.0 };
        let (by_rad, dx, dy) = (rng.range(-PI, PI), rng.range(-50.0, 50.0), rng.range(-50.0, 50.0));
        let (sin, cos) = by_rad.sin_cos();
        let point = |x: f64, y: f64| {
            let y = y * mirror;
            (dx + x * cos - y * sin, dy + x * sin + y * cos)
        };
        let place = |p: Place| {
            let (x_m, y_m) = point(p.x_m, p.y_m);
            Place { x_m, y_m, heading_rad: p.heading_rad * mirror + by_rad }
        };
        let ends = |[ax, ay, bx, by]: [f64; 4]| {
            let ((ax, ay), (bx, by)) = (point(ax, ay), point(bx, by));
            [ax, ay, bx, by]
        };
        Self {
            start: place(self.start),
            goal: place(self.goal),
            walls: self.walls.iter().map(|w| Wall { ends_m: ends(w.ends_m) }).collect(),
            solids: self
                .solids
                .iter()
                .map(|s| {
                    let p = place(Place { x_m: s.x_m, y_m: s.y_m, heading_rad: s.heading_rad });
                    Solid { x_m: p.x_m, y_m: p.y_m, heading_rad: p.heading_rad, ..*s }
                })
                .collect(),
            walks: self.walks.iter().map(|w| Walk { ends_m: ends(w.ends_m), ..*w }).collect(),
            name: self.name,
        }
    }
}

fn wall(ax: f64, ay: f64, bx: f64, by: f64) -> Wall {
    Wall { ends_m: [ax, ay, bx, by] }
}

fn solid(x_m: f64, y_m: f64, heading_rad: f64, length_m: f64, width_m: f64) -> Solid {
    Solid { x_m, y_m, heading_rad, length_m, width_m }
}

fn empty(start: Place, goal: Place) -> Scene {
    Scene { name: String::new(), start, goal, walls: vec![], solids: vec![], walks: vec![] }
}

/// A parked car.
fn car(rng: &mut Rng, x_m: f64, y_m: f64, heading_rad: f64) -> Solid {
    let wry = rng.range(-0.05, 0.05);
    solid(x_m, y_m, heading_rad + wry, rng.range(3.9, 4.7), rng.range(1.65, 1.85))
}

/// An aisle along x with bays at an angle above it and a wall below.
fn bays(rng: &mut Rng, v: &Vehicle, slant_rad: f64) -> Scene {
    let aisle_m = rng.range(4.0, 6.0);
    let (pitch_m, depth_m) = (rng.range(2.3, 2.7), 5.0);
    let along_m = pitch_m / slant_rad.sin();
    let n = 7_i32;
    let own = rng.below(3) as i32 + 2;
    let middle = |i: i32| {
        let x = f64::from(i - own) * along_m;
        (x + depth_m / 2.0 * slant_rad.cos(), depth_m / 2.0 * slant_rad.sin())
    };
    let (gx, gy) = middle(own);
    let nose_in = rng.chance(0.5);
    // Nose out, it stands as deep as its tail allows.
    let deep_m = rng.range(-0.3, 0.6);
    let goal = Place {
        x_m: gx + deep_m * slant_rad.cos(),
        y_m: gy + deep_m * slant_rad.sin(),
        heading_rad: if nose_in { slant_rad } else { slant_rad + PI },
    };
    let side = if rng.chance(0.5) { 1.0 } else { -1.0 };
    let start = Place {
        x_m: -side * rng.range(5.0, 8.0),
        y_m: -aisle_m + v.width_m / 2.0 + rng.range(0.4, aisle_m - v.width_m - 0.4),
        heading_rad: if side > 0.0 { 0.0 } else { PI } + rng.range(-0.05, 0.05),
    };
    let mut scene = empty(start, goal);
    for i in (0..n).filter(|i| *i != own) {
        let (x, y) = middle(i);
        // Beside it there is always somebody.
        if (i - own).abs() == 1 || rng.chance(0.8) {
            let flip = if rng.chance(0.5) { PI } else { 0.0 };
            scene.solids.push(car(rng, x, y, slant_rad + flip));
        }
    }
    let back_m = depth_m * slant_rad.sin() + 0.3;
    scene.walls = vec![
        wall(-20.0, -aisle_m, 20.0, -aisle_m),
        wall(-20.0, back_m, 20.0, back_m),
        wall(-20.0, -aisle_m, -20.0, back_m),
        wall(20.0, -aisle_m, 20.0, back_m),
    ];
    scene
}

/// A street along x with its kerb at y = 0 and cars at it; the gap is longer than the van by `room_m`.
fn kerb(rng: &mut Rng, v: &Vehicle, room_m: f64) -> Scene {
    let street_m = rng.range(4.2, 6.0);
    let off_m = 0.25;
    let goal =
        Place { x_m: 0.0, y_m: v.width_m / 2.0 + off_m, heading_rad: rng.range(-0.01, 0.01) };
    let start = Place {
        x_m: rng.range(-7.0, -5.0),
        // Beside the cars, and clear of the other kerb.
        y_m: (2.1 + v.width_m / 2.0 + rng.range(0.35, 0.8)).min(street_m - v.width_m / 2.0 - 0.3),
        heading_rad: rng.range(-0.04, 0.04),
    };
    let mut scene = empty(start, goal);
    let shift_m = rng.range(-0.25, 0.25) * room_m.max(0.0);
    let (mut ahead_m, mut behind_m) =
        ((v.length_m + room_m) / 2.0 + shift_m, -(v.length_m + room_m) / 2.0 + shift_m);
    for _ in 0..3 {
        let mut c = car(rng, 0.0, 0.0, 0.0);
        c.heading_rad = 0.0;
        let y_m = c.width_m / 2.0 + rng.range(0.1, 0.3);
        scene.solids.push(Solid { x_m: ahead_m + c.length_m / 2.0, y_m, ..c });
        scene.solids.push(Solid { x_m: behind_m - c.length_m / 2.0, y_m, ..c });
        (ahead_m, behind_m) = (ahead_m + c.length_m + 0.9, behind_m - c.length_m - 0.9);
    }
    scene.walls = vec![wall(-20.0, 0.0, 20.0, 0.0), wall(-20.0, street_m, 20.0, street_m)];
    scene
}

/// A lane down along y that ends, below a street along x; the van stands in it nose in.
fn dead_end(rng: &mut Rng, v: &Vehicle) -> Scene {
    let half_m = (v.width_m + rng.range(0.7, 1.8)) / 2.0;
    let street_m = rng.range(4.5, 6.5);
    let deep_m = rng.range(5.0, 10.0);
    let start = Place {
        x_m: rng.range(-0.1, 0.1),
        y_m: -deep_m + v.length_m / 2.0 + rng.range(0.4, 1.0),
        heading_rad: -FRAC_PI_2 + rng.range(-0.03, 0.03),
    };
    let side = if rng.chance(0.5) { 1.0 } else { -1.0 };
    let goal = Place {
        x_m: side * rng.range(6.0, 9.0),
        y_m: street_m / 2.0,
        heading_rad: if rng.chance(0.5) { 0.0 } else { PI },
    };
    let mut scene = empty(start, goal);
    scene.walls = vec![
        wall(-half_m, -deep_m, half_m, -deep_m),
        wall(-half_m, -deep_m, -half_m, 0.0),
        wall(half_m, -deep_m, half_m, 0.0),
        wall(-20.0, 0.0, -half_m, 0.0),
        wall(half_m, 0.0, 20.0, 0.0),
        wall(-20.0, street_m, 20.0, street_m),
    ];
    scene
}

/// A street along x in which the van turns around.
fn turn(rng: &mut Rng, v: &Vehicle, width_m: f64) -> Scene {
    let beside_m = v.width_m / 2.0 + rng.range(0.3, 0.5);
    let start = Place { x_m: 0.0, y_m: beside_m, heading_rad: 0.0 };
    let goal = Place { x_m: rng.range(-9.0, 0.0), y_m: width_m - beside_m, heading_rad: PI };
    let mut scene = empty(start, goal);
    scene.walls = vec![wall(-20.0, 0.0, 20.0, 0.0), wall(-20.0, width_m, 20.0, width_m)];
    // Somebody is parked at one side or the other, not where it stands or goes.
    for _ in 0..2 {
        let x_m = if rng.chance(0.5) { rng.range(7.5, 12.0) } else { rng.range(-17.0, -14.0) };
        let c = car(rng, x_m, 0.0, 0.0);
        let y_m = c.width_m / 2.0 + 0.15;
        let y_m = if rng.chance(0.5) { y_m } else { width_m - y_m };
        scene.solids.push(Solid { y_m, ..c });
    }
    scene
}

/// A yard above a street along x, with a gate in its wall and bays at the back; vans beside the goal.
fn hub(rng: &mut Rng, v: &Vehicle, gate_m: f64) -> Scene {
    let (wide_m, deep_m) = (rng.range(12.0, 16.0), rng.range(9.0, 11.5));
    let pitch_m = v.width_m + rng.range(0.7, 1.0);
    let n = ((wide_m - 0.6) / pitch_m).floor() as i32;
    let own = 1 + rng.below((n - 2) as usize) as i32;
    let bay_x = |i: i32| -f64::from(n - 1) / 2.0 * pitch_m + f64::from(i) * pitch_m;
    let bay_y = deep_m - 0.4 - v.length_m / 2.0;
    let nose_in = rng.chance(0.4);
    let goal = Place {
        x_m: bay_x(own),
        y_m: bay_y,
        heading_rad: if nose_in { FRAC_PI_2 } else { -FRAC_PI_2 },
    };
    let street_m = rng.range(4.5, 6.5);
    let side = if rng.chance(0.5) { 1.0 } else { -1.0 };
    let start = Place {
        x_m: -side * rng.range(6.0, 9.0),
        y_m: -street_m / 2.0 - side * street_m / 4.0,
        heading_rad: if side > 0.0 { 0.0 } else { PI },
    };
    let mut scene = empty(start, goal);
    for i in (0..n).filter(|i| *i != own) {
        if (i - own).abs() == 1 || rng.chance(0.5) {
            let heading = FRAC_PI_2 + rng.range(-0.03, 0.03);
            let x_m = bay_x(i) + rng.range(-0.08, 0.08);
            scene.solids.push(solid(
                x_m,
                bay_y + rng.range(-0.2, 0.2),
                heading,
                v.length_m,
                v.width_m,
            ));
        }
    }
    let (left, right) = (-wide_m / 2.0, wide_m / 2.0);
    let gate_x = rng.range(left + 2.5, right - 2.5 - gate_m);
    scene.walls = vec![
        wall(left, 0.0, left, deep_m),
        wall(left, deep_m, right, deep_m),
        wall(right, deep_m, right, 0.0),
        wall(-25.0, 0.0, gate_x, 0.0),
        wall(gate_x + gate_m, 0.0, 25.0, 0.0),
        wall(-25.0, -street_m, 25.0, -street_m),
    ];
    scene
}
