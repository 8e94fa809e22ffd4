//! Round trips, committed bytes and hostile bytes.

use proptest::prelude::*;
use rv_base::{
    EdgeId, HourSet, LatLon, Meters, MissionId, OrderId, ParcelId, PermitId, RoadPosition, Seconds,
    StopId, Timestamp, WattHours,
};
use rv_wire::{
    Cursor, DecodeError, Down, Envelope, Mission, PermitPhase, PermitRule, PermitZone, Stop,
    StopKind, Task, TaskResult, Up, decode, encode,
};

fn mission() -> Envelope<Down> {
    let stop = Stop {
        id: StopId(9),
        kind: StopKind::Deliver,
        at: RoadPosition { edge: EdgeId(3), offset: Meters(12.5) },
        route: vec![EdgeId(1), EdgeId(2), EdgeId(3)],
        earliest: Timestamp(1_000),
        wait_max: Seconds(180.0),
        tasks: vec![Task::HandOver {
            order: OrderId(4),
            parcels: vec![ParcelId(5), ParcelId(6)],
            code: [7; 32],
        }],
    };
    let mission = Mission { id: MissionId(1), version: 2, stops: vec![stop] };
    Envelope {
        session: 1,
        seq: 3,
        received: Cursor { session: 2, seq: 8 },
        body: Some(Down::Mission(mission)),
    }
}

#[test]
fn the_wire_format_is_committed() {
    let bytes = encode(&mission());
    let hex: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
    expect_test::expect!["02010302080100010201090103000000000000294003010203d00f00000000008066400101040205060707070707070707070707070707070707070707070707070707070707070707"].assert_eq(&hex);
    assert_eq!(decode::<Envelope<Down>>(&bytes), Ok(mission()));
}

#[test]
fn other_versions_and_trailing_bytes_are_named() {
    let mut bytes = encode(&mission());
    bytes.push(0);
    assert_eq!(decode::<Envelope<Down>>(&bytes), Err(DecodeError::Trailing { n_bytes: 1 }));
    bytes[0] = 9;
    assert_eq!(decode::<Envelope<Down>>(&bytes), Err(DecodeError::Version { found: 9 }));
    assert_eq!(decode::<Envelope<Down>>(&[]), Err(DecodeError::Empty));
    let long = vec![1; rv_wire::MAX_MESSAGE_BYTES + 1];
    assert!(matches!(decode::<Envelope<Down>>(&long), Err(DecodeError::TooLong { .. })));
}

proptest! {
    #[test]
    fn arrivals_round_trip(
        seq: u32, at: i64, edges in prop::collection::vec(any::<u32>(), 0..50),
        distance in 0.0..1e6, energy in 0.0..1e5,
    ) {
        let envelope = Envelope {
            session: 1,
            seq,
            received: Cursor::default(),
            body: Some(Up::Arrived {
                stop: StopId(1),
                at: Timestamp(at),
                edges: edges.into_iter().map(EdgeId).collect(),
                distance: Meters(distance),
                energy: WattHours(energy),
            }),
        };
        prop_assert_eq!(decode::<Envelope<Up>>(&encode(&envelope)), Ok(envelope));
    }

    #[test]
    fn permits_round_trip(
        epoch: u64, from: i64, is_bound: bool, permit: u32, first in 0_u32..24, last in 0_u32..24,
        outline in prop::collection::vec((-900_000_000..=900_000_000_i32, -1_800_000_000..=1_800_000_000_i32), 0..40),
    ) {
        let hours = HourSet::daily(first, last);
        let outline = outline.into_iter().filter_map(|(lat, lon)| LatLon::from_e7(lat, lon).ok());
        let zone = PermitZone { outline: outline.collect(), hours };
        let rule = PermitRule {
            permit: PermitId(permit), hours, allowed: vec![], forbidden: vec![zone.clone(), zone],
        };
        let phase = PermitPhase { from: Timestamp(from), is_bound, rules: vec![rule] };
        let down = Down::Permits { epoch, phases: vec![PermitPhase::default(), phase] };
        prop_assert_eq!(decode::<Down>(&encode(&down)), Ok(down));
    }

    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = decode::<Envelope<Up>>(&bytes);
        let mut versioned = vec![rv_wire::WIRE_VERSION];
        versioned.extend(&bytes);
        if let Ok(message) = decode::<Envelope<Up>>(&versioned) {
            // Whatever is accepted can be said again.
            let _ = encode(&message);
        }
    }

    #[test]
    fn mutated_messages_never_panic(at in 0_usize..200, to: u8) {
        let mut bytes = encode(&mission());
        let idx = at % bytes.len();
        bytes[idx] = to;
        let _ = decode::<Envelope<Down>>(&bytes);
    }
}

#[test]
fn task_results_round_trip() {
    for result in [
        TaskResult::Loaded,
        TaskResult::Dropped { parcels: vec![ParcelId(1)], left_over: vec![] },
        TaskResult::Charged { energy: WattHours(900.0) },
    ] {
        let up = Up::Task { stop: StopId(1), task_idx: 2, at: Timestamp(3), result };
        assert_eq!(decode::<Up>(&encode(&up)), Ok(up));
    }
}
