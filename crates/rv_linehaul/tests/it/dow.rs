//! Wrong `.dow` texts give precise errors.

use std::error::Error;

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
        "the instance is wrong: commodity 1: size -4 is out of range",
    );
    check(
        "x\n2 1 1\n1 2 1 1 1\n2 1 4\n",
        "the instance is wrong: commodity 1: no path leads from node 2 to node 1",
    );
    check(
        "x\n2 1 1\n1 2 1 1 1 3\n1 2 4 7 6\n",
        "the instance is wrong: commodity 1 is due at 6, before its release at 7",
    );
    check("x\n2 1 1\n1 1 1 1 1\n1 2 1\n", "the instance is wrong: arc 1 begins and ends at node 1");
    check("x\n9e9 1 1\n", "line 2: 9000000000 is not a whole number from 1 to 10000");
}
