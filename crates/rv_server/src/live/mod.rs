//! The live stream: what changed, once a second, encoded once and shared by all viewers.

mod cells;
mod feed;

pub use cells::{Bbox, Cell, CellFrames, LIVE_ZOOM, LiveVan};
pub use feed::{Feed, Subscription, Tick, Viewer};
