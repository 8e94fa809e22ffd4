//! What is asked of the vehicle.

use rv_base::Point2;
use rv_map::lanes::{LaneIdx, contains};

use super::geometry::wrapped_rad;
use super::vehicle::{State, Vehicle};

/// Regions in time, space, speed and heading, of which one is to be reached. Steps are counted
/// from the start of the drive.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Goals {
    /// The regions; none means: keep driving.
    pub any_of: Vec<Goal>,
}

/// One region.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Goal {
    /// First and last step.
    pub steps: (i64, i64),
    /// Rings, of which one is to hold the centre of the vehicle; none: anywhere.
    pub rings: Vec<Vec<Point2>>,
    /// Lanes named by the goal.
    pub lanes: Vec<LaneIdx>,
    /// Slowest and fastest.
    pub speed_mps: Option<(f64, f64)>,
    /// From and to, rad.
    pub heading_rad: Option<(f64, f64)>,
}

impl Goal {
    /// True if a place and heading suit it.
    pub fn holds_place(&self, centre: Point2, heading_rad: f64, margin_rad: f64) -> bool {
        self.holds_heading(heading_rad, margin_rad) && self.holds_ring(centre)
    }

    /// True if a place suits it, whatever the heading.
    pub(crate) fn holds_ring(&self, centre: Point2) -> bool {
        self.rings.is_empty() || self.rings.iter().any(|r| contains(r, centre))
    }

    /// True if a heading lies in the interval, less a margin at both ends.
    pub fn holds_heading(&self, heading_rad: f64, margin_rad: f64) -> bool {
        self.heading_rad.is_none_or(|(from, to)| {
            let half = (to - from).abs() / 2.0;
            let margin = margin_rad.min(half / 2.0);
            wrapped_rad(heading_rad - (from + to) / 2.0).abs() <= half - margin
        })
    }

    /// True if a speed suits it, less a margin at both ends.
    pub fn holds_speed(&self, speed_mps: f64, margin_mps: f64) -> bool {
        self.speed_mps.is_none_or(|(from, to)| {
            let margin = margin_mps.min((to - from).abs() / 4.0);
            speed_mps >= from + margin && speed_mps <= to - margin
        })
    }

    /// True if a step lies in its window.
    pub fn holds_step(&self, step: i64) -> bool {
        (self.steps.0..=self.steps.1).contains(&step)
    }

    /// True if a state at a step reaches it.
    pub fn is_reached(&self, vehicle: &Vehicle, state: &State, step: i64) -> bool {
        self.holds_step(step)
            && self.holds_speed(state.speed_mps, 0.0)
            && self.holds_place(state.centre(vehicle), state.heading_rad, 0.0)
    }

    /// Corners of a box around its rings; everything if it has none.
    pub(crate) fn bounds(&self) -> (Point2, Point2) {
        let all = f64::INFINITY;
        if self.rings.is_empty() {
            return (Point2 { x_m: -all, y_m: -all }, Point2 { x_m: all, y_m: all });
        }
        let start = (Point2 { x_m: all, y_m: all }, Point2 { x_m: -all, y_m: -all });
        self.rings.iter().flatten().fold(start, |(lo, hi), p| {
            (
                Point2 { x_m: lo.x_m.min(p.x_m), y_m: lo.y_m.min(p.y_m) },
                Point2 { x_m: hi.x_m.max(p.x_m), y_m: hi.y_m.max(p.y_m) },
            )
        })
    }

    /// Middle of its rings.
    pub fn middle(&self) -> Option<Point2> {
        let ring = self.rings.first()?;
        let n = ring.len().max(1) as f64;
        Some(Point2 {
            x_m: ring.iter().map(|p| p.x_m).sum::<f64>() / n,
            y_m: ring.iter().map(|p| p.y_m).sum::<f64>() / n,
        })
    }
}

impl Goals {
    /// The last step at which any can be reached.
    pub fn last_step(&self) -> Option<i64> {
        self.any_of.iter().map(|g| g.steps.1).max()
    }

    /// True if a state at a step reaches one.
    pub fn is_reached(&self, vehicle: &Vehicle, state: &State, step: i64) -> bool {
        self.any_of.iter().any(|g| g.is_reached(vehicle, state, step))
    }
}
