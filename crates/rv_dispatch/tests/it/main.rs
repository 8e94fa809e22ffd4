//! The engine against its independent judge.

mod random;
mod soundness;
