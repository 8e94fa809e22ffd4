//! Delivery points and facilities.

use rv_base::EdgeId;
use rv_import::{ImportOptions, build_city};
use rv_map::{City, DriveSide, FacilityKind, Mode};

use crate::town::{STREET, Town, crossroads, position};

fn built(town: &Town, options: &ImportOptions) -> City {
    let (city, _) = build_city(town.xml().as_bytes(), options).unwrap();
    assert_eq!(city.validate(), Ok(()));
    city
}

fn house(number: &'static str, street: &'static str) -> Vec<(&'static str, &'static str)> {
    vec![("addr:housenumber", number), ("addr:street", street)]
}

#[test]
fn vans_stop_on_the_side_of_the_door() {
    let town = crossroads().with_node('h', -50.0, -12.0, house("7", "Any"));
    let mut options = ImportOptions::named("town");
    let stop = |options: &ImportOptions| {
        let city = built(&town, options);
        let place = city.places.iter().find(|p| p.address == "7 Any").unwrap().clone();
        assert!((place.stop.offset.0 - 50.0).abs() < 0.5);
        town.path(&city.graph, &[place.stop.edge])
    };
    assert_eq!(stop(&options), "WC");
    options.drive_side = Some(DriveSide::Left);
    assert_eq!(stop(&options), "CW");
}

#[test]
fn the_named_street_wins_over_a_nearer_one() {
    let town = crossroads()
        .with_node('a', -100.0, -30.0, vec![])
        .with_node('b', 0.0, -30.0, vec![])
        .with_way(8, "Wa", vec![STREET])
        .with_way(9, "ab", vec![STREET, ("name", "Back Lane")])
        .with_way(4, "CbS", vec![STREET])
        .with_node('h', -50.0, -12.0, house("7", "Back Lane"));
    let city = built(&town, &ImportOptions::named("town"));
    let place = city.places.iter().find(|p| p.address == "7 Back Lane").unwrap();
    assert_eq!(city.graph.road_of(place.stop.edge).name, "Back Lane");
}

#[test]
fn a_building_is_served_at_its_entrance_and_weighs_its_floors() {
    let town = crossroads()
        .with_node('1', 20.0, 10.0, vec![])
        .with_node('2', 40.0, 10.0, vec![("entrance", "main")])
        .with_node('3', 40.0, 30.0, vec![])
        .with_node('4', 20.0, 30.0, vec![])
        .with_way(
            10,
            "12341",
            vec![
                ("building", "apartments"),
                ("building:levels", "9"),
                ("addr:housenumber", "5"),
                ("addr:street", "High"),
            ],
        );
    let city = built(&town, &ImportOptions::named("town"));
    let place = city.places.iter().find(|p| p.address == "5 High").unwrap();
    assert!(place.position.distance_to(position(40.0, 10.0)).0 < 0.1);
    // 400 m2 on 9 floors at 45 m2 a person.
    assert_eq!(place.weight, 80);
}

#[test]
fn where_addresses_lack_places_are_made_up_and_said_to_be() {
    let options = ImportOptions::named("town");
    let (city, report) = build_city(crossroads().xml().as_bytes(), &options).unwrap();
    assert!(report.are_places_made_up);
    // About 966 m of street at 30 m.
    assert!((20..45).contains(&city.places.len()), "{}", city.places.len());
    let again = build_city(crossroads().xml().as_bytes(), &options).unwrap();
    assert_eq!(again.0, city);
    let other = ImportOptions { seed: 8, ..options };
    let (other, _) = build_city(crossroads().xml().as_bytes(), &other).unwrap();
    assert_ne!(other.places, city.places);
    assert_eq!(other.graph, city.graph);
}

#[test]
fn a_same_address_counts_once() {
    let town = crossroads()
        .with_node('h', -50.0, -12.0, house("7", "Any"))
        .with_node('i', -45.0, -12.0, house("7", "Any"))
        .with_node('j', -20.0, -12.0, house("9", "Any"));
    let (city, report) = town.build();
    assert_eq!(report.dropped.n_double_places, 1);
    assert_eq!(report.kept.n_address_places, 2);
    assert_eq!(city.places.iter().filter(|p| p.address == "7 Any").count(), 1);
}

#[test]
fn mapped_facilities_are_taken_and_missing_ones_placed() {
    let town = crossroads()
        .with_node('l', 30.0, 8.0, vec![("amenity", "parcel_locker"), ("name", "Box")])
        .with_node('c', 30.0, -8.0, vec![("amenity", "charging_station"), ("capacity", "6")])
        .with_node('p', 60.0, -8.0, vec![("amenity", "post_office")]);
    let (city, report) = town.build();
    let count = |kind| city.facilities.iter().filter(|f| f.kind == kind).count();
    assert_eq!(report.kept.n_mapped_facilities, 3);
    assert!(count(FacilityKind::Hub) == 1 && count(FacilityKind::Station) == 2);
    assert!(count(FacilityKind::Locker) == 3 && count(FacilityKind::Charger) == 2);
    let charger = city.facilities.iter().find(|f| f.kind == FacilityKind::Charger).unwrap();
    assert!(charger.is_mapped && charger.n_slots == 6);
    let is_van = |edge: EdgeId| city.graph.edge(edge).modes.contains(Mode::Van);
    assert!(city.facilities.iter().all(|f| is_van(f.stop.edge)));
}

/// Doors beside a motorway are served from the street behind them, and those that have no other
/// road near are left out and counted.
#[test]
fn nobody_is_served_from_a_motorway_a_ramp_or_a_tunnel() {
    let doors = |town: Town| {
        town.with_node('a', -100.0, 200.0, vec![])
            .with_node('b', 100.0, 200.0, vec![])
            .with_node('h', -50.0, 190.0, house("7", "Fast"))
            .with_way(8, "Nb", vec![STREET])
            .with_way(9, "Wa", vec![STREET])
    };
    let roads = [
        vec![("highway", "motorway")],
        vec![("highway", "motorway_link")],
        vec![("highway", "trunk_link"), ("oneway", "yes")],
        vec![("highway", "primary"), ("tunnel", "yes"), ("name", "Fast")],
    ];
    for tags in roads {
        let (city, _) = doors(crossroads()).with_way(10, "ab", tags.clone()).build();
        let place = city.places.iter().find(|p| p.address == "7 Fast").unwrap();
        assert!(city.graph.allows_stopping(place.stop.edge), "{tags:?}");
    }
    // A trunk road with traffic both ways has doors, a one-way one has none.
    for (oneway, expected) in [("no", true), ("yes", false)] {
        let trunk = vec![("highway", "trunk"), ("name", "Fast"), ("oneway", oneway)];
        let (city, _) = doors(crossroads()).with_way(10, "ab", trunk).build();
        let ids = (0..city.graph.n_edges()).map(EdgeId::from_idx);
        let fast: Vec<EdgeId> = ids.filter(|e| city.graph.road_of(*e).name == "Fast").collect();
        let is_van = |e: &&EdgeId| city.graph.edge(**e).modes.contains(Mode::Van);
        assert!(fast.iter().any(|e| is_van(&e)));
        let open = fast.iter().filter(is_van).all(|e| city.graph.allows_stopping(*e));
        assert_eq!(open, expected);
    }
}

#[test]
fn a_door_with_no_road_but_a_motorway_is_left_out_and_counted() {
    let town = crossroads()
        .with_node('a', -2_000.0, 900.0, vec![])
        .with_node('b', 2_000.0, 900.0, vec![])
        .with_way(8, "Wa", vec![("highway", "motorway"), ("oneway", "no")])
        .with_way(9, "ab", vec![("highway", "motorway"), ("oneway", "no")])
        .with_way(10, "bE", vec![("highway", "motorway"), ("oneway", "no")])
        .with_node('h', 0.0, 880.0, house("7", "Fast"));
    let (city, report) = town.build();
    assert!(city.places.iter().all(|p| p.address != "7 Fast"));
    assert_eq!((report.dropped.n_no_stopping_places, report.dropped.n_far_places), (1, 0));
}

/// A hamlet behind a motorway: vans could use that, delivery vans do not.
#[test]
fn doors_beyond_a_motorway_are_left_out_and_counted() {
    let beyond = |kind: &'static str| {
        crossroads()
            .with_node('a', 1_500.0, 0.0, vec![])
            .with_node('b', 1_600.0, 0.0, vec![])
            .with_way(8, "Ea", vec![("highway", kind), ("oneway", "no")])
            .with_way(9, "ab", vec![STREET])
            .with_node('h', 1_550.0, 12.0, house("7", "Far"))
            .with_node('i', -50.0, -12.0, house("9", "Near"))
            .build()
    };
    let (city, report) = beyond("motorway");
    assert!(city.places.iter().all(|p| p.address != "7 Far"));
    assert_eq!(report.dropped.n_no_stopping_places, 1);
    assert!(city.places.iter().all(|p| p.position.distance_to(position(1_550.0, 0.0)).0 > 500.0));
    let (city, report) = beyond("primary");
    assert!(city.places.iter().any(|p| p.address == "7 Far"));
    assert_eq!(report.dropped.n_no_stopping_places, 0);
}
