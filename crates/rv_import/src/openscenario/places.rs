//! Positions, routes and trajectories.

use super::OpenScenarioError;
use super::Xml;
use super::build::{Builder, flag, maybe, missing, need, number, number_or, text, whole};
use super::expression::Scope;
use super::types::{ClothoidPiece, Orientation, Position, Shape, Trajectory};

impl Builder<'_> {
    /// The position that an element holds.
    pub(super) fn position(
        &mut self,
        holder: &Xml,
        scope: &Scope<'_>,
    ) -> Result<Position, OpenScenarioError> {
        self.count()?;
        let place = holder.children.first().ok_or_else(|| missing(holder, "a position"))?;
        let n = |name: &str| number(place, name, scope);
        let or0 = |name: &str| number_or(place, name, scope, 0.0);
        let turn = orientation(place, scope)?;
        Ok(match place.name.as_str() {
            "WorldPosition" => {
                Position::World { x_m: n("x")?, y_m: n("y")?, heading_rad: or0("h")? }
            }
            "LanePosition" => Position::Lane {
                road: text(place, "roadId", scope)?,
                lane: whole(place, "laneId", scope)?,
                s_m: n("s")?,
                offset_m: or0("offset")?,
                turn,
            },
            "RoadPosition" => Position::Road {
                road: text(place, "roadId", scope)?,
                s_m: n("s")?,
                t_m: n("t")?,
                turn,
            },
            "RelativeLanePosition" => Position::RelativeLane {
                entity: self.entity_of(place, "entityRef", scope)?,
                lanes: whole(place, "dLane", scope)?,
                ds_m: match maybe(place, "ds", scope)? {
                    Some(ds) => ds,
                    None => or0("dsLane")?,
                },
                offset_m: or0("offset")?,
                turn,
            },
            "RelativeRoadPosition" => Position::RelativeRoad {
                entity: self.entity_of(place, "entityRef", scope)?,
                ds_m: n("ds")?,
                dt_m: n("dt")?,
                turn,
            },
            "RelativeObjectPosition" => Position::RelativeObject {
                entity: self.entity_of(place, "entityRef", scope)?,
                dx_m: n("dx")?,
                dy_m: n("dy")?,
                turn,
            },
            "RelativeWorldPosition" => Position::RelativeWorld {
                entity: self.entity_of(place, "entityRef", scope)?,
                dx_m: n("dx")?,
                dy_m: n("dy")?,
                turn,
            },
            "RoutePosition" => self.on_route(place, turn, scope)?,
            "TrajectoryPosition" => Position::Trajectory {
                trajectory: Box::new(self.trajectory_ref(need(place, "TrajectoryRef")?, scope)?),
                s_m: n("s")?,
                t_m: or0("t")?,
                turn,
            },
            other => {
                return Err(missing(
                    holder,
                    &format!("a position that is known (<{other}> is not)"),
                ));
            }
        })
    }

    fn on_route(
        &mut self,
        place: &Xml,
        turn: Option<Orientation>,
        scope: &Scope<'_>,
    ) -> Result<Position, OpenScenarioError> {
        let route = need(place, "RouteRef")?;
        let waypoints = self.route_ref(route, scope)?;
        let within = need(place, "InRoutePosition")?;
        if let Some(lane) = within.child("FromLaneCoordinates") {
            let lane_id = whole(lane, "laneId", scope)?;
            let offset = maybe(lane, "laneOffset", scope)?.unwrap_or(0.0);
            let path_m = number(lane, "pathS", scope)?;
            let lane = Some((lane_id, offset));
            return Ok(Position::Route { waypoints, path_m, lane, t_m: 0.0, turn });
        }
        let road = need(within, "FromRoadCoordinates")?;
        let (path_m, t_m) = (number(road, "pathS", scope)?, number(road, "t", scope)?);
        Ok(Position::Route { waypoints, path_m, lane: None, t_m, turn })
    }

    /// Waypoints of the route that an element holds or refers to.
    pub(super) fn route_ref(
        &mut self,
        holder: &Xml,
        scope: &Scope<'_>,
    ) -> Result<Vec<Position>, OpenScenarioError> {
        if let Some(route) = holder.child("Route") {
            return self.route(route, scope);
        }
        let reference = need(holder, "CatalogReference")?;
        self.referred(reference, scope, |b, entry, scope| b.route(entry, scope))
    }

    fn route(
        &mut self,
        route: &Xml,
        scope: &Scope<'_>,
    ) -> Result<Vec<Position>, OpenScenarioError> {
        let points: Vec<&Xml> = route.all("Waypoint").collect();
        let points = points.into_iter().map(|w| self.position(need(w, "Position")?, scope));
        let points: Vec<Position> = points.collect::<Result<_, _>>()?;
        if points.len() < 2 { Err(missing(route, "two waypoints")) } else { Ok(points) }
    }

    /// The trajectory that an element holds or refers to.
    pub(super) fn trajectory_ref(
        &mut self,
        holder: &Xml,
        scope: &Scope<'_>,
    ) -> Result<Trajectory, OpenScenarioError> {
        if let Some(trajectory) = holder.child("Trajectory") {
            return self.trajectory(trajectory, scope);
        }
        let reference = need(holder, "CatalogReference")?;
        self.referred(reference, scope, |b, entry, scope| b.trajectory(entry, scope))
    }

    fn trajectory(
        &mut self,
        trajectory: &Xml,
        scope: &Scope<'_>,
    ) -> Result<Trajectory, OpenScenarioError> {
        let is_closed = flag(trajectory, "closed", scope)?.unwrap_or(false);
        let holder = need(trajectory, "Shape")?;
        let shape = holder.children.first().ok_or_else(|| missing(holder, "a shape"))?;
        let shape = match shape.name.as_str() {
            "Polyline" => {
                let mut vertices = Vec::new();
                for vertex in shape.all("Vertex") {
                    let at_s = maybe(vertex, "time", scope)?;
                    vertices.push((at_s, self.position(need(vertex, "Position")?, scope)?));
                }
                if vertices.len() < 2 {
                    return Err(missing(shape, "two vertices"));
                }
                Shape::Polyline(vertices)
            }
            "Clothoid" => {
                let start = shape.child("Position");
                let start = start.map(|p| self.position(p, scope)).transpose()?;
                let length_m = number(shape, "length", scope)?;
                let curvature_1pm = number(shape, "curvature", scope)?;
                let prime = match maybe(shape, "curvaturePrime", scope)? {
                    Some(prime) => prime,
                    None => maybe(shape, "curvatureDot", scope)?.unwrap_or(0.0),
                };
                let curvature_end_1pm = curvature_1pm + prime * length_m;
                let piece = ClothoidPiece { start, curvature_1pm, curvature_end_1pm, length_m };
                Shape::Clothoids(vec![checked(shape, piece)?])
            }
            "ClothoidSpline" => {
                let mut pieces = Vec::new();
                for segment in shape.all("ClothoidSplineSegment") {
                    self.count()?;
                    let start = segment.child("PositionStart");
                    let piece = ClothoidPiece {
                        start: start.map(|p| self.position(p, scope)).transpose()?,
                        curvature_1pm: number(segment, "curvatureStart", scope)?,
                        curvature_end_1pm: number(segment, "curvatureEnd", scope)?,
                        length_m: number(segment, "length", scope)?,
                    };
                    pieces.push(checked(segment, piece)?);
                }
                Shape::Clothoids(pieces)
            }
            other => {
                return Err(missing(holder, &format!("a shape that is known (<{other}> is not)")));
            }
        };
        Ok(Trajectory { is_closed, shape })
    }
}

fn checked(element: &Xml, piece: ClothoidPiece) -> Result<ClothoidPiece, OpenScenarioError> {
    let within = (0.0..=1e5).contains(&piece.length_m)
        && piece.curvature_1pm.abs() < 10.0
        && piece.curvature_end_1pm.abs() < 10.0;
    let what = "a length of 0 to 100 km and curvatures below 10 1/m";
    if within { Ok(piece) } else { Err(missing(element, what)) }
}

fn orientation(place: &Xml, scope: &Scope<'_>) -> Result<Option<Orientation>, OpenScenarioError> {
    let Some(turn) = place.child("Orientation") else { return Ok(None) };
    let heading_rad = maybe(turn, "h", scope)?.unwrap_or(0.0);
    Ok(Some(Orientation { heading_rad, is_relative: turn.attribute("type") == Some("relative") }))
}
