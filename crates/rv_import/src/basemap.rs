//! What the base map shows besides roads: areas, lines and names.

use rv_base::LatLon;
use rv_map::{Area, AreaKind, Label, LabelKind, Line, LineKind};

use crate::areas;
use crate::buildings::{self, Building};
use crate::coast;
use crate::raw::{RawMap, Tags};
use crate::report::{WarningKind, Warnings};
use crate::roads::LeftOut;

/// A name longer than this is cut.
const LABEL_CHARS_MAX: usize = 80;
/// A named area smaller than this shares its name with nobody but those beside it, m2.
const NAMED_AREA_M2_MIN: f64 = 2_000.0;

/// The three tables of the base map.
pub(crate) struct BaseMap {
    pub areas: Vec<Area>,
    pub lines: Vec<Line>,
    pub labels: Vec<Label>,
}

/// Draws the base map, in a fixed order.
pub(crate) fn draw(
    raw: &RawMap,
    buildings: &[Building<'_>],
    left_out: Vec<LeftOut>,
    bounds: (LatLon, LatLon),
    warnings: &mut Warnings,
) -> BaseMap {
    let mut map = BaseMap { areas: Vec::new(), lines: Vec::new(), labels: Vec::new() };
    let coast = coastlines(raw);
    let sea = coast::sea(&coast, bounds);
    map.areas.extend(sea.into_iter().map(|rings| Area { kind: AreaKind::Water, rings }));
    map.lines.extend(coast.into_iter().map(|points| Line { kind: LineKind::Coastline, points }));
    for way in raw.ways.iter().filter(|way| way.is_ring()) {
        if let Some(kind) = area_kind(&way.tags) {
            let points = raw.points_of(way);
            map.push_area(kind, &way.tags, vec![points[..points.len() - 1].to_vec()]);
        }
    }
    for relation in raw.relations.iter().filter(|r| r.tags.is("type", "multipolygon")) {
        let kind = area_kind(&relation.tags);
        if kind.is_none() && !buildings::is_building(&relation.tags) {
            continue;
        }
        match (areas::multipolygon(raw, relation), kind) {
            (Some(polygons), Some(kind)) => {
                for polygon in polygons {
                    map.push_area(kind, &relation.tags, polygon.rings);
                }
            }
            (Some(_), None) => {}
            (None, _) => warnings.add(WarningKind::RingOpen, relation.id),
        }
    }
    let outlines = buildings.iter().map(|building| building.polygon.rings.clone());
    map.areas.extend(outlines.map(|rings| Area { kind: AreaKind::Building, rings }));
    for building in buildings {
        map.push_spot(building.tags, building.centre);
    }
    map.draw_lines(raw, left_out);
    for (node, tags) in &raw.node_tags {
        let position = raw.positions[*node as usize];
        if let (Some(kind), Some(text)) = (place_kind(tags), name(tags)) {
            map.labels.push(Label { kind, text, position });
        } else {
            map.push_spot(tags, position);
        }
    }
    // A museum mapped as a spot and as an area has one name.
    let mut kept: Vec<Label> = Vec::with_capacity(map.labels.len());
    map.labels.sort_by(|a, b| (a.kind, &a.text, a.position).cmp(&(b.kind, &b.text, b.position)));
    for label in map.labels {
        let same = kept.iter().rev().take_while(|l| l.text == label.text && l.kind == label.kind);
        if !same.into_iter().any(|l| l.position.distance_to(label.position).0 < 400.0) {
            kept.push(label);
        }
    }
    map.labels = kept;
    map
}

impl BaseMap {
    fn push_area(&mut self, kind: AreaKind, tags: &Tags, rings: Vec<Vec<LatLon>>) {
        let label = match kind {
            AreaKind::Water => LabelKind::Water,
            AreaKind::Green => LabelKind::Green,
            AreaKind::Building | AreaKind::Bare | AreaKind::Paved => LabelKind::Spot,
        };
        let (area_m2, position) = areas::area_and_centre(&rings[0]);
        if let Some(text) = name(tags).filter(|_| area_m2 > NAMED_AREA_M2_MIN) {
            self.labels.push(Label { kind: label, text, position });
        }
        self.areas.push(Area { kind, rings });
    }

    fn push_spot(&mut self, tags: &Tags, position: LatLon) {
        if let Some(text) = name(tags).filter(|_| is_spot(tags)) {
            self.labels.push(Label { kind: LabelKind::Spot, text, position });
        }
    }

    fn draw_lines(&mut self, raw: &RawMap, left_out: Vec<LeftOut>) {
        for way in &raw.ways {
            if let Some(kind) = line_kind(&way.tags) {
                let points = raw.points_of(way);
                if points.len() >= 2 {
                    self.lines.push(Line { kind, points });
                }
            }
        }
        for street in left_out.into_iter().filter(|street| street.points.len() >= 2) {
            let kind = if street.is_path { LineKind::Path } else { LineKind::Street };
            self.lines.push(Line { kind, points: street.points });
        }
    }
}

fn name(tags: &Tags) -> Option<String> {
    let name = tags.get("name")?.trim();
    (!name.is_empty()).then(|| name.chars().take(LABEL_CHARS_MAX).collect())
}

fn area_kind(tags: &Tags) -> Option<AreaKind> {
    let is_below = tags.is("location", "underground")
        || tags.is("parking", "underground")
        || tags.get("tunnel").is_some_and(|v| v != "no")
        || tags.get("layer").is_some_and(|layer| layer.starts_with('-'));
    if buildings::is_building(tags) || is_below {
        return None;
    }
    let natural = match tags.get("natural") {
        Some("water") => Some(AreaKind::Water),
        Some("wood" | "scrub" | "grassland" | "heath" | "wetland" | "fell" | "shrubbery") => {
            Some(AreaKind::Green)
        }
        Some("beach" | "sand" | "bare_rock" | "scree" | "shingle" | "rock" | "glacier") => {
            Some(AreaKind::Bare)
        }
        _ => None,
    };
    let landuse = || match tags.get("landuse")? {
        "reservoir" | "basin" => Some(AreaKind::Water),
        "grass" | "forest" | "meadow" | "cemetery" | "recreation_ground" | "village_green"
        | "orchard" | "vineyard" | "allotments" | "farmland" | "flowerbed" | "greenfield" => {
            Some(AreaKind::Green)
        }
        "quarry" | "construction" | "brownfield" => Some(AreaKind::Bare),
        _ => None,
    };
    let leisure = || match tags.get("leisure")? {
        "park" | "garden" | "pitch" | "golf_course" | "playground" | "dog_park" | "common" => {
            Some(AreaKind::Green)
        }
        "swimming_pool" => Some(AreaKind::Water),
        "track" => Some(AreaKind::Paved),
        _ => None,
    };
    let other = || {
        let is_water = tags.is("waterway", "riverbank") || tags.is("waterway", "dock");
        let is_square = tags.is("place", "square")
            || tags.is("amenity", "parking")
            || tags.is("man_made", "pier")
            || tags.get("aeroway").is_some_and(|v| v == "apron" || v == "helipad")
            || (tags.get("highway").is_some() && tags.is("area", "yes"))
            || tags.get("area:highway").is_some();
        if is_water { Some(AreaKind::Water) } else { is_square.then_some(AreaKind::Paved) }
    };
    natural.or_else(landuse).or_else(leisure).or_else(other)
}

fn line_kind(tags: &Tags) -> Option<LineKind> {
    let is_below = tags.get("tunnel").is_some_and(|v| v != "no");
    let is_rail = matches!(
        tags.get("railway"),
        Some("rail" | "tram" | "light_rail" | "subway" | "narrow_gauge" | "funicular" | "monorail")
    );
    let is_water = matches!(tags.get("waterway"), Some("river" | "stream" | "canal" | "drain"));
    if is_rail && !is_below {
        Some(LineKind::Rail)
    } else if is_water && !is_below {
        Some(LineKind::Waterway)
    } else if tags.is("highway", "steps") {
        Some(LineKind::Path)
    } else if tags.is("boundary", "administrative")
        && matches!(tags.get("admin_level"), Some("2" | "4"))
        && !tags.is("maritime", "yes")
    {
        Some(LineKind::Border)
    } else {
        None
    }
}

fn place_kind(tags: &Tags) -> Option<LabelKind> {
    match tags.get("place")? {
        "city" | "town" => Some(LabelKind::City),
        "village" | "suburb" | "quarter" | "neighbourhood" | "hamlet" | "borough" => {
            Some(LabelKind::Quarter)
        }
        "square" | "locality" => Some(LabelKind::Spot),
        "sea" | "ocean" => Some(LabelKind::Water),
        _ => None,
    }
}

/// True for what people look for on a map of a city.
fn is_spot(tags: &Tags) -> bool {
    let is_amenity = matches!(
        tags.get("amenity"),
        Some(
            "hospital"
                | "university"
                | "college"
                | "school"
                | "townhall"
                | "theatre"
                | "library"
                | "police"
                | "fire_station"
                | "marketplace"
                | "place_of_worship"
                | "casino"
                | "prison"
                | "courthouse"
                | "embassy"
                | "bus_station"
                | "ferry_terminal"
                | "arts_centre"
        )
    );
    is_amenity
        || matches!(tags.get("railway"), Some("station" | "halt" | "tram_stop"))
        || matches!(tags.get("tourism"), Some("attraction" | "museum" | "zoo" | "aquarium"))
        || matches!(tags.get("historic"), Some("castle" | "monument" | "fort"))
        || matches!(tags.get("leisure"), Some("stadium" | "marina" | "sports_centre"))
        || tags.is("natural", "peak")
        || tags.is("shop", "mall")
        || tags.is("aeroway", "terminal")
}

/// Coastlines joined end to end where they meet; land is on their left.
fn coastlines(raw: &RawMap) -> Vec<Vec<LatLon>> {
    let ways = raw.ways.iter().filter(|way| way.tags.is("natural", "coastline"));
    coast::join(ways.map(|way| raw.points_of(way)).filter(|points| points.len() >= 2).collect())
}
