//! Manoeuvres at walking pace: scenes by lot or from a file, driven with the real planner, driver and
//! monitor, and judged by geometry that shares nothing with them.

mod check;
mod drive;
mod scene;

pub use check::{Verdict, check};
pub use drive::{Outcome, Planned, Until, drive, drive_planned, plan};
pub use scene::{Kind, Place, Scene, SceneError, Solid, Walk, Wall};
