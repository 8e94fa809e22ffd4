//! Files with anything wrong in them: an error or a problem, never a panic; what is read is planned,
//! written and read back the same.

use rv_base::Rng;
use rv_dispatch::format::{
    Convention, Document, Loaded, plan_to_json, plot_svg, read_problem, read_solution, write_csv,
    write_solution,
};
use rv_dispatch::{Budget, Params, Violation, check, solve};
use rv_model::dispatch::Travel;

use crate::{samples, unexplained};

/// What a number of a file becomes.
const NASTY: [&str; 18] = [
    "-1",
    "0",
    "NaN",
    "inf",
    "-inf",
    "1e308",
    "-1e308",
    "1e-300",
    "0.5",
    "2147483648",
    "99999999999999999999",
    "1e9",
    "20001",
    "7",
    "-0",
    "",
    "null",
    "\u{feff}\u{1F69A}",
];

/// Orders, vehicles and load up to which a wrong problem is also planned.
const SMALL: usize = 60;

fn mutated(text: &str, rng: &mut Rng) -> String {
    let mut text = text.to_owned();
    for _ in 0..1 + rng.below(3) {
        let lines: Vec<&str> = text.lines().collect();
        let at = rng.below(lines.len().max(1));
        let with = |f: &mut dyn FnMut(&mut Vec<String>)| {
            let mut lines: Vec<String> = lines.iter().map(ToString::to_string).collect();
            f(&mut lines);
            lines.join("\n")
        };
        text = match rng.below(8) {
            0 => with(&mut |lines| drop(lines.remove(at.min(lines.len() - 1)))),
            1 => with(&mut |lines| lines.insert(at, lines[at].clone())),
            2 => {
                let other = rng.below(lines.len().max(1));
                with(&mut |lines| lines.swap(at, other))
            }
            3 => text.chars().take(rng.below(text.len() + 1)).collect(),
            4 => {
                let junk = ["[", "{", ":", "_SECTION", "Route", "\0", "\u{202e}", " ", "#"];
                let mut chars: Vec<char> = text.chars().collect();
                let junk = junk[rng.below(junk.len())].repeat(1 + rng.below(300));
                let at = rng.below(chars.len() + 1);
                chars.splice(at..at, junk.chars());
                chars.into_iter().collect()
            }
            _ => replace_number(&text, rng),
        };
        if text.is_empty() {
            break;
        }
    }
    text
}

/// Puts something nasty, or another number of the text, in the place of a number.
fn replace_number(text: &str, rng: &mut Rng) -> String {
    let is_part = |c: char| c.is_ascii_digit() || c == '.' || c == '-';
    let mut spans = Vec::new();
    let mut begun = None;
    for (at, c) in text.char_indices().chain([(text.len(), ' ')]) {
        match (begun, is_part(c)) {
            (None, true) => begun = Some(at),
            (Some(from), false) => {
                spans.push(from..at);
                begun = None;
            }
            _ => {}
        }
    }
    if spans.is_empty() {
        return text.to_owned();
    }
    let span = spans[rng.below(spans.len())].clone();
    let new = if rng.chance(0.3) {
        text[spans[rng.below(spans.len())].clone()].to_owned()
    } else {
        NASTY[rng.below(NASTY.len())].to_owned()
    };
    format!("{}{new}{}", &text[..span.start], &text[span.end..])
}

/// Says what was tried if the engine panics.
struct Tried<'a>(&'a str);

#[allow(clippy::print_stdout, reason = "a test that fails speaks")]
impl Drop for Tried<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("tried: {}", self.0);
        }
    }
}

/// Plans, writes and reads back; a plan is the same after it.
fn go_round(loaded: &Loaded, what: &str) {
    let _tried = Tried(what);
    let budget = Budget::iterations(20);
    let params = Params::standard();
    let plan = solve(&loaded.problem, None, &params, &budget, &mut Rng::from_seed(1)).plan;
    let report = check(&loaded.problem, &plan);
    // What is committed stays, even where the road to it is closed.
    let is_wrong = |v: &Violation| match v {
        Violation::Closed { vehicle, .. } => {
            loaded.problem.vehicles()[*vehicle as usize].committed.is_empty()
        }
        _ => true,
    };
    assert!(!report.violations.iter().any(is_wrong), "{what}: {:?}", report.violations);
    // Nothing that can be granted opens a way that a table closes.
    let has_closed = loaded.problem.travels().iter().any(|travel| match travel {
        Travel::Table { duration_ms, .. } => duration_ms.contains(&i32::MAX),
        _ => false,
    });
    let mut silent = unexplained(&loaded.problem, &plan);
    silent.retain(|what| !(has_closed && what.ends_with("for []")));
    assert_eq!(silent, [""; 0], "{what}");
    let text = write_solution(loaded, &plan);
    let again = read_solution(loaded, &text).expect(what);
    let costs = check(&loaded.problem, &again).costs;
    assert_eq!(costs.n_required_unassigned, report.costs.n_required_unassigned, "{what}");
    let json = plan_to_json(loaded, &plan, &report).to_string();
    let again = read_solution(loaded, &json).expect(what);
    assert_eq!(check(&loaded.problem, &again), report, "{what}");
    let _ = (write_csv(loaded, &plan), plot_svg(loaded, &plan));
}

fn seeds() -> std::ops::Range<u64> {
    // More: ROBOVAN_FUZZ_TRIES=100000, from another seed on: ROBOVAN_FUZZ_FIRST.
    let var = |name: &str| std::env::var(name).ok().and_then(|n| n.parse::<u64>().ok());
    let first = var("ROBOVAN_FUZZ_FIRST").unwrap_or(0);
    first..first + var("ROBOVAN_FUZZ_TRIES").unwrap_or(150)
}

#[test]
fn sound_files_of_every_format_go_round() {
    for (name, text) in samples::all() {
        let loaded = read_problem(&text, Convention::OfFile).expect(name);
        go_round(&loaded, name);
        let budget = Budget::iterations(2_000);
        let params = Params::standard();
        let plan = solve(&loaded.problem, None, &params, &budget, &mut Rng::from_seed(1)).plan;
        let again = read_solution(&loaded, &write_solution(&loaded, &plan)).expect(name);
        let (ours, theirs) = (check(&loaded.problem, &plan), check(&loaded.problem, &again));
        assert_eq!(theirs.violations, [], "{name}");
        assert_eq!(theirs.costs.n_required_unassigned, 0, "{name}");
        assert_eq!(ours.costs.total(), theirs.costs.total(), "{name}");
    }
}

#[test]
fn our_own_json_is_written_as_it_was_read() {
    for text in [samples::JSON, samples::RICH_JSON] {
        let document: Document = serde_json::from_str(text).expect("a sound document");
        let value = serde_json::to_value(&document).expect("it is data");
        let again: Document = serde_json::from_value(value.clone()).expect("our own document");
        assert_eq!(serde_json::to_value(&again).expect("it is data"), value);
        let (a, b) = (document.load().expect("sound"), again.load().expect("sound"));
        assert_eq!(format!("{:?}", a.problem.orders()), format!("{:?}", b.problem.orders()));
        assert_eq!(format!("{:?}", a.problem.vehicles()), format!("{:?}", b.problem.vehicles()));
    }
}

#[test]
fn no_wrong_problem_file_panics() {
    for (name, text) in samples::all() {
        let mut n_read = 0;
        for seed in seeds() {
            let mut rng = Rng::from_seed(seed).fork(name);
            let wrong = mutated(&text, &mut rng);
            match read_problem(&wrong, Convention::OfFile) {
                Err(error) => assert!(!error.to_string().is_empty()),
                Ok(loaded) => {
                    n_read += 1;
                    let problem = &loaded.problem;
                    if problem.orders().len().max(problem.vehicles().len()) <= SMALL {
                        go_round(&loaded, &format!("{name}, seed {seed}:\n{wrong}\n"));
                    }
                }
            }
        }
        assert!(n_read > 0, "{name}: no mutation was sound, they are too coarse");
    }
}

#[test]
fn no_wrong_solution_file_panics() {
    for (name, text) in samples::all() {
        let loaded = read_problem(&text, Convention::OfFile).expect(name);
        let budget = Budget::iterations(50);
        let params = Params::standard();
        let plan = solve(&loaded.problem, None, &params, &budget, &mut Rng::from_seed(1)).plan;
        let report = check(&loaded.problem, &plan);
        let json = plan_to_json(&loaded, &plan, &report);
        let json = serde_json::to_string_pretty(&json).expect("it is data");
        for (form, text) in [("lines", write_solution(&loaded, &plan)), ("json", json)] {
            for seed in seeds() {
                let mut rng = Rng::from_seed(seed).fork(form).fork(name);
                match read_solution(&loaded, &mutated(&text, &mut rng)) {
                    Err(error) => assert!(!error.to_string().is_empty()),
                    Ok(plan) => {
                        let report = check(&loaded.problem, &plan);
                        let _ = plan_to_json(&loaded, &plan, &report).to_string();
                        let _ = (write_csv(&loaded, &plan), write_solution(&loaded, &plan));
                    }
                }
            }
        }
    }
}
