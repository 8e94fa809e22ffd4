//! The operating domain: in which weather, where and how well equipped the vehicle may drive.

/// What the domain allows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Domain {
    /// Fastest, m/s.
    pub speed_max_mps: f64,
    /// Heaviest rain, mm/h.
    pub rain_max_mmph: f64,
    /// Shortest range of sight, m.
    pub visibility_min_m: f64,
    /// Strongest wind, m/s.
    pub wind_max_mps: f64,
    /// Most sensors that may be out.
    pub sensors_out_max: u32,
    /// Largest standard deviation of the own place, m.
    pub place_sd_max_m: f64,
}

/// What is so now. A number that is not finite counts as outside.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Readings {
    /// Rain, mm/h.
    pub rain_mmph: f64,
    /// Range of sight, m.
    pub visibility_m: f64,
    /// Wind, m/s.
    pub wind_mps: f64,
    /// True if the map has this road, for this kind of vehicle.
    pub is_known_road: bool,
    /// True if a permit covers this road at this hour.
    pub is_permitted: bool,
    /// Sensors that are out.
    pub sensors_out: u32,
    /// Standard deviation of the own place, m.
    pub place_sd_m: f64,
}

impl Readings {
    /// A clear day on a permitted road, with everything in order.
    pub const FINE: Self = Self {
        rain_mmph: 0.0,
        visibility_m: 1000.0,
        wind_mps: 0.0,
        is_known_road: true,
        is_permitted: true,
        sensors_out: 0,
        place_sd_m: 0.05,
    };
}

/// What leaves the domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outside {
    /// Rain, sight or wind.
    Weather,
    /// The road is not known.
    Road,
    /// No permit.
    Permit,
    /// Too many sensors are out.
    Sensors,
    /// It does not know well enough where it is.
    Place,
    /// Faster than the domain allows.
    Speed,
}

impl Domain {
    /// What of some readings lies outside, the gravest first.
    pub fn outside(&self, now: &Readings, speed_mps: f64) -> Option<Outside> {
        // Written so that a number that is none is outside.
        let within = |value: f64, max: f64| value <= max;
        if now.sensors_out > self.sensors_out_max {
            Some(Outside::Sensors)
        } else if !within(now.place_sd_m, self.place_sd_max_m) {
            Some(Outside::Place)
        } else if !now.is_known_road {
            Some(Outside::Road)
        } else if !now.is_permitted {
            Some(Outside::Permit)
        } else if !within(now.rain_mmph, self.rain_max_mmph)
            || !within(now.wind_mps, self.wind_max_mps)
            || !within(-now.visibility_m, -self.visibility_min_m)
        {
            Some(Outside::Weather)
        } else if !within(speed_mps, self.speed_max_mps * 1.05) {
            Some(Outside::Speed)
        } else {
            None
        }
    }
}
