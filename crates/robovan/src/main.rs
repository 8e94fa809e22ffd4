//! The robovan command: one binary, thin subcommands.

fn main() {}
