//! From a way's tags to a road: kind, directions, speed, lanes, surface and size limits.

use rv_base::{Kilograms, Meters, MetersPerSecond};
use rv_map::{Mode, ModeSet, Road, RoadKind, Surface};

use crate::access::{self, Access};
use crate::raw::{RawWay, Tags, short};
use crate::report::{WarningKind, Warnings};

/// A way that could become part of the graph.
pub(crate) struct WayRoad {
    pub road: Road,
    /// Its rise as mapped, permille; zero where that is not known.
    pub rise_permille: i16,
    /// Modes that may use it as mapped.
    pub forward: ModeSet,
    /// Modes that may use it against the mapped direction.
    pub backward: ModeSet,
}

/// Reads a way's tags; `None` if it is no road of any kind.
pub(crate) fn way_road(way: &RawWay, warnings: &mut Warnings) -> Option<WayRoad> {
    let tags = &way.tags;
    let kind = road_kind(tags)?;
    if tags.is("area", "yes") || tags.is("indoor", "yes") || tags.is("smoothness", "impassable") {
        return None;
    }
    if tags.iter().any(|(key, _)| key.ends_with(":conditional")) {
        warnings.add(WarningKind::ConditionIgnored, way.id);
    }
    let flow = Flow::of(tags);
    if matches!(flow, Flow::Reversible) {
        warnings.add(WarningKind::ReversibleRoadClosed, way.id);
    }
    let (forward, backward) = open_modes(tags, kind, flow);
    let van = |suffix| access::on_road(tags, Mode::Van, kind, suffix);
    let is_destination_only =
        van(":forward") == Access::Destination || van(":backward") == Access::Destination;
    let speed_limit = match signed_speed(tags) {
        Ok(signed) => signed.unwrap_or_else(|| usual_speed(kind)),
        Err(()) => {
            warnings.add(WarningKind::ValueNotUnderstood, way.id);
            usual_speed(kind)
        }
    };
    let road = Road {
        source_id: way.id,
        name: short(tags.get("name").or_else(|| tags.get("ref")).unwrap_or("")),
        kind,
        speed_limit,
        n_lanes: lanes(tags, kind, flow),
        surface: surface(tags),
        is_roundabout: is_roundabout(tags),
        is_destination_only,
        is_tunnel: tags.get("tunnel").is_some_and(|v| v != "no"),
        is_bridge: tags.get("bridge").is_some_and(|v| v != "no"),
        width_max: size(tags, &["maxwidth", "maxwidth:physical"], length_m).map(Meters),
        height_max: size(tags, &["maxheight", "maxheight:physical"], length_m).map(Meters),
        mass_max: size(tags, &["maxweight"], mass_kg).map(Kilograms),
    };
    let rise_permille = tags.get("incline").and_then(rise_permille).unwrap_or(0);
    Some(WayRoad { road, rise_permille, forward, backward })
}

fn road_kind(tags: &Tags) -> Option<RoadKind> {
    Some(match tags.get("highway")? {
        "motorway" | "motorway_link" => RoadKind::Motorway,
        "trunk" | "trunk_link" => RoadKind::Trunk,
        "primary" | "primary_link" => RoadKind::Primary,
        "secondary" | "secondary_link" => RoadKind::Secondary,
        "tertiary" | "tertiary_link" => RoadKind::Tertiary,
        "unclassified" | "road" => RoadKind::Unclassified,
        "residential" => RoadKind::Residential,
        "living_street" => RoadKind::LivingStreet,
        "service" => RoadKind::Service,
        "track" => RoadKind::Track,
        "pedestrian" => RoadKind::Pedestrian,
        "cycleway" => RoadKind::Cycleway,
        "footway" | "path" | "bridleway" => RoadKind::Footway,
        _ => return None,
    })
}

/// Which way wheels roll.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Flow {
    Both,
    Forward,
    Backward,
    /// Changes by the hour, which is not known.
    Reversible,
}

impl Flow {
    fn of(tags: &Tags) -> Self {
        let is_implied = is_roundabout(tags) || tags.is("highway", "motorway");
        Self::of_value(tags.get("oneway")).unwrap_or(if is_implied {
            Self::Forward
        } else {
            Self::Both
        })
    }

    fn of_value(value: Option<&str>) -> Option<Self> {
        Some(match value? {
            "yes" | "true" | "1" => Self::Forward,
            "-1" | "reverse" => Self::Backward,
            "no" | "false" | "0" | "alternating" => Self::Both,
            "reversible" => Self::Reversible,
            _ => return None,
        })
    }

    /// The flow for one mode; `oneway:psv` and the like speak to none of ours.
    fn for_mode(self, tags: &Tags, mode: Mode) -> Self {
        let special = match mode {
            Mode::Foot | Mode::Robot => {
                return Self::of_value(tags.get("oneway:foot")).unwrap_or(Self::Both);
            }
            Mode::Bicycle => {
                let is_opposite = ["cycleway", "cycleway:left", "cycleway:right", "cycleway:both"]
                    .iter()
                    .any(|key| tags.get(key).is_some_and(|v| v.starts_with("opposite")));
                let said = Self::of_value(tags.get("oneway:bicycle"));
                said.or(is_opposite.then_some(Self::Both))
            }
            Mode::Car => Self::of_value(tags.get("oneway:motorcar")),
            Mode::Van => Self::of_value(tags.get("oneway:goods")),
            Mode::Truck => Self::of_value(tags.get("oneway:hgv")),
        };
        let is_motor = ModeSet::MOTOR.contains(mode);
        let motor = is_motor.then(|| Self::of_value(tags.get("oneway:motor_vehicle"))).flatten();
        special.or(motor).unwrap_or(self)
    }
}

fn is_roundabout(tags: &Tags) -> bool {
    tags.get("junction").is_some_and(|v| v == "roundabout" || v == "circular")
}

fn open_modes(tags: &Tags, kind: RoadKind, flow: Flow) -> (ModeSet, ModeSet) {
    let (mut forward, mut backward) = (ModeSet::NONE, ModeSet::NONE);
    for mode in Mode::ALL {
        if tags.is("motorroad", "yes") && !ModeSet::MOTOR.contains(mode) {
            continue;
        }
        let this = ModeSet::of(&[mode]);
        let flow = flow.for_mode(tags, mode);
        let is_open = |suffix| access::on_road(tags, mode, kind, suffix) != Access::Closed;
        if matches!(flow, Flow::Both | Flow::Forward) && is_open(":forward") {
            forward = forward.union(this);
        }
        if matches!(flow, Flow::Both | Flow::Backward) && is_open(":backward") {
            backward = backward.union(this);
        }
    }
    (forward, backward)
}

/// The signed limit, `Ok(None)` if there is none, an error if it is not understood.
fn signed_speed(tags: &Tags) -> Result<Option<MetersPerSecond>, ()> {
    // One limit for both directions is kept: the lower.
    let directed = [tags.get("maxspeed:forward"), tags.get("maxspeed:backward")];
    let directed = directed.into_iter().flatten().filter_map(speed);
    if let Some(lower) = directed.min_by(MetersPerSecond::total_cmp) {
        return Ok(Some(lower));
    }
    let zones = ["maxspeed:type", "source:maxspeed", "zone:maxspeed"];
    match tags.get("maxspeed") {
        Some("signals" | "variable") => Ok(None),
        Some(value) => speed(value).map(Some).ok_or(()),
        None => Ok(zones.iter().filter_map(|key| tags.get(key)).find_map(speed)),
    }
}

/// Reads one limit: `50`, `30 mph`, `none`, `walk`, `FR:urban`, `DE:zone:30`.
fn speed(value: &str) -> Option<MetersPerSecond> {
    const KMH_PER_MPH: f64 = 1.609_344;
    const KMH_PER_KNOT: f64 = 1.852;
    let value = value.split(';').next()?.trim();
    let kmh = match value {
        // No limit: what most drive there.
        "none" => 130.0,
        "walk" => 7.0,
        _ => match value.split_once(':') {
            Some((country, zone)) if country.len() == 2 => zone_kmh(country, zone)?,
            Some(_) => return None,
            None => {
                let digits = value.bytes().take_while(|b| b.is_ascii_digit() || *b == b'.').count();
                let number: f64 = value[..digits].parse().ok()?;
                match value[digits..].trim() {
                    "" | "km/h" | "kmh" | "kph" => number,
                    "mph" => number * KMH_PER_MPH,
                    "knots" => number * KMH_PER_KNOT,
                    _ => return None,
                }
            }
        },
    };
    (1.0..=300.0).contains(&kmh).then(|| MetersPerSecond::from_kmh(kmh.clamp(5.0, 140.0)))
}

/// wiki.openstreetmap.org/wiki/Default_speed_limits, the common case of each zone.
fn zone_kmh(country: &str, zone: &str) -> Option<f64> {
    const KMH_PER_MPH: f64 = 1.609_344;
    Some(match (country, zone) {
        ("GB" | "UK", "nsl_restricted") => 30.0 * KMH_PER_MPH,
        ("GB" | "UK", "nsl_single") => 60.0 * KMH_PER_MPH,
        ("GB" | "UK", "nsl_dual" | "motorway") => 70.0 * KMH_PER_MPH,
        ("US", "urban") => 25.0 * KMH_PER_MPH,
        (_, "urban") => 50.0,
        ("FR" | "BE" | "CH" | "NL" | "DK" | "FI" | "SE", "rural") => 80.0,
        (_, "rural") => 90.0,
        (_, "trunk") => 110.0,
        ("CH", "motorway") => 120.0,
        (_, "motorway") => 130.0,
        (_, "living_street" | "pedestrian_zone") => 7.0,
        (_, "bicycle_road") => 30.0,
        (_, zone) => {
            let number = zone.strip_prefix("zone").unwrap_or(zone);
            number.trim_start_matches(':').parse().ok()?
        }
    })
}

/// What is usual on a road of this kind in a town, where no limit is signed.
fn usual_speed(kind: RoadKind) -> MetersPerSecond {
    MetersPerSecond::from_kmh(match kind {
        RoadKind::Motorway => 110.0,
        RoadKind::Trunk => 80.0,
        RoadKind::Primary | RoadKind::Secondary | RoadKind::Tertiary => 50.0,
        RoadKind::Unclassified => 45.0,
        RoadKind::Residential => 40.0,
        RoadKind::Service | RoadKind::Track => 20.0,
        RoadKind::Cycleway => 15.0,
        RoadKind::LivingStreet | RoadKind::Pedestrian => 7.0,
        RoadKind::Footway => 5.0,
    })
}

fn lanes(tags: &Tags, kind: RoadKind, flow: Flow) -> (u8, u8) {
    let count = |key| {
        let text: &str = tags.get(key)?.split(';').next()?;
        let n: f64 = text.trim().parse().ok()?;
        (0.5..=16.0).contains(&n).then(|| n.round() as u8)
    };
    let usual = if kind == RoadKind::Motorway { 2 } else { 1 };
    match flow {
        Flow::Forward => (count("lanes:forward").or(count("lanes")).unwrap_or(usual), 0),
        Flow::Backward => (0, count("lanes:backward").or(count("lanes")).unwrap_or(usual)),
        Flow::Both | Flow::Reversible => {
            let (forward, backward) = (count("lanes:forward"), count("lanes:backward"));
            let total = count("lanes").unwrap_or(2 * usual).max(2);
            match (forward, backward) {
                (Some(f), Some(b)) => (f, b),
                (Some(f), None) => (f, total.saturating_sub(f).max(1)),
                (None, Some(b)) => (total.saturating_sub(b).max(1), b),
                (None, None) => (total.div_ceil(2), total / 2),
            }
        }
    }
}

fn surface(tags: &Tags) -> Surface {
    match tags.get("surface") {
        Some(
            "cobblestone" | "sett" | "unhewn_cobblestone" | "cobblestone:flattened" | "bricks",
        ) => Surface::Cobbled,
        Some(
            "unpaved" | "gravel" | "fine_gravel" | "pebblestone" | "compacted" | "dirt" | "earth"
            | "ground" | "grass" | "sand" | "mud" | "rock" | "woodchips" | "grass_paver",
        ) => Surface::Unpaved,
        Some(_) => Surface::Paved,
        None if tags.is("highway", "track") && !tags.is("tracktype", "grade1") => Surface::Unpaved,
        None => Surface::Paved,
    }
}

/// The smallest of the limits under these keys.
fn size(tags: &Tags, keys: &[&str], read: fn(&str) -> Option<f64>) -> Option<f64> {
    keys.iter().filter_map(|key| read(tags.get(key)?)).min_by(f64::total_cmp)
}

/// Reads `7%`, `-12.5 %` or `5°`; `up` and `down` say nothing of how steep it is. What no road
/// climbs is a slip of the pen.
fn rise_permille(text: &str) -> Option<i16> {
    let text = text.trim();
    let permille = match text.strip_suffix('%') {
        Some(percent) => 10.0 * percent.trim().parse::<f64>().ok()?,
        None => 1000.0 * text.strip_suffix('°')?.trim().parse::<f64>().ok()?.to_radians().tan(),
    };
    (-400.0..=400.0).contains(&permille).then_some(permille.round() as i16)
}

/// Reads `2.1`, `2.1 m`, `210 cm`, `6'11"`, `7 ft`.
fn length_m(text: &str) -> Option<f64> {
    const M_PER_FOOT: f64 = 0.3048;
    let text = text.trim();
    if let Some((feet, inches)) = text.split_once('\'') {
        let inches = inches.trim().trim_end_matches('"').trim();
        let inches: f64 = if inches.is_empty() { 0.0 } else { inches.parse().ok()? };
        return sane((feet.trim().parse::<f64>().ok()? + inches / 12.0) * M_PER_FOOT, 100.0);
    }
    let (number, unit) = number_and_unit(text)?;
    let factor = match unit {
        "" | "m" => 1.0,
        "cm" => 0.01,
        "ft" | "feet" => M_PER_FOOT,
        _ => return None,
    };
    sane(number * factor, 100.0)
}

/// Reads `3.5`, `3.5 t`, `3500 kg`, `8 st`, `7000 lbs`.
fn mass_kg(text: &str) -> Option<f64> {
    let (number, unit) = number_and_unit(text.trim())?;
    let factor = match unit {
        "" | "t" => 1000.0,
        "kg" => 1.0,
        "st" => 907.184_74,
        "lt" => 1_016.046_908_8,
        "lbs" | "lb" => 0.453_592_37,
        "cwt" => 50.802_345_44,
        _ => return None,
    };
    sane(number * factor, 1e6)
}

fn number_and_unit(text: &str) -> Option<(f64, &str)> {
    let digits =
        text.bytes().take_while(|b| b.is_ascii_digit() || matches!(b, b'.' | b',')).count();
    Some((text[..digits].replace(',', ".").parse().ok()?, text[digits..].trim()))
}

fn sane(value: f64, max: f64) -> Option<f64> {
    (value > 0.0 && value <= max).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn road(tags: &[(&str, &str)]) -> WayRoad {
        let mut all = vec![("highway", "residential")];
        all.extend_from_slice(tags);
        all.reverse();
        let way = RawWay { id: 1, nodes: Vec::new(), tags: Tags::of(&all) };
        way_road(&way, &mut Warnings::default()).unwrap()
    }

    #[test]
    fn inclines_in_percent_and_degrees() {
        let rise = |text| road(&[("incline", text)]).rise_permille;
        assert_eq!(["7%", "-12.5 %", "10°"].map(rise), [70, -125, 176]);
        assert_eq!(["up", "70", "NaN%", "90°", "500%", ""].map(rise), [0; 6]);
    }

    #[test]
    fn one_way_streets_by_mode() {
        let van = ModeSet::of(&[Mode::Van]);
        let check = |tags: &[(&str, &str)], forward, backward| {
            let road = road(tags);
            let open = (road.forward.contains(Mode::Van), road.backward.contains(Mode::Van));
            assert_eq!(open, (forward, backward), "{tags:?}");
        };
        check(&[], true, true);
        check(&[("oneway", "yes")], true, false);
        check(&[("oneway", "-1")], false, true);
        check(&[("oneway", "reversible")], false, false);
        check(&[("oneway:psv", "yes")], true, true);
        check(&[("oneway", "yes"), ("oneway:psv", "no")], true, false);
        check(&[("junction", "roundabout")], true, false);
        check(&[("junction", "roundabout"), ("oneway", "no")], true, true);
        check(&[("highway", "motorway")], true, false);
        check(&[("oneway:motor_vehicle", "yes")], true, false);
        check(&[("vehicle:backward", "no")], true, false);
        let contraflow = road(&[("oneway", "yes"), ("oneway:bicycle", "no")]);
        assert!(contraflow.backward.contains(Mode::Bicycle));
        assert!(contraflow.backward.contains(Mode::Robot));
        assert!(contraflow.backward.intersection(van).is_empty());
        assert!(road(&[("motor_vehicle", "destination")]).road.is_destination_only);
    }

    #[test]
    fn speeds_in_all_spellings() {
        let kmh =
            |tags: &[(&str, &str)]| (road(tags).road.speed_limit.to_kmh() * 10.0).round() / 10.0;
        assert_eq!(kmh(&[]), 40.0);
        assert_eq!(kmh(&[("maxspeed", "30")]), 30.0);
        assert_eq!(kmh(&[("maxspeed", "30 mph")]), 48.3);
        assert_eq!(kmh(&[("maxspeed", "35mph")]), 56.3);
        assert_eq!(kmh(&[("maxspeed", "none")]), 130.0);
        assert_eq!(kmh(&[("maxspeed", "walk")]), 7.0);
        assert_eq!(kmh(&[("maxspeed", "FR:urban")]), 50.0);
        assert_eq!(kmh(&[("zone:maxspeed", "DE:30")]), 30.0);
        assert_eq!(kmh(&[("zone:maxspeed", "DE:zone30")]), 30.0);
        assert_eq!(kmh(&[("source:maxspeed", "DE:zone:20")]), 20.0);
        assert_eq!(kmh(&[("maxspeed:forward", "50"), ("maxspeed:backward", "30")]), 30.0);
        assert_eq!(kmh(&[("maxspeed", "fast")]), 40.0);
        assert_eq!(kmh(&[("maxspeed", "999999")]), 40.0);
    }

    #[test]
    fn lanes_and_sizes() {
        assert_eq!(road(&[]).road.n_lanes, (1, 1));
        assert_eq!(road(&[("lanes", "3")]).road.n_lanes, (2, 1));
        assert_eq!(road(&[("lanes", "3"), ("lanes:backward", "2")]).road.n_lanes, (1, 2));
        assert_eq!(road(&[("lanes", "2"), ("oneway", "yes")]).road.n_lanes, (2, 0));
        let metres = |text| length_m(text).map(|m| (m * 100.0).round() / 100.0);
        assert_eq!(metres("2.1"), Some(2.1));
        assert_eq!(metres("2,1 m"), Some(2.1));
        assert_eq!(metres("12'6\""), Some(3.81));
        assert_eq!(metres("7 ft"), Some(2.13));
        assert_eq!(metres("default"), None);
        assert_eq!(mass_kg("3.5"), Some(3500.0));
        assert_eq!(mass_kg("3500 kg"), Some(3500.0));
        assert_eq!(mass_kg("-4"), None);
    }
}
