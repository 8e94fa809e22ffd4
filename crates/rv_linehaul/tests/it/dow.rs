//! Wrong `.dow` texts give precise errors.

use std::error::Error;

use proptest::prelude::*;
use rv_linehaul::read_dow;

fn message(text: &str) -> String {
    let error = read_dow(text).unwrap_err();
    let source = error.source().map(|s| format!(": {s}")).unwrap_or_default();
    format!("{error}{source}")
}

#[test]
fn wrong_texts_are_named() {
    let check = |text: &str, expected: &str| assert_eq!(message(text), expected);
    check(
        "",
        "the text ends in line 1, where the counts of nodes, arcs and commodities was expected",
    );
    check("x\n2 1 1\n", "the text ends in line 3, where an arc was expected");
    check("x\n2 1 x\n", "line 2: `x` is not a number");
    check("x\n2 1 1\n1 2 3\n", "line 3 has 3 numbers, 5, 6 or 7 were expected");
    check("x\n2 1 1\n1 3 1 1 1\n", "line 3: 3 is not a whole number from 1 to 2");
    check(
        "x\n2 1 1\n1 2 1 1 1\n1 2 1\n1 2 1\n",
        "line 5 stands after the last commodity that the header counts",
    );
    check(
        "x\n2 1 1\n1 2 1 1 1\n1 2 -4\n",
        "the instance is wrong in line 4: commodity 1: size -4 is out of range",
    );
    check(
        "x\n2 1 1\n1 2 1 1 1\n2 1 4\n",
        "the instance is wrong in line 4: commodity 1: no path leads from node 2 to node 1",
    );
    check(
        "x\n2 1 1\n1 2 1 1 1 3\n1 2 4 7 6\n",
        "the instance is wrong in line 4: commodity 1 is due at 6, before its release at 7",
    );
    check(
        "x\n2 1 1\n1 1 1 1 1\n1 2 1\n",
        "the instance is wrong in line 3: arc 1 begins and ends at node 1",
    );
    check("x\n9e9 1 1\n", "line 2: 9000000000 is not a whole number from 1 to 10000");
}

proptest! {
    /// Whatever stands in a text, it is read or named, and never too much is asked of memory.
    #[test]
    fn no_text_panics(text in "[0-9 .ex\n-]{0,160}", tail in any::<String>()) {
        let _ = read_dow(&text);
        let _ = read_dow(&format!("x\n3 2 1\n{text}"));
        let _ = read_dow(&tail);
    }

    /// What is written as a text is read as it was.
    #[test]
    fn instances_are_read_as_they_were_written(
        arcs in prop::collection::vec((1..5_u32, 1..4_u32, 0.0..9.0, 1.0..9.0, 0.0..99.0, 0.0..5.0), 1..9),
        size in 0.1..50.0,
    ) {
        let mut text = format!("made\n4 {} 1\n", arcs.len() + 1);
        let mut row = |tail: u32, head: u32, v: [f64; 4]| {
            text += &format!("{tail} {head} {} {} {} {}\n", v[0], v[1], v[2], v[3]);
        };
        row(1, 2, [1.0, 2.0, 3.0, 4.0]);
        for (tail, ahead, a, b, c, d) in &arcs {
            row(*tail, (tail - 1 + ahead) % 4 + 1, [*a, *b, *c, *d]);
        }
        text += &format!("1 2 {size} 0.5 9\n");
        let design = read_dow(&text).unwrap();
        for (found, (tail, ahead, a, b, c, d)) in design.arcs()[1..].iter().zip(&arcs) {
            prop_assert_eq!((found.tail, found.head), (tail - 1, (tail - 1 + ahead) % 4));
            let values = (found.cost_per_unit, found.capacity, found.cost_fixed, found.travel);
            prop_assert_eq!(values, (*a, *b, *c, *d));
        }
        prop_assert_eq!(design.commodities()[0].size, size);
    }
}
