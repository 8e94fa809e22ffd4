//! Texts of public instance families.

mod ap;
mod dow;

pub use ap::{ApError, is_ap, read_ap, read_ap_table};
pub use dow::{DowError, read_dow};
