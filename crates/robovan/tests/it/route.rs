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
