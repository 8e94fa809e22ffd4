//! Texts of public instance families.

mod dow;

pub use dow::{DowError, read_dow};
