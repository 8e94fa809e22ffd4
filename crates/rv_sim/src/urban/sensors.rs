//! Fake sensors of a van: what it detects of what is there, through range, walls, vehicles, weather,
//! noise, delay, false alarms and faults.

use std::sync::Arc;

use rv_base::{LocalFrame, Point2, Rng};
use rv_driver::tracking::{Class, Detection};
use rv_driver::urban::{VIEW_RAYS, View};
use rv_map::{AreaKind, City};

use super::world::Thing;
use crate::streets::Weather;

/// What sensors can do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SensorModel {
    /// How far they reach in clear weather, m.
    pub range_m: f64,
    /// Standard deviation of a place at hand, m, and its growth with distance.
    pub sigma_m: f64,
    /// See `sigma_m`.
    pub sigma_per_m: f64,
    /// Probability that a thing near by in plain sight is missed in a frame.
    pub missed: f64,
    /// False detections in a frame.
    pub false_alarms: f64,
    /// Probability of a wrong class.
    pub wrong_class: f64,
    /// Frames are this old when they arrive, in cycles.
    pub delay_cycles: usize,
    /// Probability that a frame is lost.
    pub lost_frame: f64,
    /// Mean time between faults in which no frame comes for a moment, s.
    pub fault_every_s: f64,
}

impl SensorModel {
    /// Lidar and cameras on the roof of a delivery van.
    pub const USUAL: Self = Self {
        range_m: 110.0,
        sigma_m: 0.08,
        sigma_per_m: 0.003,
        missed: 0.04,
        false_alarms: 0.03,
        wrong_class: 0.03,
        delay_cycles: 1,
        lost_frame: 0.01,
        fault_every_s: 1800.0,
    };

    fn in_weather(&self, weather: Weather) -> Self {
        let (range, missed) = match weather {
            Weather::Dry => (1.0, 1.0),
            Weather::Rain => (0.75, 1.8),
            Weather::Snow => (0.55, 2.5),
        };
        Self { range_m: self.range_m * range, missed: (self.missed * missed).min(0.5), ..*self }
    }
}

/// Walls of a city in cells.
#[derive(Debug)]
pub struct Walls {
    origin: (f64, f64),
    n: (usize, usize),
    first: Vec<u32>,
    walls: Vec<[f32; 4]>,
}

/// Edge of a cell, m.
const CELL_M: f64 = 40.0;

impl Walls {
    /// The outlines of all buildings.
    pub fn of(city: &City, frame: &LocalFrame) -> Self {
        let mut walls: Vec<[f32; 4]> = Vec::new();
        for area in city.areas.iter().filter(|a| a.kind == AreaKind::Building) {
            for ring in &area.rings {
                let points: Vec<Point2> = ring.iter().map(|p| frame.to_local(*p)).collect();
                for (i, p) in points.iter().enumerate() {
                    let q = points[(i + 1) % points.len()];
                    walls.push([p.x_m, p.y_m, q.x_m, q.y_m].map(|v| v as f32));
                }
            }
        }
        let (mut lo, mut hi) =
            ((f64::INFINITY, f64::INFINITY), (f64::NEG_INFINITY, f64::NEG_INFINITY));
        for w in &walls {
            let (x, y) = (f64::from(w[0]), f64::from(w[1]));
            lo = (lo.0.min(x), lo.1.min(y));
            hi = (hi.0.max(x), hi.1.max(y));
        }
        if walls.is_empty() {
            return Self { origin: (0.0, 0.0), n: (0, 0), first: vec![0], walls };
        }
        let n = (((hi.0 - lo.0) / CELL_M) as usize + 1, ((hi.1 - lo.1) / CELL_M) as usize + 1);
        let cell = |w: &[f32; 4]| {
            let at = |v: f64, o: f64, n: usize| (((v - o) / CELL_M).max(0.0) as usize).min(n - 1);
            let (x, y) = (f64::from(w[0] + w[2]) / 2.0, f64::from(w[1] + w[3]) / 2.0);
            at(y, lo.1, n.1) * n.0 + at(x, lo.0, n.0)
        };
        walls.sort_by_key(cell);
        let mut first = vec![0_u32; n.0 * n.1 + 1];
        walls.iter().for_each(|w| first[cell(w) + 1] += 1);
        for i in 1..first.len() {
            first[i] += first[i - 1];
        }
        Self { origin: lo, n, first, walls }
    }

    fn near(&self, p: Point2, within_m: f64, mut each: impl FnMut(&[f32; 4])) {
        if self.walls.is_empty() {
            return;
        }
        let at = |v: f64, o: f64, n: usize| (((v - o) / CELL_M).max(0.0) as usize).min(n - 1);
        let rows = at(p.y_m - within_m, self.origin.1, self.n.1)
            ..=at(p.y_m + within_m, self.origin.1, self.n.1);
        for row in rows {
            let from = row * self.n.0 + at(p.x_m - within_m, self.origin.0, self.n.0);
            let to = row * self.n.0 + at(p.x_m + within_m, self.origin.0, self.n.0);
            self.walls[self.first[from] as usize..self.first[to + 1] as usize]
                .iter()
                .for_each(&mut each);
        }
    }
}

/// How far walls hide from a van; beyond this they are not looked at, m.
const WALLS_M: f64 = 70.0;

/// Sensors of one van.
#[derive(Debug)]
pub struct Sensors {
    model: SensorModel,
    weather: Weather,
    walls: Arc<Walls>,
    rng: Rng,
    /// View over cars, as walls leave it; and over nothing but walls, cars and all.
    by_walls: View,
    tall: View,
    low: View,
    cycles: u64,
    /// Frames on their way: when seen, and what.
    late: Vec<(f64, Vec<Detection>)>,
    fault_until_s: f64,
}

impl Sensors {
    /// New ones.
    pub fn new(model: SensorModel, weather: Weather, walls: Arc<Walls>, rng: Rng) -> Self {
        let model = model.in_weather(weather);
        let open = View::open(Point2::default(), model.range_m);
        Self {
            model,
            weather,
            walls,
            rng,
            by_walls: open.clone(),
            tall: open.clone(),
            low: open,
            cycles: 0,
            late: Vec::new(),
            fault_until_s: f64::NEG_INFINITY,
        }
    }

    /// The free view for things as tall as a car.
    pub fn view(&self) -> &View {
        &self.tall
    }

    /// Share of the usual speed in this weather.
    pub fn weather_share(&self) -> f64 {
        match self.weather {
            Weather::Dry => 1.0,
            Weather::Rain => 0.9,
            Weather::Snow => 0.7,
        }
    }

    /// Looks around; the frame that arrives now, if one does, with the time at which it was seen.
    pub fn look(
        &mut self,
        now_s: f64,
        from: Point2,
        things: &[Thing],
    ) -> Option<(f64, Vec<Detection>)> {
        self.look_at_walls(from);
        self.cycles += 1;
        self.tall.clone_from(&self.by_walls);
        self.tall.from = from;
        for t in things {
            if matches!(t.class, Class::Truck | Class::Bus) {
                shade(&mut self.tall, from, t);
            }
        }
        self.low.clone_from(&self.tall);
        for t in things.iter().filter(|t| t.class == Class::Car) {
            shade(&mut self.low, from, t);
        }
        let mut frame = Vec::new();
        for t in things {
            if let Some(d) = self.detect(from, t) {
                frame.push(d);
            }
        }
        if self.rng.chance(self.model.false_alarms) {
            frame.push(self.false_alarm(from));
        }
        if self.rng.chance(0.1 / self.model.fault_every_s) {
            self.fault_until_s = now_s + self.rng.range(0.3, 1.2);
        }
        let is_lost = self.rng.chance(self.model.lost_frame) || now_s < self.fault_until_s;
        if !is_lost {
            self.late.push((now_s, frame));
        }
        let due_s = now_s - self.model.delay_cycles as f64 * 0.1 + 1e-6;
        let first = self.late.first().filter(|f| f.0 <= due_s);
        first.is_some().then(|| self.late.remove(0))
    }

    /// Walls stand still: they are looked at every few cycles.
    fn look_at_walls(&mut self, from: Point2) {
        if !self.cycles.is_multiple_of(4) {
            return;
        }
        self.by_walls = View::open(from, self.model.range_m);
        let view = &mut self.by_walls;
        self.walls.near(from, WALLS_M, |w| {
            let [ax, ay, bx, by] = w.map(f64::from);
            let (a, b) = ((ax - from.x_m, ay - from.y_m), (bx - from.x_m, by - from.y_m));
            // Walls that turn their back hide nothing that the front does not.
            shade_segment(view, a, b, 0.0);
        });
    }

    fn detect(&mut self, from: Point2, t: &Thing) -> Option<Detection> {
        let distance_m = from.distance_to(t.at).0;
        let is_low = !matches!(t.class, Class::Car | Class::Truck | Class::Bus);
        let view = if is_low { &self.low } else { &self.tall };
        // In sight if its middle or one of its ends is.
        let (sin, cos) = t.heading_rad.sin_cos();
        let end = |by: f64| Point2 { x_m: t.at.x_m + by * cos, y_m: t.at.y_m + by * sin };
        let half = t.half_m.0;
        let is_seen = distance_m < self.model.range_m
            && (view.sees(t.at)
                || half > 0.8 && (view.sees(end(half)) || view.sees(end(-half)))
                || distance_m < 3.0);
        let far = (distance_m / self.model.range_m).powi(2);
        let missed = self.model.missed + 0.3 * far * if is_low { 1.0 } else { 0.5 };
        // The lot is drawn for each, so that one more in sight shifts no other.
        let is_missed = self.rng.chance(missed.min(0.95));
        if !is_seen || is_missed {
            return None;
        }
        let sigma_m = self.model.sigma_m + self.model.sigma_per_m * distance_m;
        let class = if self.rng.chance(self.model.wrong_class) {
            Class::ALL[self.rng.below(9)]
        } else {
            t.class
        };
        let flip = if self.rng.chance(0.1) { std::f64::consts::PI } else { 0.0 };
        Some(Detection {
            centre: Point2 {
                x_m: t.at.x_m + self.rng.normal(0.0, sigma_m),
                y_m: t.at.y_m + self.rng.normal(0.0, sigma_m),
            },
            heading_rad: t.heading_rad + self.rng.normal(0.0, 0.03) + flip,
            half_m: (
                t.half_m.0 * self.rng.range(0.95, 1.05),
                t.half_m.1 * self.rng.range(0.95, 1.05),
            ),
            class,
            sigma_m,
            is_emergency: t.is_emergency,
        })
    }

    fn false_alarm(&mut self, from: Point2) -> Detection {
        let (away, turn) = (self.rng.range(5.0, 50.0), self.rng.range(0.0, std::f64::consts::TAU));
        Detection {
            centre: Point2 { x_m: from.x_m + away * turn.cos(), y_m: from.y_m + away * turn.sin() },
            heading_rad: self.rng.range(-3.0, 3.0),
            half_m: (self.rng.range(0.3, 2.0), self.rng.range(0.3, 0.9)),
            class: Class::ALL[self.rng.below(9)],
            sigma_m: 0.2,
            is_emergency: false,
        }
    }
}

/// Cuts the view behind a body.
fn shade(view: &mut View, from: Point2, t: &Thing) {
    let (dx, dy) = (t.at.x_m - from.x_m, t.at.y_m - from.y_m);
    if dx * dx + dy * dy > 60.0 * 60.0 {
        return;
    }
    let (sin, cos) = t.heading_rad.sin_cos();
    let (l, w) = (t.half_m.0 * 0.95, t.half_m.1 * 0.9);
    // The diagonal that is seen the widest stands for the body; what it hides begins behind it.
    let corner = |x: f64, y: f64| (dx + x * cos - y * sin, dy + x * sin + y * cos);
    let wide = |a: (f64, f64), b: (f64, f64)| (a.0 * b.1 - a.1 * b.0).abs();
    let (a, b) = (corner(l, w), corner(-l, -w));
    let (c, d) = (corner(l, -w), corner(-l, w));
    let behind_m = w.min(l);
    if wide(a, b) > wide(c, d) {
        shade_segment(view, a, b, behind_m);
    } else {
        shade_segment(view, c, d, behind_m);
    }
}

/// Cuts the view behind a segment, given relative to the eye.
fn shade_segment(view: &mut View, a: (f64, f64), b: (f64, f64), behind_m: f64) {
    let cross = a.0 * b.1 - a.1 * b.0;
    // Seen edge-on, or from so near that it is the van's own place.
    if cross.abs() < 0.05 {
        return;
    }
    let (a, b) = if cross > 0.0 { (a, b) } else { (b, a) };
    let per_ray = 2.0 * std::f64::consts::PI / VIEW_RAYS as f64;
    let from = (a.1.atan2(a.0) / per_ray).ceil() as i64;
    let mut to = (b.1.atan2(b.0) / per_ray).floor() as i64;
    if to < from - 1 {
        to += VIEW_RAYS as i64;
    }
    if to < from || to - from > VIEW_RAYS as i64 / 2 {
        return;
    }
    let (ex, ey) = (b.0 - a.0, b.1 - a.1);
    let area = a.0 * ey - a.1 * ex;
    for ray in from..=to {
        let (sin, cos) = (ray as f64 * per_ray).sin_cos();
        let away = area / (cos * ey - sin * ex);
        let slot = &mut view.free_m[ray.rem_euclid(VIEW_RAYS as i64) as usize];
        if away > 0.5 {
            *slot = slot.min((away + behind_m) as f32);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn thing(class: Class, x_m: f64, y_m: f64) -> Thing {
        let half_m = if class == Class::Pedestrian { (0.3, 0.3) } else { (4.0, 1.2) };
        Thing {
            id: 1,
            class,
            at: Point2 { x_m, y_m },
            heading_rad: std::f64::consts::FRAC_PI_2,
            speed_mps: 0.0,
            acceleration_mps2: 0.0,
            yaw_rate_radps: 0.0,
            half_m,
            stood_s: 0.0,
            edge: None,
            is_emergency: false,
        }
    }

    fn sensors(weather: Weather) -> Sensors {
        let city = City::default();
        let walls = Arc::new(Walls::of(&city, &LocalFrame::at(rv_base::LatLon::default())));
        let model =
            SensorModel { missed: 0.0, lost_frame: 0.0, false_alarms: 0.0, ..SensorModel::USUAL };
        Sensors::new(model, weather, walls, Rng::from_seed(1))
    }

    /// Frames that arrive within half a second.
    fn seen(s: &mut Sensors, things: &[Thing]) -> usize {
        let frames = (0..5).filter_map(|k| s.look(f64::from(k) * 0.1, Point2::default(), things));
        frames.map(|f| f.1.iter().filter(|d| d.half_m.0 < 1.0).count()).sum()
    }

    #[test]
    fn a_truck_hides_who_walks_behind_it() {
        let walker = thing(Class::Pedestrian, 20.0, 0.5);
        assert!(seen(&mut sensors(Weather::Dry), &[walker]) >= 3);
        let truck = thing(Class::Truck, 10.0, 0.0);
        assert_eq!(seen(&mut sensors(Weather::Dry), &[walker, truck]), 0);
        // In front of the truck it is seen.
        let near = thing(Class::Pedestrian, 7.0, 0.5);
        assert!(seen(&mut sensors(Weather::Dry), &[near, truck]) >= 3);
    }

    #[test]
    fn frames_arrive_late_and_snow_shortens_the_range() {
        let mut s = sensors(Weather::Dry);
        let walker = thing(Class::Pedestrian, 20.0, 0.5);
        assert_eq!(s.look(0.0, Point2::default(), &[walker]), None);
        let (at_s, _) = s.look(0.1, Point2::default(), &[walker]).expect("it is due");
        assert_eq!(at_s, 0.0);
        let far = thing(Class::Pedestrian, 80.0, 0.5);
        assert_eq!(seen(&mut sensors(Weather::Snow), &[far]), 0);
    }
}
