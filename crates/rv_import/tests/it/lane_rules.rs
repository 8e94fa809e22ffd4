//! Lane maps: where they lie, who goes first, and input that is broken in any way.

use proptest::prelude::*;
use rv_base::{LatLon, Point2};
use rv_import::lanes::{
    ImportedLanes, LaneWarningKind, LaneletOrigin, read_lanelet2, read_opendrive,
};
use rv_map::lanes::{ConflictKind, Lane, LaneMap, LaneUse, Sign};

/// A lanelet of four nodes, each with the attributes and tags given.
fn lanelet(nodes: [String; 4]) -> String {
    let nodes: String = nodes
        .iter()
        .enumerate()
        .map(|(i, node)| format!("<node id=\"{}\" {node}</node>", i + 1))
        .collect();
    format!(
        r#"<osm>{nodes}<way id="10"><nd ref="1"/><nd ref="2"/></way>
<way id="11"><nd ref="3"/><nd ref="4"/></way>
<relation id="20"><member type="way" role="left" ref="10"/><member type="way" role="right" ref="11"/>
<tag k="type" v="lanelet"/><tag k="subtype" v="road"/></relation></osm>"#
    )
}

fn tag(key: &str, value: impl std::fmt::Display) -> String {
    format!("<tag k=\"{key}\" v=\"{value}\"/>")
}

fn first_lane(text: &str, origin: LaneletOrigin) -> (Lane, ImportedLanes) {
    let imported = read_lanelet2(text.as_bytes(), origin).unwrap();
    (imported.map.lanes[0].clone(), imported)
}

fn near(a: Point2, x_m: f64, y_m: f64, by_m: f64) -> bool {
    (a.x_m - x_m).hypot(a.y_m - y_m) < by_m
}

/// Metres in the square 18S UJ of four corners around the Washington Monument, and degrees there.
const CORNERS: [(f64, f64); 4] =
    [(23_400.0, 6_480.0), (23_500.0, 6_480.0), (23_400.0, 6_476.0), (23_500.0, 6_476.0)];

#[test]
fn all_coordinate_forms_lie_at_the_same_place() {
    let local = |(x, y): (f64, f64)| tag("local_x", x) + &tag("local_y", y);
    let plain = lanelet(CORNERS.map(|c| format!("lat=\"\" lon=\"\">{}", local(c))));
    let (lane, imported) = first_lane(&plain, LaneletOrigin::Map);
    assert!(near(lane.left[1], 23_500.0, 6_480.0, 1e-9));
    assert_eq!(imported.frame, None);
    // The same with the square's code, with the position in the code's digits, and with degrees.
    let square = lanelet(CORNERS.map(|c| format!(">{}{}", local(c), tag("mgrs_code", "18SUJ"))));
    let (squared, imported) = first_lane(&square, LaneletOrigin::Map);
    assert_eq!(squared.left, lane.left);
    let frame = imported.frame.unwrap();
    let digits = lanelet(
        CORNERS.map(|(x, y)| format!(">{}", tag("mgrs_code", format!("18SUJ{x:05}{y:05}")))),
    );
    let (from_digits, imported) = first_lane(&digits, LaneletOrigin::Map);
    assert_eq!((from_digits.left, imported.frame), (lane.left.clone(), Some(frame)));
    let degrees = CORNERS.map(|(x_m, y_m)| frame.to_earth(Point2 { x_m, y_m }).unwrap());
    assert!((degrees[0].0 - 38.8895).abs() < 2e-3 && (degrees[0].1 + 77.0353).abs() < 2e-3);
    let earth = lanelet(degrees.map(|(lat, lon)| format!("lat=\"{lat}\" lon=\"{lon}\">")));
    let (from_earth, _) = first_lane(&earth, LaneletOrigin::Mgrs);
    assert!(near(from_earth.left[1], 23_500.0, 6_480.0, 1e-4), "{:?}", from_earth.left);
    // From an origin of one's own, and from the first node.
    let origin = LatLon::from_degrees(degrees[0].0, degrees[0].1).unwrap();
    for origin in [LaneletOrigin::At(origin), LaneletOrigin::Map] {
        let (moved, _) = first_lane(&earth, origin);
        assert!(near(moved.left[1], 100.0, 0.0, 0.02), "{:?}", moved.left);
    }
    // Degrees beside local metres tell where the metres lie.
    let both = lanelet(std::array::from_fn(|i| {
        let (lat, lon) = degrees[i];
        format!("lat=\"{lat}\" lon=\"{lon}\">{}", local(CORNERS[i]))
    }));
    let (_, imported) = first_lane(&both, LaneletOrigin::Map);
    assert!(near(imported.frame.unwrap().zero, frame.zero.x_m, frame.zero.y_m, 1e-3));
}

#[test]
fn a_map_across_two_squares_hangs_together() {
    // 18S UJ ends 100 km east of its corner, where 18S VJ begins.
    let at = |square: &str, x: f64, y: f64| {
        format!(">{}{}{}", tag("local_x", x), tag("local_y", y), tag("mgrs_code", square))
    };
    let text = lanelet([
        at("18SUJ", 99_990.0, 10.0),
        at("18SVJ", 10.0, 10.0),
        at("18SUJ", 99_990.0, 6.0),
        at("18SVJ", 10.0, 6.0),
    ]);
    let (lane, _) = first_lane(&text, LaneletOrigin::Map);
    assert!((lane.length().0 - 20.0).abs() < 1e-9);
}

/// A crossroads: 20 goes east, 21 north, both 4 m wide and 40 m long, and 22 leads into 21.
fn crossroads(rules: &str, members: &str) -> String {
    let node = |id: usize, x: f64, y: f64| {
        format!("<node id=\"{id}\">{}{}</node>", tag("local_x", x), tag("local_y", y))
    };
    let way = |id: usize, nodes: [usize; 2], tags: &str| {
        format!("<way id=\"{id}\"><nd ref=\"{}\"/><nd ref=\"{}\"/>{tags}</way>", nodes[0], nodes[1])
    };
    let lane = |id: usize, left: usize, right: usize| {
        format!(
            "<relation id=\"{id}\"><member type=\"way\" role=\"left\" ref=\"{left}\"/>\
<member type=\"way\" role=\"right\" ref=\"{right}\"/>{members}{}{}</relation>",
            tag("type", "lanelet"),
            tag("subtype", "road")
        )
    };
    let corners = [
        (-20.0, 2.0),
        (20.0, 2.0),
        (-20.0, -2.0),
        (20.0, -2.0),
        (-2.0, -20.0),
        (-2.0, 20.0),
        (2.0, -20.0),
        (2.0, 20.0),
        (-2.0, -60.0),
        (2.0, -60.0),
        (-2.5, -25.0),
        (2.5, -25.0),
    ];
    let nodes: String = corners.iter().enumerate().map(|(i, (x, y))| node(i + 1, *x, *y)).collect();
    let ways = [
        way(10, [1, 2], ""),
        way(11, [3, 4], ""),
        way(12, [5, 6], ""),
        way(13, [7, 8], ""),
        way(14, [9, 5], ""),
        way(15, [10, 7], ""),
        way(16, [11, 12], &tag("type", "stop_line")),
        way(17, [1, 3], &tag("subtype", "de274-30")),
    ]
    .concat();
    let lanes = [lane(20, 10, 11), lane(21, 12, 13), lane(22, 14, 15)].concat();
    format!("<osm>{nodes}{ways}{lanes}{rules}</osm>")
}

fn rule(id: usize, subtype: &str, members: &str) -> String {
    let tags = tag("type", "regulatory_element") + &tag("subtype", subtype);
    format!("<relation id=\"{id}\">{members}{tags}</relation>")
}

fn member(kind: &str, role: &str, id: usize) -> String {
    format!("<member type=\"{kind}\" role=\"{role}\" ref=\"{id}\"/>")
}

#[test]
fn regulatory_elements_rule_the_lanes_they_name() {
    let rules = [
        rule(
            30,
            "right_of_way",
            &[
                member("relation", "right_of_way", 20),
                member("relation", "yield", 22),
                member("way", "ref_line", 16),
            ]
            .concat(),
        ),
        rule(31, "speed_limit", &member("way", "refers", 17)),
        rule(32, "moonlight", ""),
    ]
    .concat();
    let text = crossroads(&rules, &member("relation", "regulatory_element", 31));
    let ImportedLanes { map, warnings, .. } =
        read_lanelet2(text.as_bytes(), LaneletOrigin::Map).unwrap();
    let by_id = map.by_source_id();
    let lane = |id: i64| &map.lanes[by_id[&id]];
    assert_eq!((lane(22).sign, lane(20).sign), (Some(Sign::Yield), Some(Sign::Priority)));
    assert_eq!(lane(22).yields_to, [by_id[&20]]);
    assert!(near(lane(22).stop_line.unwrap().0, -2.5, -25.0, 1e-9));
    assert!((lane(21).speed_limit.unwrap().to_kmh() - 30.0).abs() < 1e-9);
    // 20 and 21 cross; 22 is before 21.
    assert_eq!(lane(20).conflicts.len(), 1);
    assert_eq!(lane(20).conflicts[0].kind, ConflictKind::Cross);
    assert!(lane(22).conflicts.is_empty());
    let moonlight = warnings.iter().find(|w| w.what.contains("moonlight")).unwrap();
    assert_eq!((moonlight.kind, moonlight.source_id), (LaneWarningKind::Ignored, 32));
}

#[test]
fn stop_lines_crosswalks_and_all_way_stops() {
    // A stop line that no rule names belongs to the lane it crosses.
    let map = read_lanelet2(crossroads("", "").as_bytes(), LaneletOrigin::Map).unwrap().map;
    let with_line: Vec<i64> =
        map.lanes.iter().filter(|l| l.stop_line.is_some()).map(|l| l.source_id).collect();
    assert_eq!(with_line, [22]);
    let rules = [
        rule(30, "crosswalk", &member("relation", "refers", 20)),
        rule(
            31,
            "all_way_stop",
            &(member("relation", "refers", 22) + &member("way", "ref_line", 16)),
        ),
    ]
    .concat();
    let text = crossroads(&rules, "");
    let map = read_lanelet2(text.as_bytes(), LaneletOrigin::Map).unwrap().map;
    let by_id = map.by_source_id();
    assert_eq!(map.lanes[by_id[&20]].use_by, LaneUse::Crossing);
    assert_eq!(map.lanes[by_id[&22]].sign, Some(Sign::Stop));
    assert!(map.lanes[by_id[&22]].stop_line.is_some());
}

const WIDTH: &str = r#"<width sOffset="0" a="3.5" b="0" c="0" d="0"/>"#;

/// A lane's XML.
fn lane(id: i64, links: &str) -> String {
    format!(r#"<lane id="{id}" type="driving"><link>{links}</link>{WIDTH}</lane>"#)
}

/// A straight road from a point, with sections and more.
fn road(id: u32, (x, y, heading): (f64, f64, f64), attributes: &str, inside: &str) -> String {
    format!(
        r#"<road id="{id}" length="40" {attributes}><planView><geometry s="0" x="{x}" y="{y}"
hdg="{heading}" length="40"><line/></geometry></planView>{inside}</road>"#
    )
}

fn right_section(s: f64, lanes: &str) -> String {
    format!(
        r#"<laneSection s="{s}"><center><lane id="0" type="none"/></center><right>{lanes}</right></laneSection>"#
    )
}

fn opendrive(text: &str) -> ImportedLanes {
    read_opendrive(format!("<OpenDRIVE>{text}</OpenDRIVE>").as_bytes()).unwrap()
}

/// The case of CARLA's Town06: where a lane section ends the lane offset jumps, and the lanes of
/// the next section are counted anew. The end of a section belongs to the offset before the jump.
#[test]
fn an_offset_that_jumps_between_sections_tears_no_lanes_apart() {
    let lanes = format!(
        r#"<lanes><laneOffset s="0" a="-3.5" b="0" c="0" d="0"/>
<laneOffset s="20" a="0" b="0" c="0" d="0"/>{}{}</lanes>"#,
        right_section(0.0, &lane(-1, r#"<successor id="-2"/>"#)),
        right_section(20.0, &(lane(-1, "") + &lane(-2, r#"<predecessor id="-1"/>"#))),
    );
    let imported = opendrive(&road(1, (0.0, 0.0, 0.0), "", &lanes));
    let map = imported.map;
    let by_id = map.by_source_id();
    let first = map.lanes.iter().find(|lane| !lane.successors.is_empty()).unwrap();
    assert_eq!(first.successors, [by_id[&998]]);
    let next = &map.lanes[by_id[&998]];
    assert!(near(*first.left.last().unwrap(), 20.0, -3.5, 1e-9), "{:?}", first.left.last());
    assert!(near(next.left[0], 20.0, -3.5, 1e-9), "{:?}", next.left);
    assert!(imported.warnings.is_empty());
}

#[test]
fn links_that_lead_elsewhere_are_left_out_and_told() {
    let here = road(
        1,
        (0.0, 0.0, 0.0),
        "",
        &format!(
            r#"<link><successor elementType="road" elementId="2" contactPoint="start"/></link>
<lanes>{}</lanes>"#,
            right_section(0.0, &lane(-1, r#"<successor id="-1"/>"#))
        ),
    );
    let there = road(
        2,
        (90.0, 0.0, 0.0),
        "",
        &format!("<lanes>{}</lanes>", right_section(0.0, &lane(-1, ""))),
    );
    let ImportedLanes { map, warnings, .. } = opendrive(&(here + &there));
    assert!(map.lanes.iter().all(|lane| lane.successors.is_empty()));
    assert_eq!((warnings.len(), warnings[0].kind), (1, LaneWarningKind::LeftOut));
}

#[test]
fn borders_of_swaying_lanes_stay_within_a_centimetre() {
    // The offset sways by 3.5 m in 20 m: a cubic, sampled too coarsely, would be centimetres off.
    let sway = r#"<laneOffset s="0" a="0" b="0" c="0.02625" d="-0.000875"/>
<laneOffset s="20" a="3.5" b="0" c="0" d="0"/>"#;
    let inside = format!("<lanes>{sway}{}</lanes>", right_section(0.0, &lane(-1, "")));
    let map = opendrive(&road(1, (0.0, 0.0, 0.0), "", &inside)).map;
    let left = &map.lanes[0].left;
    for i in 0..=2000 {
        let x_m = f64::from(i) * 0.01;
        let y_m = 0.02625 * x_m.powi(2) - 0.000_875 * x_m.powi(3);
        let off = left.windows(2).map(|w| distance_m((x_m, y_m), w[0], w[1]));
        assert!(off.fold(f64::INFINITY, f64::min) < 0.004, "at {x_m}");
    }
}

fn distance_m(p: (f64, f64), a: Point2, b: Point2) -> f64 {
    let (dx, dy) = (b.x_m - a.x_m, b.y_m - a.y_m);
    let share = ((p.0 - a.x_m) * dx + (p.1 - a.y_m) * dy) / (dx * dx + dy * dy);
    let share = share.clamp(0.0, 1.0);
    (p.0 - a.x_m - share * dx).hypot(p.1 - a.y_m - share * dy)
}

/// Two roads into a junction whose connecting roads cross, 3 from the west and 4 from the south.
fn junction(signals_1: &str, signals_3: &str, objects_1: &str, inside: &str) -> ImportedLanes {
    let lanes = format!("<lanes>{}</lanes>", right_section(0.0, &lane(-1, "")));
    let into = r#"<link><successor elementType="junction" elementId="9"/></link>"#;
    let across = |from: u32| {
        format!(
            r#"<link><predecessor elementType="road" elementId="{from}" contactPoint="end"/></link>"#
        )
    };
    let signals = |text: &str| format!("<signals>{text}</signals>");
    let half_pi = std::f64::consts::FRAC_PI_2;
    let connecting = |from: u32| {
        let linked = lane(-1, r#"<predecessor id="-1"/>"#);
        across(from) + &format!("<lanes>{}</lanes>", right_section(0.0, &linked))
    };
    let first = format!("{into}{lanes}<objects>{objects_1}</objects>{}", signals(signals_1));
    let roads = [
        road(1, (-60.0, 0.0, 0.0), "", &first),
        road(2, (0.0, -60.0, half_pi), "", &(into.to_owned() + &lanes)),
        road(3, (-20.0, 0.0, 0.0), "junction=\"9\"", &(connecting(1) + &signals(signals_3))),
        road(4, (0.0, -20.0, half_pi), "junction=\"9\"", &connecting(2)),
    ]
    .concat();
    let connection = |from: u32, to: u32| {
        format!(
            r#"<connection id="{to}" incomingRoad="{from}" connectingRoad="{to}" contactPoint="start"><laneLink from="-1" to="-1"/></connection>"#
        )
    };
    let junction =
        format!("<junction id=\"9\">{}{}{inside}</junction>", connection(1, 3), connection(2, 4));
    opendrive(&(roads + &junction))
}

fn of_road(map: &LaneMap, road: i64) -> (usize, &Lane) {
    let idx = map.by_source_id()[&(road * 1000 - 1)];
    (idx, &map.lanes[idx])
}

#[test]
fn signals_signs_and_priorities_of_a_junction() {
    let imported = junction("", "", "", "");
    let map = &imported.map;
    assert_eq!(of_road(map, 1).1.successors, [of_road(map, 3).0]);
    assert_eq!(of_road(map, 3).1.conflicts[0].lane, of_road(map, 4).0);
    assert!(map.lanes.iter().all(|lane| lane.yields_to.is_empty()));

    let light = r#"<signal id="5" s="0.5" t="-2" dynamic="yes" orientation="+" type="1000001"/>"#;
    let map = junction("", light, "", "").map;
    // It stands where the junction begins: it holds who comes from road 1.
    assert_eq!(of_road(&map, 1).1.signals[0].source_id, 5);
    assert!(of_road(&map, 3).1.signals.is_empty());

    let stop = r#"<signal id="6" s="39" t="-2" dynamic="no" orientation="+" type="206"/>
<signal id="7" s="38" t="-2" dynamic="no" orientation="+" type="294"/>
<signal id="8" s="10" t="-2" dynamic="no" orientation="+" type="274" subtype="53"/>
<signal id="9" s="10" t="-2" dynamic="no" orientation="-" type="205"/>
<signalReference id="77" s="10" t="-2" orientation="+"/>
<signal id="10" s="10" t="-2" dynamic="no" orientation="+" type="4711" country="xx"/>"#;
    let ImportedLanes { map, warnings, .. } = junction(stop, "", "", "");
    let first = of_road(&map, 1).1;
    assert_eq!(first.sign, Some(Sign::Stop));
    let line = first.stop_line.unwrap();
    assert!(near(line.0, -22.0, 0.0, 1e-9) && near(line.1, -22.0, -3.5, 1e-9));
    assert!((first.speed_limit.unwrap().to_kmh() - 30.0).abs() < 1e-9);
    assert_eq!(of_road(&map, 3).1.yields_to, [of_road(&map, 4).0]);
    assert!(of_road(&map, 4).1.yields_to.is_empty());
    let told: Vec<i64> = warnings.iter().map(|w| w.source_id).collect();
    assert_eq!(told, [77, 10], "{warnings:?}");

    let map = junction("", "", "", r#"<priority high="3" low="4"/>"#).map;
    assert_eq!(of_road(&map, 4).1.yields_to, [of_road(&map, 3).0]);
    let map = junction("", "", "", r#"<priority high="2" low="1"/>"#).map;
    assert_eq!(of_road(&map, 3).1.yields_to, [of_road(&map, 4).0]);
}

#[test]
fn crosswalks_stop_lines_and_what_is_not_read() {
    let corner = |s: f64, t: f64| format!(r#"<cornerRoad s="{s}" t="{t}"/>"#);
    let ring = [corner(30.0, 1.0), corner(30.0, -5.0), corner(34.0, -5.0), corner(34.0, 1.0)];
    let objects = format!(
        r#"<object id="1" type="crosswalk" s="32" t="-2"><outline>{}</outline></object>
<object id="2" type="roadMark" subtype="signalLines" s="28" t="-1.75" hdg="0" length="0.5" width="3.5"/>
<object id="3" type="tree" s="1" t="9"/><object id="4" type="crosswalk" s="1" t="9"/>"#,
        ring.concat()
    );
    let inside = r#"<strange id="5"/>"#;
    let ImportedLanes { map, warnings, .. } = junction("", "", &objects, inside);
    let crossing = map.lanes.iter().find(|lane| lane.use_by == LaneUse::Crossing).unwrap();
    assert!((crossing.length().0 - 6.0).abs() < 1e-9, "{crossing:?}");
    let first = of_road(&map, 1);
    assert!(crossing.conflicts.iter().any(|c| c.lane == first.0));
    let line = first.1.stop_line.unwrap();
    assert!((line.0.x_m + 32.0).abs() < 1e-9 && (line.0.y_m - line.1.y_m).abs() > 3.4, "{line:?}");
    let told = |part: &str| warnings.iter().any(|w| w.what.contains(part));
    assert!(told("`tree`") && told("<strange> of a junction") && told("crosswalks without"));
    let tilted =
        r#"<lateralProfile><superelevation s="0" a="0.1" b="0" c="0" d="0"/></lateralProfile>"#;
    let lanes = format!("{tilted}<lanes>{}</lanes>", right_section(0.0, &lane(-1, "")));
    let warnings = opendrive(&road(1, (0.0, 0.0, 0.0), "", &lanes)).warnings;
    assert!(warnings[0].what.contains("superelevation"), "{warnings:?}");
}

#[test]
fn a_projection_in_the_header_says_where_the_map_lies() {
    let text = format!(
        "<header><geoReference><![CDATA[+proj=tmerc +lat_0=49 +lon_0=8 +k=1 +x_0=0 +y_0=0 \
+datum=WGS84]]></geoReference></header>{}",
        road(
            1,
            (0.0, 0.0, 0.0),
            "",
            &format!("<lanes>{}</lanes>", right_section(0.0, &lane(-1, "")))
        )
    );
    let frame = opendrive(&text).frame.unwrap();
    let (lat, lon) = frame.to_earth(Point2 { x_m: 0.0, y_m: 0.0 }).unwrap();
    assert!((lat - 49.0).abs() < 1e-9 && (lon - 8.0).abs() < 1e-9);
}

/// Everything that is read must be finite, and no link may lead outside.
fn check_sound(map: &LaneMap) {
    for lane in &map.lanes {
        assert!(lane.left.len() >= 2 && lane.right.len() >= 2);
        let all = lane.left.iter().chain(&lane.right);
        assert!(all.clone().all(|p| p.x_m.is_finite() && p.y_m.is_finite()), "{lane:?}");
        let links = lane.successors.iter().chain(&lane.predecessors).chain(&lane.yields_to);
        assert!(links.chain(lane.conflicts.iter().map(|c| &c.lane)).all(|l| *l < map.lanes.len()));
        assert!(lane.speed_limit.is_none_or(|limit| limit.0 > 0.0 && limit.0 < 100.0));
    }
}

/// Numbers that importers fall over.
const ODD: [&str; 16] = [
    "NaN",
    "inf",
    "-1",
    "0",
    "1e308",
    "-1e308",
    "1e-308",
    "",
    "x",
    "99999999999999999999",
    "1e6",
    "-0",
    "0.1",
    "1e9",
    "-9223372036854775808",
    "9223372036854775807",
];

/// Replaces one attribute's value, by number, with an odd one.
fn with_odd_value(text: &str, which: usize, odd: &str) -> String {
    let quotes: Vec<usize> = text.match_indices('"').map(|(at, _)| at).collect();
    let pair = which % (quotes.len() / 2);
    format!("{}{odd}{}", &text[..=quotes[2 * pair]], &text[quotes[2 * pair + 1]..])
}

fn samples() -> [String; 2] {
    let rules = rule(30, "right_of_way", &member("relation", "yield", 22));
    let curves = r#"<geometry s="0" x="0" y="0" hdg="0" length="10"><spiral curvStart="0" curvEnd="0.1"/></geometry>
<geometry s="10" x="10" y="2" hdg="0.5" length="10"><arc curvature="0.1"/></geometry>
<geometry s="20" x="18" y="9" hdg="1" length="10"><poly3 a="0" b="0" c="0.01" d="0.001"/></geometry>
<geometry s="30" x="20" y="18" hdg="1" length="10"><paramPoly3 aU="0" bU="10" cU="0" dU="0" aV="0" bV="0" cV="1" dV="0" pRange="normalized"/></geometry>"#;
    let open = format!(
        r#"<OpenDRIVE><road id="1" length="40" junction="-1"><planView>{curves}</planView><lanes>
<laneOffset s="0" a="0.5" b="0.1" c="0" d="0"/><laneOffset s="15" a="2" b="0" c="0" d="0"/>{}{}</lanes>
<objects><object id="3" type="crosswalk" s="5" t="0" hdg="1" length="4" width="9"/></objects>
<signals><signal id="2" s="1" t="2" dynamic="no" orientation="+" type="274" value="30"/></signals></road></OpenDRIVE>"#,
        right_section(0.0, &lane(-1, r#"<successor id="-1"/>"#)),
        right_section(20.0, &lane(-1, r#"<predecessor id="-1"/>"#)),
    );
    [crossroads(&rules, ""), open]
}

fn read_either(text: &[u8]) {
    let maps = [
        read_lanelet2(text, LaneletOrigin::Map),
        read_lanelet2(text, LaneletOrigin::Mgrs),
        read_opendrive(text),
    ];
    for imported in maps.into_iter().flatten() {
        check_sound(&imported.map);
        let _ = imported.map.tiles();
    }
}

#[test]
fn what_is_mutated_is_sound_as_it_stands() {
    for text in samples() {
        read_either(text.as_bytes());
        assert!(
            read_lanelet2(text.as_bytes(), LaneletOrigin::Map).is_ok()
                || read_opendrive(text.as_bytes()).is_ok()
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn odd_values_are_errors_warnings_or_sound_lanes(
        which in prop::collection::vec((any::<usize>(), 0..ODD.len()), 1..5),
        format in 0..2_usize,
    ) {
        let mut text = samples()[format].clone();
        for (which, odd) in which {
            text = with_odd_value(&text, which, ODD[odd]);
        }
        read_either(text.as_bytes());
    }

    #[test]
    fn bytes_cut_and_changed_are_no_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        cut in any::<prop::sample::Index>(),
        format in 0..2_usize,
    ) {
        let mut bytes = samples()[format].clone().into_bytes();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let n = bytes.len();
        read_either(&bytes);
        read_either(&bytes[..cut.index(n)]);
    }

    #[test]
    fn any_bytes_are_no_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        read_either(&bytes);
        let mut packed = vec![0x1f, 0x8b];
        packed.extend_from_slice(&bytes);
        read_either(&packed);
    }
}
