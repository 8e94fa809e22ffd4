//! `robovan dispatch` from the outside.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/dispatch-example.json");
/// Five customers around a depot; the best plan is known by hand: one route each way.
const SMALL: &str = "NAME: small\nTYPE: CVRP\nDIMENSION: 5\nCAPACITY: 10\nEDGE_WEIGHT_TYPE: EUC_2D\n\
    NODE_COORD_SECTION\n1 0 0\n2 10 0\n3 20 0\n4 -10 0\n5 -20 0\nDEMAND_SECTION\n1 0\n2 5\n3 5\n\
    4 5\n5 5\nDEPOT_SECTION\n1\n-1\nEOF\n";

/// A folder that goes when the test ends.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("rv_dispatch_{name}_{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str) -> String {
        self.0.join(name).to_string_lossy().into_owned()
    }

    fn write(&self, name: &str, text: &str) -> String {
        std::fs::write(self.0.join(name), text).unwrap();
        self.file(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn robovan(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_robovan")).arg("dispatch").args(args).output().unwrap()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn read(path: impl AsRef<Path>) -> String {
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn a_plan_is_written_in_every_form_and_checked() {
    let dir = Folder::new("forms");
    let problem = dir.write("small.vrp", SMALL);
    for name in ["out.sol", "out.json", "out.csv"] {
        let (out, plot) = (dir.file(name), dir.file("routes.svg"));
        let args = ["solve", &problem, "--iterations", "300", "--solution", &out, "--plot", &plot];
        let output = robovan(&[&args[..], &["--json", "--objective", "distance"]].concat());
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        let answer = json(&output);
        assert_eq!((answer["cost"].as_f64(), answer["vehicles"].as_u64()), (Some(80.0), Some(2)));
        assert_eq!((answer["unserved"].as_u64(), answer["seed"].as_u64()), (Some(0), Some(1)));
        assert!(read(&plot).starts_with("<svg"));
    }
    let sol = read(dir.file("out.sol"));
    assert!(sol.starts_with("Route #1: ") && sol.ends_with("Cost 80\n"), "{sol}");
    let csv = read(dir.file("out.csv"));
    let rows: Vec<Vec<&str>> = csv.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!(rows.len(), 5, "{csv}");
    assert!(rows.iter().all(|row| row.len() == 13 && rows[0][0] == "vehicle"), "{csv}");
    for name in ["out.sol", "out.json"] {
        let output = robovan(&["check", &problem, &dir.file(name), "--json"]);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        assert_eq!(json(&output)["cost"], 80.0);
    }
    let warm = robovan(&["solve", &problem, "--iterations", "0", "--warm", &dir.file("out.sol")]);
    assert!(String::from_utf8_lossy(&warm.stdout).starts_with("cost 80.000, 2 vehicles"));
}

#[test]
fn a_wrong_solution_of_another_solver_is_told_apart() {
    let dir = Folder::new("check");
    let problem = dir.write("small.vrp", SMALL);
    let check = |text: &str| {
        let solution = dir.write("theirs.sol", text);
        robovan(&["check", &problem, &solution, "--json"])
    };
    let good = check("Route #1: 1 2\nRoute #2: 3 4\nCost 80\n");
    assert_eq!(good.status.code(), Some(0));
    assert_eq!(json(&good)["stated_cost"], 80.0);
    let heavy = check("Route 1 : 1 2 3\nRoute 2 : 4\nCost 70\n");
    assert_eq!((heavy.status.code(), json(&heavy)["cost"].as_f64()), (Some(1), Some(100.0)));
    assert_eq!(json(&heavy)["violations"].as_array().unwrap().len(), 1);
    let short = check("Route #1: 1 2\n");
    assert_eq!((short.status.code(), json(&short)["unserved"].as_u64()), (Some(1), Some(2)));
    let twice = check("Route #1: 1 2 1\nRoute #2: 3 4\n");
    assert_eq!(twice.status.code(), Some(1));
    let unknown = check("Route #1: 1 9\n");
    assert_eq!(unknown.status.code(), Some(2));
    assert!(
        stderr(&unknown).contains("line 1: \"9\" is not in the problem"),
        "{}",
        stderr(&unknown)
    );
    let empty = check("hello\n");
    assert_eq!(empty.status.code(), Some(2));
}

#[test]
fn what_would_let_an_order_in_is_said() {
    let dir = Folder::new("example");
    let out = dir.file("out.json");
    let output = robovan(&["solve", EXAMPLE, "--iterations", "2000", "--solution", &out]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(told.contains("order 16 is left out; it would need: capacity +2"), "{told}");
    let plan: Value = serde_json::from_str(&read(&out)).unwrap();
    assert_eq!(plan["unassigned"][0]["would_need"][0], "capacity +2");
}

#[test]
fn weights_and_ranks_are_read_and_their_mistakes_named() {
    // One vehicle has to go to and fro (64); two need less way (44).
    let dir = Folder::new("weights");
    let problem = dir.write(
        "tiny.txt",
        "TINY\n\nVEHICLE\nNUMBER CAPACITY\n2 10\n\nCUSTOMER\nCUST X Y DEMAND READY DUE SERVICE\n\n\
         0 0 0 0 0 1000 0\n1 10 0 1 0 15 0\n2 -10 0 1 20 40 0\n3 12 0 1 50 70 0\n",
    );
    let solve = |how: &[&str]| {
        robovan(&[&["solve", &problem, "--iterations", "500", "--json"], how].concat())
    };
    for (how, expected) in [
        (&[][..], (44.0, 2)),
        (&["--weights", "vehicles=19"], (44.0, 2)),
        (&["--weights", "vehicles=21"], (64.0, 1)),
        (&["--weights", "vehicle=21,cost=1.5"], (44.0, 2)),
        (&["--rank", "unserved,vehicles,cost"], (64.0, 1)),
        (&["--rank", "unserved,cost,vehicles"], (44.0, 2)),
    ] {
        let output = solve(how);
        assert_eq!(output.status.code(), Some(0), "{how:?}: {}", stderr(&output));
        let answer = json(&output);
        let got = (answer["cost"].as_f64().unwrap(), answer["vehicles"].as_u64().unwrap());
        assert_eq!(got, expected, "{how:?}");
    }
    for (how, expected, hint) in [
        (["--weights", "speed=3"], "speed is not a kind of cost", "there are unserved, vehicles,"),
        (["--weights", "lateness"], "lateness: not a kind of cost with a factor", "for example"),
        (["--weights", "cost=-1"], "cost=-1: not a kind of cost with a factor", "0 to 1000000"),
        (["--weights", "cost=nan"], "cost=nan: not a kind of cost with a factor", "0 to 1000000"),
        (["--weights", "cost=1e7"], "cost=1e7: not a kind of cost with a factor", "0 to 1000000"),
        (["--weights", "cost=1,cost=2"], "cost is named twice", "once"),
        (["--rank", "cheap"], "cheap is not a kind of cost", "there are unserved, vehicles,"),
        (["--rank", "vehicles,vehicle"], "vehicle is named twice", "once"),
    ] {
        let output = solve(&how);
        let told = stderr(&output);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{how:?}");
        let hints = told.split_once("hint: ").map(|parts| parts.1);
        assert!(told.contains(expected), "{how:?}: {told}");
        assert!(hints.is_some_and(|h| h.contains(hint)), "{how:?}: {told}");
    }
    let both = solve(&["--weights", "cost=1", "--rank", "cost"]);
    assert_eq!(both.status.code(), Some(2), "{}", stderr(&both));
}

#[test]
fn a_file_of_ten_gigabytes_is_refused_before_it_is_read() {
    let dir = Folder::new("large");
    let path = dir.write("large.vrp", "");
    // It takes no room on the disk: all of it is a hole.
    std::fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(10 << 30).unwrap();
    let begun = Instant::now();
    for args in
        [&["solve", &path][..], &["check", &path, &path], &["solve", EXAMPLE, "--warm", &path]]
    {
        let output = robovan(args);
        assert_eq!(output.status.code(), Some(2));
        assert!(stderr(&output).contains("has 10737418240 bytes"), "{}", stderr(&output));
        assert!(stderr(&output).contains("hint:"), "{}", stderr(&output));
    }
    assert!(begun.elapsed() < Duration::from_secs(60), "it was read");
    let endless = robovan(&["solve", "/dev/zero"]);
    assert_eq!(endless.status.code(), Some(2), "{}", stderr(&endless));
}

#[test]
fn mistakes_in_files_are_named() {
    let dir = Folder::new("mistakes");
    for (from, to, expected) in [
        ("3 5\n", "3 -5\n", "line 15: DEMAND -5 is negative"),
        ("3 20 0", "3 NaN 0", "line 9: \"NaN\" is not a number"),
        ("DIMENSION: 5", "DIMENSION: 1e18", "line 3: DIMENSION must be a whole number"),
    ] {
        let problem = dir.write("wrong.vrp", &SMALL.replacen(from, to, 1));
        let output = robovan(&["solve", &problem]);
        assert_eq!(output.status.code(), Some(2));
        assert!(stderr(&output).contains(expected), "{}", stderr(&output));
        assert!(stderr(&output).contains("wrong.vrp"), "{}", stderr(&output));
    }
    let example = read(EXAMPLE);
    for (from, to, expected) in [
        ("\"id\": 12", "\"id\": 11", "orders[1].id: 11 is used twice"),
        ("\"start_depot\": 0,", "", "vehicles[0]: give start_depot or start_location"),
        ("[[1800, 3600]]", "[[3600, 1800]]", "orders[1].windows[0]: ends before it begins"),
        ("\"name\"", &"[".repeat(5000), "line 2"),
    ] {
        let problem = dir.write("wrong.json", &example.replacen(from, to, 1));
        let output = robovan(&["solve", &problem]);
        assert_eq!(output.status.code(), Some(2));
        assert!(stderr(&output).contains(expected), "{}", stderr(&output));
    }
}

#[test]
fn the_first_ctrl_c_ends_the_search_with_the_best_plan() {
    let dir = Folder::new("cancel");
    let (city, out) = (dir.file("city.json"), dir.file("out.sol"));
    let made = robovan(&["generate", "--stops", "60", "--vehicles", "12", "-o", &city]);
    assert_eq!(made.status.code(), Some(0), "{}", stderr(&made));
    let child = Command::new(env!("CARGO_BIN_EXE_robovan"))
        .args(["dispatch", "solve", &city, "--budget-cpu-s", "3600", "--solution", &out, "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let pid = child.id().to_string();
    // The search is under way once it has used some CPU time.
    let is_at_work = || {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let ticks =
            stat.rsplit(')').next().and_then(|f| f.split_whitespace().nth(11)?.parse().ok());
        ticks.unwrap_or(0_u64) > 50
    };
    let begun = Instant::now();
    while !is_at_work() && begun.elapsed() < Duration::from_secs(120) {
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let answer = json(&output);
    assert_eq!((answer["unserved"].as_u64(), answer["violations"].as_u64()), (Some(0), Some(0)));
    assert!(answer["cpu_s"].as_f64().unwrap() < 1800.0);
    assert_eq!(robovan(&["check", &city, &out]).status.code(), Some(0));
}

#[test]
fn a_rehearsal_of_a_fleet_under_way_breaks_nothing() {
    let args = ["live-bench", "--vans", "40", "--events", "4000", "--rate", "2", "--json"];
    let (first, second) = (robovan(&args), robovan(&args));
    assert_eq!(first.status.code(), Some(0), "{}", stderr(&first));
    let (first, second) = (json(&first), json(&second));
    for wrong in ["violations", "frozen_broken", "on_board_broken"] {
        assert_eq!(first[wrong], 0, "{wrong}");
    }
    assert!(first["stops_done"].as_u64().unwrap() > 100, "{first}");
    assert!(first["vans_lost"].as_u64().unwrap() > 0, "{first}");
    for name in ["new_orders", "left_out", "stops_done", "changed", "driving_s", "routes_checked"] {
        assert_eq!(first[name], second[name], "{name}");
    }
}
