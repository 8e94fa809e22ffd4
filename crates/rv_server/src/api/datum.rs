//! Positions in the datum that the caller asks for with `?datum=`, going in and coming out.
//!
//! Handlers know WGS-84 only. This stands before them: it converts every position in query, body
//! and answer, wherever it stands: fields `lat_deg` and `lon_deg`, GeoJSON coordinates, corners.

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use rv_base::{Datum, LatLon};
use serde_json::Value;

use super::BULK_BODY_MAX;
use super::error::ApiError;
use super::extract::lat_lon;

/// Largest answer that is converted, bytes.
const ANSWER_MAX: usize = 64 << 20;

/// Query parameters that hold positions, `LAT,LON`, several with `;` between them.
const POSITIONS: [&str; 4] = ["from", "to", "via", "at"];

/// Which way a position goes.
#[derive(Clone, Copy)]
enum Way {
    In(Datum),
    Out(Datum),
}

pub(super) async fn convert(request: Request, next: Next) -> Response {
    match take_in(request).await {
        Ok((request, Datum::Wgs84)) => next.run(request).await,
        Ok((request, datum)) => give_out(next.run(request).await, datum).await,
        Err(error) => error.into_response(),
    }
}

/// The request in WGS-84, and the datum that it asks for.
async fn take_in(request: Request) -> Result<(Request, Datum), ApiError> {
    let query = request.uri().query().unwrap_or("");
    let Some(name) = query.split('&').find_map(|pair| pair.strip_prefix("datum=")) else {
        return Ok((request, Datum::Wgs84));
    };
    let datum = match name {
        "wgs84" => Datum::Wgs84,
        "gcj02" => Datum::Gcj02,
        _ => {
            let problem = format!("{name:?} is no datum");
            return Err(ApiError::bad("bad_datum", problem, "take wgs84 or gcj02"));
        }
    };
    let way = Way::In(datum);
    let pairs = query.split('&').filter(|pair| !pair.starts_with("datum="));
    let pairs = pairs.map(|pair| pair_in(pair, way)).collect::<Result<Vec<_>, _>>()?;
    let path = request.uri().path();
    let text =
        if pairs.is_empty() { path.to_owned() } else { format!("{path}?{}", pairs.join("&")) };
    let uri: Uri = text.parse().map_err(|_| {
        ApiError::bad("bad_query", "the query does not fit", "send it percent-encoded")
    })?;
    let (mut parts, body) = request.into_parts();
    parts.uri = uri;
    let bytes = to_bytes(body, BULK_BODY_MAX).await.map_err(|_| {
        let hint = format!("send at most {BULK_BODY_MAX} bytes");
        ApiError::bad("bad_body", "the body could not be read", hint)
    })?;
    // What is no JSON is for the handler to refuse.
    let body = match serde_json::from_slice::<Value>(&bytes) {
        Ok(mut value) => {
            walk(&mut value, way);
            Body::from(value.to_string())
        }
        Err(_) => Body::from(bytes),
    };
    Ok((Request::from_parts(parts, body), datum))
}

fn pair_in(pair: &str, way: Way) -> Result<String, ApiError> {
    match pair.split_once('=') {
        Some((name, text)) if POSITIONS.contains(&name) => {
            let text = text.replace("%2C", ",").replace("%2c", ",");
            let text = text.replace("%3B", ";").replace("%3b", ";");
            let convert = |text: &str| -> Result<String, ApiError> {
                let point = through(lat_lon(text)?, way);
                Ok(format!("{:.7},{:.7}", point.lat_deg(), point.lon_deg()))
            };
            let points = text.split(';').map(convert).collect::<Result<Vec<_>, _>>()?;
            Ok(format!("{name}={}", points.join(";")))
        }
        _ => Ok(pair.to_owned()),
    }
}

async fn give_out(response: Response, datum: Datum) -> Response {
    let kind = response.headers().get(header::CONTENT_TYPE);
    if !kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/json")) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let Ok(bytes) = to_bytes(body, ANSWER_MAX).await else {
        let hint = "ask for less at once";
        return ApiError::bad("answer_too_large", "the answer is too large to convert", hint)
            .into_response();
    };
    let Ok(mut value) = serde_json::from_slice::<Value>(&bytes) else {
        return Response::from_parts(parts, Body::from(bytes));
    };
    walk(&mut value, Way::Out(datum));
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(value.to_string()))
}

/// Converts every position in a document. Its depth is bounded by the parser's.
fn walk(value: &mut Value, way: Way) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| walk(item, way)),
        Value::Object(fields) => {
            let number = |name: &str| fields.get(name).and_then(Value::as_f64);
            // Requests for ways may name degrees as other engines do.
            for (lat, lon) in [("lat_deg", "lon_deg"), ("lat", "lon")] {
                if let (Some(lat_deg), Some(lon_deg)) = (number(lat), number(lon))
                    && let Ok(point) = LatLon::from_degrees(lat_deg, lon_deg)
                {
                    let point = through(point, way);
                    fields.insert(lat.to_owned(), point.lat_deg().into());
                    fields.insert(lon.to_owned(), point.lon_deg().into());
                    break;
                }
            }
            for (name, inner) in fields.iter_mut() {
                match name.as_str() {
                    "coordinates" | "bounds" | "center" => walk_coordinates(inner, way),
                    _ => walk(inner, way),
                }
            }
        }
        _ => {}
    }
}

/// Nested lists whose innermost are longitude and latitude.
fn walk_coordinates(value: &mut Value, way: Way) {
    let Value::Array(items) = value else { return };
    match items.as_mut_slice() {
        [Value::Number(lon), Value::Number(lat), ..] => {
            let degrees = lat.as_f64().zip(lon.as_f64());
            let point = degrees.and_then(|(lat, lon)| LatLon::from_degrees(lat, lon).ok());
            if let Some(point) = point.map(|point| through(point, way)) {
                items[0] = point.lon_deg().into();
                items[1] = point.lat_deg().into();
            }
        }
        items => items.iter_mut().for_each(|item| walk_coordinates(item, way)),
    }
}

fn through(point: LatLon, way: Way) -> LatLon {
    match way {
        Way::In(datum) => datum.to_wgs84(point),
        Way::Out(datum) => datum.from_wgs84(point),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn positions_are_found_wherever_they_stand() {
        let place = |lon: f64, lat: f64| json!({ "lat_deg": lat, "lon_deg": lon, "name": "a" });
        let document = |lon: f64, lat: f64| {
            json!({
                "items": [place(lon, lat)],
                "geometry": { "type": "LineString", "coordinates": [[lon, lat], [lon, lat]] },
                "center": [lon, lat],
                "speed": [1.0, 2.0],
            })
        };
        let mut value = document(121.5272106, 31.1774276);
        walk(&mut value, Way::Out(Datum::Gcj02));
        let lon = value["center"][0].as_f64().unwrap();
        let lat = value["center"][1].as_f64().unwrap();
        assert!((lon - 121.5315419).abs() < 1e-6 && (lat - 31.1753040).abs() < 1e-6, "{lat} {lon}");
        assert_eq!(value, document(lon, lat));
    }
}
