//! Orders from a CSV file, each bad row named by its line.

use std::path::Path;

use rv_base::{Datum, Kilograms, LatLon, PlaceId, Seconds, TimeWindow, Timestamp};
use rv_fleet::{Actor, Command, FleetConfig};
use rv_model::{Handover, OrderKind, OrderRequest, Site, Tenant};
use rv_sim::Planned;
use serde::Deserialize;

use crate::output::{self, HintExt};

/// Most rows that are read.
const ROWS_MAX: usize = 2_000_000;

/// Most bad rows that are shown.
const SHOWN_MAX: usize = 20;

/// Orders known at the start are announced so long before it.
const ANNOUNCED_BEFORE: Seconds = Seconds(1800.0);

const HINT: &str = "columns: key, tenant, kind (delivery, collection, replenishment), lat_deg and \
    lon_deg (datum: wgs84 or gcj02) or place, n_parcels, mass_kg, window_start and window_end (HH:MM), to (door, locker, \
    station), at (HH:MM when it is placed; empty: before the day); use --skip-bad-rows to take the \
    good rows only";

/// What to do with bad rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BadRows {
    Refuse,
    Skip,
}

/// One row as written.
#[derive(Debug, Deserialize)]
struct Row {
    key: String,
    tenant: String,
    #[serde(default)]
    kind: String,
    lat_deg: Option<f64>,
    lon_deg: Option<f64>,
    #[serde(default)]
    datum: String,
    place: Option<u32>,
    n_parcels: Option<u16>,
    mass_kg: Option<f64>,
    #[serde(default)]
    window_start: String,
    #[serde(default)]
    window_end: String,
    #[serde(default)]
    to: String,
    #[serde(default)]
    at: String,
}

/// Reads orders for the day that starts at `start`. Bad rows are reported on standard error, and
/// are an error unless they are to be skipped.
pub(crate) fn read(
    path: &Path,
    fleet: &FleetConfig,
    start: Timestamp,
    bad_rows: BadRows,
) -> anyhow::Result<Vec<Planned>> {
    let problem = || format!("cannot read orders from {}", path.display());
    let file =
        std::fs::File::open(path).hint(problem(), "give a file that exists and may be read")?;
    let (planned, bad) = parse(file, fleet, start);
    for text in bad.iter().take(SHOWN_MAX) {
        output::note(&format!("{}: {text}", path.display()));
    }
    if bad.len() > SHOWN_MAX {
        output::note(&format!("and {} more bad rows", bad.len() - SHOWN_MAX));
    }
    if !bad.is_empty() && bad_rows == BadRows::Refuse {
        return Err(output::error_with_hint(
            format!("{}: {} bad rows", problem(), bad.len()),
            HINT,
        ));
    }
    if planned.is_empty() {
        return Err(output::error_with_hint(format!("{}: no orders", problem()), HINT));
    }
    Ok(planned)
}

/// The good rows as commands, and what is wrong with the others.
fn parse(
    file: impl std::io::Read,
    fleet: &FleetConfig,
    start: Timestamp,
) -> (Vec<Planned>, Vec<String>) {
    let midnight = Timestamp(start.0 - i64::from(start.second_of_day()) * 1000);
    // Remarks are left out below: the reader's own would shift the number of the line after them.
    let mut reader =
        csv::ReaderBuilder::new().trim(csv::Trim::All).flexible(true).from_reader(file);
    let (mut planned, mut bad) = (Vec::new(), Vec::new());
    let mut keys = std::collections::BTreeMap::new();
    let headers = match reader.headers() {
        Ok(headers) => headers.clone(),
        Err(error) => return (planned, vec![format!("line 1: {error}")]),
    };
    for (idx, record) in reader.records().enumerate() {
        if idx >= ROWS_MAX {
            bad.push(format!("more than {ROWS_MAX} rows; the rest is left out"));
            break;
        }
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                let line = error.position().map_or(0, csv::Position::line);
                bad.push(format!("line {line}: {}", kind_text(&error)));
                continue;
            }
        };
        if record.get(0).is_some_and(|field| field.starts_with('#')) {
            continue;
        }
        let line = record.position().map_or(0, csv::Position::line);
        if record.len() != headers.len() {
            bad.push(format!("line {line}: {} fields instead of {}", record.len(), headers.len()));
            continue;
        }
        let order = record
            .deserialize::<Row>(Some(&headers))
            .map_err(|error| kind_text(&error))
            .and_then(|row| to_order(&row, fleet, midnight, start));
        match order {
            Ok(order) => {
                let key = match &order.command {
                    Command::PlaceOrder(request) => (request.tenant, request.key.clone()),
                    _ => continue,
                };
                if let Some(first) = keys.insert(key, line) {
                    bad.push(format!("line {line}: the key was used before, in line {first}"));
                } else {
                    planned.push(order);
                }
            }
            Err(text) => bad.push(format!("line {line}: {text}")),
        }
    }
    (planned, bad)
}

/// What is wrong with a row, without its position.
fn kind_text(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::Deserialize { err, .. } => err.to_string(),
        csv::ErrorKind::Utf8 { .. } => "not valid UTF-8".to_owned(),
        _ => error.to_string(),
    }
}

fn to_order(
    row: &Row,
    fleet: &FleetConfig,
    midnight: Timestamp,
    start: Timestamp,
) -> Result<Planned, String> {
    let tenant = find_tenant(&fleet.tenants, &row.tenant).ok_or_else(|| {
        format!("there is no tenant '{}': take {}", row.tenant, names(&fleet.tenants))
    })?;
    let kind = match row.kind.as_str() {
        "" | "delivery" => OrderKind::Delivery,
        "collection" => OrderKind::Collection,
        "replenishment" => OrderKind::Replenishment,
        other => {
            return Err(format!("kind '{other}' is none of delivery, collection, replenishment"));
        }
    };
    let handover = match row.to.as_str() {
        "" | "door" => Handover::Door,
        "locker" => Handover::Locker,
        "station" => Handover::Station,
        other => return Err(format!("to '{other}' is none of door, locker, station")),
    };
    let datum = match row.datum.as_str() {
        "" | "wgs84" => Datum::Wgs84,
        "gcj02" => Datum::Gcj02,
        other => return Err(format!("datum '{other}' is none of wgs84, gcj02")),
    };
    let site = match (row.place, row.lat_deg, row.lon_deg) {
        (Some(place), _, _) => Site::Place(PlaceId(place)),
        (None, Some(lat), Some(lon)) => {
            let point = LatLon::from_degrees(lat, lon).map_err(|e| e.to_string())?;
            Site::Point(datum.to_wgs84(point))
        }
        _ => return Err("neither place nor lat_deg and lon_deg".to_owned()),
    };
    let moment = |text: &str, column: &str| {
        parse_hhmm(text)
            .map(|second| midnight + Seconds(f64::from(second)) - fleet.utc_offset_s)
            .ok_or_else(|| format!("{column} '{text}' is no time of day like 14:30"))
    };
    let window = TimeWindow::new(
        moment(&row.window_start, "window_start")?,
        moment(&row.window_end, "window_end")?,
    )
    .ok_or("the window ends before it begins")?;
    let at = if row.at.is_empty() { start - ANNOUNCED_BEFORE } else { moment(&row.at, "at")? };
    let request = OrderRequest {
        key: row.key.clone(),
        tenant: tenant.id,
        kind,
        site,
        handover,
        n_parcels: row.n_parcels.unwrap_or(1),
        parcel_mass: Kilograms(row.mass_kg.unwrap_or(1.0)),
        window,
    };
    request.check().map_err(|error| error.to_string())?;
    let actor = Actor::tenant(tenant.id);
    Ok(Planned { at, actor, command: Command::PlaceOrder(request) })
}

/// By name, whatever its case, or by number.
pub(crate) fn find_tenant<'a>(tenants: &'a [Tenant], text: &str) -> Option<&'a Tenant> {
    tenants
        .iter()
        .find(|t| t.name.eq_ignore_ascii_case(text))
        .or_else(|| tenants.get(text.parse::<usize>().ok()?))
}

fn names(tenants: &[Tenant]) -> String {
    tenants.iter().map(|t| format!("'{}'", t.name)).collect::<Vec<_>>().join(", ")
}

/// Seconds of the day of `HH:MM`, 00:00 to 24:00.
pub(crate) fn parse_hhmm(text: &str) -> Option<u32> {
    let (hours, minutes) = text.split_once(':')?;
    let (hours, minutes): (u32, u32) = (hours.parse().ok()?, minutes.parse().ok()?);
    let second = hours * 3600 + minutes * 60;
    (minutes < 60 && hours <= 24 && second <= 86_400).then_some(second)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> (Vec<Planned>, Vec<String>) {
        let city = rv_map::City { name: "nowhere".into(), ..Default::default() };
        let fleet = FleetConfig::for_city(&city, 1, 1);
        parse(text.as_bytes(), &fleet, rv_sim::USUAL_START)
    }

    const HEAD: &str =
        "key,tenant,kind,lat_deg,lon_deg,n_parcels,mass_kg,window_start,window_end,to,at\n";

    #[test]
    fn good_rows_become_orders() {
        let (planned, bad) = read_text(&format!(
            "{HEAD}a1,city post,,43.73,7.42,2,1.5,08:00,12:00,,\n\
             a2,1,collection,43.73,7.42,,,10:00,11:30,door,09:15\n"
        ));
        assert_eq!(bad, Vec::<String>::new());
        let Command::PlaceOrder(first) = &planned[0].command else { panic!("{planned:?}") };
        assert_eq!((first.n_parcels, first.window.length()), (2, Seconds(4.0 * 3600.0)));
        let Command::PlaceOrder(second) = &planned[1].command else { panic!("{planned:?}") };
        assert_eq!((second.tenant.0, second.kind), (1, OrderKind::Collection));
        assert_eq!(planned[1].at.second_of_day(), 9 * 3600 + 15 * 60);
    }

    #[test]
    fn shifted_positions_are_taken_back() {
        let (planned, bad) = read_text(
            "key,tenant,lat_deg,lon_deg,datum,window_start,window_end\n\
             a1,0,31.17530398,121.53154186,gcj02,08:00,12:00\n\
             a2,0,31.1774276,121.5272106,wgs84,08:00,12:00\n\
             a3,0,31.1774276,121.5272106,bd09,08:00,12:00\n",
        );
        assert_eq!(bad, ["line 4: datum 'bd09' is none of wgs84, gcj02"]);
        let point = |planned: &Planned| match &planned.command {
            Command::PlaceOrder(OrderRequest { site: Site::Point(point), .. }) => *point,
            other => panic!("{other:?}"),
        };
        let apart = point(&planned[0]).distance_to(point(&planned[1]));
        assert!(apart < rv_base::gcj02::ROUND_TRIP_ERROR_MAX, "{apart}");
    }

    #[test]
    fn each_bad_row_is_named_by_its_line() {
        let (planned, bad) = read_text(&format!(
            "{HEAD}a1,city post,,43.73,7.42,2,1.5,08:00,12:00,,\n\
             a2,nobody,,43.73,7.42,1,1,08:00,12:00,,\n\
             # a remark\n\
             a3,0,,430.73,7.42,1,1,08:00,12:00,,\n\
             a4,0,,43.73,7.42,x,1,08:00,12:00,,\n\
             a5,0,,43.73,7.42,1,1,12:00,08:00,,\n\
             a1,0,,43.73,7.42,1,1,08:00,12:00,,\n\
             a6,0,,43.73\n\
             a7,0,,43.73,7.42,900,1,08:00,25:00,,\n"
        ));
        assert_eq!(planned.len(), 1);
        expect_test::expect![[r#"
            line 3: there is no tenant 'nobody': take 'City Post', 'Swift Express', 'Urban Supply'
            line 5: latitude is beyond 90 degrees
            line 6: field 5: invalid digit found in string
            line 7: the window ends before it begins
            line 8: the key was used before, in line 2
            line 9: 4 fields instead of 11
            line 10: window_end '25:00' is no time of day like 14:30"#]]
        .assert_eq(&bad.join("\n"));
    }

    #[test]
    fn a_file_that_is_no_csv_is_refused_without_a_panic() {
        let (planned, bad) = read_text("\u{0}\u{1}garbage");
        assert!(planned.is_empty() && bad.is_empty());
        let (planned, bad) = read_text("key,tenant\na,b\n");
        assert!(planned.is_empty() && bad.len() == 1, "{bad:?}");
    }
}
