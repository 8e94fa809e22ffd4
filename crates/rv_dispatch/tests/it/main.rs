//! The engine against its independent judge.

mod agreement;
mod formats;
mod oracle;
mod random;
mod soundness;
