//! The engine against its independent judge.

mod agreement;
mod formats;
mod live;
mod oracle;
mod random;
mod soundness;
