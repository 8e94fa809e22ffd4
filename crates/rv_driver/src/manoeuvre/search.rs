//! The search over poses: arcs in steps, words of Reeds and Shepp to the end.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::ground::{Field, Ways};
use super::path::advanced;
use super::planning::Terms;
use super::reeds_shepp::{self, Word};
use super::{Options, Piece, RearPose};
use crate::trajectory::{Gear, Vehicle};

/// How finely poses are told apart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Grain {
    /// Edge of a cell, m.
    cell_m: f64,
    /// Directions.
    headings: u64,
    /// Shortest and longest step, m.
    step_m: (f64, f64),
    /// Shortest step where something is in the way, m.
    least_m: f64,
    /// Share of what a change of direction costs: where there is hardly any room they are the way.
    change_share: f64,
}

impl Grain {
    /// For most places.
    pub(super) const COARSE: Self =
        Self { cell_m: 0.25, headings: 72, step_m: (0.4, 1.5), least_m: 0.1, change_share: 1.0 };
    /// For narrow ones.
    pub(super) const NARROW: Self = Self { change_share: 0.2, ..Self::COARSE };
    /// For places with hardly any room.
    pub(super) const FINE: Self =
        Self { cell_m: 0.06, headings: 240, step_m: (0.3, 0.8), least_m: 0.04, change_share: 0.2 };
}

/// Distance between poses that are looked at on an arc, m.
const LOOK_M: f64 = 0.1;
/// Wheels as shares of the largest angle planned with.
const WHEELS: [f64; 5] = [0.0, 0.5, -0.5, 1.0, -1.0];
/// What turning the wheels all the way costs, as a way, m.
const WHEEL_COST_M: f64 = 0.4;
/// How far the estimate is stretched: greedier, and a little longer ways.
const GREED: f64 = 1.8;
/// Words that are tried from one pose.
const WORDS_MAX: usize = 12;
/// What is left of the work after a way has been found, as a multiple of that so far, and more.
const BETTER: (u32, u32) = (1, 60);

/// Work of some steps, units: the words to a place, put in order by what they cost, and the length of the shortest.
const SHOT: u64 = 1_200;
const REST: u64 = 150;
/// Of a pose taken up, but for what is asked of the ground.
const EXPANSION: u64 = 100;

const NONE: u32 = u32::MAX;

#[derive(Clone, Copy, Debug)]
struct Node {
    pose: RearPose,
    cost_m: f64,
    parent: u32,
    piece: Piece,
}

/// From where, to where, over which ground.
#[derive(Clone, Debug)]
pub(super) struct Question {
    pub(super) field: Field,
    vehicle: Vehicle,
    options: Options,
    root: RearPose,
    target: RearPose,
    root_is_goal: bool,
    radius_m: f64,
    steering_rad: f64,
    ways: Ways,
}

impl Question {
    /// Over ground that is ready; how far it is on foot is yet to be found.
    pub(super) fn new(terms: &Terms, field: Field) -> Self {
        let Terms { vehicle, options, start, goal } = *terms;
        let room = |pose: &RearPose| {
            let ahead = |m: f64| crate::trajectory::ahead(pose.rear, pose.heading_rad, m);
            let along = [-vehicle.tail_m(), 0.0, vehicle.wheelbase_m(), vehicle.nose_m()];
            along.map(|m| field.clearance_m(ahead(m))).iter().sum::<f64>()
        };
        let root_is_goal = room(&goal) <= room(&start) + 1e-6;
        let (root, target) = if root_is_goal { (goal, start) } else { (start, goal) };
        let ways = Ways::to(&field, target.rear);
        let steering_rad = vehicle.steering_max_rad * options.steering_share;
        let radius_m = vehicle.wheelbase_m() / steering_rad.tan();
        Self { field, vehicle, options, root, target, root_is_goal, radius_m, steering_rad, ways }
    }

    /// Finds how far it is on foot until so much work is done; true once that is known.
    pub(super) fn find_ways(&mut self, until: u64) -> bool {
        self.ways.find(&self.field, until)
    }

    /// True if nothing as wide as the vehicle gets from one end to the other.
    pub(super) fn is_apart(&self) -> bool {
        self.field.cell(self.root.rear).is_none_or(|c| self.ways.least_m[c].is_infinite())
    }

    /// No more than what is left, m: with nothing about, and for a disc around all walls.
    fn rest_m(&self, pose: &RearPose) -> f64 {
        self.field.spend(REST);
        let Some(cell) = self.field.cell(pose.rear) else { return f64::INFINITY };
        let (x, y, heading) = local(pose, &self.target, self.radius_m);
        f64::from(self.ways.least_m[cell]).max(reeds_shepp::length(x, y, heading) * self.radius_m)
    }

    fn is_clear(&self, from: &RearPose, piece: &Piece, air_m: f64) -> bool {
        is_clear(&self.field, &self.vehicle, from, piece, air_m)
    }

    fn pieces<'w>(&self, word: &'w Word) -> impl Iterator<Item = Piece> + use<'w> {
        pieces_of(word, self.radius_m, self.steering_rad)
    }

    /// Number of the cell of a pose.
    fn cell(&self, grain: &Grain, pose: &RearPose) -> u64 {
        let turn = pose.heading_rad.rem_euclid(std::f64::consts::TAU) / std::f64::consts::TAU;
        let heading = (turn * grain.headings as f64) as u64 % grain.headings;
        let along = |m: f64| (m / grain.cell_m).max(0.0) as u64;
        let (x_m, y_m) = self.field.within(pose.rear);
        (along(y_m) << 32 | along(x_m)) * grain.headings + heading
    }

    /// The piece, or as much of it as touches nothing if that is worth a move.
    fn as_far_as_free(
        &self,
        grain: &Grain,
        from: &RearPose,
        piece: Piece,
        air_m: f64,
    ) -> Option<Piece> {
        if self.is_clear(from, &piece, air_m) {
            return Some(piece);
        }
        let bend = piece.curvature_1pm(&self.vehicle);
        let is_free = |length_m: f64| {
            self.field.is_free(&advanced(from, bend, piece.gear.sign() * length_m), air_m)
        };
        let mut free_m = 0.0;
        while is_free(free_m + LOOK_M) {
            free_m += LOOK_M;
        }
        let mut fine_m = LOOK_M / 2.0;
        for _ in 0..3 {
            if is_free(free_m + fine_m) {
                free_m += fine_m;
            }
            fine_m /= 2.0;
        }
        (free_m >= grain.least_m).then_some(Piece { length_m: free_m.min(piece.length_m), ..piece })
    }
}

/// The node of each cell that is known: a table of fixed size, so that no step takes long.
#[derive(Clone, Debug)]
struct Known {
    /// Cells and one, nothing where a slot is free.
    cells: Vec<u64>,
    nodes: Vec<u32>,
}

impl Known {
    /// Room for so many cells.
    fn new(most: usize) -> Self {
        let n = (2 * most).next_power_of_two();
        Self { cells: vec![0; n], nodes: vec![0; n] }
    }

    fn get(&self, cell: u64) -> Option<u32> {
        let slot = self.slot(cell);
        (self.cells[slot] != 0).then(|| self.nodes[slot])
    }

    fn insert(&mut self, cell: u64, node: u32) {
        let slot = self.slot(cell);
        (self.cells[slot], self.nodes[slot]) = (cell + 1, node);
    }

    /// Where a cell is or would be; half of all slots stay free.
    fn slot(&self, cell: u64) -> usize {
        // Fibonacci hashing: Knuth, "The art of computer programming", volume 3, section 6.4.
        let bits = self.cells.len().trailing_zeros();
        let mut slot = (cell.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - bits)) as usize;
        while self.cells[slot] != 0 && self.cells[slot] != cell + 1 {
            slot = (slot + 1) & (self.cells.len() - 1);
        }
        slot
    }
}

/// One search with so much air and poses told apart so finely.
#[derive(Clone, Debug)]
pub(super) struct Pass {
    grain: Grain,
    pub(super) air_m: f64,
    change_m: f64,
    known: Known,
    nodes: Vec<Node>,
    open: BinaryHeap<Reverse<(u64, u32)>>,
    /// The cheapest way found: what it costs, m, from which node on, and its end.
    best: Option<(f64, u32, Vec<Piece>)>,
    expansions_max: u32,
    end_at: u32,
    until_shot: f64,
    words: Vec<Word>,
    pub(super) n_expansions: u32,
    pub(super) is_cut_off: bool,
}

impl Pass {
    pub(super) fn new(question: &Question, grain: Grain, air_m: f64, expansions_max: u32) -> Self {
        let none = Piece { gear: Gear::Forward, steering_rad: 0.0, length_m: 0.0 };
        let root = Node { pose: question.root, cost_m: 0.0, parent: NONE, piece: none };
        // Room for all there can be, so that no step has to move them; memory is touched as it is used.
        let most = 1 + expansions_max as usize * 2 * WHEELS.len();
        let mut known = Known::new(most);
        known.insert(question.cell(&grain, &root.pose), 0);
        let (mut nodes, mut open) = (Vec::with_capacity(most), BinaryHeap::with_capacity(most));
        nodes.push(root);
        open.push(Reverse((0, 0)));
        Self {
            grain,
            air_m,
            change_m: question.options.change_m * grain.change_share,
            known,
            nodes,
            open,
            best: None,
            expansions_max,
            end_at: expansions_max,
            until_shot: 0.0,
            words: Vec::new(),
            n_expansions: 0,
            is_cut_off: false,
        }
    }

    /// Searches until so much work is done; true once it has ended.
    pub(super) fn search(&mut self, question: &Question, until: u64) -> bool {
        while question.field.done() < until {
            if !self.take_up_next(question) {
                return true;
            }
        }
        false
    }

    pub(super) fn has_found(&self) -> bool {
        self.best.is_some()
    }

    /// The pieces of the way found, from start to goal.
    pub(super) fn found(self, question: &Question) -> Option<Vec<Piece>> {
        let (_, idx, tail) = self.best?;
        let mut pieces: Vec<Piece> = Vec::new();
        let mut at = idx;
        while self.nodes[at as usize].parent != NONE {
            pieces.push(self.nodes[at as usize].piece);
            at = self.nodes[at as usize].parent;
        }
        pieces.reverse();
        pieces.extend(tail);
        Some(if question.root_is_goal { backwards(&pieces) } else { pieces })
    }

    /// Takes up the next pose; false if there is none, or no need.
    fn take_up_next(&mut self, question: &Question) -> bool {
        let Some(Reverse((key, idx))) = self.open.pop() else { return false };
        question.field.spend(EXPANSION);
        let node = self.nodes[idx as usize];
        // Somebody got there for less in the meantime.
        if self.known.get(question.cell(&self.grain, &node.pose)) != Some(idx) {
            return true;
        }
        let estimate_m = key as f64 / 1e6;
        if self.best.as_ref().is_some_and(|b| estimate_m >= b.0) {
            return false;
        }
        if self.n_expansions >= self.end_at {
            self.is_cut_off = self.best.is_none();
            return false;
        }
        self.n_expansions += 1;
        self.until_shot -= 1.0;
        if self.until_shot <= 0.0 {
            self.until_shot = 1.0 + (question.rest_m(&node.pose) / 4.0).min(6.0).floor();
            let most_m = self.best.as_ref().map_or(f64::INFINITY, |b| b.0);
            if let Some((cost_m, pieces)) = self.shot(question, &node, most_m) {
                if self.best.is_none() {
                    let more = self.n_expansions * BETTER.0 + BETTER.1;
                    self.end_at = self.expansions_max.min(self.n_expansions + more);
                }
                self.best = Some((cost_m, idx, pieces));
            }
        }
        self.expand(question, idx);
        true
    }

    fn expand(&mut self, question: &Question, idx: u32) {
        let node = self.nodes[idx as usize];
        let RearPose { rear, heading_rad } = node.pose;
        let centre = crate::trajectory::ahead(rear, heading_rad, question.vehicle.rear_axle_m);
        let (least_m, most_m) = self.grain.step_m;
        let step_m = (question.field.clearance_m(centre) * 0.5).clamp(least_m, most_m);
        for gear in [Gear::Forward, Gear::Reverse] {
            for share in WHEELS {
                let steering_rad = share * question.steering_rad;
                let piece = Piece { gear, steering_rad, length_m: step_m };
                // In tight places what counts is how far it can go at all.
                let free = question.as_far_as_free(&self.grain, &node.pose, piece, self.air_m);
                let Some(piece) = free else { continue };
                let pose = piece.after(&question.vehicle, &node.pose);
                let cell = question.cell(&self.grain, &pose);
                let cost_m = node.cost_m + self.cost_m(question, &node, &piece);
                let there = self.known.get(cell).and_then(|i| self.nodes.get(i as usize));
                if there.is_some_and(|n| n.cost_m <= cost_m + 1e-9) {
                    continue;
                }
                let rest_m = question.rest_m(&pose);
                if rest_m.is_infinite() {
                    continue;
                }
                self.known.insert(cell, self.nodes.len() as u32);
                let key = ((cost_m + GREED * rest_m) * 1e6) as u64;
                self.open.push(Reverse((key, self.nodes.len() as u32)));
                self.nodes.push(Node { pose, cost_m, parent: idx, piece });
            }
        }
    }

    /// The cheapest word to the target that touches nothing and costs less than so much in all.
    fn shot(&mut self, question: &Question, node: &Node, most_m: f64) -> Option<(f64, Vec<Piece>)> {
        question.field.spend(SHOT);
        let mut words = std::mem::take(&mut self.words);
        let (x, y, heading) = local(&node.pose, &question.target, question.radius_m);
        reeds_shepp::words(x, y, heading, &mut words);
        let cost = |w: &Word| {
            let mut last = *node;
            let mut cost_m = node.cost_m;
            for piece in question.pieces(w) {
                cost_m += self.cost_m(question, &last, &piece);
                (last.parent, last.piece) = (0, piece);
            }
            cost_m
        };
        let mut order: Vec<(f64, usize)> =
            words.iter().enumerate().map(|(i, w)| (cost(w), i)).collect();
        order.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let found = order.iter().take(WORDS_MAX).take_while(|o| o.0 < most_m).find_map(|(c, i)| {
            let pieces: Vec<Piece> = question.pieces(&words[*i]).collect();
            let mut pose = node.pose;
            let is_clear = pieces.iter().all(|piece| {
                let from = pose;
                pose = piece.after(&question.vehicle, &pose);
                question.is_clear(&from, piece, self.air_m)
            });
            is_clear.then_some((*c, pieces))
        });
        self.words = words;
        found
    }

    /// What a piece costs after a node.
    fn cost_m(&self, question: &Question, node: &Node, piece: &Piece) -> f64 {
        // Found from the goal, it is driven the other way around.
        let is_back = (piece.gear == Gear::Reverse) != question.root_is_goal;
        let share = if is_back { question.options.back_share } else { 1.0 };
        let mut cost_m = piece.length_m * share;
        if node.parent != NONE {
            let by = (piece.steering_rad - node.piece.steering_rad).abs() / question.steering_rad;
            cost_m += by * WHEEL_COST_M;
            if node.piece.gear != piece.gear {
                cost_m += self.change_m;
            }
        }
        cost_m
    }
}

/// A pose as seen from another, in turning radii.
pub(super) fn local(from: &RearPose, to: &RearPose, radius_m: f64) -> (f64, f64, f64) {
    let (sin, cos) = from.heading_rad.sin_cos();
    let (dx, dy) = (to.rear.x_m - from.rear.x_m, to.rear.y_m - from.rear.y_m);
    let (x, y) = ((dx * cos + dy * sin) / radius_m, (dy * cos - dx * sin) / radius_m);
    (x, y, to.heading_rad - from.heading_rad)
}

pub(super) fn pieces_of(
    word: &Word,
    radius_m: f64,
    steering_rad: f64,
) -> impl Iterator<Item = Piece> + use<'_> {
    word.parts().iter().filter(|p| p.1.abs() > 1e-9).map(move |(side, length)| Piece {
        gear: if *length < 0.0 { Gear::Reverse } else { Gear::Forward },
        steering_rad: f64::from(*side) * steering_rad,
        length_m: length.abs() * radius_m,
    })
}

/// True if the vehicle keeps so much air all along a piece.
pub(super) fn is_clear(
    field: &Field,
    vehicle: &Vehicle,
    from: &RearPose,
    piece: &Piece,
    air_m: f64,
) -> bool {
    let n = (piece.length_m / LOOK_M).ceil().max(1.0) as usize;
    let bend = piece.curvature_1pm(vehicle);
    // The end first: it is the likeliest to touch.
    (1..=n).rev().all(|k| {
        let s_m = piece.signed_m() * k as f64 / n as f64;
        field.is_free(&advanced(from, bend, s_m), air_m)
    })
}

/// The same way from its end to its start.
pub(super) fn backwards(pieces: &[Piece]) -> Vec<Piece> {
    pieces.iter().rev().map(|p| Piece { gear: p.gear.other(), ..*p }).collect()
}
