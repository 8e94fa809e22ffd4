//! The live stream: what viewers get, and how many bytes of it.

use std::collections::BTreeMap;

use bytes::Bytes;
use rv_base::{LatLon, Rng, Timestamp};
use rv_server::host::Clock;
use rv_server::live::{Bbox, Feed, LiveVan, Viewer};

const WORLD: Bbox = Bbox { west_deg: -180.0, south_deg: -85.0, east_deg: 180.0, north_deg: 85.0 };

/// A viewer's decoder after docs/api.md, sharing no code with the encoder.
#[derive(Default)]
struct Screen {
    /// Van to its cell and the rest of its record.
    vans: BTreeMap<u32, ((u32, u32), Vec<u8>)>,
    n_bytes: usize,
}

impl Screen {
    fn take(&mut self, message: &Bytes) {
        self.n_bytes += message.len();
        let u16_at = |at: usize| u16::from_le_bytes(message[at..at + 2].try_into().unwrap());
        let u32_at = |at: usize| u32::from_le_bytes(message[at..at + 4].try_into().unwrap());
        let mut at = 0;
        while at < message.len() {
            assert_eq!((message[at], message[at + 2]), (1, 12));
            let is_full = message[at + 1] & 1 == 1;
            let cell = (u32_at(at + 4), u32_at(at + 8));
            let n_updates = usize::from(u16_at(at + 20));
            let n_removed = usize::from(u16_at(at + 22));
            at += 24;
            if is_full {
                self.vans.retain(|_, (old, _)| *old != cell);
            }
            for _ in 0..n_updates {
                self.vans.insert(u32_at(at), (cell, message[at + 4..at + 14].to_vec()));
                at += 14;
            }
            for _ in 0..n_removed {
                let id = u32_at(at);
                if self.vans.get(&id).is_some_and(|(old, _)| *old == cell) {
                    self.vans.remove(&id);
                }
                at += 4;
            }
        }
    }

    /// Longitude and latitude of a van as shown.
    fn position(&self, id: u32) -> (f64, f64) {
        let ((x, y), record) = &self.vans[&id];
        let part = |cell: u32, at: usize| {
            let fraction = u16::from_le_bytes(record[at..at + 2].try_into().unwrap());
            (f64::from(cell) + (f64::from(fraction) + 0.5) / 65536.0) / 4096.0
        };
        let (x, y) = (part(*x, 0), part(*y, 2));
        let lat_deg = (std::f64::consts::PI * (1.0 - 2.0 * y)).sinh().atan().to_degrees();
        (x * 360.0 - 180.0, lat_deg)
    }
}

/// Vans that drive about a city of 40 km; some stand.
fn vans(n: u32) -> Vec<LiveVan> {
    let mut rng = Rng::from_seed(7);
    (0..n)
        .map(|id| LiveVan {
            id,
            position: LatLon::from_degrees(
                39.9 + rng.range(0.0, 0.35),
                -83.2 + rng.range(0.0, 0.45),
            )
            .unwrap(),
            heading_rad: rng.range(0.0, 6.2),
            state: if rng.chance(0.7) { 2 } else { 0 },
            soc: rng.unit(),
            load: rng.unit(),
            speed_mps: 8.0,
        })
        .collect()
}

fn drive(vans: &mut [LiveVan]) {
    for van in vans.iter_mut().filter(|van| van.state == 2) {
        let (lat, lon) = (van.position.lat_deg(), van.position.lon_deg());
        let step = 8.0 / 111_000.0;
        let lat = lat + step * van.heading_rad.cos();
        let lon = lon + step * van.heading_rad.sin();
        van.position = LatLon::from_degrees(lat, lon).unwrap();
    }
}

/// Runs `n_rounds` of a fleet before viewers, each of which misses the rounds in `missed`.
fn watch(
    n_vans: u32,
    n_rounds: u64,
    boxes: &[Bbox],
    missed: &[u64],
) -> (Vec<LiveVan>, Vec<Screen>) {
    let (mut feed, subscription) = Feed::new();
    let mut rounds = subscription.receive();
    let mut fleet = vans(n_vans);
    let mut viewers: Vec<(Viewer, Screen)> = boxes
        .iter()
        .map(|bbox| {
            let mut viewer = Viewer::default();
            viewer.look_at(*bbox);
            (viewer, Screen::default())
        })
        .collect();
    for round in 0..n_rounds {
        if round > 0 {
            drive(&mut fleet);
        }
        feed.send(
            Clock { now: Timestamp::from_secs(round as i64), speed: 1.0 },
            &fleet,
            Vec::new(),
        );
        let tick = rounds.try_recv().unwrap();
        if missed.contains(&round) {
            continue;
        }
        for (viewer, screen) in &mut viewers {
            viewer.messages(&tick).iter().for_each(|message| screen.take(message));
        }
    }
    (fleet, viewers.into_iter().map(|(_, screen)| screen).collect())
}

#[test]
fn a_viewer_sees_every_van_where_it_is() {
    // Also after rounds that it missed.
    let (fleet, screens) = watch(500, 200, &[WORLD], &[17, 18, 90]);
    let screen = &screens[0];
    assert_eq!(screen.vans.len(), 500);
    for van in &fleet {
        let (lon, lat) = screen.position(van.id);
        let shown = LatLon::from_degrees(lat, lon).unwrap();
        let off = shown.distance_to(van.position);
        assert!(off.0 < 0.2, "van {} is shown {off:?} off", van.id);
    }
}

#[test]
fn a_viewport_gets_its_cells_only() {
    let corner = Bbox { west_deg: -83.2, south_deg: 39.9, east_deg: -83.1, north_deg: 39.95 };
    let (fleet, screens) = watch(500, 20, &[corner, WORLD], &[]);
    assert!(screens[0].n_bytes < screens[1].n_bytes / 2);
    let inside = fleet.iter().filter(|van| {
        (-83.19..-83.11).contains(&van.position.lon_deg())
            && (39.91..39.94).contains(&van.position.lat_deg())
    });
    assert!(inside.clone().count() > 5);
    for van in inside {
        assert!(screens[0].vans.contains_key(&van.id));
    }
}

#[test]
fn twenty_viewers_of_two_thousand_vans_stay_below_100_kb_a_second() {
    let n_rounds = 120;
    let (_, screens) = watch(2_000, n_rounds, &[WORLD; 20], &[]);
    let most = screens.iter().map(|s| s.n_bytes).max().unwrap() as f64 / n_rounds as f64;
    println!("2000 vans, 20 viewers: {:.1} kB/s each", most / 1000.0);
    assert!(most < 40_000.0, "{most} B/s");
}

#[test]
fn twenty_thousand_vans_are_thinned_out_in_time() {
    let n_rounds = 60;
    let (_, screens) = watch(20_000, n_rounds, &[WORLD], &[]);
    let rate = screens[0].n_bytes as f64 / n_rounds as f64;
    println!("20000 vans: {:.1} kB/s", rate / 1000.0);
    assert!(rate < 100_000.0, "{rate} B/s");
    // A van that left one cell is missing until the turn of the next one.
    assert!(screens[0].vans.len() > 19_900, "{}", screens[0].vans.len());
}
