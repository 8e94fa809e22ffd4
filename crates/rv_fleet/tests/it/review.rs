//! What changes while vans are under way is planned into their missions.

use rv_base::{OrderId, Seconds, TimeWindow};
use rv_fleet::{Command, Event, MissionCause};
use rv_model::OrderKind;
use rv_wire::StopKind;

use crate::peer::Peer;
use crate::{START, World, delivery};

/// One van that has loaded twenty orders and left the hub.
fn under_way(seed: u64) -> World {
    let mut world = World::new(1, seed, 0.0);
    for n in 0..20 {
        let mut request = delivery(&format!("o{n}"), 10 + n);
        request.window.end = START + Seconds(6.0 * 3600.0);
        world.command(Command::PlaceOrder(request)).unwrap();
    }
    world.peers.iter_mut().for_each(Peer::be_good);
    while !(world.van().stops.len() > 12 && world.van().stops[0].stop.kind == StopKind::Deliver) {
        world.pass(10.0);
        assert!(world.now < START + Seconds(3600.0), "no van left");
    }
    world
}

impl World {
    fn van(&self) -> &rv_fleet::VanState {
        &self.fleet.state().vans[0]
    }

    fn place_of(&self, order: OrderId) -> Option<usize> {
        let state = self.fleet.state();
        state.vans[0].stops.iter().position(|s| state.orders_of(&s.stop).contains(&order))
    }
}

#[test]
fn a_window_that_is_drawn_forward_moves_its_stop_forward() {
    let mut world = under_way(3);
    let n = world.van().stops.len();
    let last = world.fleet.state().orders_of(&world.van().stops[n - 2].stop)[0];
    let window = TimeWindow { start: START, end: world.now + Seconds(1200.0) };
    let change = Command::ChangeOrder { order: last, site: None, window: Some(window) };
    world.command(change).unwrap();
    // It comes first while most of the others are still to come.
    let mut is_moved = false;
    for _ in 0..15 {
        world.pass(8.0);
        is_moved |= world.van().stops.len() > 8 && world.place_of(last).is_some_and(|at| at <= 2);
    }
    assert!(is_moved, "it was the {}th of {n} and is {:?}", n - 2, world.place_of(last));
    assert!(world.records.iter().any(|record| matches!(
        &record.event,
        Event::MissionSet { cause: MissionCause::Replanned, .. }
    )));
    world.wind_down(3 * 3600);
    let tally = &world.fleet.state().tally;
    assert_eq!((tally.n_delivered, tally.n_on_time), (20, 20));
    world.audit();
}

#[test]
fn a_collection_is_made_on_the_way_by_a_van_that_brings_others() {
    let mut world = under_way(4);
    let mut request = delivery("back", 32);
    request.kind = OrderKind::Collection;
    request.window = TimeWindow { start: world.now, end: world.now + Seconds(7200.0) };
    world.command(Command::PlaceOrder(request)).unwrap();
    let order = OrderId(20);
    let mut is_planned_on_the_way = false;
    for _ in 0..12 {
        world.pass(15.0);
        let has_others = !world.van().on_board.is_empty();
        is_planned_on_the_way |= has_others && world.place_of(order).is_some();
    }
    assert!(is_planned_on_the_way, "{:?}", world.fleet.state().orders[20].story);
    world.wind_down(3 * 3600);
    assert_eq!(world.fleet.state().tally.n_delivered, 21);
    world.audit();
}
