//! `robovan route` on the bundled city.

use std::process::{Command, Output};

use serde_json::Value;

const CITY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/monaco/monaco.osm.pbf");

fn robovan(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_robovan")).args(args).output().unwrap()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn ways_and_matrices_agree_and_refusals_say_why() {
    let (from, to) = ("43.7325,7.4189", "43.7402,7.4290");
    let way = robovan(&["route", "--city", CITY, "--from", from, "--to", to, "--json"]);
    assert_eq!(way.status.code(), Some(0), "{}", String::from_utf8_lossy(&way.stderr));
    let way = json(&way);
    assert_eq!(way["code"], "ok");
    assert!(way["distance_m"].as_f64().unwrap() > 900.0);
    let line = way["geometry"]["coordinates"].as_array().unwrap();
    assert!(line.len() > 10);

    let points = std::env::temp_dir().join(format!("rv_points_{}.csv", std::process::id()));
    std::fs::write(&points, format!("id,lat,lon\na,{from}\nb,{to}\n")).unwrap();
    let file = points.to_str().unwrap();
    let matrix = json(&robovan(&["route", "matrix", "--city", CITY, "--points", file, "--json"]));
    assert_eq!(matrix["time_s"][0][1], way["time_s"]);
    assert_eq!(matrix["distance_m"][0][1], way["distance_m"]);
    assert_eq!(matrix["time_s"][1][1], 0.0);
    std::fs::write(&points, "lat,lon\n43.7,oops\n").unwrap();
    let broken = robovan(&["route", "matrix", "--city", CITY, "--points", file, "--json"]);
    assert_eq!(broken.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&broken.stderr).contains("line 2 holds no position"));
    std::fs::remove_file(&points).unwrap();

    let sea = robovan(&["route", "--city", CITY, "--from", from, "--to", "43.5,7.6", "--json"]);
    assert_eq!(sea.status.code(), Some(1));
    assert_eq!(json(&sea)["code"], "outside_map");
}

#[test]
fn bench_finds_no_mismatch() {
    let args = ["route", "bench", "--osm", CITY, "--queries", "2400", "--permits", "8", "--json"];
    let output = robovan(&args);
    assert_eq!(output.status.code(), Some(0));
    let figures = json(&output);
    assert!(figures["queries"].as_u64().unwrap() >= 2400);
    for name in ["mismatches", "mismatches_matrix", "mismatches_batch", "mismatches_path"] {
        assert_eq!(figures[name], 0, "{name}");
    }
}

#[test]
fn words_of_the_command_give_what_they_say() {
    let dir = std::env::temp_dir().join(format!("rv_route_{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let file = |name: &str| dir.join(name).to_str().unwrap().to_owned();
    let (from, to) = ("43.7325,7.4189", "43.7402,7.4290");
    let ok = |args: &[&str]| {
        let output = robovan(args);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(0), "{args:?}: {said}");
        output
    };

    // Ends by degrees or by name, with other ways; all as GeoJSON.
    let drawn = file("way.json");
    let way = json(&ok(&["route", from, to, "--city", CITY, "--json"]));
    let ends = ["route", "43.7290,7.4140", "43.7470,7.4340", "--city", CITY];
    let others = ["--alternatives", "3", "--geojson", &drawn, "--json"];
    let through = json(&ok(&[&ends[..], &others[..]].concat()));
    let features: Value = serde_json::from_slice(&std::fs::read(&drawn).unwrap()).unwrap();
    let n_others = through["alternatives"].as_array().map_or(0, Vec::len);
    assert!(n_others > 0);
    assert_eq!(features["features"].as_array().unwrap().len(), 1 + n_others);
    ok(&["route", "Boulevard des Moulins", "Rue Grimaldi", "--city", CITY]);
    let unknown = robovan(&["route", "Nowhere Street", to, "--city", CITY]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("'Nowhere Street'"));

    // Zones from GeoJSON change the way, and close an end within them.
    let zones = file("zones.geojson");
    let ring =
        "[[7.4215,43.7345],[7.4245,43.7345],[7.4245,43.7385],[7.4215,43.7385],[7.4215,43.7345]]";
    let text = format!(
        r#"{{"type":"FeatureCollection","features":[{{"type":"Feature","properties":{{"name":"Z"}},
        "geometry":{{"type":"Polygon","coordinates":[{ring}]}}}}]}}"#
    );
    std::fs::write(&zones, text).unwrap();
    let round = ["route", from, to, "--city", CITY, "--permits", &zones, "--json"];
    let round = json(&ok(&round));
    assert!(round["time_s"].as_f64() >= way["time_s"].as_f64());
    let inside = ["route", from, "43.7365,7.4230", "--city", CITY, "--permits", &zones, "--json"];
    assert_eq!(json(&robovan(&inside))["code"], "not_permitted");

    // Many ways, and the nearest of many points, agree with one.
    let pairs = file("pairs.csv");
    std::fs::write(
        &pairs,
        format!("from_lat,from_lon,to_lat,to_lon\n{from},{to}\n43.5,7.6,{to}\n"),
    )
    .unwrap();
    let ways = json(&ok(&["route", "ways", "--city", CITY, "--pairs", &pairs, "--json"]));
    assert_eq!(ways[0]["time_s"], way["time_s"]);
    assert_eq!(ways[1]["code"], "outside_map");
    let points = file("points.csv");
    std::fs::write(&points, format!("lat,lon\n{to}\n{from}\n43.5,7.6\n")).unwrap();
    let nearest = json(&ok(&[
        "route", "nearest", "--city", CITY, "--from", from, "--points", &points, "--number", "5",
        "--json",
    ]));
    assert_eq!(nearest["n_off_road"], 1);
    assert_eq!(nearest["targets"][0]["point_idx"], 1);
    assert_eq!(nearest["targets"][1]["time_s"], way["time_s"]);

    // Reach as polygons, and pictures.
    let reach = ["route", "isochrone", "--city", CITY, "--from", from, "--minutes", "2,6"];
    let reach = json(&ok(&reach));
    let n_points = |at: usize| {
        let areas = reach["features"][at]["geometry"]["coordinates"].as_array().unwrap();
        areas.iter().map(|area| area[0].as_array().unwrap().len()).sum::<usize>()
    };
    assert!(n_points(1) > n_points(0) && n_points(0) > 10);
    for what in ["roads", "turns", "order", "search", "zones"] {
        let svg = file("picture.svg");
        ok(&[
            "route",
            "draw",
            "--city",
            CITY,
            "--what",
            what,
            "--from",
            from,
            "--to",
            to,
            "--permits",
            &zones,
            "--svg",
            &svg,
        ]);
        let text = std::fs::read_to_string(&svg).unwrap();
        assert!(text.matches("<path").count() > 2 && !text.contains("NaN"), "{what}");
    }
    std::fs::remove_dir_all(&dir).unwrap();
}
