//! One drive through a city: a van, its driver, the world around it, and the referee.

use std::sync::Arc;
use std::time::Duration;

use rv_base::{EdgeId, Point2, Rng, Seconds};
use rv_driver::law::TrafficLaw;
use rv_driver::tracking::{Track, Tracker, TrackerOptions};
use rv_driver::trajectory::{State, Vehicle};
use rv_driver::urban::{CYCLE_S, Decision, Gear, Sight, Stop, VanDriver, View, Way};
use rv_map::City;
use rv_map::city_lanes::{CityLaneId, CityLaneKind, CityLanes};
use rv_map::lanes::Aspect;
use serde::Serialize;

use super::hubs::{AtHub, Ends, HubFindings, Hubs};
use super::patience::{Need, Patience};
use super::referee::{ContactSeen, Findings, Referee};
use super::routes::{self, Route};
use super::sensors::{SensorModel, Sensors, Walls};
use super::world::{Busy, Thing, VanBody, World, apart_along};
use super::yards::CLEAR_M;
use crate::plant::{Driven, PlantKind, Tracking};
use crate::streets::Weather;

/// How far the van sees, m.
const SIGHT_M: f64 = 110.0;

/// It takes another way at most so often in a drive.
const REROUTES_MAX: u32 = 6;

/// Further beside its way a van is on no lane, m.
pub(crate) const BESIDE_MAX_M: f64 = 4.0;

/// Within this distance of where they meet, two roads are on one level, m.
const ONE_LEVEL_M: f64 = 35.0;

/// A drive must not take longer, s.
const DRIVE_MAX_S: f64 = 3600.0;

/// What is driven and where.
#[derive(Clone)]
pub struct DriveSetup {
    /// The city.
    pub city: Arc<City>,
    /// Its lanes.
    pub lanes: Arc<CityLanes>,
    /// The law there.
    pub law: TrafficLaw,
    /// How busy it is.
    pub busy: Busy,
    /// About how long a drive is, m.
    pub length_m: f64,
    /// Seed of everything.
    pub seed: u64,
    /// What its sensors can do; nothing if they are perfect.
    pub sensors: Option<SensorModel>,
    /// The weather.
    pub weather: Weather,
    /// What hides things from sensors.
    pub walls: Arc<Walls>,
    /// Whether the same way is driven by a human-like driver, too.
    pub with_human: bool,
    /// The vehicle that is driven.
    pub plant: PlantKind,
    /// Where drives begin and end.
    pub ends: Ends,
    /// How ways go.
    pub route: Route,
}

/// What a drive came to.
#[derive(Clone, Debug, Serialize)]
pub struct Drive {
    /// Its number.
    pub number: u64,
    /// What the referee found.
    pub found: Findings,
    /// Contacts.
    pub contacts: Vec<ContactSeen>,
    /// True if it got where it was to go.
    pub is_arrived: bool,
    /// True if it stood in a gap at the kerb at last.
    pub is_parked: bool,
    /// Time that it took to plan and drive into that gap, s.
    pub parking_s: f64,
    /// What it waited for when it did not.
    pub stuck_on: Option<String>,
    /// Times it took another way because it could not get on.
    pub n_rerouted: u32,
    /// Times it turned around between the kerbs of a street, and whether it could not once.
    pub n_turned: u32,
    /// See `n_turned`.
    pub could_not_turn: bool,
    /// How well the vehicle followed what was decided.
    pub tracking: Tracking,
    /// What was manoeuvred at hubs.
    pub hubs: HubFindings,
    /// What the human-like driver did on the same way.
    pub human: Option<Human>,
    /// When it had driven each further [`HUMAN_STEP_M`], s.
    #[serde(skip)]
    pub human_passed_s: Vec<f32>,
    /// Cycles, and those whose plan the monitor let through.
    pub n_cycles: u64,
    /// See `n_cycles`.
    pub n_let_through: u64,
    /// Times of the driver's cycles, by the clock given.
    #[serde(skip)]
    pub times: CycleTimes,
}

/// Distance between two times told of the human-like driver's way, m.
pub const HUMAN_STEP_M: f64 = 10.0;

/// How a human-like driver fared.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Human {
    /// Time, s.
    pub time_s: f64,
    /// Distance, m.
    pub driven_m: f64,
    /// True if it got to the end of the way.
    pub is_arrived: bool,
}

/// Numbers of cycles by whole microseconds that they took; longer ones count as the last.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CycleTimes {
    bins: Vec<u32>,
    sum_ns: u64,
    longest_ns: u64,
    n: u64,
}

/// Microseconds told apart.
const BINS: usize = 5000;

impl CycleTimes {
    fn note(&mut self, took: Duration) {
        self.bins.resize(BINS, 0);
        self.bins[(took.as_micros() as usize).min(BINS - 1)] += 1;
        self.sum_ns += took.as_nanos() as u64;
        self.longest_ns = self.longest_ns.max(took.as_nanos() as u64);
        self.n += 1;
    }

    /// Adds those of another drive.
    pub fn add(&mut self, other: &Self) {
        self.bins.resize(BINS, 0);
        self.bins.iter_mut().zip(&other.bins).for_each(|(a, b)| *a += b);
        self.sum_ns += other.sum_ns;
        self.longest_ns = self.longest_ns.max(other.longest_ns);
        self.n += other.n;
    }

    /// The longest, us.
    pub fn longest_us(&self) -> f64 {
        self.longest_ns as f64 / 1000.0
    }

    /// The time that a share of the cycles does not exceed, to a microsecond, us.
    pub fn at_share(&self, share: f64) -> f64 {
        let mut left = (self.n as f64 * share).ceil() as u64;
        for (i, n) in self.bins.iter().enumerate() {
            left = left.saturating_sub(u64::from(*n));
            if left == 0 {
                return i as f64 + 1.0;
            }
        }
        BINS as f64
    }

    /// Mean time, us.
    pub fn mean_us(&self) -> f64 {
        self.sum_ns as f64 / 1000.0 / self.n.max(1) as f64
    }
}

/// A moment of a drive, for pictures and logs.
pub struct Moment<'a> {
    /// When, s since the start.
    pub at_s: f64,
    /// When, by the world's clock, s.
    pub now_s: f64,
    /// True if the referee takes the moment for an emergency.
    pub in_emergency: bool,
    /// The van.
    pub van: &'a VanBody,
    /// Its driver.
    pub driver: &'a VanDriver,
    /// What it decided.
    pub decision: &'a Decision,
    /// The world.
    pub world: &'a World,
    /// What is truly there.
    pub things: &'a [Thing],
    /// What it believes to be there.
    pub tracks: &'a [Track],
    /// What lights show.
    pub signals: &'a [(CityLaneId, Aspect)],
    /// Walls of the yards at both ends of the drive.
    pub walls: &'a [(Point2, Point2)],
}

/// A van of the usual size.
pub fn usual_van() -> Vehicle {
    Vehicle::VAN
}

/// Drives one drive; `clock` times the driver's cycles, `watch` sees every moment.
pub fn drive(
    setup: &DriveSetup,
    number: u64,
    clock: &dyn Fn() -> Duration,
    watch: &mut dyn FnMut(&Moment<'_>),
) -> Option<Drive> {
    let mut rng = Rng::from_seed(setup.seed).fork_idx("drive", number);
    let edges = by_lot(setup, &mut rng)?;
    let seed = rng.next_u64();
    let start = Seconds(rng.range(0.0, 3600.0).floor());
    let mut run = Run::new(setup, edges, seed, start)?;
    let (is_arrived, stuck_on) = loop {
        if let Some(end) = run.cycle(clock, watch) {
            break end;
        }
    };
    // The human-like driver keeps to lanes and cannot turn back.
    let has_human = setup.with_human && setup.route == Route::Onwards;
    let human = has_human
        .then(|| human_drive(setup, &run.first_way, run.driver.vehicle(), seed, start))
        .flatten();
    let (human, human_passed_s) = human.unzip();
    let (found, contacts) = run.referee.findings();
    Some(Drive {
        number,
        found: found.clone(),
        contacts: contacts.to_vec(),
        is_arrived,
        is_parked: run.driver.is_parked(),
        parking_s: run.parking_s,
        stuck_on,
        n_rerouted: run.n_rerouted,
        n_turned: run.driver.n_turned(),
        could_not_turn: run.could_not_turn,
        tracking: run.driven.tracking,
        hubs: run.hubs.found.clone(),
        human,
        human_passed_s: human_passed_s.unwrap_or_default(),
        n_cycles: run.n_cycles,
        n_let_through: run.n_let_through,
        times: run.times,
    })
}

fn by_lot(setup: &DriveSetup, rng: &mut Rng) -> Option<Vec<EdgeId>> {
    let on = (&*setup.lanes, &setup.law);
    routes::by_lot(&setup.city, on, rng, setup.length_m, setup.route)
}

/// Lanes that end at a light.
fn with_light(lanes: &CityLanes, along: &[CityLaneId]) -> Vec<CityLaneId> {
    along.iter().copied().filter(|l| lanes.lane(*l).signal.is_some()).collect()
}

/// What many vans at once took.
#[derive(Clone, Debug, Default, Serialize)]
pub struct FleetTimes {
    /// Vans.
    pub n_vans: usize,
    /// Time that they drove, s.
    pub simulated_s: f64,
    /// Processor time of all of it, s: traffic, people, sensors, tracking, driving, refereeing.
    pub cpu_s: f64,
    /// Processor time of the driver and its monitor alone, s.
    pub driver_cpu_s: f64,
    /// Cycles.
    pub n_cycles: u64,
    /// Distance driven, m.
    pub driven_m: f64,
    /// Contacts at fault and red lights.
    pub contacts_at_fault: u32,
    /// See `contacts_at_fault`.
    pub red_lights: u32,
}

/// Drives many vans side by side on one thread, ten cycles a second each, each amid its own traffic,
/// for some time; one that arrives or calls is followed by the next.
pub fn drive_many(
    setup: &DriveSetup,
    n_vans: usize,
    seconds: f64,
    clock: &dyn Fn() -> Duration,
) -> FleetTimes {
    let mut next = 0;
    let mut start = || {
        (0..100).find_map(|_| {
            next += 1;
            let mut rng = Rng::from_seed(setup.seed).fork_idx("drive", next - 1);
            let edges = by_lot(setup, &mut rng)?;
            let seed = rng.next_u64();
            Run::new(setup, edges, seed, Seconds(rng.range(0.0, 3600.0).floor()))
        })
    };
    let mut vans: Vec<Run<'_>> = (0..n_vans).filter_map(|_| start()).collect();
    let mut all = FleetTimes { n_vans: vans.len(), ..FleetTimes::default() };
    let add = |all: &mut FleetTimes, van: &Run<'_>| {
        let found = van.referee.findings().0;
        all.driven_m += found.driven_m;
        all.contacts_at_fault += found.contacts_at_fault;
        all.red_lights += found.red_lights;
        all.n_cycles += van.n_cycles;
        all.driver_cpu_s += van.times.mean_us() * van.n_cycles as f64 / 1e6;
    };
    let began = clock();
    let n_steps = (seconds / CYCLE_S).round() as u64;
    for _ in 0..n_steps {
        for van in &mut vans {
            if van.cycle(clock, &mut |_| {}).is_some() {
                add(&mut all, van);
                if let Some(fresh) = start() {
                    *van = fresh;
                }
            }
        }
    }
    all.cpu_s = clock().saturating_sub(began).as_secs_f64();
    all.simulated_s = n_steps as f64 * CYCLE_S;
    vans.iter().for_each(|van| add(&mut all, van));
    all
}

struct Run<'a> {
    setup: &'a DriveSetup,
    world: World,
    driver: VanDriver,
    referee: Referee,
    sensors: Option<Sensors>,
    tracker: Tracker,
    open: View,
    driven: Driven,
    /// Where it is when what is decided now acts, and its acceleration then.
    state: State,
    acceleration_mps2: f64,
    /// Its speed in the last cycle, and its acceleration now.
    before_mps: f64,
    felt_mps2: f64,
    hubs: Hubs,
    walls: Vec<(Point2, Point2)>,
    stood_s: f64,
    n_cycles: u64,
    n_let_through: u64,
    times: CycleTimes,
    things: Vec<Thing>,
    tracks: Vec<Track>,
    signals: Vec<(CityLaneId, Aspect)>,
    light_lanes: Vec<CityLaneId>,
    /// Edges over or under its way here.
    under: Vec<(EdgeId, Point2)>,
    start: Seconds,
    patience: Patience,
    /// Its way before any other was taken, the edges of the present one, and where it ends, m.
    first_way: Way,
    edges: Vec<EdgeId>,
    end_m: f64,
    n_rerouted: u32,
    parking_s: f64,
    could_not_turn: bool,
    /// Where it last looked for another way, m along its way.
    looked_around_m: f64,
}

impl<'a> Run<'a> {
    fn new(setup: &'a DriveSetup, edges: Vec<EdgeId>, seed: u64, start: Seconds) -> Option<Self> {
        let vehicle = usual_van();
        let lane = setup.lanes.of_edge(*edges.last()?).next()?;
        let end_m = f64::from(setup.lanes.lane(lane).length_m) * 0.6;
        let way = Way::lay(&setup.lanes, &setup.law, &edges, (4.0, end_m), vehicle.speed_max_mps);
        let way = way.ok()?;
        let (centre, heading) = way.pose(2.0);
        let mut state = State::at_centre(&vehicle, centre, heading, 0.0);
        let mut hubs = match setup.ends {
            Ends::Lane => Hubs::default(),
            Ends::Hub => Hubs::beside(&setup.lanes, &way, &vehicle, seed),
        };
        let mut driver = VanDriver::new(vehicle, way.clone());
        driver.set_stop(if hubs.is_at_end() { Stop::Gate } else { Stop::Kerb });
        if let Some((in_bay, task)) = hubs.leave() {
            state = in_bay;
            driver.begin_manoeuvre(task);
        }
        let along: Vec<CityLaneId> = edges.iter().flat_map(|e| setup.lanes.of_edge(*e)).collect();
        let light_lanes = with_light(&setup.lanes, &along);
        let (city, lanes) = (Arc::clone(&setup.city), Arc::clone(&setup.lanes));
        let permitted = move |lane: CityLaneId| match lanes.lane(lane).kind {
            rv_map::city_lanes::CityLaneKind::Road { edge, .. } => routes::is_urban(&city, edge),
            rv_map::city_lanes::CityLaneKind::Turn { from, to, .. } => {
                routes::is_urban(&city, from) && routes::is_urban(&city, to)
            }
        };
        let mut world =
            World::new(Arc::clone(&setup.lanes), setup.law.clone(), setup.busy, seed, start);
        let mut referee = Referee::new(&setup.lanes, &setup.law, &along, permitted);
        for yard in hubs.yards() {
            world.keep_clear(yard.at, CLEAR_M);
            referee.watches_yard(&yard.walls, yard.area);
        }
        Some(Self {
            first_way: way,
            world,
            driver,
            referee,
            driven: Driven::new(vehicle, setup.plant, &state),
            before_mps: 0.0,
            felt_mps2: 0.0,
            walls: hubs.yards().flat_map(|y| y.walls.iter().copied()).collect(),
            hubs,
            sensors: setup.sensors.map(|model| {
                let rng = Rng::from_seed(seed).fork("sensors");
                Sensors::new(model, setup.weather, Arc::clone(&setup.walls), rng)
            }),
            tracker: Tracker::new(TrackerOptions::USUAL),
            open: View::open(centre, SIGHT_M),
            setup,
            state,
            acceleration_mps2: 0.0,
            stood_s: 0.0,
            n_cycles: 0,
            n_let_through: 0,
            times: CycleTimes::default(),
            things: Vec::new(),
            tracks: Vec::new(),
            signals: Vec::new(),
            light_lanes,
            under: Vec::new(),
            start,
            patience: Patience::from(start.0),
            edges,
            end_m,
            n_rerouted: 0,
            parking_s: 0.0,
            could_not_turn: false,
            looked_around_m: f64::NEG_INFINITY,
        })
    }

    /// One cycle; whether it has arrived, and what it waits for if not, once the drive has ended.
    fn cycle(
        &mut self,
        clock: &dyn Fn() -> Duration,
        watch: &mut dyn FnMut(&Moment<'_>),
    ) -> Option<(bool, Option<String>)> {
        let van = self.body();
        self.world.step(&[van], CYCLE_S);
        let now = self.world.now();
        self.look_under();
        self.world.things_near(van.at, SIGHT_M, &self.under, &mut self.things);
        self.things.extend(self.hubs.vans_near(van.at, SIGHT_M));
        // What is decided now acts later: it is decided for then.
        let acts = Seconds(now.0 + self.driven.ahead_s());
        let age_s = self.sense(now, acts, van.at);
        self.driver.set_settled(self.driven.is_settled());
        let view = self.sensors.as_ref().map_or(&self.open, Sensors::view);
        let sight = Sight {
            at: acts,
            age_s,
            state: self.state,
            acceleration_mps2: self.acceleration_mps2,
            tracks: &self.tracks,
            signals: &self.signals,
            view,
            weather_share: self.sensors.as_ref().map_or(1.0, Sensors::weather_share),
        };
        let before = clock();
        let decision = self.driver.cycle(&self.setup.lanes, &self.setup.law, &sight);
        self.times.note(clock().saturating_sub(before));
        self.n_cycles += 1;
        self.n_let_through += u64::from(decision.is_let_through);
        let at_s = now.0 - self.start.0;
        watch(&Moment {
            at_s,
            now_s: now.0,
            in_emergency: self.referee.is_emergency(),
            van: &van,
            driver: &self.driver,
            decision: &decision,
            world: &self.world,
            things: &self.things,
            tracks: &self.tracks,
            signals: &self.signals,
            walls: &self.walls,
        });
        self.act(&decision);
        let van = self.body();
        self.referee.watch(&self.setup.lanes, now, &van, &self.things, CYCLE_S);
        let manoeuvres = self.driver.manoeuvres();
        self.parking_s += if manoeuvres && self.driver.is_to_park() { CYCLE_S } else { 0.0 };
        match self.hubs.note(&self.driver, &self.driven.now(), CYCLE_S) {
            Some(AtHub::InBay | AtHub::StaysOut) => return Some((true, None)),
            Some(AtHub::CannotLeave) => {
                self.referee.note_call();
                return Some((false, Some("found no way out of its bay".to_owned())));
            }
            None => {}
        }
        if self.driver.is_parked() {
            return Some((true, None));
        }
        if !manoeuvres && decision.to_goal_m < 1.5 && van.speed_mps.abs() < 0.1 {
            let Some(task) = self.hubs.enter(&self.tracks) else { return Some((true, None)) };
            self.driver.begin_manoeuvre(task);
        }
        let need = self.patience.need(now.0, self.driver.stuck_s(acts.0), &decision.reason);
        if need == Need::Help || at_s > DRIVE_MAX_S {
            self.referee.note_call();
            return Some((false, Some(format!("{:?}", decision.reason))));
        }
        let stands = decision.gear == Gear::Forward && !manoeuvres;
        self.could_not_turn |= self.driver.cannot_turn();
        let wants_way = (need == Need::AnotherWay || self.driver.cannot_turn()) && stands;
        if wants_way && self.n_rerouted < REROUTES_MAX && self.take_another_way() {
            self.n_rerouted += 1;
        }
        None
    }

    /// Takes another way to its goal that leaves the junction ahead by another road, if the van
    /// stands before that junction on the lane that leads there; false if there is none.
    fn take_another_way(&mut self) -> bool {
        let (s_m, _) = self.driver.place(&self.state);
        // Once at a place.
        if (s_m - self.looked_around_m).abs() < 3.0 {
            return false;
        }
        self.looked_around_m = s_m;
        let Some((lane, on_lane_m)) = self.driver.way().on_lane(s_m) else { return false };
        let CityLaneKind::Road { edge, .. } = self.setup.lanes.lane(lane).kind else {
            return false;
        };
        let Some(here) = self.edges.iter().rposition(|e| *e == edge) else { return false };
        let Some(avoid) = self.edges.get(here + 1).copied() else { return false };
        let goal = self.edges[self.edges.len() - 1];
        let Some(edges) =
            routes::way_around(&self.setup.city, &self.setup.lanes, edge, avoid, goal)
        else {
            return false;
        };
        let vehicle = self.driver.vehicle();
        let ends = ((on_lane_m - 2.0).max(0.0), self.end_m);
        let (lanes, law) = (&self.setup.lanes, &self.setup.law);
        let laid = Way::lay(lanes, law, &edges, ends, vehicle.speed_max_mps);
        let Ok(way) = laid else { return false };
        // From the lane on which it stands.
        if way.on_lane(0.0).map(|l| l.0) != Some(lane) {
            return false;
        }
        let along: Vec<CityLaneId> =
            edges[1..].iter().flat_map(|e| self.setup.lanes.of_edge(*e)).collect();
        self.referee.goes_along(&self.setup.lanes, &along);
        self.light_lanes.extend(with_light(&self.setup.lanes, &along));
        self.driver.set_way(way);
        self.edges = edges;
        true
    }

    /// Finds the edges that are over or under the way near the van.
    fn look_under(&mut self) {
        let mut under = std::mem::take(&mut self.under);
        let (s_m, _) = self.driver.place(&self.state);
        apart_along(&self.setup.lanes, self.driver.way(), s_m, &mut under);
        under.retain(|(e, at)| !self.joins(*e, *at));
        self.under = under;
    }

    /// True if an edge leads onto the way of the van near a place where the map has the two cross: so
    /// near to where they meet, both are on one level.
    fn joins(&self, edge: EdgeId, at: Point2) -> bool {
        let graph = &self.setup.city.graph;
        let head = graph.edge(edge).head;
        let end = self.setup.lanes.of_edge(edge).next().map(|lane| {
            self.setup.lanes.at(lane, f64::from(self.setup.lanes.lane(lane).length_m)).0
        });
        end.is_some_and(|end| end.distance_to(at).0 < ONE_LEVEL_M)
            && self.edges.iter().map(|e| graph.edge(*e)).any(|e| e.tail == head || e.head == head)
    }

    fn act(&mut self, decision: &Decision) {
        let vehicle = *self.driver.vehicle();
        let next = decision.driven(&vehicle, &self.state, vehicle.speed_max_mps, CYCLE_S);
        self.acceleration_mps2 = (next.speed_mps - self.state.speed_mps) / CYCLE_S;
        self.driven.cycle(decision.gear, next);
        self.state = next;
        let now_mps = self.driven.now().speed_mps;
        self.felt_mps2 = (now_mps - self.before_mps) / CYCLE_S;
        self.before_mps = now_mps;
        self.stood_s = if now_mps.abs() < 0.1 { self.stood_s + CYCLE_S } else { 0.0 };
    }

    fn body(&self) -> VanBody {
        let vehicle = self.driver.vehicle();
        let state = self.driven.now();
        let (s_m, beside_m) = self.driver.place(&state);
        let way = self.driver.way();
        // In a yard it is on no lane.
        let on = way.lane_at(s_m).filter(|_| beside_m.abs() < BESIDE_MAX_M);
        let lane = on.map(|lane| {
            let at = state.centre(vehicle);
            let spot = self.setup.lanes.foot(lane, at);
            let mut ahead_m = s_m;
            let mut next = lane;
            while next == lane && ahead_m < s_m + 80.0 && ahead_m < way.length_m() {
                ahead_m += 4.0;
                next = way.lane_at(ahead_m).unwrap_or(lane);
            }
            (lane, spot.s_m, next)
        });
        VanBody {
            at: state.centre(vehicle),
            heading_rad: state.heading_rad,
            speed_mps: state.speed_mps,
            acceleration_mps2: self.felt_mps2,
            half_m: (vehicle.length_m / 2.0, vehicle.width_m / 2.0),
            lane,
            stood_s: self.stood_s,
            behind_m: self.driver.signals_behind_m(),
        }
    }

    /// What the van knows now of when its decision acts, and how old that is, s.
    fn sense(&mut self, now: Seconds, acts: Seconds, from: Point2) -> f64 {
        self.see_lights(now);
        self.open.from = from;
        if let Some(sensors) = &mut self.sensors {
            let frame = sensors.look(now.0, from, &self.things);
            if let Some((at_s, detections)) = frame {
                let view = sensors.view();
                self.tracker.take(at_s, &detections, &|p| view.sees(p));
            }
            self.tracker.told(acts.0, &mut self.tracks);
            return self.tracker.last_frame_s().map_or(0.0, |at| now.0 - at);
        }
        let ahead_s = acts.0 - now.0;
        self.tracks.clear();
        self.tracks.extend(self.things.iter().map(|t| Track {
            id: t.id,
            class: t.class,
            centre: Point2 {
                x_m: t.at.x_m + ahead_s * t.speed_mps * t.heading_rad.cos(),
                y_m: t.at.y_m + ahead_s * t.speed_mps * t.heading_rad.sin(),
            },
            heading_rad: t.heading_rad,
            speed_mps: t.speed_mps,
            acceleration_mps2: t.acceleration_mps2,
            yaw_rate_radps: t.yaw_rate_radps,
            half_m: t.half_m,
            sigma: (0.0, 0.0),
            stood_s: t.stood_s,
            is_emergency: t.is_emergency,
        }));
        0.0
    }

    fn see_lights(&mut self, now: Seconds) {
        self.signals.clear();
        let at = self.state.rear;
        for lane in &self.light_lanes {
            let l = self.setup.lanes.lane(*lane);
            let (p, _) = self.setup.lanes.at(*lane, f64::from(l.stop_m));
            if p.distance_to(at).0 < 120.0
                && let Some(signal) = l.signal
            {
                self.signals.push((*lane, self.setup.lanes.aspect(signal, now)));
            }
        }
    }
}

/// The same way amid the same traffic, driven by a human-like driver: time and distance, and when it
/// had driven each further [`HUMAN_STEP_M`], s.
fn human_drive(
    setup: &DriveSetup,
    way: &Way,
    vehicle: &Vehicle,
    seed: u64,
    start: Seconds,
) -> Option<(Human, Vec<f32>)> {
    let mut world =
        World::new(Arc::clone(&setup.lanes), setup.law.clone(), setup.busy, seed, start);
    let route = routes::lanes_along(way, &setup.lanes);
    let first = *route.first()?;
    let (at, _) = way.pose(2.0);
    let s_m = setup.lanes.foot(first, at).s_m;
    world.add_guided((vehicle.length_m / 2.0, vehicle.width_m / 2.0), route, s_m);
    let mut driven_m = 0.0;
    let mut passed_s = Vec::new();
    let goal_m = way.goal_m() - vehicle.length_m;
    let mut time_s = 0.0;
    let mut stood_s = 0.0;
    while driven_m < goal_m && time_s < DRIVE_MAX_S && stood_s < 150.0 {
        let Some(m) = world.guided() else { break };
        let eye = VanBody {
            at: m.at,
            heading_rad: m.heading_rad,
            speed_mps: m.v_mps,
            acceleration_mps2: m.a_mps2,
            half_m: (0.0, 0.0),
            lane: None,
            stood_s: m.stood_s,
            behind_m: 0.0,
        };
        driven_m += m.v_mps * CYCLE_S;
        time_s += CYCLE_S;
        while driven_m >= HUMAN_STEP_M * (passed_s.len() + 1) as f64 {
            passed_s.push(time_s as f32);
        }
        stood_s = m.stood_s;
        world.step_guided(&eye, CYCLE_S);
    }
    Some((Human { time_s, driven_m, is_arrived: driven_m >= goal_m }, passed_s))
}
