//! Reference drivers of UN R157 for vehicles that keep their lane: what a careful human, or one of
//! three formulas, would have done by braking alone. They judge which contacts are preventable, and
//! stand beside our driver in tables. They share nothing with it.
//!
//! After UN Regulation No. 157, 5.2.5.2 (intrusion formula) and Annex 3 (careful and competent
//! driver), and Mattas et al. 2022, "Driver models for the definition of safety requirements of
//! automated vehicles in international regulations", for the other two.

use rv_import::openscenario::EntityIdx;

use super::Player;

/// Acceleration of gravity, m/s2.
const G_MPS2: f64 = 9.81;
/// Distance that is never reached, m.
const FAR_M: f64 = 1e9;

/// A reference driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reference {
    /// The careful and competent human driver.
    Human,
    /// The formula of 5.2.5.2: 6 m/s2, 0.35 s after the other one is 0.3 m in the lane.
    Regulation,
    /// Responsibility-sensitive safety.
    Rss,
    /// The fuzzy safety model.
    Fuzzy,
}

/// All reference drivers.
pub const REFERENCES: [Reference; 4] =
    [Reference::Human, Reference::Regulation, Reference::Rss, Reference::Fuzzy];

impl Reference {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Human => "human (CC)",
            Self::Regulation => "regulation",
            Self::Rss => "RSS",
            Self::Fuzzy => "FSM",
        }
    }
}

/// A reference driver at work.
#[derive(Clone, Debug)]
pub(super) struct Brakes {
    kind: Reference,
    set_mps: f64,
    acceleration_mps2: f64,
    /// Seconds until it reacts; none if nothing is critical.
    reacts_in_s: Option<f64>,
}

/// The one it pays attention to.
#[derive(Clone, Copy, Debug)]
struct Focus {
    gap_m: f64,
    speed_mps: f64,
}

impl Brakes {
    pub(super) fn new(kind: Reference, set_mps: f64) -> Self {
        Self { kind, set_mps, acceleration_mps2: 0.0, reacts_in_s: None }
    }

    /// The speed after a step.
    pub(super) fn speed_mps(&mut self, player: &Player<'_>, ego: EntityIdx, dt_s: f64) -> f64 {
        let v = player.movers()[ego].speed_mps;
        let focus = self.focus(player, ego);
        let critical = focus.filter(|f| self.is_critical(f, v));
        let Some(focus_critical) = critical else {
            self.reacts_in_s = None;
            return self.cruise(focus, v, dt_s);
        };
        let ramp = |a: f64, to: f64, rate: f64| (a - rate * dt_s).max(-to);
        self.acceleration_mps2 = match self.kind {
            Reference::Regulation => -6.0,
            Reference::Human => {
                let left_s = self.reacts_in_s.get_or_insert(0.75);
                *left_s -= dt_s;
                if *left_s > 0.0 {
                    self.acceleration_mps2.min(-0.4)
                } else {
                    let closing = (v - focus_critical.speed_mps).max(0.0);
                    let left_m = focus_critical.gap_m - 0.6 * closing;
                    let needed = closing * closing / (2.0 * left_m.max(0.01));
                    let most = if needed > 0.85 * G_MPS2 { 0.85 } else { 0.774 } * G_MPS2;
                    ramp(self.acceleration_mps2, most, most / 0.6)
                }
            }
            Reference::Rss | Reference::Fuzzy => {
                let left_s = self.reacts_in_s.get_or_insert(0.75);
                *left_s -= dt_s;
                if *left_s > 0.0 {
                    self.acceleration_mps2.min(0.0)
                } else {
                    let most = match self.kind {
                        Reference::Fuzzy => fuzzy_mps2(&focus_critical, v, self.acceleration_mps2),
                        _ => 0.774 * G_MPS2,
                    };
                    ramp(self.acceleration_mps2, most, 12.65)
                }
            }
        };
        (v + self.acceleration_mps2 * dt_s).max(0.0)
    }

    /// Follows at a time gap, or goes on at its speed.
    fn cruise(&mut self, focus: Option<Focus>, v: f64, dt_s: f64) -> f64 {
        let wanted = match focus {
            Some(f) => {
                let gap_m = (v * (1.0 + v * 3.6 / 100.0)).max(2.0);
                (2.0 * (f.speed_mps - v) + (f.gap_m - gap_m)).clamp(-4.0, 3.0)
            }
            None => ((self.set_mps - v) / dt_s).clamp(-2.0, 2.0),
        };
        self.acceleration_mps2 = wanted;
        (v + wanted * dt_s).clamp(0.0, self.set_mps.max(0.0))
    }

    /// The nearest one ahead that is in the lane, or comes into it so that this driver minds it.
    fn focus(&self, player: &Player<'_>, ego: EntityIdx) -> Option<Focus> {
        let own = player.movers()[ego].spot?;
        let lane_half_m = {
            let (inner, outer) = player.roads.road(own.road).lane_borders_m(own.s_m, own.lane)?;
            (inner - outer).abs() / 2.0
        };
        let own_t_m = player.roads.t_m(&own) - own.offset_m;
        let mut nearest: Option<Focus> = None;
        for (idx, other) in player.movers().iter().enumerate() {
            if idx == ego || !other.is_there {
                continue;
            }
            let (along_m, across_m) = player.free_m(ego, idx);
            let ahead_m = player.movers()[ego].pose.local(other.pose.at).0;
            if ahead_m <= 0.0 || nearest.is_some_and(|n| n.gap_m < along_m) {
                continue;
            }
            let spot = other.spot;
            let Some(spot) = spot.filter(|s| s.road == own.road) else { continue };
            // Where it is across our lane, and how fast it comes over.
            let off_m = player.roads.t_m(&spot) - own_t_m;
            if off_m.abs() > 3.0 * lane_half_m {
                continue;
            }
            let entity = &player.scenario.entities[idx];
            let edge_m = off_m.abs() - entity.width_m / 2.0;
            let line = player.roads.road(spot.road).pose(spot.s_m);
            let over_mps = other.speed_mps * (other.pose.heading_rad - line.heading).sin();
            let inwards_mps = -off_m.signum() * over_mps;
            let in_lane = off_m.abs() < lane_half_m;
            let minds = in_lane
                || match self.kind {
                    Reference::Regulation => edge_m < lane_half_m - 0.3,
                    Reference::Human => {
                        inwards_mps > 0.01 && off_m.abs() < 2.0 * lane_half_m - (0.375 + 0.72)
                    }
                    Reference::Rss => {
                        let (t, a, mu) = (0.75, 1.0, 0.3);
                        let v = inwards_mps.abs();
                        let safe_m =
                            mu + (2.0 * v + a * t) * t / 2.0 + (v + a * t).powi(2) / (2.0 * a);
                        inwards_mps > 0.01 && across_m.abs() < safe_m
                    }
                    Reference::Fuzzy => {
                        let closing = (player.movers()[ego].speed_mps - other.speed_mps).max(1e-6);
                        inwards_mps > 0.01
                            && across_m.abs() / inwards_mps <= along_m.abs() / closing + 0.1
                    }
                };
            if minds {
                let heading = other.pose.heading_rad - player.movers()[ego].pose.heading_rad;
                let gap_m = if along_m > 0.0 { along_m } else { 0.0 };
                nearest = Some(Focus { gap_m, speed_mps: other.speed_mps * heading.cos() });
            }
        }
        nearest
    }

    fn is_critical(&self, focus: &Focus, v: f64) -> bool {
        let closing = v - focus.speed_mps;
        if closing <= 0.0 {
            return self.kind == Reference::Human
                && self.reacts_in_s.is_some()
                && focus.gap_m < 2.0 + 2.0 * v;
        }
        let ttc_s = if focus.gap_m > 0.0 { focus.gap_m / closing } else { 0.0 };
        match self.kind {
            Reference::Regulation => ttc_s < closing / 12.0 + 0.35 + 0.1,
            Reference::Human => {
                ttc_s < 2.0 || self.reacts_in_s.is_some() && focus.gap_m < 2.0 + 2.0 * v
            }
            Reference::Rss => {
                let (t, up, down) = (0.75, 3.0, 0.774 * G_MPS2);
                let after = v + up * t;
                let safe_m = v * t + up * t * t / 2.0 + after * after / (2.0 * down)
                    - focus.speed_mps.max(0.0).powi(2) / (2.0 * down);
                focus.gap_m < safe_m
            }
            Reference::Fuzzy => {
                let (cfs, pfs) = fuzzy(focus, v, self.acceleration_mps2);
                cfs + pfs > 0.0
            }
        }
    }
}

/// Critical and proactive fuzzy surrogate safety metrics of Mattas et al.: 0 is safe, 1 is not.
fn fuzzy(focus: &Focus, v: f64, a: f64) -> (f64, f64) {
    let (t, comfort, hardest, lead, margin_m, safe_m) = (0.75, 4.0, 6.0, 7.0, 2.0, 2.0);
    let share = |gap_m: f64, safe: f64, unsafe_m: f64| {
        if gap_m > safe {
            0.0
        } else if gap_m < unsafe_m {
            1.0
        } else {
            (gap_m - safe) / (unsafe_m - safe)
        }
    };
    let u = focus.speed_mps.max(0.0);
    let stops_m = u * u / (2.0 * lead);
    let pfs = share(
        focus.gap_m - margin_m,
        v * t + v * v / (2.0 * comfort) - stops_m + safe_m,
        v * t + v * v / (2.0 * hardest) - stops_m,
    );
    let now = a.max(-comfort);
    let after = v + now * t;
    let cfs = if v <= u {
        0.0
    } else if after < u {
        let safe = (v - u).powi(2) / (2.0 * now.abs()).max(1e-9);
        if focus.gap_m < safe { 1.0 } else { 0.0 }
    } else {
        let reacting_m = (v + now * t / 2.0 - u) * t;
        share(
            focus.gap_m,
            reacting_m + (after - u).powi(2) / (2.0 * comfort),
            reacting_m + (after - u).powi(2) / (2.0 * hardest),
        )
    };
    (cfs, pfs)
}

/// How hard it brakes for that, m/s2.
fn fuzzy_mps2(focus: &Focus, v: f64, a: f64) -> f64 {
    let (cfs, pfs) = fuzzy(focus, v, a);
    if cfs > 0.0 { cfs * 2.0 + 4.0 } else { pfs * 4.0 }.min(0.774 * G_MPS2).min(FAR_M)
}
