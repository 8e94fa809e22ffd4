//! Lane maps: small ones written here, real ones where they are.
#![allow(clippy::print_stderr, reason = "says which shared files were there")]

use std::path::{Path, PathBuf};

use rv_base::{LatLon, Point2};
use rv_import::lanes::{
    ImportedLanes, LaneImportError, LaneWarning, LaneWarningKind, LaneletOrigin, read_lanelet2,
    read_opendrive,
};
use rv_map::lanes::{Direction, LaneMap, LaneUse};

const LANELETS: &str = r#"<osm version="0.6">
 <node id="1" lat="49.0" lon="8.4"/><node id="2" lat="49.0" lon="8.401"/>
 <node id="3" lat="48.99997" lon="8.4"/><node id="4" lat="48.99997" lon="8.401"/>
 <node id="5" lat="49.0" lon="8.402"/><node id="6" lat="48.99997" lon="8.402"/>
 <node id="7" lat="49.00003" lon="8.4"/><node id="8" lat="49.00003" lon="8.401"/>
 <way id="10"><nd ref="1"/><nd ref="2"/><tag k="subtype" v="dashed"/></way>
 <way id="11"><nd ref="4"/><nd ref="3"/></way>
 <way id="12"><nd ref="2"/><nd ref="5"/></way>
 <way id="13"><nd ref="4"/><nd ref="6"/></way>
 <way id="14"><nd ref="7"/><nd ref="8"/></way>
 <way id="15"><nd ref="2"/><nd ref="4"/></way>
 <relation id="20"><member type="way" role="left" ref="10"/><member type="way" role="right" ref="11"/>
  <member type="relation" role="regulatory_element" ref="30"/>
  <tag k="type" v="lanelet"/><tag k="subtype" v="road"/><tag k="speed_limit" v="50 km/h"/></relation>
 <relation id="21"><member type="way" role="left" ref="12"/><member type="way" role="right" ref="13"/>
  <tag k="type" v="lanelet"/><tag k="subtype" v="crosswalk"/></relation>
 <relation id="22"><member type="way" role="left" ref="10"/><member type="way" role="right" ref="14"/>
  <tag k="type" v="lanelet"/></relation>
 <relation id="23"><member type="way" role="left" ref="99"/><member type="way" role="right" ref="14"/>
  <tag k="type" v="lanelet"/></relation>
 <relation id="30"><member type="way" role="ref_line" ref="15"/>
  <tag k="type" v="regulatory_element"/><tag k="subtype" v="traffic_light"/></relation>
</osm>"#;

#[test]
fn lanelets_are_aligned_linked_and_ruled() {
    let ImportedLanes { map, warnings, .. } =
        read_lanelet2(LANELETS.as_bytes(), LaneletOrigin::Map).unwrap();
    let by_id = map.by_source_id();
    let lane = |id: i64| &map.lanes[by_id[&id]];
    // The right border is stored against the driving direction.
    assert!(lane(20).right[0].x_m < lane(20).right[1].x_m);
    assert_eq!(lane(20).successors, [by_id[&21]]);
    assert_eq!(lane(21).predecessors, [by_id[&20]]);
    let beside = lane(20).left_neighbour.unwrap();
    assert_eq!((beside.lane, beside.direction), (by_id[&22], Direction::Opposite));
    assert!(beside.is_open);
    // Lane 22 has lane 20 on its left, too, and runs west.
    assert!(lane(22).left[0].x_m > lane(22).left[1].x_m);
    assert!((lane(20).speed_limit.unwrap().to_kmh() - 50.0).abs() < 1e-9);
    assert_eq!(lane(21).use_by, LaneUse::Crossing);
    assert_eq!((lane(20).signals.len(), lane(20).stop_line.is_some()), (1, true));
    let told: Vec<_> = warnings.iter().map(|w| (w.kind, w.source_id)).collect();
    assert_eq!(told, [(LaneWarningKind::LeftOut, 23), (LaneWarningKind::Ignored, 22)]);
}

fn road(geometry: &str, length_m: f64) -> String {
    format!(
        r#"<OpenDRIVE><header revMajor="1" revMinor="6"/>
 <road id="1" length="{length_m}" junction="-1"><planView>{geometry}</planView>
 <type s="0" type="town"><speed max="50" unit="km/h"/></type>
 <lanes><laneOffset s="0" a="0.5" b="0" c="0" d="0"/><laneSection s="0">
 <left><lane id="1" type="driving"><width sOffset="0" a="3" b="0" c="0" d="0"/></lane></left>
 <center><lane id="0" type="none"><roadMark sOffset="0" type="broken"/></lane></center>
 <right><lane id="-1" type="driving"><width sOffset="0" a="3" b="0.01" c="0" d="0"/></lane>
 <lane id="-2" type="sidewalk"><width sOffset="0" a="2" b="0" c="0" d="0"/></lane></right>
 </laneSection></lanes></road></OpenDRIVE>"#
    )
}

fn near(a: Point2, b: (f64, f64)) -> bool {
    (a.x_m - b.0).hypot(a.y_m - b.1) < 1e-3
}

#[test]
fn lanes_of_a_straight_road_stand_where_the_standard_puts_them() {
    let line = r#"<geometry s="0" x="10" y="20" hdg="0" length="100"><line/></geometry>"#;
    let ImportedLanes { map, warnings, .. } = read_opendrive(road(line, 100.0).as_bytes()).unwrap();
    assert!(warnings.is_empty());
    let by_id = map.by_source_id();
    let right = &map.lanes[by_id[&999]];
    assert!(near(right.left[0], (10.0, 20.5)) && near(right.right[0], (10.0, 17.5)));
    assert!(near(*right.right.last().unwrap(), (110.0, 16.5)));
    // The left lane runs the other way.
    let left = &map.lanes[by_id[&1001]];
    assert!(near(left.left[0], (110.0, 20.5)) && near(left.right[0], (110.0, 23.5)));
    let beside = right.left_neighbour.unwrap();
    assert_eq!((beside.lane, beside.direction), (by_id[&1001], Direction::Opposite));
    assert!(beside.is_open);
    assert!((right.speed_limit.unwrap().to_kmh() - 50.0).abs() < 1e-9);
    assert_eq!(map.lanes[by_id[&998]].use_by, LaneUse::Foot);
}

/// The end of a curve by very many small straight steps: a second way to find it.
fn walk(curvature: impl Fn(f64) -> f64, length_m: f64) -> (f64, f64) {
    let n = 400_000;
    let step = length_m / f64::from(n);
    let (mut x, mut y, mut heading) = (0.0, 0.0, 0.0);
    for idx in 0..n {
        let middle = heading + 0.5 * step * curvature((f64::from(idx) + 0.25) * step);
        x += step * middle.cos();
        y += step * middle.sin();
        heading += step * curvature((f64::from(idx) + 0.5) * step);
    }
    (x, y)
}

#[test]
fn curves_end_where_a_walk_along_them_ends() {
    let cases: [(&str, (f64, f64)); 4] = [
        (r#"<arc curvature="0.05"/>"#, walk(|_| 0.05, 60.0)),
        (r#"<spiral curvStart="-0.02" curvEnd="0.1"/>"#, walk(|s| -0.02 + 0.12 * s / 60.0, 60.0)),
        (
            r#"<paramPoly3 pRange="normalized" aU="0" bU="60" cU="0" dU="0" aV="0" bV="0" cV="10" dV="-4"/>"#,
            (60.0, 6.0),
        ),
        (r#"<poly3 a="0" b="0" c="0" d="0"/>"#, (60.0, 0.0)),
    ];
    for (shape, (x, y)) in cases {
        let geometry =
            format!(r#"<geometry s="0" x="0" y="0" hdg="0" length="60">{shape}</geometry>"#);
        let offset_free = road(&geometry, 60.0).replace(r#"a="0.5""#, r#"a="0""#);
        let map = read_opendrive(offset_free.as_bytes()).unwrap().map;
        let right = &map.lanes[map.by_source_id()[&999]];
        assert!(near(*right.left.last().unwrap(), (x, y)), "{shape}: {:?}", right.left.last());
    }
}

#[test]
fn broken_maps_are_errors_or_warnings() {
    let origin = LaneletOrigin::Map;
    assert!(matches!(
        read_lanelet2(b"<OpenDRIVE/>", origin),
        Err(LaneImportError::WrongRoot { .. })
    ));
    assert!(matches!(read_opendrive(b"<OpenDRIVE>"), Err(LaneImportError::Syntax { .. })));
    assert_eq!(read_opendrive(b"<OpenDRIVE/>"), Err(LaneImportError::NoLanes));
    let odd = r#"<geometry s="0" x="NaN" y="0" hdg="0" length="9"><line/></geometry>"#;
    assert_eq!(read_opendrive(road(odd, 9.0).as_bytes()), Err(LaneImportError::NoLanes));
    let unknown = r#"<geometry s="0" x="0" y="0" hdg="0" length="9"><helix/></geometry>"#;
    assert_eq!(read_opendrive(road(unknown, 9.0).as_bytes()), Err(LaneImportError::NoLanes));
    // Cut anywhere, nothing panics.
    for text in [LANELETS.to_owned(), road(odd, 9.0)] {
        for end in 0..text.len() {
            let _ = read_lanelet2(&text.as_bytes()[..end], origin);
            let _ = read_opendrive(&text.as_bytes()[..end]);
        }
    }
}

fn shared(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/hd").join(folder);
    let Ok(entries) = std::fs::read_dir(&folder) else {
        eprintln!("{} is not here: nothing tested", folder.display());
        return Vec::new();
    };
    let mut files: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.sort();
    files
}

/// Largest gap between the end of a lane and the start of one that follows.
fn gap_m(map: &LaneMap) -> f64 {
    let mut most = 0.0_f64;
    for lane in &map.lanes {
        for next in &lane.successors {
            let next = &map.lanes[*next];
            let left = lane.left.last().unwrap().distance_to(next.left[0]).0;
            let right = lane.right.last().unwrap().distance_to(next.right[0]).0;
            most = most.max(left.min(right));
        }
    }
    most
}

#[test]
fn real_maps_are_read_and_hang_together() {
    for file in shared("lanelet2") {
        let bytes = std::fs::read(&file).unwrap();
        let origin = LaneletOrigin::At(LatLon::from_degrees(0.0, 0.0).unwrap());
        let map = read_lanelet2(&bytes, LaneletOrigin::Map).unwrap().map;
        let moved = read_lanelet2(&bytes, origin).unwrap().map;
        assert_eq!(moved.lanes.len(), map.lanes.len());
        assert!(map.lanes.len() >= 15, "{}", file.display());
        assert!(gap_m(&map) < 1e-6);
        assert!(map.lanes.iter().any(|lane| !lane.successors.is_empty()));
    }
    for file in shared("opendrive") {
        let bytes = std::fs::read(&file).unwrap();
        let ImportedLanes { map, warnings, .. } = read_opendrive(&bytes).unwrap();
        assert!(!map.lanes.is_empty(), "{}", file.display());
        let left_out = |w: &&LaneWarning| w.kind == LaneWarningKind::LeftOut;
        assert_eq!(warnings.iter().find(left_out), None, "{}", file.display());
        let n_links: usize = map.lanes.iter().map(|lane| lane.successors.len()).sum();
        let gap_m = gap_m(&map);
        assert!(gap_m < 0.01, "{}: a gap of {gap_m} m", file.display());
        eprintln!(
            "{}: {} lanes, {n_links} links, gap {gap_m:.4} m",
            file.display(),
            map.lanes.len()
        );
    }
}
