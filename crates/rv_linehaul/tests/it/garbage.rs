//! Weeks from outside, as JSON: whatever the bytes, an error that names a place or a week that can be
//! planned; never a panic.

use proptest::prelude::*;
use rv_base::Rng;
use rv_linehaul::{Budget, Effort, WeekShape, check_week, generate_week, solve_week};
use rv_model::linehaul::{MAX_SPAN_S, Week};

fn text() -> String {
    let shape =
        WeekShape { n_hubs: 4, n_lanes: 12, n_commodities: 6, hours: 72, places: Vec::new() };
    serde_json::to_string(&generate_week(&shape, &Rng::from_seed(3))).unwrap()
}

/// Reads, checks and, if nothing is wrong, plans; gives the error otherwise.
fn read(text: &str) -> Result<(), String> {
    let week: Week = serde_json::from_str(text).map_err(|error| error.to_string())?;
    week.check().map_err(|error| error.to_string())?;
    let rng = Rng::from_seed(1);
    let budget = Budget::steps(20);
    let outcome = solve_week(&week, Effort::Search, &budget, &rng, &mut |_, _| {})
        .map_err(|error| error.to_string())?;
    let report = check_week(&week, &outcome.plan);
    if outcome.n_missing_trucks == 0 && outcome.n_stuck_trucks == 0 {
        assert_eq!(report.violations, [], "of {text}");
    }
    assert!(outcome.cost.is_finite() && outcome.bound <= outcome.cost, "{}", outcome.cost);
    Ok(())
}

/// Where numbers stand in a text.
fn numbers(text: &str) -> Vec<(usize, usize)> {
    let is_digit = |c: u8| c.is_ascii_digit() || b"+-.eE".contains(&c);
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let len = bytes[at..].iter().take_while(|c| is_digit(**c)).count();
        if bytes[at].is_ascii_digit() && len > 0 && at > 0 && b":[,-".contains(&bytes[at - 1]) {
            found.push((at, at + len));
        }
        at += len.max(1);
    }
    found
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn numbers_may_be_anything(changes in prop::collection::vec((any::<prop::sample::Index>(), 0_usize..16), 1..4)) {
        let mut text = text();
        for (place, value) in changes {
            let all = numbers(&text);
            let &(from, to) = place.get(&all);
            let value = [
                "0", "1", "2", "3", "5", "24", "-1", "0.5", "1e-9", "1e5", "4294967295", "4294967296", "1e12",
                "1e300", "1e999", "null",
            ][value];
            text.replace_range(from..to, value);
        }
        if let Err(error) = read(&text) {
            prop_assert!(!error.is_empty());
        }
    }

    #[test]
    fn bytes_may_be_anything(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0_usize..12), 1..4),
    ) {
        let mut bytes = text().into_bytes();
        for (place, byte, cut) in changes {
            let at = place.index(bytes.len());
            bytes[at] = byte;
            let end = (at + cut).min(bytes.len());
            bytes.drain(at..end);
        }
        let _ = read(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn garbage_is_no_week(text in ".{0,80}") {
        prop_assert!(read(&text).is_err());
    }
}

/// What is wrong is said with its place.
#[test]
fn errors_name_the_place() {
    let says = |spoil: fn(&mut Week), expected: &str| {
        let mut week: Week = serde_json::from_str(&text()).unwrap();
        spoil(&mut week);
        let error = read(&serde_json::to_string(&week).unwrap()).unwrap_err();
        assert_eq!(error, expected);
    };
    says(|w| w.commodities[1].size_kg = 1e9, "commodity 1: size_kg 1000000000 is out of range");
    says(|w| w.lanes[2].travel_s = 1e8, "lane 2: travel_s 100000000 is out of range");
    says(|w| w.costs.load_s = 1e7, "costs 0: load_s 10000000 is out of range");
    says(
        |w| w.commodities[4].due_s = 2.0 * MAX_SPAN_S,
        "commodity 4: due_s 63244800 is out of range",
    );
    says(
        |w| w.commodities[0].origin = 4,
        "commodity 0 names hub 4, but there are only 4 (the first is 0)",
    );
    let cut = &text()[..200];
    assert!(read(cut).unwrap_err().contains("line 1 column 200"));
    let unknown = text().replacen("\"hours\"", "\"horas\"", 1);
    let error = read(&unknown).unwrap_err();
    assert!(error.contains("horas") || error.contains("hours"), "{error}");
}
