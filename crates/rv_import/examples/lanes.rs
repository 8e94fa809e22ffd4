//! Prints the borders of a lane map as JSON lines: `{"id":1,"left":[[x,y],...],"right":[...]}`.
//!
//! `cargo run --example lanes -- FILE [LAT,LON]`; the position is a Lanelet2 map's origin.

use std::error::Error;
use std::io::Write;

use rv_base::{LatLon, Point2};
use rv_import::lanes::{LaneletOrigin, read_lanelet2, read_opendrive};

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let path = args.next().ok_or("name a file")?;
    let bytes = std::fs::read(&path)?;
    let (map, warnings) = if path.contains(".xodr") {
        read_opendrive(&bytes)?
    } else {
        let origin = match args.next() {
            None => LaneletOrigin::Map,
            Some(text) => {
                let (lat, lon) = text.split_once(',').ok_or("write the origin as LAT,LON")?;
                LaneletOrigin::At(LatLon::from_degrees(lat.parse()?, lon.parse()?)?)
            }
        };
        read_lanelet2(&bytes, origin)?
    };
    let mut out = std::io::stdout().lock();
    let pairs = |line: &[Point2]| line.iter().map(|p| [p.x_m, p.y_m]).collect::<Vec<_>>();
    for lane in &map.lanes {
        let lane = serde_json::json!({
            "id": lane.source_id,
            "left": pairs(&lane.left),
            "right": pairs(&lane.right),
            "successors": lane.successors.iter().map(|s| map.lanes[*s].source_id).collect::<Vec<_>>(),
        });
        writeln!(out, "{lane}")?;
    }
    for warning in warnings {
        writeln!(std::io::stderr(), "warning: {} {}", warning.source_id, warning.what)?;
    }
    Ok(())
}
