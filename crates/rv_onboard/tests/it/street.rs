//! A straight street of 100 m edges, a point mass on it, and a link without faults.

use std::sync::Arc;

use rv_base::{
    EdgeId, JunctionId, LatLon, Meters, MetersPerSecond, MetersPerSecond2, MissionId, OrderId,
    RoadId, RoadPosition, Seconds, StopId, Timestamp, VanId, WattHours,
};
use rv_driver::Motion;
use rv_map::{City, Edge, ModeSet, Road, RoadGraph, RoadKind, Surface};
use rv_model::VanClass;
use rv_onboard::{Atlas, Input, Onboard, OnboardConfig, OnboardMemory, Output, Sensed};
use rv_wire::{Channel, CodeHash, Down, Mission, Stop, StopKind, Task, Up};
use sha2::{Digest, Sha256};

pub struct Street {
    pub van: Onboard,
    pub now: Timestamp,
    pub heard: Vec<Up>,
    pub out: Vec<Output>,
    pub stored: WattHours,
    pub blocked: Option<EdgeId>,
    pub restarts_every: Option<i64>,
    config: OnboardConfig,
    atlas: Atlas,
    link: Channel<Down, Up>,
    path: Vec<EdgeId>,
    path_idx: usize,
    offset: Meters,
    speed: MetersPerSecond,
    acceleration: MetersPerSecond2,
    odometer: Meters,
    drawn: WattHours,
}

impl Street {
    /// `n` edges, and one more that is closed to vans.
    pub fn new(n: usize) -> Self {
        let atlas = Atlas::new(Arc::new(city(n)), Seconds::ZERO);
        let config = OnboardConfig::new(VanId(1), VanClass::shipped().remove(1));
        let stored = WattHours(15_000.0);
        let at = RoadPosition { edge: EdgeId(0), offset: Meters(5.0) };
        let sensed = Sensed { position: at, stored, ..Sensed::default() };
        Self {
            van: Onboard::new(config.clone(), atlas.clone(), sensed),
            now: Timestamp::from_secs(1_000),
            heard: Vec::new(),
            out: Vec::new(),
            stored,
            blocked: None,
            restarts_every: None,
            config,
            atlas,
            link: Channel::new(1),
            path: vec![EdgeId(0)],
            path_idx: 0,
            offset: Meters(5.0),
            speed: MetersPerSecond::ZERO,
            acceleration: MetersPerSecond2::ZERO,
            odometer: Meters::ZERO,
            drawn: WattHours::ZERO,
        }
    }

    pub fn position(&self) -> RoadPosition {
        RoadPosition { edge: self.path[self.path_idx], offset: self.offset }
    }

    pub fn speed_mps(&self) -> f64 {
        self.speed.0
    }

    pub fn tell(&mut self, down: Down) {
        self.link.send(down).unwrap();
    }

    pub fn input(&mut self, input: Input) {
        let mut out = Vec::new();
        self.van.step(self.now, input, &mut out);
        for output in &out {
            match output {
                Output::Send(envelope) => {
                    let bytes = rv_wire::encode(envelope);
                    self.heard.extend(self.link.receive(rv_wire::decode(&bytes).unwrap()));
                }
                Output::Drive { acceleration } => self.acceleration = *acceleration,
                Output::Follow { path } => {
                    assert_eq!(path[0], self.position().edge, "a path starts where the van is");
                    self.path.clone_from(path);
                    self.path_idx = 0;
                }
                _ => {}
            }
        }
        self.out.extend(out);
        self.heard.retain(|up| !matches!(up, Up::Status(_)));
    }

    pub fn run(&mut self, seconds: i64) {
        for _ in 0..seconds {
            self.now = self.now + Seconds(1.0);
            if self.restarts_every.is_some_and(|n| self.now.0 / 1000 % n == 0) {
                self.van = self.restored();
            }
            self.move_on();
            // Senses first, so that a new path starts where the van is.
            let is_moving = self.van.is_moving();
            self.input(if is_moving { Input::Sensed(self.sensed()) } else { Input::Tick });
            for envelope in self.link.due(self.now) {
                self.input(Input::Downlink(envelope));
            }
        }
    }

    pub fn run_until(&mut self, is_there: impl Fn(&Self) -> bool) {
        for _ in 0..1000 {
            if is_there(self) {
                return;
            }
            self.run(1);
        }
        panic!("never got there: {:?}", self.heard);
    }

    pub fn presented(&self, kind: StopKind) -> bool {
        self.out.iter().any(|o| matches!(o, Output::Present { kind: of, .. } if *of == kind))
    }

    pub fn sensed(&self) -> Sensed {
        Sensed {
            position: self.position(),
            speed: self.speed,
            odometer: self.odometer,
            drawn: self.drawn,
            stored: self.stored,
            blocked: self.blocked,
            ..Sensed::default()
        }
    }

    pub fn restored(&self) -> Onboard {
        let bytes = postcard::to_stdvec(self.van.memory()).unwrap();
        let memory: OnboardMemory = postcard::from_bytes(&bytes).unwrap();
        Onboard::resume(self.config.clone(), self.atlas.clone(), memory)
    }

    fn move_on(&mut self) {
        let motion = Motion { speed: self.speed, travelled: Meters::ZERO };
        let motion = motion.after(self.acceleration, Seconds(1.0));
        self.acceleration = MetersPerSecond2::ZERO;
        self.speed = motion.speed;
        self.offset += motion.travelled;
        self.odometer += motion.travelled;
        let energy = WattHours(0.12 * motion.travelled.0);
        self.drawn += energy;
        self.stored -= energy;
        while self.offset > Meters(100.0) {
            assert!(self.path_idx + 1 < self.path.len(), "drove past the end of its path");
            self.offset -= Meters(100.0);
            self.path_idx += 1;
        }
    }
}

pub fn mission(version: u32, stops: Vec<Stop>) -> Down {
    Down::Mission(Mission { id: MissionId(1), version, stops })
}

pub fn stop(
    id: u64,
    kind: StopKind,
    edge: u32,
    offset_m: f64,
    route: &[u32],
    tasks: Vec<Task>,
) -> Stop {
    Stop {
        id: StopId(id),
        kind,
        at: RoadPosition { edge: EdgeId(edge), offset: Meters(offset_m) },
        route: route.iter().map(|e| EdgeId(*e)).collect(),
        earliest: Timestamp::ZERO,
        wait_max: Seconds(180.0),
        tasks,
    }
}

pub fn code_hash(stop: StopId, order: OrderId, code: &str) -> CodeHash {
    let mut bytes = stop.0.to_le_bytes().to_vec();
    bytes.extend(order.0.to_le_bytes());
    bytes.extend(code.as_bytes());
    Sha256::digest(&bytes).into()
}

fn city(n: usize) -> City {
    let junctions: Vec<_> =
        (0..=n as i32 + 1).map(|i| LatLon::from_e7(437_000_000, 74_000_000 + i * 12_440)).collect();
    let junctions: Vec<_> = junctions.into_iter().map(Result::unwrap).collect();
    let edges = (0..=n)
        .map(|i| Edge {
            tail: JunctionId::from_idx(i),
            head: JunctionId::from_idx(i + 1),
            length: Meters(100.0),
            road: RoadId(0),
            first_shape: 0,
            n_shape: 0,
            is_forward: true,
            modes: if i < n { ModeSet::MOTOR } else { ModeSet::NONE },
            reverse: None,
        })
        .collect();
    let road = Road {
        source_id: 1,
        name: "Long Street".into(),
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
    City {
        graph: RoadGraph {
            rises_permille: Vec::new(),
            is_signal: vec![false; junctions.len()],
            first_out: (0..=n as u32 + 1).chain([n as u32 + 1]).collect(),
            junctions,
            edges,
            shape_points: vec![],
            roads: vec![road],
            forbidden: vec![],
        },
        ..City::default()
    }
}
