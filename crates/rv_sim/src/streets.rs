//! What the streets are like: traffic by hour, weather, signals, blocked roads.

use std::collections::BTreeMap;

use rv_base::{EdgeId, Meters, Seconds, Timestamp};
use rv_driver::RoadTable;
use rv_map::RoadGraph;
use rv_model::TrafficProfile;
use serde::{Deserialize, Serialize};

/// Signal cycle, s; half of it is red. The mean wait is an eighth of it, near what route planning
/// expects of a signal once the time to get going again is added.
const SIGNAL_CYCLE_S: i64 = 60;

/// A vehicle sees this far along its path.
const SIGHT: Meters = Meters(70.0);

/// It waits this far before the end of the edge that a signal controls.
const STOP_LINE: Meters = Meters(2.0);

/// Weather, and what it does to speed and energy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Weather {
    /// Dry.
    #[default]
    Dry,
    /// Wet roads.
    Rain,
    /// Snow or slush.
    Snow,
}

impl Weather {
    /// Share of the dry speed. The US Federal Highway Administration's road weather programme
    /// gives a loss of 10 to 25 % on wet arterials and of 30 to 40 % with snow or slush.
    pub fn speed_share(self) -> f64 {
        match self {
            Self::Dry => 1.0,
            Self::Rain => 0.88,
            Self::Snow => 0.65,
        }
    }

    /// Energy for a metre against dry roads.
    pub fn energy_share(self) -> f64 {
        match self {
            Self::Dry => 1.0,
            Self::Rain => 1.05,
            Self::Snow => 1.2,
        }
    }
}

/// How busy the streets are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrafficConfig {
    /// Driving times by hour.
    pub profile: TrafficProfile,
    /// Standard deviation of the factor of one street in one hour around the profile.
    pub noise: f64,
    /// Jams. The city's traffic service tells the fleet when one begins and when it is over.
    #[serde(default)]
    pub jams: Vec<Jam>,
}

/// Roads that are slow for a while.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Jam {
    /// The edges, ascending.
    pub edges: Vec<EdgeId>,
    /// When it begins.
    pub from: Timestamp,
    /// When it is over.
    pub until: Timestamp,
    /// How many times as long as usual the edges take; more than 1.
    pub factor: f64,
}

/// The streets at a moment.
#[derive(Clone, Debug)]
pub(crate) struct Streets {
    traffic: TrafficConfig,
    seed: u64,
    signal_phase: Vec<i16>,
    pub(crate) weather: Weather,
    pub(crate) blocked: BTreeMap<EdgeId, Timestamp>,
    utc_offset: Seconds,
    factor: f64,
    hour: u64,
    now: Timestamp,
    /// Factors of the jams of the moment, the worst of each edge.
    jammed: BTreeMap<EdgeId, f64>,
}

/// What a vehicle sees along its path.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct View {
    pub(crate) red_at: Option<Meters>,
    pub(crate) blocked: Option<EdgeId>,
}

impl Streets {
    pub(crate) fn new(
        graph: &RoadGraph,
        traffic: TrafficConfig,
        utc_offset: Seconds,
        weather: Weather,
        seed: u64,
    ) -> Self {
        // Approaches that run rather north-south share a phase, the others have the opposite one.
        let signal_phase = (0..graph.n_edges())
            .map(|idx| {
                let edge = &graph.edges[idx];
                if !graph.is_signal[edge.head.idx()] {
                    return -1;
                }
                let line = graph.polyline(EdgeId::from_idx(idx));
                let heading = line[line.len() - 2].bearing_to(line[line.len() - 1]).0;
                let is_across = heading.sin().abs() > heading.cos().abs();
                let offset = mix(seed ^ u64::from(edge.head.0)) % SIGNAL_CYCLE_S as u64;
                let half = if is_across { SIGNAL_CYCLE_S as u64 / 2 } else { 0 };
                ((offset + half) % SIGNAL_CYCLE_S as u64) as i16
            })
            .collect();
        let mut streets = Self {
            traffic,
            seed,
            signal_phase,
            weather,
            blocked: BTreeMap::new(),
            utc_offset,
            factor: 1.0,
            hour: 0,
            now: Timestamp::ZERO,
            jammed: BTreeMap::new(),
        };
        streets.set_time(Timestamp::ZERO);
        streets
    }

    /// The roads that are slow at a moment, by edge: all jams, the worst of each edge.
    fn jams_at(&self, at: Timestamp) -> BTreeMap<EdgeId, f64> {
        let mut jammed = BTreeMap::new();
        for jam in self.traffic.jams.iter().filter(|jam| (jam.from..jam.until).contains(&at)) {
            for edge in &jam.edges {
                let worst: &mut f64 = jammed.entry(*edge).or_insert(1.0);
                *worst = worst.max(jam.factor);
            }
        }
        jammed
    }

    /// The roads that are slow now, by edge.
    pub(crate) fn jammed(&self) -> &BTreeMap<EdgeId, f64> {
        &self.jammed
    }

    /// Moves the clock; true if other roads are jammed than before.
    pub(crate) fn set_time(&mut self, now: Timestamp) -> bool {
        let before = self.now;
        let has_changed = |jam: &Jam| {
            (jam.from..jam.until).contains(&before) != (jam.from..jam.until).contains(&now)
        };
        let is_new = self.traffic.jams.iter().any(has_changed);
        if is_new {
            self.jammed = self.jams_at(now);
        }
        let local = now + self.utc_offset;
        self.now = now;
        self.factor = self.traffic.profile.factor(local);
        self.hour = local.0.div_euclid(3_600_000) as u64;
        if self.blocked.values().any(|until| *until <= now) {
            self.blocked.retain(|_, until| *until > now);
        }
        is_new
    }

    /// Share of the free speed that is driven on an edge now.
    pub(crate) fn flow(&self, edge: EdgeId) -> f64 {
        let word = mix(self.seed ^ (self.hour << 32) ^ u64::from(edge.0));
        // The sum of two uniform numbers is near enough to normal here.
        let (a, b) = (word & 0xffff_ffff, word >> 32);
        let noise = ((a + b) as f64 / f64::from(u32::MAX) - 1.0) * 2.449 * self.traffic.noise;
        let jam = self.jammed.get(&edge).copied().unwrap_or(1.0);
        let factor = self.factor * jam * (1.0 + noise).clamp(0.6, 1.8);
        (self.weather.speed_share() / factor.max(1.0)).min(1.0)
    }

    /// What lies ahead within sight.
    pub(crate) fn view(
        &self,
        roads: &RoadTable,
        path: &[EdgeId],
        idx: usize,
        offset: Meters,
    ) -> View {
        let mut view = View::default();
        let mut distance = -offset;
        for (i, edge) in path.iter().enumerate().skip(idx) {
            if i > idx
                && view.blocked.is_none()
                && !self.blocked.is_empty()
                && self.blocked.contains_key(edge)
            {
                view.blocked = Some(*edge);
            }
            if distance > SIGHT {
                break;
            }
            distance += roads.length(*edge);
            let is_last = i + 1 == path.len();
            if view.red_at.is_none() && !is_last && self.is_red(*edge) {
                let line = distance - STOP_LINE;
                view.red_at = (line > Meters::ZERO).then_some(line);
            }
        }
        view
    }

    /// True if a signal at the end of the edge shows red.
    fn is_red(&self, edge: EdgeId) -> bool {
        let phase = self.signal_phase.get(edge.idx()).copied().unwrap_or(-1);
        phase >= 0
            && (self.now.0.div_euclid(1000) + i64::from(phase)).rem_euclid(SIGNAL_CYCLE_S)
                < SIGNAL_CYCLE_S / 2
    }
}

/// A well-mixed word of another (the finaliser of SplitMix64, Steele et al. 2014).
pub(crate) fn mix(word: u64) -> u64 {
    let mut z = word.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
