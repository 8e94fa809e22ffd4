//! A motorway lane with a platoon of trucks, and a referee.
//!
//! It stands where engines, air brakes, radar and radio stand: brakes answer after a dead time and
//! then build up, drives follow late, gaps are measured with noise, messages take their time and get
//! lost. The trucks are driven by `rv_driver::truck::Follower`; the referee looks only at where the
//! trucks are.

use std::collections::VecDeque;

use rv_base::Rng;
use rv_driver::truck::{Ahead, Brakes, Follower, Heard, Mode, Own};
use serde::Serialize;

/// Step of the simulation, s.
const STEP_S: f64 = 0.01;
/// Steps between two commands, messages and samples.
const STEPS_PER_CYCLE: usize = 5;
/// Most trucks.
pub const TRUCKS_MAX: usize = 64;
/// Part of the brakes' lag that is dead time; the rest is the time constant of the build-up.
const DEAD_SHARE: f64 = 0.8;
/// Time constant of the drive, s.
const DRIVE_S: f64 = 0.4;
/// Deviation of a measured gap, m, speed, m/s, and acceleration, m/s2.
const NOISE: (f64, f64, f64) = (0.1, 0.05, 0.3);
/// Time constant with which measured accelerations are smoothed, s.
const SMOOTHING_S: f64 = 0.2;

/// What the first truck does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Manoeuvre {
    /// Brakes fully from a moment on, to a stand.
    Brake {
        /// The moment, s.
        at_s: f64,
    },
    /// Speeds up and slows down evenly.
    Wave {
        /// Time from crest to crest, s.
        period_s: f64,
        /// Most above and below its speed, m/s.
        by_mps: f64,
    },
}

/// A run.
#[derive(Clone, Debug, PartialEq)]
pub struct PlatoonRun {
    /// Brakes of each truck, the first one's first; 2 to [`TRUCKS_MAX`].
    pub brakes: Vec<Brakes>,
    /// Speed in the beginning, m/s.
    pub speed_mps: f64,
    /// What the first does.
    pub manoeuvre: Manoeuvre,
    /// Time from sending to hearing, s.
    pub link_delay_s: f64,
    /// Share of messages that get lost.
    pub link_loss: f64,
    /// When the link fails for good, s.
    pub link_fails_at_s: Option<f64>,
    /// How long, s.
    pub duration_s: f64,
    /// Seed of noise and losses.
    pub seed: u64,
}

/// What the referee saw.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PlatoonOutcome {
    /// Pairs that touched.
    pub n_contacts: usize,
    /// Least gap behind each truck, m.
    pub gap_least_m: Vec<f64>,
    /// Gap in the beginning, m: behind each truck.
    pub gap_kept_m: Vec<f64>,
    /// Most that each truck's speed strayed from the beginning's in the last third, m/s.
    pub swing_mps: Vec<f64>,
    /// Way of the first truck from its command to brake to its stand, m.
    pub stopping_distance_m: Option<f64>,
    /// Cycles in which a truck braked as an emergency.
    pub n_emergencies: usize,
    /// Fastest change of a commanded acceleration outside of braking that was announced or an
    /// emergency, m/s3.
    pub jerk_max_mps3: f64,
    /// Every cycle: gap behind each truck but the last, m.
    #[serde(skip)]
    pub gaps_m: Vec<Vec<f64>>,
    /// Every cycle: speed of each truck, m/s.
    #[serde(skip)]
    pub speeds_mps: Vec<Vec<f64>>,
}

impl PlatoonOutcome {
    /// Time between two samples, s.
    pub const SAMPLE_S: f64 = STEP_S * STEPS_PER_CYCLE as f64;
}

/// A truck as it is.
struct Body {
    brakes: Brakes,
    /// Tail of the truck in front is at its own front plus the gap; trucks have no length here.
    at_m: f64,
    speed_mps: f64,
    acceleration_mps2: f64,
    commanded_mps2: f64,
    /// Commands on their way through the brakes' dead time.
    pipe: VecDeque<f64>,
}

impl Body {
    fn step(&mut self) {
        self.pipe.push_back(self.commanded_mps2);
        let dead = (self.brakes.lag_s * DEAD_SHARE / STEP_S).round() as usize;
        let late = if self.pipe.len() > dead { self.pipe.pop_front() } else { None };
        // Brakes follow through their dead time, the drive at once; neither does the other's work.
        let braking = late.unwrap_or(0.0).min(0.0);
        let driving = self.commanded_mps2.max(0.0);
        let (target, constant_s) = if braking < 0.0 {
            (braking, (self.brakes.lag_s * (1.0 - DEAD_SHARE)).max(STEP_S))
        } else {
            (driving, DRIVE_S)
        };
        self.acceleration_mps2 +=
            (target - self.acceleration_mps2) * (STEP_S / constant_s).min(1.0);
        let next = (self.speed_mps + self.acceleration_mps2 * STEP_S).max(0.0);
        self.at_m += (self.speed_mps + next) / 2.0 * STEP_S;
        self.speed_mps = next;
    }
}

/// Drives a platoon.
///
/// # Panics
/// If there are fewer than two or more than [`TRUCKS_MAX`] trucks.
pub fn run(run: &PlatoonRun) -> PlatoonOutcome {
    let n = run.brakes.len();
    assert!((2..=TRUCKS_MAX).contains(&n), "a platoon has 2 to {TRUCKS_MAX} trucks");
    let followers: Vec<_> = (1..n)
        .map(|i| Follower {
            brakes: run.brakes[i],
            speed_max_mps: run.speed_mps + 3.0,
            ..Follower::loaded(run.brakes[i - 1])
        })
        .collect();
    let mut bodies = Vec::new();
    let mut at_m = 0.0;
    for (i, &brakes) in run.brakes.iter().enumerate() {
        if i > 0 {
            at_m -= followers[i - 1].gap_kept_m(run.speed_mps, Mode::Linked);
        }
        bodies.push(Body {
            brakes,
            at_m,
            speed_mps: run.speed_mps,
            acceleration_mps2: 0.0,
            commanded_mps2: 0.0,
            pipe: VecDeque::new(),
        });
    }
    let mut between = Between::new(run, n);
    let mut referee = Referee::new(run, &bodies);
    let n_steps = (run.duration_s / STEP_S) as usize;
    for step in 0..n_steps {
        let now_s = step as f64 * STEP_S;
        if step % STEPS_PER_CYCLE == 0 {
            referee.sample(&bodies, now_s);
            command(run, &followers, &mut bodies, &mut between, &mut referee, now_s);
        }
        bodies.iter_mut().for_each(Body::step);
        referee.look(&bodies);
    }
    referee.outcome
}

/// One cycle of all trucks: the first drives its manoeuvre, the others follow.
fn command(
    run: &PlatoonRun,
    followers: &[Follower],
    bodies: &mut [Body],
    between: &mut Between,
    referee: &mut Referee,
    now_s: f64,
) {
    let cycle_s = PlatoonOutcome::SAMPLE_S;
    let lead = &mut bodies[0];
    lead.commanded_mps2 = match run.manoeuvre {
        Manoeuvre::Brake { at_s } if now_s >= at_s => -lead.brakes.braking_max_mps2,
        Manoeuvre::Brake { .. } => 0.0,
        Manoeuvre::Wave { period_s, by_mps } => {
            let turn = std::f64::consts::TAU / period_s;
            let wanted_mps = run.speed_mps + by_mps * (turn * now_s).sin();
            by_mps * turn * (turn * now_s).cos() + 0.2 * (wanted_mps - lead.speed_mps)
        }
    };
    between.send(0, bodies[0].commanded_mps2, now_s);
    for i in 1..bodies.len() {
        let (gap_noise, speed_noise) = (between.noise(NOISE.0), between.noise(NOISE.1));
        let ahead = Ahead {
            gap_m: bodies[i - 1].at_m - bodies[i].at_m + gap_noise,
            speed_mps: (bodies[i - 1].speed_mps + speed_noise).max(0.0),
            acceleration_mps2: between.slowing_seen(i - 1, bodies[i - 1].acceleration_mps2),
        };
        let heard = between.heard(i - 1, now_s);
        let body = &mut bodies[i];
        let last = body.commanded_mps2;
        let own = Own {
            speed_mps: body.speed_mps,
            acceleration_mps2: body.acceleration_mps2,
            commanded_mps2: last,
        };
        let (next, mode) = followers[i - 1].command(&own, &ahead, heard.as_ref(), cycle_s);
        body.commanded_mps2 = next;
        let announced =
            heard.is_some_and(|h| h.commanded_mps2 < -followers[i - 1].braking_comfortable_mps2);
        referee.judge_command(last, next, mode, announced);
        between.send(i, next, now_s);
    }
}

/// Messages and measurements between the trucks, with the lots of the world.
struct Between {
    delay_s: f64,
    loss: f64,
    fails_at_s: f64,
    /// For each truck: when sent, and what.
    sent: Vec<VecDeque<(f64, f64)>>,
    /// What the sensors behind each truck make of its acceleration: it is smoothed, so it comes late.
    seen: Vec<f64>,
    rng: Rng,
}

impl Between {
    fn new(run: &PlatoonRun, n: usize) -> Self {
        Self {
            delay_s: run.link_delay_s,
            loss: run.link_loss,
            fails_at_s: run.link_fails_at_s.unwrap_or(f64::INFINITY),
            // The link has been there for some time.
            sent: vec![VecDeque::from([(-run.link_delay_s, 0.0)]); n],
            seen: vec![0.0; n],
            rng: Rng::from_seed(run.seed).fork("platoon"),
        }
    }

    fn send(&mut self, truck: usize, commanded_mps2: f64, now_s: f64) {
        let is_lost = self.rng.chance(self.loss);
        if now_s < self.fails_at_s && !is_lost {
            self.sent[truck].push_back((now_s, commanded_mps2));
        }
    }

    /// The acceleration of a truck as the one behind measures it.
    fn slowing_seen(&mut self, truck: usize, acceleration_mps2: f64) -> f64 {
        let measured = acceleration_mps2 + self.noise(NOISE.2);
        let seen = &mut self.seen[truck];
        *seen += (measured - *seen) * PlatoonOutcome::SAMPLE_S / SMOOTHING_S;
        *seen
    }

    /// The newest message that has arrived.
    fn heard(&mut self, truck: usize, now_s: f64) -> Option<Heard> {
        let queue = &mut self.sent[truck];
        while queue.get(1).is_some_and(|m| m.0 + self.delay_s <= now_s) {
            queue.pop_front();
        }
        let (sent_s, commanded_mps2) = *queue.front()?;
        (sent_s + self.delay_s <= now_s).then_some(Heard { commanded_mps2, age_s: now_s - sent_s })
    }

    fn noise(&mut self, deviation: f64) -> f64 {
        self.rng.normal(0.0, deviation)
    }
}

/// Looks at where the trucks are, and at nothing else.
struct Referee {
    outcome: PlatoonOutcome,
    touched: Vec<bool>,
    brakes_at: Option<(f64, f64)>,
    brake_command_s: Option<f64>,
    swing_from_s: f64,
    speed_mps: f64,
}

impl Referee {
    fn new(run: &PlatoonRun, bodies: &[Body]) -> Self {
        let gaps: Vec<_> = bodies.windows(2).map(|w| w[0].at_m - w[1].at_m).collect();
        Self {
            outcome: PlatoonOutcome {
                n_contacts: 0,
                gap_least_m: gaps.clone(),
                gap_kept_m: gaps,
                swing_mps: vec![0.0; bodies.len()],
                stopping_distance_m: None,
                n_emergencies: 0,
                jerk_max_mps3: 0.0,
                gaps_m: Vec::new(),
                speeds_mps: Vec::new(),
            },
            touched: vec![false; bodies.len() - 1],
            brakes_at: None,
            brake_command_s: match run.manoeuvre {
                Manoeuvre::Brake { at_s } => Some(at_s),
                Manoeuvre::Wave { .. } => None,
            },
            swing_from_s: run.duration_s * 2.0 / 3.0,
            speed_mps: run.speed_mps,
        }
    }

    fn sample(&mut self, bodies: &[Body], now_s: f64) {
        let out = &mut self.outcome;
        out.gaps_m.push(bodies.windows(2).map(|w| w[0].at_m - w[1].at_m).collect());
        out.speeds_mps.push(bodies.iter().map(|b| b.speed_mps).collect());
        if now_s >= self.swing_from_s {
            for (swing, body) in out.swing_mps.iter_mut().zip(bodies) {
                *swing = swing.max((body.speed_mps - self.speed_mps).abs());
            }
        }
        if self.brakes_at.is_none() && self.brake_command_s.is_some_and(|at| now_s >= at) {
            self.brakes_at = Some((now_s, bodies[0].at_m));
        }
    }

    fn look(&mut self, bodies: &[Body]) {
        for (i, pair) in bodies.windows(2).enumerate() {
            let gap_m = pair[0].at_m - pair[1].at_m;
            let least = &mut self.outcome.gap_least_m[i];
            *least = least.min(gap_m);
            if gap_m <= 0.0 && !self.touched[i] {
                self.touched[i] = true;
                self.outcome.n_contacts += 1;
            }
        }
        if let (Some((_, from_m)), None) = (self.brakes_at, self.outcome.stopping_distance_m)
            && bodies[0].speed_mps <= 0.0
        {
            self.outcome.stopping_distance_m = Some(bodies[0].at_m - from_m);
        }
    }

    fn judge_command(&mut self, last: f64, next: f64, mode: Mode, announced: bool) {
        if mode == Mode::Emergency {
            self.outcome.n_emergencies += 1;
        } else if !announced {
            let jerk = (next - last).abs() / PlatoonOutcome::SAMPLE_S;
            self.outcome.jerk_max_mps3 = self.outcome.jerk_max_mps3.max(jerk);
        }
    }
}
