//! A vehicle's shell around the real brain, with scripted hardware.
#![allow(clippy::unwrap_used, reason = "a test that cannot set itself up has failed")]

use std::cell::RefCell;
use std::io::{self, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;

use rv_base::{
    EdgeId, JunctionId, LatLon, Meters, MetersPerSecond, MissionId, RoadId, RoadPosition, Seconds,
    StopId, Timestamp, VanId, WattHours,
};
use rv_map::{City, Edge, ModeSet, Road, RoadGraph, RoadKind, Surface};
use rv_model::VanClass;
use rv_onboard::{Atlas, Input, OnboardConfig, Output, Sensed};
use rv_vehicle::{
    FileMemory, Hardware, Link, LinkError, Memory, StreamLink, Vehicle, VehicleError,
};
use rv_wire::{Channel, Down, Envelope, Mission, Stop, StopKind, Up, decode, encode};

/// What happened, in order, as seen from outside.
type Journal = Rc<RefCell<Vec<&'static str>>>;

struct Bench(Journal);

impl Hardware for Bench {
    fn sense(&mut self, _now: Timestamp) -> Vec<Input> {
        vec![Input::Sensed(sensed())]
    }
    fn act(&mut self, output: &Output) {
        assert!(!matches!(output, Output::Send(_)), "messages are not the hardware's");
        self.0.borrow_mut().push("act");
    }
}

#[derive(Clone, Default)]
struct Wire {
    journal: Journal,
    to_van: Rc<RefCell<Vec<Vec<u8>>>>,
    from_van: Rc<RefCell<Vec<Envelope<Up>>>>,
}

impl Link for Wire {
    fn receive(&mut self) -> Result<Vec<Vec<u8>>, LinkError> {
        Ok(self.to_van.borrow_mut().drain(..).collect())
    }
    fn send(&mut self, message: &[u8]) {
        self.journal.borrow_mut().push("send");
        self.from_van.borrow_mut().push(decode(message).unwrap());
    }
}

#[derive(Clone, Default)]
struct Flash {
    journal: Journal,
    bytes: Rc<RefCell<Option<Vec<u8>>>>,
    is_worn: Rc<RefCell<bool>>,
}

impl Memory for Flash {
    fn save(&mut self, bytes: &[u8]) -> io::Result<()> {
        if *self.is_worn.borrow() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.journal.borrow_mut().push("save");
        *self.bytes.borrow_mut() = Some(bytes.to_vec());
        Ok(())
    }
    fn load(&mut self) -> io::Result<Option<Vec<u8>>> {
        Ok(self.bytes.borrow().clone())
    }
}

fn sensed() -> Sensed {
    Sensed {
        position: RoadPosition { edge: EdgeId(0), offset: Meters(10.0) },
        stored: WattHours(30_000.0),
        ..Sensed::default()
    }
}

/// One street of 111 m, both ways.
fn atlas() -> Atlas {
    let at = |lon_e7| LatLon::from_e7(0, lon_e7).unwrap();
    let edge = |tail: u32, head: u32, reverse: u32| Edge {
        tail: JunctionId(tail),
        head: JunctionId(head),
        length: at(0).distance_to(at(10_000)),
        road: RoadId(0),
        first_shape: 0,
        n_shape: 0,
        is_forward: tail < head,
        modes: ModeSet::MOTOR,
        reverse: Some(EdgeId(reverse)),
    };
    let road = Road {
        source_id: 1,
        name: String::new(),
        kind: RoadKind::Residential,
        speed_limit: MetersPerSecond(8.0),
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
    let graph = RoadGraph {
        rises_permille: Vec::new(),
        junctions: vec![at(0), at(10_000)],
        is_signal: vec![false; 2],
        first_out: vec![0, 1, 2],
        edges: vec![edge(0, 1, 1), edge(1, 0, 0)],
        shape_points: vec![],
        roads: vec![road],
        forbidden: vec![],
    };
    Atlas::new(Arc::new(City { graph, ..City::default() }), Seconds::ZERO)
}

fn config() -> OnboardConfig {
    OnboardConfig::new(VanId(1), VanClass::shipped().remove(1))
}

fn mission() -> Down {
    Down::Mission(Mission {
        id: MissionId(1),
        version: 1,
        stops: vec![Stop {
            id: StopId(1),
            kind: StopKind::Park,
            at: RoadPosition { edge: EdgeId(0), offset: Meters(80.0) },
            route: vec![EdgeId(0)],
            earliest: Timestamp::ZERO,
            wait_max: Seconds(60.0),
            tasks: vec![],
        }],
    })
}

fn bodies(wire: &Wire) -> Vec<Up> {
    wire.from_van.borrow().iter().filter(|e| e.seq > 0).filter_map(|e| e.body.clone()).collect()
}

#[test]
fn nothing_is_said_or_done_before_it_is_remembered() {
    let journal = Journal::default();
    let wire = Wire { journal: Rc::clone(&journal), ..Wire::default() };
    let flash = Flash { journal: Rc::clone(&journal), ..Flash::default() };
    let mut fleet: Channel<Down, Up> = Channel::new(1);
    let mut van = Vehicle::start(
        config(),
        atlas(),
        sensed(),
        Bench(journal.clone()),
        wire.clone(),
        flash.clone(),
    )
    .unwrap();
    fleet.send(mission()).unwrap();
    journal.borrow_mut().clear();
    for envelope in fleet.due(Timestamp::ZERO) {
        wire.to_van.borrow_mut().push(encode(&envelope));
    }
    wire.to_van.borrow_mut().push(b"\x01noise".to_vec());
    assert!(van.turn(Timestamp::from_secs(1)).unwrap().is_none());
    assert_eq!(journal.borrow()[0], "save");
    assert!(journal.borrow().contains(&"send") && journal.borrow().contains(&"act"));
    let said = bodies(&wire);
    assert!(matches!(said[0], Up::MissionAccepted { version: 1, .. }), "{said:?}");

    // Power is lost; the fleet has heard nothing and sends the mission again: it is known.
    let n_said = said.len();
    drop(van);
    let mut again =
        Vehicle::start(config(), atlas(), sensed(), Bench(journal), wire.clone(), flash).unwrap();
    assert_eq!(again.brain().current_stop().unwrap().id, StopId(1));
    for envelope in fleet.due(Timestamp::from_secs(10)) {
        wire.to_van.borrow_mut().push(encode(&envelope));
    }
    again.turn(Timestamp::from_secs(10)).unwrap();
    let repeated = bodies(&wire)[n_said..].to_vec();
    assert_eq!(repeated[0], said[0], "the same word under the same number, not a new one");
    let accepted = repeated.iter().filter(|up| matches!(up, Up::MissionAccepted { .. })).count();
    assert_eq!(accepted, 1);
}

#[test]
fn a_worn_memory_stops_the_vehicle_before_it_speaks() {
    let wire = Wire::default();
    let flash = Flash::default();
    let mut fleet: Channel<Down, Up> = Channel::new(1);
    let bench = Bench(Journal::default());
    let mut van =
        Vehicle::start(config(), atlas(), sensed(), bench, wire.clone(), flash.clone()).unwrap();
    *flash.is_worn.borrow_mut() = true;
    fleet.send(mission()).unwrap();
    wire.to_van.borrow_mut().push(encode(&fleet.due(Timestamp::ZERO)[0]));
    assert!(matches!(van.turn(Timestamp::from_secs(1)), Err(VehicleError::Memory(_))));
    assert_eq!(bodies(&wire), []);
}

#[test]
fn another_versions_memory_is_refused() {
    let flash = Flash::default();
    *flash.bytes.borrow_mut() = Some(vec![99, 1, 2]);
    let bench = Bench(Journal::default());
    let error = Vehicle::start(config(), atlas(), sensed(), bench, Wire::default(), flash);
    assert!(matches!(error, Err(VehicleError::OtherVersion)));
}

#[test]
fn a_file_memory_keeps_the_newest_state() {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("van.memory");
    let _ = std::fs::remove_file(&path);
    let mut memory = FileMemory::new(&path);
    assert_eq!(memory.load().unwrap(), None);
    memory.save(b"one").unwrap();
    memory.save(b"two").unwrap();
    assert_eq!(FileMemory::new(&path).load().unwrap().unwrap(), b"two");
}

/// Receives until `n` messages are there or the link reports an error.
fn collect(link: &mut impl Link, n: usize) -> Result<Vec<Vec<u8>>, LinkError> {
    let mut messages = Vec::new();
    while messages.len() < n {
        messages.extend(link.receive()?);
        std::thread::yield_now();
    }
    Ok(messages)
}

#[test]
fn a_stream_carries_whole_messages_and_says_when_it_ends() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (mut far, _) = listener.accept().unwrap();
    near.set_nonblocking(true).unwrap();
    let mut link = StreamLink::new(near);
    // Split in the middle of a length and of a message.
    let bytes = [&[3, 0][..], &[0, 0, 7], &[8, 9, 1, 0, 0, 0, 5]];
    for part in bytes {
        far.write_all(part).unwrap();
    }
    assert_eq!(collect(&mut link, 2).unwrap(), [vec![7, 8, 9], vec![5]]);
    link.send(&[1, 2]);
    let mut reply = [0; 6];
    io::Read::read_exact(&mut far, &mut reply).unwrap();
    assert_eq!(reply, [2, 0, 0, 0, 1, 2]);
    drop(far);
    assert!(matches!(collect(&mut link, 1), Err(LinkError::Closed)));
}

#[test]
fn a_frame_that_claims_too_much_ends_the_link() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (mut far, _) = listener.accept().unwrap();
    near.set_nonblocking(true).unwrap();
    far.write_all(&[255; 8]).unwrap();
    let mut link = StreamLink::new(near);
    assert!(matches!(collect(&mut link, 1), Err(LinkError::TooLong { .. })));
}
