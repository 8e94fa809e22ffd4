//! Who may use a way or pass a barrier, from OpenStreetMap's access tags.
//!
//! wiki.openstreetmap.org/wiki/Key:access: the most specific tag that names a vehicle's class
//! decides; what no tag decides follows from the kind of road.

use rv_map::{Mode, ModeSet, RoadKind};

use crate::raw::Tags;

/// What the tags say to one mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Open,
    /// Open to those with business there.
    Destination,
    Closed,
}

/// Keys that speak to a mode, the most specific first.
///
/// A van is `goods` (up to 3.5 t). The sign that mappers tag `motorcar=no` closes a road to every
/// motor vehicle on more than two wheels, so it binds a van too unless `goods` says otherwise. A
/// robot at walking pace follows what holds for people on foot.
fn keys_of(mode: Mode) -> &'static [&'static str] {
    match mode {
        Mode::Car => &["motorcar", "motor_vehicle", "vehicle"],
        Mode::Van => &["goods", "motorcar", "motor_vehicle", "vehicle"],
        Mode::Truck => &["hgv", "motor_vehicle", "vehicle"],
        Mode::Robot | Mode::Foot => &["foot"],
        Mode::Bicycle => &["bicycle", "vehicle"],
    }
}

/// What one value says to `mode`; `None` if it says nothing that is understood.
fn access_of(value: &str, mode: Mode) -> Option<Access> {
    let first = value.split([';', ',']).next().unwrap_or("").trim();
    Some(match first {
        "yes" | "designated" | "permissive" | "public" | "official" | "discouraged" | "allowed"
        | "unknown" | "optional_sidepath" | "compulsory" | "fee" | "paid" | "toll" => Access::Open,
        "destination" | "customers" | "customer" | "visitors" => Access::Destination,
        // Goods may be brought there, people may not drive there.
        "delivery" | "delivery_only" | "loading" => match mode {
            Mode::Van | Mode::Truck | Mode::Robot => Access::Destination,
            Mode::Car | Mode::Bicycle | Mode::Foot => Access::Closed,
        },
        "no" | "private" | "agricultural" | "forestry" | "emergency" | "military" | "permit"
        | "residents" | "resident" | "employees" | "staff" | "psv" | "bus" | "taxi"
        | "restricted" | "use_sidepath" | "dismount" | "none" => Access::Closed,
        _ => return None,
    })
}

/// What the tags say to `mode` on a road of this kind, in the direction named by `suffix`
/// (`:forward`, `:backward`), which goes before what holds for both.
pub(crate) fn on_road(tags: &Tags, mode: Mode, kind: RoadKind, suffix: &str) -> Access {
    let by_default = if default_modes(kind).contains(mode) { Access::Open } else { Access::Closed };
    for key in keys_of(mode) {
        let directed = tags.get(&format!("{key}{suffix}"));
        if let Some(access) = directed.or_else(|| tags.get(key)).and_then(|v| access_of(v, mode)) {
            return access;
        }
    }
    let directed = tags.get(&format!("access{suffix}"));
    match directed.or_else(|| tags.get("access")).and_then(|v| access_of(v, mode)) {
        // `access=yes` on a footpath opens it to the public, not to vans.
        Some(Access::Open) | None => by_default,
        Some(Access::Destination) if by_default == Access::Closed => Access::Closed,
        Some(access) => access,
    }
}

/// Who may use a road of this kind where no tag says otherwise.
fn default_modes(kind: RoadKind) -> ModeSet {
    const WALKERS: ModeSet = ModeSet::of(&[Mode::Robot, Mode::Foot]);
    const SLOW: ModeSet = ModeSet::of(&[Mode::Robot, Mode::Bicycle, Mode::Foot]);
    match kind {
        RoadKind::Motorway => ModeSet::MOTOR,
        RoadKind::Trunk => ModeSet::MOTOR.union(ModeSet::of(&[Mode::Bicycle, Mode::Foot])),
        RoadKind::Track | RoadKind::Cycleway => SLOW,
        RoadKind::Pedestrian | RoadKind::Footway => WALKERS,
        _ => ModeSet::ALL,
    }
}

/// The modes that a barrier on a node stops.
pub(crate) fn stopped_by_barrier(tags: &Tags) -> ModeSet {
    let Some(barrier) = tags.get("barrier") else { return ModeSet::NONE };
    const WHEELS_2: ModeSet = ModeSet::of(&[Mode::Bicycle]);
    const ROBOT: ModeSet = ModeSet::of(&[Mode::Robot]);
    let by_default = match barrier {
        "no" | "entrance" | "gate" | "lift_gate" | "swing_gate" | "sliding_gate"
        | "hampshire_gate" | "toll_booth" | "border_control" | "cattle_grid" | "sally_port"
        | "height_restrictor" | "arch" | "kerb" | "rising_bollard" | "sump_buster" => ModeSet::NONE,
        "bollard" if tags.is("bollard", "rising") => ModeSet::NONE,
        "bollard" | "block" | "chain" | "jersey_barrier" | "planter" | "bus_trap" | "log"
        | "motorcycle_barrier" | "debris" | "barrier_board" | "concrete" => ModeSet::MOTOR,
        "cycle_barrier" | "horse_stile" => ModeSet::MOTOR.union(ROBOT),
        "turnstile" | "full-height_turnstile" | "kissing_gate" | "stile" | "wicket_gate" => {
            ModeSet::MOTOR.union(ROBOT).union(WHEELS_2)
        }
        "wall" | "fence" | "hedge" | "city_wall" | "ditch" | "retaining_wall" => ModeSet::ALL,
        _ => ModeSet::MOTOR,
    };
    let mut stopped = by_default;
    for mode in Mode::ALL {
        let keys = keys_of(mode).iter().copied().chain(["access"]);
        let said = keys.filter_map(|key| tags.get(key)).find_map(|v| access_of(v, mode));
        match said {
            Some(Access::Closed) => stopped = stopped.union(ModeSet::of(&[mode])),
            Some(_) => stopped = stopped.without(ModeSet::of(&[mode])),
            None => {}
        }
    }
    stopped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(kind: RoadKind, tags: &[(&str, &str)], expected: &str) {
        let tags = Tags::of(tags);
        let letter = |mode| match on_road(&tags, mode, kind, ":forward") {
            Access::Open => 'o',
            Access::Destination => 'd',
            Access::Closed => '-',
        };
        // Car, van, truck, robot, bicycle, foot.
        assert_eq!(Mode::ALL.map(letter).iter().collect::<String>(), expected, "{tags:?}");
    }

    #[test]
    fn the_most_specific_tag_decides() {
        use RoadKind::{Footway, Motorway, Pedestrian, Residential, Track};
        check(Residential, &[], "oooooo");
        check(Residential, &[("access", "private")], "------");
        check(Residential, &[("access", "no"), ("foot", "yes")], "---o-o");
        check(Residential, &[("vehicle", "destination")], "dddodo");
        check(Residential, &[("motor_vehicle", "no"), ("goods", "delivery")], "-d-ooo");
        check(Residential, &[("hgv", "no")], "oo-ooo");
        check(Residential, &[("motorcar", "no")], "--oooo");
        check(Residential, &[("motor_vehicle:forward", "no")], "---ooo");
        check(Residential, &[("motor_vehicle:backward", "no")], "oooooo");
        check(Residential, &[("access", "gibberish")], "oooooo");
        check(Pedestrian, &[("motor_vehicle", "delivery")], "-ddo-o");
        check(Footway, &[("access", "yes")], "---o-o");
        check(Footway, &[("bicycle", "yes")], "---ooo");
        check(Track, &[("motor_vehicle", "agricultural")], "---ooo");
        check(Motorway, &[], "ooo---");
    }

    #[test]
    fn barriers_stop_whom_they_are_made_for() {
        let stopped = |tags: &[(&str, &str)]| stopped_by_barrier(&Tags::of(tags));
        assert_eq!(stopped(&[("highway", "crossing")]), ModeSet::NONE);
        assert_eq!(stopped(&[("barrier", "bollard")]), ModeSet::MOTOR);
        assert_eq!(stopped(&[("barrier", "bollard"), ("bollard", "rising")]), ModeSet::NONE);
        assert_eq!(stopped(&[("barrier", "gate")]), ModeSet::NONE);
        assert_eq!(stopped(&[("barrier", "gate"), ("access", "private")]), ModeSet::ALL);
        let gate = [("barrier", "gate"), ("motor_vehicle", "no"), ("goods", "yes")];
        assert_eq!(stopped(&gate), ModeSet::of(&[Mode::Car, Mode::Truck]));
    }
}
