//! The tracker: detections to tracks by gated assignment and interacting multiple models.
//!
//! Each track runs three models of motion side by side (standing, steady, manoeuvring) that differ
//! in their process noise, mixed each step (Blom and Bar-Shalom 1988, "The interacting multiple
//! model algorithm"). Noise is the same in both directions, so one 2x2 covariance serves x and y.
//! Detections go to tracks in order of their statistical distance, each at most once; whether a
//! track exists is a probability that detections raise and misses in plain sight lower (Musicki,
//! Evans and Stankovic 1994).

use rv_base::Point2;

use super::{Class, Track};

/// One thing seen at a moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Detection {
    /// Centre, m.
    pub centre: Point2,
    /// Heading, rad; either end may be the front.
    pub heading_rad: f64,
    /// Half its length and width, m.
    pub half_m: (f64, f64),
    /// What it looks like.
    pub class: Class,
    /// Standard deviation of its place, m.
    pub sigma_m: f64,
    /// True if it shows blue lights.
    pub is_emergency: bool,
}

/// What a tracker reckons with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrackerOptions {
    /// Probability that a thing in plain sight is detected.
    pub detected: f64,
    /// False detections in a square metre and frame.
    pub clutter_per_m2: f64,
    /// Share of detections whose class is right.
    pub class_right: f64,
    /// Existence from which a track is told.
    pub told_from: f64,
}

impl TrackerOptions {
    /// For the sensors of a delivery van.
    pub const USUAL: Self =
        Self { detected: 0.9, clutter_per_m2: 2e-5, class_right: 0.9, told_from: 0.8 };
}

/// Most tracks kept; of more detections the nearest count.
pub const TRACKS_MAX: usize = 256;

const MODELS: usize = 3;
/// Process noise (acceleration density) of the models, m/s2 per root Hz, and the damping of speed.
const NOISE: [f64; MODELS] = [0.05, 0.5, 3.0];
/// Probability to stay in a model for a tenth of a second.
const STAY: [f64; MODELS] = [0.95, 0.96, 0.90];
/// Gate of the statistical distance (99.9 % of two degrees of freedom).
const GATE: f64 = 13.8;
/// Places no further apart than this may be one place, seen twice, m.
const SAME_PLACE_M: f64 = 0.7;
/// Below this speed a thing stands, m/s.
const STANDS_MPS: f64 = 0.4;
/// Time constant of the smoothed place, s; how far it goes from where it was if the thing creeps, m,
/// and within which time, s: so from 0.25 m/s on.
const SMOOTH_S: f64 = 0.4;
const LEAVES_M: f64 = 0.5;
const LEAVES_WITHIN_S: f64 = 2.0;
/// Below this speed a thing that leaves its place creeps, m/s.
const CREEPS_MPS: f64 = 2.5;
/// A track below this existence is dropped.
const DROP: f64 = 0.05;

#[derive(Clone, Copy, Debug)]
struct Model {
    /// x, y, vx, vy.
    mean: [f64; 4],
    /// Place, place-speed, speed.
    cov: [f64; 3],
    weight: f64,
}

#[derive(Clone, Debug)]
struct Tracked {
    id: u32,
    models: [Model; MODELS],
    exists: f64,
    classes: [f32; Class::ALL.len()],
    half_m: (f64, f64),
    heading_rad: f64,
    yaw_rate_radps: f64,
    acceleration_mps2: f64,
    speed_before_mps: f64,
    stood_s: f64,
    /// Where it last stood, for how long and until when, by its own clock, s.
    last_stand: Option<(Point2, f64, f64)>,
    age_s: f64,
    creep: Creep,
    unseen_s: f64,
    is_emergency: bool,
    is_new: bool,
    n_seen: u32,
}

/// Tells one that creeps from one that stands, which their speeds, small beside their errors, do not:
/// by whether its smoothed place leaves where it was.
#[derive(Clone, Copy, Debug)]
struct Creep {
    anchor: Point2,
    place: Point2,
    still_s: f64,
    is_on: bool,
}

impl Creep {
    fn new(at: Point2) -> Self {
        Self { anchor: at, place: at, still_s: 0.0, is_on: false }
    }

    fn note(&mut self, at: Point2, sigma_m: f64, is_young: bool, dt_s: f64) {
        let share = 1.0 - (-dt_s / SMOOTH_S).exp();
        self.place.x_m += share * (at.x_m - self.place.x_m);
        self.place.y_m += share * (at.y_m - self.place.y_m);
        self.still_s += dt_s;
        if is_young {
            self.anchor = self.place;
        }
        if self.place.distance_to(self.anchor).0 > LEAVES_M.max(3.0 * sigma_m) {
            self.is_on = self.still_s < LEAVES_WITHIN_S;
            (self.anchor, self.still_s) = (self.place, 0.0);
        } else if self.still_s > LEAVES_WITHIN_S {
            self.is_on = false;
        }
    }
}

/// Keeps tracks from frame to frame.
#[derive(Clone, Debug)]
pub struct Tracker {
    options: TrackerOptions,
    tracks: Vec<Tracked>,
    next_id: u32,
    at_s: Option<f64>,
    pairs: Vec<(f64, u32, u32)>,
    used: Vec<bool>,
}

impl Tracker {
    /// Without tracks.
    pub fn new(options: TrackerOptions) -> Self {
        let (tracks, pairs, used) = (Vec::new(), Vec::new(), Vec::new());
        Self { options, tracks, next_id: 1, at_s: None, pairs, used }
    }

    /// Takes a frame seen at `at_s`; `sees` tells whether a place was in sight. A frame that is no
    /// newer than the last one, or whose numbers are not finite, is left out.
    pub fn take(&mut self, at_s: f64, detections: &[Detection], sees: &dyn Fn(Point2) -> bool) {
        let dt_s = self.at_s.map_or(0.1, |before| at_s - before);
        if !(dt_s > 0.0 && dt_s.is_finite()) {
            return;
        }
        self.at_s = Some(at_s);
        let dt_s = dt_s.min(2.0);
        for track in &mut self.tracks {
            track.predict(dt_s);
        }
        self.assign(detections);
        self.used.clear();
        self.used.resize(detections.len(), false);
        let mut seen = vec![false; self.tracks.len()];
        let pairs = std::mem::take(&mut self.pairs);
        for (_, t, d) in &pairs {
            let (t, d) = (*t as usize, *d as usize);
            if !seen[t] && !self.used[d] {
                (seen[t], self.used[d]) = (true, true);
                self.tracks[t].update(&detections[d], dt_s, &self.options);
            }
        }
        self.pairs = pairs;
        for (track, seen) in self.tracks.iter_mut().zip(&seen) {
            if !seen {
                track.miss(dt_s, sees(track.place()), &self.options);
            }
        }
        for (d, used) in detections.iter().zip(&self.used) {
            let is_finite =
                d.centre.x_m.is_finite() && d.centre.y_m.is_finite() && d.heading_rad.is_finite();
            if !used && is_finite && self.tracks.len() < TRACKS_MAX {
                self.tracks.push(Tracked::new(self.next_id, d, &self.options));
                self.next_id = self.next_id.wrapping_add(1).max(1);
            }
        }
        // A thing out of sight is remembered longer the longer it stood.
        self.tracks.retain(|t| t.exists > DROP && t.unseen_s < 3.0 + t.stood_s.min(20.0));
    }

    /// Tracks as they are at a time, a little after the last frame.
    pub fn told(&self, now_s: f64, out: &mut Vec<Track>) {
        out.clear();
        let late_s = self.at_s.map_or(0.0, |at| (now_s - at).clamp(0.0, 2.0));
        out.extend(
            self.tracks
                .iter()
                .filter(|t| t.exists >= self.options.told_from && t.n_seen >= 3)
                .map(|t| t.told(late_s)),
        );
    }

    /// When the last frame was seen.
    pub fn last_frame_s(&self) -> Option<f64> {
        self.at_s
    }

    /// Finds pairs within the gate, the likeliest first.
    fn assign(&mut self, detections: &[Detection]) {
        self.pairs.clear();
        for (t, track) in self.tracks.iter().enumerate() {
            let (p, _, var) = track.mixed();
            for (d, detection) in detections.iter().enumerate() {
                let (dx, dy) = (detection.centre.x_m - p[0], detection.centre.y_m - p[1]);
                if !(dx.abs() < 12.0 && dy.abs() < 12.0 && detection.heading_rad.is_finite()) {
                    continue;
                }
                let s = var[0] + detection.sigma_m * detection.sigma_m + 0.02;
                let distance = (dx * dx + dy * dy) / s;
                // A person is no bus.
                let unlike = (track.half_m.0 - detection.half_m.0).abs() / 1.5;
                if distance < GATE {
                    self.pairs.push((
                        distance + 2.0 * s.ln() + unlike * unlike,
                        t as u32,
                        d as u32,
                    ));
                }
            }
        }
        self.pairs.sort_by(|a, b| a.0.total_cmp(&b.0).then((a.1, a.2).cmp(&(b.1, b.2))));
    }
}

impl Tracked {
    fn new(id: u32, d: &Detection, options: &TrackerOptions) -> Self {
        let var = d.sigma_m * d.sigma_m;
        let model = |weight: f64, speed_var: f64| Model {
            mean: [d.centre.x_m, d.centre.y_m, 0.0, 0.0],
            cov: [var, 0.0, speed_var],
            weight,
        };
        let mut track = Self {
            id,
            models: [model(0.3, 0.01), model(0.3, 60.0), model(0.4, 100.0)],
            exists: 0.3,
            classes: [1.0 / Class::ALL.len() as f32; Class::ALL.len()],
            half_m: d.half_m,
            heading_rad: d.heading_rad,
            yaw_rate_radps: 0.0,
            acceleration_mps2: 0.0,
            speed_before_mps: 0.0,
            stood_s: 0.0,
            last_stand: None,
            age_s: 0.0,
            creep: Creep::new(d.centre),
            unseen_s: 0.0,
            is_emergency: d.is_emergency,
            is_new: true,
            n_seen: 1,
        };
        track.learn_class(d.class, options);
        track
    }

    fn place(&self) -> Point2 {
        let (m, _, _) = self.mixed();
        Point2 { x_m: m[0], y_m: m[1] }
    }

    /// Mean, index of the likeliest model, covariance of the mixture.
    fn mixed(&self) -> ([f64; 4], usize, [f64; 3]) {
        let mut mean = [0.0; 4];
        for m in &self.models {
            for (a, b) in mean.iter_mut().zip(&m.mean) {
                *a += m.weight * b;
            }
        }
        let mut cov = [0.0; 3];
        for m in &self.models {
            let (dx, dv) = (
                (m.mean[0] - mean[0], m.mean[1] - mean[1]),
                (m.mean[2] - mean[2], m.mean[3] - mean[3]),
            );
            cov[0] += m.weight * (m.cov[0] + (dx.0 * dx.0 + dx.1 * dx.1) / 2.0);
            cov[1] += m.weight * (m.cov[1] + (dx.0 * dv.0 + dx.1 * dv.1) / 2.0);
            cov[2] += m.weight * (m.cov[2] + (dv.0 * dv.0 + dv.1 * dv.1) / 2.0);
        }
        let best = (0..MODELS)
            .fold(0, |b, i| if self.models[i].weight > self.models[b].weight { i } else { b });
        (mean, best, cov)
    }

    /// Mixes the models and moves each on.
    fn predict(&mut self, dt_s: f64) {
        let steps = dt_s / 0.1;
        let stay = STAY.map(|p| p.powf(steps).max(0.34));
        let from = |i: usize, j: usize| {
            if i == j { stay[i] } else { (1.0 - stay[i]) / (MODELS - 1) as f64 }
        };
        let old = self.models;
        for (j, model) in self.models.iter_mut().enumerate() {
            let weights: [f64; MODELS] = std::array::from_fn(|i| old[i].weight * from(i, j));
            let sum: f64 = weights.iter().sum();
            let mut mean = [0.0; 4];
            for (m, w) in old.iter().zip(&weights) {
                for (a, b) in mean.iter_mut().zip(&m.mean) {
                    *a += w / sum * b;
                }
            }
            let mut cov = [0.0; 3];
            for (m, w) in old.iter().zip(&weights) {
                let d: [f64; 4] = std::array::from_fn(|k| m.mean[k] - mean[k]);
                cov[0] += w / sum * (m.cov[0] + (d[0] * d[0] + d[1] * d[1]) / 2.0);
                cov[1] += w / sum * (m.cov[1] + (d[0] * d[2] + d[1] * d[3]) / 2.0);
                cov[2] += w / sum * (m.cov[2] + (d[2] * d[2] + d[3] * d[3]) / 2.0);
            }
            let q = NOISE[j] * NOISE[j];
            // What is as good as standing loses its speed; nothing stops from full speed at once.
            let is_slow = mean[2].hypot(mean[3]) < 1.5;
            let keep = if j == 0 && is_slow { (-6.0 * dt_s).exp() } else { 1.0 };
            mean[0] += mean[2] * dt_s * keep;
            mean[1] += mean[3] * dt_s * keep;
            mean[2] *= keep;
            mean[3] *= keep;
            let [pp, pv, vv] = cov;
            model.cov = [
                pp + 2.0 * dt_s * keep * pv
                    + dt_s * dt_s * keep * keep * vv
                    + q * dt_s * dt_s * dt_s / 3.0,
                keep * (pv + dt_s * vv * keep) + q * dt_s * dt_s / 2.0,
                keep * keep * vv + q * dt_s,
            ];
            (model.mean, model.weight) = (mean, sum);
        }
    }

    fn update(&mut self, d: &Detection, dt_s: f64, options: &TrackerOptions) {
        let r = d.sigma_m * d.sigma_m;
        let mut sum = 0.0;
        for m in &mut self.models {
            let s = m.cov[0] + r;
            let (gain_p, gain_v) = (m.cov[0] / s, m.cov[1] / s);
            let (dx, dy) = (d.centre.x_m - m.mean[0], d.centre.y_m - m.mean[1]);
            m.mean[0] += gain_p * dx;
            m.mean[1] += gain_p * dy;
            m.mean[2] += gain_v * dx;
            m.mean[3] += gain_v * dy;
            let [pp, pv, vv] = m.cov;
            m.cov = [(1.0 - gain_p) * pp, (1.0 - gain_p) * pv, (vv - gain_v * pv).max(1e-6)];
            let likely = (-(dx * dx + dy * dy) / (2.0 * s)).exp() / s;
            m.weight *= likely.max(1e-12);
            sum += m.weight;
        }
        let density = sum / (2.0 * std::f64::consts::PI);
        self.models.iter_mut().for_each(|m| m.weight /= sum);
        // Existence by the ratio of a detection of it to a false one.
        let ratio = options.detected * density / options.clutter_per_m2;
        self.exists = ratio * self.exists / (1.0 - self.exists + ratio * self.exists);
        self.exists = self.exists.min(if self.is_new { 0.75 } else { 0.999 });
        self.is_new = false;
        self.n_seen = self.n_seen.saturating_add(1);
        self.unseen_s = 0.0;
        self.is_emergency = d.is_emergency;
        self.learn_class(d.class, options);
        self.half_m.0 += 0.2 * (d.half_m.0 - self.half_m.0);
        self.half_m.1 += 0.2 * (d.half_m.1 - self.half_m.1);
        self.learn_motion(d, dt_s);
    }

    /// Heading, turning and acceleration from what has changed.
    fn learn_motion(&mut self, d: &Detection, dt_s: f64) {
        let (m, _, _) = self.mixed();
        let speed = m[2].hypot(m[3]);
        let course = m[3].atan2(m[2]);
        // The body's axis, turned so that it drives forwards.
        let axis = if (d.heading_rad - self.heading_rad).cos() < 0.0 {
            d.heading_rad + std::f64::consts::PI
        } else {
            d.heading_rad
        };
        let axis = if speed > 1.5 && (axis - course).cos() < -0.3 {
            axis + std::f64::consts::PI
        } else {
            axis
        };
        let (target, gain) = if self.class().walks() && speed > 0.5 {
            (course, 0.5)
        } else if speed > 3.0 {
            // Both tell something.
            (axis + 0.5 * wrapped(course - axis), 0.4)
        } else {
            (axis, 0.3)
        };
        let turn = wrapped(target - self.heading_rad);
        let flips = turn.abs() > 2.0;
        self.heading_rad += if flips { turn } else { gain * turn };
        let rate = if flips { 0.0 } else { gain * turn / dt_s };
        self.yaw_rate_radps += (0.25 * (dt_s / 0.1)).min(1.0) * (rate - self.yaw_rate_radps);
        if speed < 1.0 {
            self.yaw_rate_radps *= 0.7;
        }
        let rate = (speed - self.speed_before_mps) / dt_s;
        let share = (0.3 * (dt_s / 0.1)).min(1.0);
        self.acceleration_mps2 += share * (rate.clamp(-9.0, 5.0) - self.acceleration_mps2);
        self.speed_before_mps = speed;
        self.note_standing(speed, dt_s);
    }

    /// Standing ends only when the speed is clearly more than its error; what seemed to have moved
    /// and stands again at the same place has stood all the while.
    fn note_standing(&mut self, speed_mps: f64, dt_s: f64) {
        self.age_s += dt_s;
        let (mean, best, cov) = self.mixed();
        let at = Point2 { x_m: mean[0], y_m: mean[1] };
        self.creep.note(at, cov[0].max(0.0).sqrt(), self.n_seen < 6, dt_s);
        if self.creep.is_on && speed_mps < CREEPS_MPS {
            // What leaves its place does not stand, whatever is likely from frame to frame.
            self.models[0].weight *= 0.1;
            let sum: f64 = self.models.iter().map(|m| m.weight).sum();
            self.models.iter_mut().for_each(|m| m.weight /= sum);
        }
        let error = if self.stood_s > 0.0 { 2.5 * cov[2].max(0.0).sqrt() } else { 0.0 };
        let is_slow = speed_mps < STANDS_MPS + error && (best == 0 || speed_mps < STANDS_MPS);
        let stands = is_slow && !self.creep.is_on;
        if !stands {
            if self.stood_s > 0.0 {
                self.last_stand = Some((self.place(), self.stood_s, self.age_s));
            }
            self.stood_s = 0.0;
            return;
        }
        let before = self.last_stand.take_if(|_| self.stood_s == 0.0);
        let resumed_s = before.map_or(0.0, |(at, stood_s, until_s)| {
            let is_same = at.distance_to(self.place()).0 < SAME_PLACE_M;
            if is_same { stood_s + self.age_s - until_s } else { 0.0 }
        });
        self.stood_s += dt_s + resumed_s;
    }

    fn miss(&mut self, dt_s: f64, is_in_sight: bool, options: &TrackerOptions) {
        self.is_new = false;
        self.unseen_s += dt_s;
        // Out of sight, nothing is learnt from seeing nothing.
        let missed = if is_in_sight { 1.0 - options.detected } else { 0.98 };
        self.exists = self.exists * missed / (1.0 - self.exists * (1.0 - missed));
        if self.stood_s > 0.0 {
            self.stood_s += dt_s;
        }
        self.acceleration_mps2 *= 0.9;
        self.yaw_rate_radps *= 0.9;
        let (m, _, _) = self.mixed();
        self.speed_before_mps = m[2].hypot(m[3]);
    }

    fn learn_class(&mut self, seen: Class, options: &TrackerOptions) {
        if seen == Class::Unknown {
            return;
        }
        let n = Class::ALL.len() as f64;
        let wrong = ((1.0 - options.class_right) / (n - 1.0)) as f32;
        let mut sum = 0.0;
        for (p, class) in self.classes.iter_mut().zip(Class::ALL) {
            *p = (*p * if class == seen { options.class_right as f32 } else { wrong }).max(1e-6);
            sum += *p;
        }
        self.classes.iter_mut().for_each(|p| *p /= sum);
    }

    fn class(&self) -> Class {
        let best = (0..Class::ALL.len())
            .fold(0, |b, i| if self.classes[i] > self.classes[b] { i } else { b });
        if self.classes[best] < 0.4 { Class::Unknown } else { Class::ALL[best] }
    }

    fn told(&self, late_s: f64) -> Track {
        let (m, _, cov) = self.mixed();
        let class = self.class();
        let is_thing = !class.keeps_lane() && !class.walks() && class != Class::Unknown;
        let stands = self.stood_s > 0.0 || is_thing;
        // A speed that its error could explain is told as less (James and Stein 1961), so that a
        // track that is new does not seem to shoot off.
        let raw = m[2].hypot(m[3]);
        let least = if self.creep.is_on && raw < CREEPS_MPS { 1.0 } else { 0.0 };
        let believed = (1.0 - 2.0 * cov[2] / (raw * raw).max(1e-6)).max(least);
        let speed_mps = if stands { 0.0 } else { raw * believed };
        let heading_rad =
            if class.walks() && !stands { m[3].atan2(m[2]) } else { self.heading_rad };
        // Driving backwards is told as it is, if it is clear.
        let along = m[2] * heading_rad.cos() + m[3] * heading_rad.sin();
        let speed_mps =
            if along < -(1.5 * cov[2].max(0.0).sqrt()).max(0.5) { -speed_mps } else { speed_mps };
        let v = if stands { 0.0 } else { believed };
        Track {
            id: self.id,
            class,
            centre: Point2 { x_m: m[0] + v * m[2] * late_s, y_m: m[1] + v * m[3] * late_s },
            heading_rad: heading_rad + self.yaw_rate_radps * late_s,
            speed_mps,
            acceleration_mps2: if stands { 0.0 } else { self.acceleration_mps2 },
            yaw_rate_radps: self.yaw_rate_radps,
            half_m: self.half_m,
            sigma: (cov[0].max(0.0).sqrt(), cov[2].max(0.0).sqrt()),
            stood_s: self.stood_s,
            is_emergency: self.is_emergency,
        }
    }
}

fn wrapped(angle: f64) -> f64 {
    let pi = std::f64::consts::PI;
    (angle + pi).rem_euclid(2.0 * pi) - pi
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rv_base::Rng;

    use super::*;

    fn car(x_m: f64, y_m: f64, sigma_m: f64) -> Detection {
        Detection {
            centre: Point2 { x_m, y_m },
            heading_rad: 0.0,
            half_m: (2.2, 0.9),
            class: Class::Car,
            sigma_m,
            is_emergency: false,
        }
    }

    /// Feeds noisy, missed and false detections of one car and gives what is told at the end.
    fn track_one(seed: u64, at: impl Fn(f64) -> (f64, f64), n: usize) -> (Vec<Track>, f64) {
        let mut rng = Rng::from_seed(seed);
        let mut tracker = Tracker::new(TrackerOptions::USUAL);
        let (mut out, mut n_missed) = (Vec::new(), 0);
        for k in 0..n {
            let t = k as f64 * 0.1;
            let (x, y) = at(t);
            let mut frame = Vec::new();
            // Missed now and then, but not for so long that it may be taken for gone.
            let is_missed = rng.chance(0.1) && n_missed < 2;
            n_missed = if is_missed { n_missed + 1 } else { 0 };
            if !is_missed {
                frame.push(car(x + rng.normal(0.0, 0.2), y + rng.normal(0.0, 0.2), 0.2));
            }
            if rng.chance(0.3) {
                frame.push(car(x + rng.range(-60.0, 60.0), y + rng.range(15.0, 60.0), 0.2));
            }
            tracker.take(t, &frame, &|_| true);
            tracker.told(t, &mut out);
        }
        (out, (n - 1) as f64 * 0.1)
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

        #[test]
        fn a_car_among_noise_is_one_track_at_its_place_and_speed(seed in 0_u64..10_000, v in 0.0..15.0_f64) {
            let (told, end) = track_one(seed, |t| (v * t, 3.0), 60);
            let near: Vec<&Track> = told.iter().filter(|t| t.centre.y_m < 8.0).collect();
            prop_assert_eq!(near.len(), 1);
            prop_assert!((near[0].centre.x_m - v * end).abs() < 0.8, "{:?}", near[0]);
            // Of one that creeps not even the sign is sure from frame to frame.
            let told_mps = if v < 2.0 { near[0].speed_mps.abs() } else { near[0].speed_mps };
            prop_assert!((told_mps - v).abs() < 1.3, "{told_mps} {v}");
            // Only one that hardly moves may be taken for standing.
            prop_assert!(near[0].speed_mps != 0.0 || v < 0.6, "{v}: {:?}", near[0]);
            prop_assert_eq!(near[0].class, Class::Car);
            prop_assert!(near[0].sigma.0 > 0.0 && near[0].sigma.0 < 0.5);
        }

        #[test]
        fn no_frame_makes_it_panic_or_tell_nonsense(
            values in proptest::collection::vec((-1e6..1e6_f64, -1e6..1e6_f64, -10.0..10.0_f64, 0_usize..12), 0..40),
            bad in 0_usize..4, dt in -1.0..3.0_f64,
        ) {
            let mut tracker = Tracker::new(TrackerOptions::USUAL);
            let mut out = Vec::new();
            for k in 0..4 {
                let frame: Vec<Detection> = values.iter().enumerate().map(|(i, v)| {
                    let mut d = car(v.0 / 1e4, v.1 / 1e4, 0.3);
                    d.heading_rad = v.2;
                    d.class = Class::ALL[v.3];
                    if bad == 1 && i % 3 == 0 { d.centre.x_m = f64::NAN }
                    if bad == 2 && i % 3 == 0 { d.heading_rad = f64::INFINITY }
                    d
                }).collect();
                tracker.take(f64::from(k) * dt, &frame, &|_| true);
                tracker.told(f64::from(k) * dt, &mut out);
                prop_assert!(out.iter().all(|t| t.centre.x_m.is_finite() && t.speed_mps.is_finite()));
            }
        }
    }

    #[test]
    fn what_stands_is_told_to_stand_and_what_vanishes_is_dropped() {
        let (told, _) = track_one(5, |_| (4.0, 2.0), 80);
        let near = told.iter().find(|t| t.centre.y_m < 8.0).expect("it is tracked");
        assert!(near.speed_mps == 0.0 && near.stood_s > 3.0, "{near:?}");
        let mut tracker = Tracker::new(TrackerOptions::USUAL);
        let mut out = Vec::new();
        for k in 0..20 {
            tracker.take(f64::from(k) * 0.1, &[car(1.0, 1.0, 0.2)], &|_| true);
        }
        for k in 20..30 {
            tracker.take(f64::from(k) * 0.1, &[], &|_| true);
        }
        tracker.told(3.0, &mut out);
        assert!(out.is_empty());
    }

    #[test]
    fn what_stands_and_seems_to_stir_has_stood_all_the_while() {
        let mut tracker = Tracker::new(TrackerOptions::USUAL);
        let mut out = Vec::new();
        let mut stood_s = Vec::new();
        for k in 0..150 {
            // A jolt of half a second in the middle, such as a load or a bad frame makes.
            let off_m = if (70..75).contains(&k) { f64::from(k - 69) * 0.12 } else { 0.0 };
            tracker.take(f64::from(k) * 0.1, &[car(5.0 + off_m, 2.0, 0.1)], &|_| true);
            tracker.told(f64::from(k) * 0.1, &mut out);
            stood_s.push(out.first().map_or(0.0, |t| t.stood_s));
        }
        assert!(stood_s[60] > 4.0 && stood_s[149] > 12.0, "{} {}", stood_s[60], stood_s[149]);
        assert!(stood_s[70..110].contains(&0.0), "the jolt is seen as movement");
    }

    #[test]
    fn a_car_behind_a_wall_is_remembered_for_a_while() {
        let mut tracker = Tracker::new(TrackerOptions::USUAL);
        let mut out = Vec::new();
        for k in 0..20 {
            tracker.take(f64::from(k) * 0.1, &[car(8.0 * f64::from(k) * 0.1, 0.0, 0.2)], &|_| true);
        }
        for k in 20..30 {
            tracker.take(f64::from(k) * 0.1, &[], &|_| false);
        }
        tracker.told(2.9, &mut out);
        assert_eq!(out.len(), 1);
        assert!((out[0].centre.x_m - 8.0 * 2.9).abs() < 1.5, "{:?}", out[0]);
    }
}
