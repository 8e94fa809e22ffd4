//! The map and the weights that the subcommands ask.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, ValueEnum};
use rv_base::{EdgeId, HourSet, LatLon, Meters, PermitId, Radians, RoadPosition, Seconds};
use rv_import::ImportOptions;
use rv_map::{City, Mode, ModeSet, Snap, SnapIndex, SnapQuery};
use rv_model::{Permit, VehicleKind};
use rv_route::{Conditions, EdgeSet, Metric, Network, RouteError, VehicleClass};
use rv_rules::{NotCovered, PermitIndex};
use serde::Serialize;
use serde_json::{Value, json};

use crate::day::permits::Zone;
use crate::output::{self, HintExt, error_with_hint};

/// Beyond so far from a usable road a point is outside the map.
const SNAP_RADIUS: Meters = Meters(1000.0);
/// Seed of what a bare topology does not tell of its roads.
const TOPOLOGY_SEED: u64 = 1;
/// Largest file of permits that is read.
const PERMIT_BYTES_MAX: u64 = 64 << 20;

/// What every question needs.
#[derive(Args)]
pub(crate) struct WorldArgs {
    /// City file, or an OpenStreetMap extract
    #[arg(long, value_name = "FILE", required = true)]
    pub(crate) city: Option<PathBuf>,
    /// Class of vehicle: robovan-25, robovan-35, robovan-45 (any whole cap), truck, robot or car
    #[arg(long, default_value = "robovan-35", value_name = "CLASS")]
    pub(crate) class: String,
    /// On which side of the road to stop
    #[arg(long, value_enum, default_value_t = Approach::Curb)]
    approach: Approach,
    /// Zones to keep out of, a GeoJSON file of polygons, or the permits held, a JSON list
    #[arg(long, value_name = "FILE")]
    permits: Option<PathBuf>,
    /// Hour of the week in which it drives, 0 from Monday midnight, for permits with hours
    #[arg(long, default_value_t = 9, value_name = "H", value_parser = clap::value_parser!(u32).range(0..168))]
    hour_of_week: u32,
    /// Close the piece of road nearest to this point, both directions
    #[arg(long, value_name = "LAT,LON", allow_hyphen_values = true, value_parser = lat_lon)]
    close: Vec<LatLon>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Approach {
    /// On the point's side of the road
    Curb,
    /// On the nearest edge, whichever side
    Any,
}

/// A loaded map with the weights of one class.
pub(crate) struct World {
    pub(crate) city: City,
    pub(crate) metric: Metric,
    snap: SnapIndex,
    approach: Approach,
    permits: Option<(PermitIndex, Vec<PermitId>, VehicleKind, u32)>,
}

/// A point and where on the road it is.
pub(crate) struct Place {
    pub(crate) asked: LatLon,
    pub(crate) snap: Snap,
}

impl Place {
    pub(crate) fn position(&self) -> RoadPosition {
        self.snap.position
    }
}

/// Why there is no answer; the command ends with exit code 1.
#[derive(Serialize)]
pub(crate) struct Refusal {
    code: &'static str,
    error: String,
    hint: String,
}

impl Refusal {
    /// A stable word for it.
    pub(crate) fn code(&self) -> &'static str {
        self.code
    }

    /// Says it and gives the exit code.
    pub(crate) fn answer(&self, as_json: bool) -> anyhow::Result<ExitCode> {
        if as_json {
            output::print_json(self)?;
        } else {
            output::note(&format!("no route: {}\nhint: {}", self.error, self.hint));
        }
        Ok(ExitCode::from(1))
    }
}

/// Reads a city file, or builds the city from an extract or a DIMACS topology (`.gr`).
pub(crate) fn load_city(path: &Path) -> anyhow::Result<City> {
    let mut start = Vec::new();
    let file = File::open(path);
    let read = file.and_then(|file| file.take(1 << 16).read_to_end(&mut start));
    read.hint(
        format!("cannot read {}", path.display()),
        "give a city file made by `robovan city build`, or an OpenStreetMap extract",
    )?;
    if path.extension().is_some_and(|extension| extension == "gr") {
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        let problem = || format!("cannot read {}", path.display());
        let file = File::open(path).hint(problem(), "give a file that may be read")?;
        return rv_import::build_dimacs(file, &name, TOPOLOGY_SEED)
            .map_err(|error| error_with_hint(format!("{}: {error}", problem()), error.hint()));
    }
    if matches!(City::from_file_bytes(&start), Err(rv_map::CityFileError::NotACityFile)) {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let options = ImportOptions::named(name.split('.').next().unwrap_or("city"));
        return Ok(crate::city::import(path, &options)?.0);
    }
    crate::city::load(path)
}

/// The class with this name, driving on the city's side.
pub(crate) fn class_of(name: &str, city: &City) -> anyhow::Result<VehicleClass> {
    let class = VehicleClass::by_name(name).ok_or_else(|| {
        error_with_hint(
            format!("there is no class of vehicle '{name}'"),
            "take robovan-25, robovan-35, robovan-45 (any whole cap from 1 to 140), truck, robot \
             or car",
        )
    })?;
    Ok(class.on_side(city.drive_side))
}

impl World {
    /// Loads map and permits and weighs the roads.
    pub(crate) fn load(args: &WorldArgs) -> anyhow::Result<Self> {
        let path = args.city.as_deref().ok_or_else(|| {
            error_with_hint("no city was named", "give a city file or an extract with --city")
        })?;
        let city = load_city(path)?;
        let class = class_of(&args.class, &city)?;
        let network = Arc::new(Network::build(&city.graph, ModeSet::of(&[class.mode])));
        let snap = SnapIndex::new(&city.graph);
        let permits = read_permits(args, &city, &class)?;
        let mut forbidden = EdgeSet::new();
        if let Some((index, held, kind, hour)) = &permits {
            let covered = index.edges(held, *kind, *hour);
            let edges = (0..city.graph.n_edges()).map(EdgeId::from_idx);
            forbidden.extend(edges.filter(|edge| !covered.contains(*edge)));
        }
        let closed = closed_edges(&city, &snap, class.mode, &args.close)?;
        let conditions = Conditions {
            forbidden: Some(&forbidden),
            closed: Some(&closed),
            ..Conditions::default()
        };
        let metric = Metric::build(network, &class, conditions, 1);
        Ok(Self { city, metric, snap, approach: args.approach, permits })
    }

    /// Where the roads are.
    pub(crate) fn snap(&self) -> &SnapIndex {
        &self.snap
    }

    /// Where on the road a point is.
    pub(crate) fn place(&self, at: LatLon, heading_deg: Option<f64>) -> Result<Place, Refusal> {
        let graph = &self.city.graph;
        let class = self.metric.class();
        let heading = heading_deg
            .filter(|h| h.is_finite())
            .map(|h| (Radians(h.to_radians()), Radians(60_f64.to_radians())));
        let query = SnapQuery { mode: class.mode, radius: SNAP_RADIUS, heading, n_max: 24 };
        let mut snaps = self.snap.nearest(graph, at, &query);
        snaps.retain(|s| {
            !matches!(self.metric.check_edge(s.position.edge), Err(RouteError::NotAllowed(_)))
        });
        let snap = match self.approach {
            Approach::Any => snaps.first().copied(),
            Approach::Curb => {
                self.snap.best_stop(graph, &snaps, self.city.drive_side, |_| Meters::ZERO)
            }
        };
        let snap = snap.ok_or_else(|| self.outside(at))?;
        match self.metric.check_edge(snap.position.edge) {
            Err(error @ RouteError::NotPermitted(_)) => Err(self.refusal(error)),
            _ => Ok(Place { asked: at, snap }),
        }
    }

    /// The point of a text: degrees, or the address, facility or street of that name. A name that
    /// begins so will do if no other is the same.
    pub(crate) fn point_named(&self, text: &str) -> anyhow::Result<LatLon> {
        if let Ok(at) = lat_lon(text) {
            return Ok(at);
        }
        let wanted = text.trim().to_lowercase();
        let graph = &self.city.graph;
        let facilities = self.city.facilities.iter().map(|f| (f.name.as_str(), f.position));
        let places = self.city.places.iter().map(|p| (p.address.as_str(), p.position));
        let edges = (0..graph.n_edges()).map(EdgeId::from_idx);
        let streets = edges.map(|edge| {
            let line = graph.polyline(edge);
            (graph.road_of(edge).name.as_str(), line[line.len() / 2])
        });
        let mut begins = None;
        for (name, at) in facilities.chain(places).chain(streets) {
            let name = name.to_lowercase();
            if !wanted.is_empty() && name == wanted {
                return Ok(at);
            }
            if begins.is_none() && !wanted.is_empty() && name.starts_with(&wanted) {
                begins = Some(at);
            }
        }
        begins.ok_or_else(|| {
            error_with_hint(
                format!("nothing in {} is called '{text}'", self.city.name),
                "give LAT,LON in degrees, or an address, facility or street as the map has it",
            )
        })
    }

    fn outside(&self, at: LatLon) -> Refusal {
        let (south_west, north_east) = self.city.bounds;
        Refusal {
            code: "outside_map",
            error: format!(
                "no road that a {} may use lies within {} m of {:.6},{:.6}",
                self.metric.class().name,
                SNAP_RADIUS.0,
                at.lat_deg(),
                at.lon_deg()
            ),
            hint: format!(
                "the map covers {:.4},{:.4} to {:.4},{:.4}; points are latitude,longitude",
                south_west.lat_deg(),
                south_west.lon_deg(),
                north_east.lat_deg(),
                north_east.lon_deg()
            ),
        }
    }

    /// A routing error in words, with the permit that is to blame.
    pub(crate) fn refusal(&self, error: RouteError) -> Refusal {
        let road = |edge: EdgeId| {
            let road = self.city.graph.road_of(edge);
            let name = if road.name.is_empty() { "unnamed" } else { &road.name };
            format!("way {} ({name})", road.source_id)
        };
        let (code, message, hint) = match error {
            RouteError::NotPermitted(edge) => {
                let why = match &self.permits {
                    Some((index, held, kind, hour)) => {
                        match index.covers_hour(held, *kind, edge, *hour) {
                            Err(NotCovered::Forbidden(id)) => {
                                format!("permit {id} forbids {}", road(edge))
                            }
                            _ => format!("none of the permits covers {}", road(edge)),
                        }
                    }
                    None => error.to_string(),
                };
                ("not_permitted", why, "choose another point, hour or permit")
            }
            RouteError::NotAllowed(edge) => (
                "not_allowed",
                format!("{} is not open to this class of vehicle", road(edge)),
                "choose another class or point",
            ),
            RouteError::Closed(edge) => {
                ("closed", format!("{} is closed", road(edge)), "choose another point")
            }
            RouteError::Unroutable { from, to } => (
                "unroutable",
                format!("no way leads from {} to {}", road(from), road(to)),
                "see whether permits and closures leave a way, or choose another class",
            ),
            RouteError::OutsideMap(_) => {
                ("outside_map", error.to_string(), "choose a point on the map")
            }
        };
        Refusal { code, error: message, hint: hint.to_owned() }
    }

    /// What was made of a point.
    pub(crate) fn describe(&self, place: &Place) -> Value {
        let road = self.city.graph.road_of(place.snap.position.edge);
        json!({
            "asked_deg": [place.asked.lat_deg(), place.asked.lon_deg()],
            "snapped_deg": [place.snap.point.lat_deg(), place.snap.point.lon_deg()],
            "snap_distance_m": place.snap.distance.0,
            "road": road.name,
            "way_id": road.source_id,
        })
    }
}

fn read_permits(
    args: &WorldArgs,
    city: &City,
    class: &VehicleClass,
) -> anyhow::Result<Option<(PermitIndex, Vec<PermitId>, VehicleKind, u32)>> {
    let Some(path) = &args.permits else { return Ok(None) };
    let problem = || format!("cannot read permits from {}", path.display());
    let hint = "give a GeoJSON FeatureCollection of Polygons to keep out of (properties name, \
                from_hour, to_hour, kinds), or a JSON list of permits";
    let file = File::open(path).hint(problem(), hint)?;
    let mut text = String::new();
    file.take(PERMIT_BYTES_MAX).read_to_string(&mut text).hint(problem(), hint)?;
    let permits: Vec<Permit> = if text.trim_start().starts_with('[') {
        serde_json::from_str(&text).hint(problem(), hint)?
    } else {
        let zones = crate::day::permits::zones(&text);
        forbidding(zones.map_err(|why| error_with_hint(format!("{}: {why}", problem()), hint))?)
    };
    let kind = match class.mode {
        Mode::Truck => VehicleKind::Truck,
        Mode::Robot => VehicleKind::Robot,
        _ => VehicleKind::Van,
    };
    let index = PermitIndex::new(&city.graph, &permits, Seconds::ZERO).hint(problem(), hint)?;
    let held = permits.iter().map(|permit| permit.id).collect();
    Ok(Some((index, held, kind, args.hour_of_week)))
}

/// One permit to drive anywhere, and one for each zone that forbids it.
fn forbidding(zones: Vec<Zone>) -> Vec<Permit> {
    let anywhere = Permit {
        id: PermitId(0),
        name: "anywhere".to_owned(),
        kinds: vec![VehicleKind::Van, VehicleKind::Robot, VehicleKind::Truck],
        allowed: Vec::new(),
        forbidden: Vec::new(),
        hours: HourSet::ALWAYS,
    };
    let forbids = |(idx, zone): (usize, Zone)| Permit {
        id: PermitId(idx as u32 + 1),
        name: zone.area.name.clone(),
        kinds: zone.kinds,
        allowed: Vec::new(),
        forbidden: vec![zone.area],
        hours: HourSet::NEVER,
    };
    std::iter::once(anywhere).chain(zones.into_iter().enumerate().map(forbids)).collect()
}

fn closed_edges(
    city: &City,
    snap: &SnapIndex,
    mode: Mode,
    points: &[LatLon],
) -> anyhow::Result<EdgeSet> {
    let mut closed = EdgeSet::new();
    for point in points {
        let query = SnapQuery { mode, radius: Meters(100.0), heading: None, n_max: 1 };
        let found = snap.nearest(&city.graph, *point, &query);
        let Some(found) = found.first() else {
            let problem =
                format!("no road to close at {:.6},{:.6}", point.lat_deg(), point.lon_deg());
            return Err(error_with_hint(problem, "name a point within 100 m of a road"));
        };
        closed.insert(found.position.edge);
        closed.extend(city.graph.edge(found.position.edge).reverse);
    }
    Ok(closed)
}

/// Reads `LAT,LON` in degrees.
pub(crate) fn lat_lon(text: &str) -> Result<LatLon, String> {
    let (lat, lon) = text.split_once(',').ok_or("write it as LAT,LON in degrees")?;
    let degrees = |part: &str| part.trim().parse::<f64>().map_err(|e| format!("'{part}': {e}"));
    LatLon::from_degrees(degrees(lat)?, degrees(lon)?).map_err(|e| e.to_string())
}

/// GeoJSON of a line.
pub(crate) fn line_string(line: &[LatLon]) -> Value {
    let points: Vec<[f64; 2]> = line.iter().map(|p| [p.lon_deg(), p.lat_deg()]).collect();
    json!({ "type": "LineString", "coordinates": points })
}
