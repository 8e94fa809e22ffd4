//! The best begins of a route's visits: a dynamic programme from its end to its start over functions
//! that are linear in pieces (after Ibaraki et al. 2008, whose functions need not be convex either).
//!
//! `f(t)` of a visit is the least cost of all that follows if the vehicle arrives at `t`: the least
//! over all begins from `t` on that the windows (and the free bays) allow.

use crate::instance::{HORIZON, Instance, Kind};
use crate::rich::Soft;
use crate::route::{Broken, Run, Totals};

/// Cost of what cannot be.
const NEVER: i64 = i64::MAX / 4;
/// The dearest price of time, as a power of two, that keeps a route within its longest duration; a
/// cost over the whole horizon has room above it.
const DEAREST_LOG2: u32 = 30;

/// When a visit is reached, begun and left.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Timed {
    pub arrive: i32,
    pub begin: i32,
    pub leave: i32,
}

/// A visit as the programme sees it.
#[derive(Clone, Debug, Default)]
struct Stage {
    /// Range of the spans in which it may begin.
    spans: (usize, usize),
    /// Begins after this are made at once, however late: a committed visit.
    lenient_from: Option<i32>,
    spent: i32,
    /// Not left before this.
    release: i32,
    /// Driving time to the next visit.
    drive: i32,
    softs: (u32, u32),
    /// Cost of each ms that it begins later.
    slope: i64,
}

/// A piece of `f` from `from` on.
#[derive(Clone, Copy, Debug)]
struct Piece {
    from: i32,
    value: i64,
    slope: i64,
    /// Begin that is waited for; `None` begins at once.
    wait_for: Option<i32>,
}

/// Room for the programme.
#[derive(Clone, Debug, Default)]
pub(crate) struct Programme {
    stages: Vec<Stage>,
    spans: Vec<(i32, i32)>,
    functions: Vec<Vec<Piece>>,
    cuts: Vec<i32>,
    begins: Vec<i32>,
}

/// Sets the begins of a route that ran, in `out.timed`, and adds the costs of time and of soft
/// windows.
pub(crate) fn schedule(
    inst: &Instance<'_>,
    v: u32,
    seq: &[u32],
    n_lenient: usize,
    out: &mut Run,
    totals: &mut Totals,
) -> Result<(), Broken> {
    let veh = &inst.vehs[v as usize];
    let mut programme = std::mem::take(&mut out.programme);
    programme.prepare(inst, v, seq, n_lenient, out);
    let duration_max =
        if seq.len() > n_lenient + 2 { i64::from(veh.duration_max) } else { i64::MAX };
    let fixed = std::mem::take(&mut out.fixed);
    let is_set = programme.set(&fixed, duration_max);
    out.fixed = fixed;
    let mut is_good = true;
    if !is_set {
        // Where the duration is limited, the shorter of two ways that cost the same is taken.
        let per_ms = veh.cost_per_ms.max(i64::from(veh.duration_max < i32::MAX));
        is_good = programme.solve(inst, per_ms);
        if is_good && programme.duration() > duration_max {
            is_good = programme.squeeze(inst, veh.cost_per_ms, duration_max);
        }
    }
    if is_good {
        totals.cost = totals
            .cost
            .saturating_add(programme.duration().saturating_mul(veh.cost_per_ms))
            .saturating_add(programme.soft_cost(inst));
        totals.depart = programme.begins[0];
        programme.tell(&mut out.timed);
    }
    out.programme = programme;
    if is_good { Ok(()) } else { Err(Broken::Shift) }
}

impl Programme {
    fn prepare(&mut self, inst: &Instance<'_>, v: u32, seq: &[u32], n_lenient: usize, out: &Run) {
        let veh = &inst.vehs[v as usize];
        self.stages.clear();
        self.spans.clear();
        for (pos, &id) in seq.iter().enumerate() {
            let (node, at) = (&inst.nodes[id as usize], &out.at[pos]);
            let from = self.spans.len();
            let is_lenient = (1..=n_lenient).contains(&pos);
            let mut stage = Stage {
                spent: at.leave - at.begin,
                release: -HORIZON,
                softs: inst.rich.soft_of.get(id as usize).copied().unwrap_or_default(),
                ..Stage::default()
            };
            if let Some(next) = seq.get(pos + 1) {
                stage.drive = inst.leg(veh.profile, node.loc, inst.nodes[*next as usize].loc).0;
            }
            match node.kind {
                Kind::Start if veh.starts_on_road => {
                    self.spans.push((veh.shift_start, veh.shift_start));
                    stage.spent = 0;
                }
                Kind::Start => {
                    self.spans.push((at.leave, HORIZON));
                    stage.spent = 0;
                }
                Kind::Charge if !is_lenient => {
                    let steps = &inst.rich.bays[node.facility as usize];
                    let (charger, span) = (node.facility as usize, (node.open, node.close));
                    let spent = stage.spent;
                    out.shared.free(charger, v, steps, span, spent, &mut self.spans);
                }
                Kind::Reload => {
                    stage.spent = node.service;
                    stage.release = out.release_of(at.trip);
                    self.spans.push((node.open, node.close));
                }
                _ if node.windows.0 == node.windows.1 => self.spans.push((node.open, node.close)),
                _ => {
                    let windows = &inst.windows[node.windows.0 as usize..node.windows.1 as usize];
                    self.spans.extend(windows);
                }
            }
            stage.spans = (from, self.spans.len());
            if is_lenient {
                stage.lenient_from = Some(self.spans[self.spans.len() - 1].1);
            }
            self.stages.push(stage);
        }
    }

    /// Takes begins that were found before, if they still hold.
    fn set(&mut self, fixed: &[i32], duration_max: i64) -> bool {
        if fixed.len() != self.stages.len() {
            return false;
        }
        let mut arrive = -HORIZON;
        for (stage, &begin) in self.stages.iter().zip(fixed) {
            let mut spans = self.spans[stage.spans.0..stage.spans.1].iter();
            let is_open = spans.any(|s| s.0 <= begin && begin <= s.1);
            let is_late = begin == arrive && stage.lenient_from.is_some_and(|from| begin > from);
            if begin < arrive || !(is_open || is_late) {
                return false;
            }
            arrive = stage.arrival(begin);
        }
        self.begins.clear();
        self.begins.extend(fixed);
        self.duration() <= duration_max
    }

    fn duration(&self) -> i64 {
        let (first, last) = (self.begins[0], self.begins[self.begins.len() - 1]);
        i64::from(last) - i64::from(first)
    }

    fn soft_cost(&self, inst: &Instance<'_>) -> i64 {
        let pairs = self.stages.iter().zip(&self.begins);
        pairs
            .map(|(stage, begin)| softs(inst, stage).iter().map(|s| s.cost(*begin)).sum::<i64>())
            .fold(0, i64::saturating_add)
    }

    fn tell(&self, timed: &mut Vec<Timed>) {
        timed.clear();
        let mut arrive = self.begins[0];
        for (stage, &begin) in self.stages.iter().zip(&self.begins) {
            let leave = (begin + stage.spent).max(stage.release);
            timed.push(Timed { arrive, begin, leave });
            arrive = leave.saturating_add(stage.drive);
        }
    }

    /// The best begins within the longest duration, by a price of time; then again among the same
    /// windows alone, where the price hides nothing.
    fn squeeze(&mut self, inst: &Instance<'_>, per_ms: i64, duration_max: i64) -> bool {
        if !self.bisect(inst, per_ms, duration_max) {
            return false;
        }
        let mut has_choice = false;
        for (stage, &begin) in self.stages.iter_mut().zip(&self.begins) {
            let (from, to) = stage.spans;
            let found = (from..to).find(|s| self.spans[*s].0 <= begin && begin <= self.spans[*s].1);
            if let Some(span) = found {
                has_choice |= to - from > 1;
                stage.spans = (span, span + 1);
            }
        }
        if !has_choice {
            return true;
        }
        let is_within = self.solve(inst, per_ms) && self.duration() <= duration_max;
        is_within || self.bisect(inst, per_ms, duration_max)
    }

    /// The price of time that brings the route just under its longest duration.
    fn bisect(&mut self, inst: &Instance<'_>, per_ms: i64, duration_max: i64) -> bool {
        let (mut low, mut high) = (0_i64, 1_i64 << DEAREST_LOG2);
        let mut longer = self.begins.clone();
        if !self.solve(inst, per_ms + high) || self.duration() > duration_max {
            return false;
        }
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if self.solve(inst, per_ms + middle) && self.duration() <= duration_max {
                high = middle;
            } else {
                low = middle;
                longer.clone_from(&self.begins);
            }
        }
        let is_good = self.solve(inst, per_ms + high);
        if is_good {
            self.stretch(&longer, inst, per_ms, duration_max);
        }
        is_good
    }

    /// Goes as far towards begins that cost less, but take too long, as the longest duration
    /// allows: between two ways that are best at the same price of time, all ways are.
    fn stretch(&mut self, longer: &[i32], inst: &Instance<'_>, per_ms: i64, duration_max: i64) {
        if longer.len() != self.begins.len() {
            return;
        }
        let cost = |programme: &Self| {
            programme.soft_cost(inst).saturating_add(programme.duration().saturating_mul(per_ms))
        };
        let short = self.begins.clone();
        let mut best = (cost(self), short.clone());
        let span = |begins: &[i32]| i64::from(begins[begins.len() - 1]) - i64::from(begins[0]);
        let (from, to) = (span(&short), span(longer));
        if to <= duration_max || to <= from {
            return;
        }
        // A few ms less make up for rounding.
        for spare in [0, 1, 2, 4, 16] {
            let part = (duration_max - from - spare).max(0);
            let mut between: Vec<i32> = Vec::with_capacity(short.len());
            let mut arrive = -HORIZON;
            for (idx, stage) in self.stages.iter().enumerate() {
                let way = i64::from(longer[idx]) - i64::from(short[idx]);
                let begin = i64::from(short[idx]) + way * part / (to - from);
                between.push((begin as i32).max(arrive));
                arrive = stage.arrival(between[idx]);
            }
            if self.set(&between, duration_max) {
                let found = cost(self);
                if found < best.0 {
                    best = (found, between);
                }
                break;
            }
        }
        self.begins = best.1;
    }

    /// The best begins if time costs so much; false if there are none.
    fn solve(&mut self, inst: &Instance<'_>, per_ms: i64) -> bool {
        let n = self.stages.len();
        self.stages[0].slope = -per_ms;
        self.stages[n - 1].slope += per_ms;
        self.functions.resize_with(self.functions.len().max(n), Vec::new);
        for idx in (0..n).rev() {
            let (before, after) = self.functions.split_at_mut(idx + 1);
            let next = after.first().filter(|_| idx + 1 < n);
            let spans = &self.spans[self.stages[idx].spans.0..self.stages[idx].spans.1];
            let stage = &self.stages[idx];
            function(stage, spans, softs(inst, stage), next, &mut self.cuts, &mut before[idx]);
        }
        self.stages[n - 1].slope -= per_ms;
        self.begins.clear();
        let mut arrive = -HORIZON;
        for (stage, function) in self.stages.iter().zip(&self.functions) {
            let at = function.partition_point(|p| p.from <= arrive);
            let Some(piece) = at.checked_sub(1).map(|at| function[at]) else { return false };
            if piece.value >= NEVER {
                return false;
            }
            let begin = piece.wait_for.unwrap_or(arrive);
            self.begins.push(begin);
            arrive = stage.arrival(begin);
        }
        true
    }
}

impl Stage {
    /// Arrival at the next visit.
    fn arrival(&self, begin: i32) -> i32 {
        (begin + self.spent).max(self.release).saturating_add(self.drive)
    }
}

fn softs<'i>(inst: &'i Instance<'_>, stage: &Stage) -> &'i [Soft] {
    &inst.rich.softs[stage.softs.0 as usize..stage.softs.1 as usize]
}

/// Value and slope of a function at a moment.
fn at(function: &[Piece], t: i32) -> (i64, i64) {
    let at = function.partition_point(|p| p.from <= t);
    let Some(piece) = at.checked_sub(1).map(|at| &function[at]) else { return (NEVER, 0) };
    let passed = i64::from(t) - i64::from(piece.from);
    let value = piece.value.saturating_add(piece.slope.saturating_mul(passed));
    (value.min(NEVER), if value >= NEVER { 0 } else { piece.slope })
}

/// `f` of a stage from that of the next.
fn function(
    stage: &Stage,
    spans: &[(i32, i32)],
    softs: &[Soft],
    next: Option<&Vec<Piece>>,
    cuts: &mut Vec<i32>,
    out: &mut Vec<Piece>,
) {
    out.clear();
    cuts.clear();
    let offset = stage.spent + stage.drive;
    cuts.extend(softs.iter().flat_map(|s| [s.open, s.close]));
    cuts.push(stage.release.saturating_sub(stage.spent));
    if let Some(next) = next {
        cuts.extend(next.iter().map(|p| p.from.saturating_sub(offset)));
    }
    cuts.sort_unstable();
    cuts.dedup();
    // Cost and slope of beginning at a moment.
    let begin = |t: i32| {
        let mut value = stage.slope.saturating_mul(i64::from(t));
        let mut slope = stage.slope;
        for soft in softs {
            value = value.saturating_add(soft.cost(t));
            if t < soft.open {
                slope = slope.saturating_sub(soft.early);
            }
            if t >= soft.close {
                slope = slope.saturating_add(soft.late);
            }
        }
        let Some(next) = next else { return (value, slope) };
        let (beyond, rise) = at(next, stage.arrival(t));
        if beyond >= NEVER {
            return (NEVER, 0);
        }
        let is_free = t >= stage.release.saturating_sub(stage.spent);
        (value.saturating_add(beyond), if is_free { slope.saturating_add(rise) } else { slope })
    };
    // Pieces from the last to the first; `least` is the best begin from here on.
    let mut least: (i64, Option<i32>) = (NEVER, None);
    out.push(Piece { from: HORIZON + 1, value: NEVER, slope: 0, wait_for: None });
    if let Some(from) = stage.lenient_from {
        for_pieces_back(cuts, from.saturating_add(1), HORIZON, |a, _| {
            let (value, slope) = begin(a);
            out.push(Piece { from: a, value, slope, wait_for: None });
        });
    }
    for &(open, close) in spans.iter().rev() {
        // Between this span and the next one, the next one is waited for.
        if close < HORIZON && stage.lenient_from != Some(close) {
            out.push(Piece { from: close + 1, value: least.0, slope: 0, wait_for: least.1 });
        }
        for_pieces_back(cuts, open, close, |a, b| {
            let (value, slope) = begin(a);
            if value >= NEVER {
                out.push(Piece { from: a, value: least.0, slope: 0, wait_for: least.1 });
                return;
            }
            let end = value.saturating_add(slope.saturating_mul(i64::from(b) - i64::from(a)));
            if slope < 0 {
                if end <= least.0 {
                    least = (end, Some(b));
                }
                out.push(Piece { from: a, value: least.0, slope: 0, wait_for: least.1 });
                return;
            }
            if value > least.0 {
                out.push(Piece { from: a, value: least.0, slope: 0, wait_for: least.1 });
                return;
            }
            if end > least.0 {
                // It is dearer than waiting after `last`.
                let last = i64::from(a) + (least.0 - value) / slope.max(1);
                let from = last.min(i64::from(b)) as i32 + 1;
                out.push(Piece { from, value: least.0, slope: 0, wait_for: least.1 });
            }
            out.push(Piece { from: a, value, slope, wait_for: None });
            least = (value, Some(a));
        });
    }
    out.push(Piece { from: i32::MIN, value: least.0, slope: 0, wait_for: least.1 });
    out.reverse();
    // Where two pieces begin at the same moment, the later holds; pieces alike are one.
    out.dedup_by(|later, earlier| {
        let is_same = later.slope == 0
            && earlier.slope == 0
            && later.value == earlier.value
            && later.wait_for == earlier.wait_for;
        if later.from == earlier.from {
            *earlier = *later;
            return true;
        }
        is_same
    });
}

/// Calls back for the pieces of `[from, to]` between cuts, the last first.
fn for_pieces_back(cuts: &[i32], from: i32, to: i32, mut call: impl FnMut(i32, i32)) {
    if from > to {
        return;
    }
    let mut end = to;
    let first = cuts.partition_point(|c| *c <= from);
    let last = cuts.partition_point(|c| *c <= to);
    for &cut in cuts[first..last].iter().rev() {
        call(cut, end);
        end = cut - 1;
    }
    call(from, end);
}
