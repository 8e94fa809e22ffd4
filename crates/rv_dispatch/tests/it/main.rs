//! The engine against its independent judge.

mod formats;
mod random;
mod soundness;
