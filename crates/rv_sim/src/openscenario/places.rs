//! From places as a scenario states them to points.

use rv_import::openscenario::{EntityIdx, Orientation, Position, Shape, Trajectory};

use super::line::Line;
use super::roads::{Pose, Spot};
use super::{PlayError, Player};

/// A place: where it is, and on which road if it is on one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) pose: Pose,
    pub(super) spot: Option<Spot>,
    /// How far along its trajectory it is, m, if it is on one.
    pub(super) along_m: Option<f64>,
}

impl Player<'_> {
    /// Resolves a position.
    pub(super) fn place(&self, position: &Position) -> Result<Place, PlayError> {
        match position {
            Position::World { x_m, y_m, heading_rad } => {
                let at = rv_base::Point2 { x_m: *x_m, y_m: *y_m };
                Ok(self.free(Pose { at, heading_rad: *heading_rad }))
            }
            Position::Lane { road, lane, s_m, offset_m, turn } => {
                let road_idx = self.road(road)?;
                let length_m = self.roads.road(road_idx).length_m();
                let s_m = s_m.clamp(0.0, length_m);
                if self.roads.road(road_idx).lane_middle_m(s_m, *lane).is_none() {
                    let (road, s) = (road.clone(), format!("{s_m:.1}"));
                    return Err(PlayError::NoLane { road, lane: *lane, s });
                }
                let is_forward = self.roads.road(road_idx).runs_forward(*lane);
                let spot =
                    Spot { road: road_idx, s_m, lane: *lane, offset_m: *offset_m, is_forward };
                Ok(self.on_road(spot, *turn))
            }
            Position::Road { road, s_m, t_m, turn } => {
                let road = self.road(road)?;
                let s_m = s_m.clamp(0.0, self.roads.road(road).length_m());
                Ok(self.on_road(self.roads.spot(road, s_m, *t_m), *turn))
            }
            Position::RelativeLane { entity, lanes, ds_m, offset_m, turn } => {
                self.beside(*entity, *lanes, *ds_m, *offset_m, *turn)
            }
            Position::RelativeRoad { entity, ds_m, dt_m, turn } => {
                let base = self.spot_of(*entity)?;
                let mut spot = base;
                self.roads.advance(&mut spot, *ds_m, &self.movers[*entity].route);
                let sign = if base.is_forward { 1.0 } else { -1.0 };
                let t_m = self.roads.t_m(&spot) + sign * dt_m;
                let is_forward = spot.is_forward;
                let spot = Spot { is_forward, ..self.roads.spot(spot.road, spot.s_m, t_m) };
                Ok(self.on_road(spot, *turn))
            }
            Position::RelativeObject { entity, dx_m, dy_m, turn } => {
                let base = self.movers[*entity].pose;
                let heading_rad = turned(base.heading_rad, *turn);
                Ok(self.free(Pose { at: base.point(*dx_m, *dy_m), heading_rad }))
            }
            Position::RelativeWorld { entity, dx_m, dy_m, turn } => {
                let mut pose = self.movers[*entity].pose;
                pose.at.x_m += dx_m;
                pose.at.y_m += dy_m;
                pose.heading_rad = turned(pose.heading_rad, *turn);
                Ok(self.free(pose))
            }
            // The heading of a place on a route is that of the lane, whatever it says beside: so
            // esmini takes it.
            Position::Route { waypoints, path_m, lane, t_m, turn: _ } => {
                let spot = self.on_route(waypoints, *path_m, *lane, *t_m)?;
                Ok(self.on_road(spot, None))
            }
            Position::Trajectory { trajectory, s_m, t_m, turn } => {
                let line = self.line(trajectory, Pose::default())?;
                let pose = line.at(*s_m);
                let at = pose.point(0.0, *t_m);
                let place = self.free(Pose { at, heading_rad: turned(pose.heading_rad, *turn) });
                Ok(Place { along_m: Some(*s_m), ..place })
            }
        }
    }

    fn road(&self, id: &str) -> Result<usize, PlayError> {
        self.roads.find(id).ok_or_else(|| PlayError::NoRoad(id.to_owned()))
    }

    fn spot_of(&self, entity: EntityIdx) -> Result<Spot, PlayError> {
        let name = || PlayError::NoRoad(self.scenario.entities[entity].name.clone());
        self.movers[entity].spot.ok_or_else(name)
    }

    fn beside(
        &self,
        entity: EntityIdx,
        lanes: i64,
        ds_m: f64,
        offset_m: f64,
        turn: Option<Orientation>,
    ) -> Result<Place, PlayError> {
        let base = self.spot_of(entity)?;
        let lane = lane_beside(&base, lanes);
        let mut spot = base;
        spot.s_m += if base.is_forward { ds_m } else { -ds_m };
        let length_m = self.roads.road(spot.road).length_m();
        if !(0.0..=length_m).contains(&spot.s_m) {
            spot = base;
            self.roads.advance(&mut spot, ds_m, &self.movers[entity].route);
        }
        let road = self.roads.road(spot.road);
        if road.lane_middle_m(spot.s_m, lane).is_none() {
            let (road, s) = (road.id().to_owned(), format!("{:.1}", spot.s_m));
            return Err(PlayError::NoLane { road, lane, s });
        }
        Ok(self.on_road(Spot { lane, offset_m, ..spot }, turn))
    }

    fn on_road(&self, mut spot: Spot, turn: Option<Orientation>) -> Place {
        let mut pose = self.roads.pose(&spot);
        if let Some(turn) = turn {
            let line = self.roads.road(spot.road).pose(spot.s_m).heading;
            pose.heading_rad = turned(pose.heading_rad, Some(turn));
            spot.is_forward = (pose.heading_rad - line).cos() >= 0.0;
        }
        Place { pose, spot: Some(spot), along_m: None }
    }

    /// A place that no road is named for: on the nearest one, if there are roads.
    pub(super) fn free(&self, pose: Pose) -> Place {
        let spot = self.roads.nearest(pose.at).map(|spot| {
            let line = self.roads.road(spot.road).pose(spot.s_m).heading;
            Spot { is_forward: (pose.heading_rad - line).cos() >= 0.0, ..spot }
        });
        Place { pose, spot, along_m: None }
    }

    /// Roads of a route with whether each is driven forward, and where on the first it begins.
    pub(super) fn route(
        &self,
        waypoints: &[Position],
    ) -> Result<(Vec<(usize, bool)>, f64), PlayError> {
        let mut roads: Vec<(usize, bool)> = Vec::new();
        let mut start_m = 0.0;
        for (i, waypoint) in waypoints.iter().enumerate() {
            let spot = self.place(waypoint)?.spot.ok_or(PlayError::NoWay)?;
            if i == 0 {
                start_m = spot.s_m;
                roads.push((spot.road, spot.is_forward));
                continue;
            }
            let (last, is_forward) = roads[roads.len() - 1];
            let mut way = self.roads.way(last, is_forward, spot.road);
            if way.is_empty() && roads.len() == 1 {
                // The lane of the first waypoint says the way, but not always the right one.
                way = self.roads.way(last, !is_forward, spot.road);
                roads.clear();
            }
            if way.is_empty() {
                return Err(PlayError::NoWay);
            }
            let skip = usize::from(!roads.is_empty());
            roads.extend(way.into_iter().skip(skip));
        }
        Ok((roads, start_m))
    }

    fn on_route(
        &self,
        waypoints: &[Position],
        path_m: f64,
        lane: Option<(i64, f64)>,
        t_m: f64,
    ) -> Result<Spot, PlayError> {
        let (roads, start_m) = self.route(waypoints)?;
        let mut left_m = path_m;
        for (i, &(road, is_forward)) in roads.iter().enumerate() {
            let length_m = self.roads.road(road).length_m();
            let from_m = match (i, is_forward) {
                (0, true) => start_m,
                (0, false) => length_m - start_m,
                _ => 0.0,
            };
            let gone_m = from_m + left_m;
            if gone_m > length_m && i + 1 < roads.len() {
                left_m = gone_m - length_m;
                continue;
            }
            let gone_m = gone_m.clamp(0.0, length_m);
            let s_m = if is_forward { gone_m } else { length_m - gone_m };
            return Ok(match lane {
                Some((lane, offset_m)) => {
                    let is_forward = self.roads.road(road).runs_forward(lane);
                    Spot { road, s_m, lane, offset_m, is_forward }
                }
                None => Spot { is_forward, ..self.roads.spot(road, s_m, t_m) },
            });
        }
        Err(PlayError::NoWay)
    }

    /// The line of a trajectory; `from` is where it begins if it does not say so.
    pub(super) fn line(&self, trajectory: &Trajectory, from: Pose) -> Result<Line, PlayError> {
        match &trajectory.shape {
            Shape::Polyline(vertices) => {
                let point = |(at_s, p): &(Option<f64>, Position)| {
                    Ok((at_s.unwrap_or(0.0), self.place(p)?.pose.at))
                };
                let points: Vec<_> =
                    vertices.iter().map(point).collect::<Result<_, PlayError>>()?;
                Ok(Line::polyline(&points, trajectory.is_closed))
            }
            Shape::Clothoids(pieces) => {
                let mut laid = Vec::with_capacity(pieces.len());
                for piece in pieces {
                    let start = piece.start.as_ref().map(|p| self.place(p)).transpose()?;
                    let start = start.map(|place| place.pose);
                    laid.push((
                        start,
                        piece.curvature_1pm,
                        piece.curvature_end_1pm,
                        piece.length_m,
                    ));
                }
                Ok(Line::clothoids(from, &laid))
            }
        }
    }
}

/// The lane so many to the left of a spot's, in the direction in which it looks; there is no
/// lane 0.
pub(super) fn lane_beside(spot: &Spot, lanes: i64) -> i64 {
    let lane = spot.lane + if spot.is_forward { lanes } else { -lanes };
    if lanes != 0 && (lane == 0 || lane.signum() != spot.lane.signum()) {
        let step = (lane - spot.lane).signum();
        return lane + step;
    }
    lane
}

fn turned(base_rad: f64, turn: Option<Orientation>) -> f64 {
    match turn {
        None => base_rad,
        Some(turn) if turn.is_relative => base_rad + turn.heading_rad,
        Some(turn) => turn.heading_rad,
    }
}
