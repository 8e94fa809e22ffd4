//! The story's parts and their states.

use rv_import::openscenario::{Element, Level, Priority};

use super::Player;
use super::actions::{Domain, Run};
use super::conditions::TriggerState;

/// A part of the story.
#[derive(Clone, Debug)]
pub(super) struct Node<'a> {
    pub(super) level: Level,
    pub(super) element: &'a Element,
    path: String,
    parent: Option<usize>,
    children: Vec<usize>,
    pub(super) state: State,
    pub(super) changes: Changes,
    start: Option<TriggerState<'a>>,
    stop: Option<TriggerState<'a>>,
    n_runs: u32,
    pub(super) run: Option<Run>,
}

/// States of a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Init,
    Standby,
    Running,
    Complete,
}

/// When its states changed last, counted over all parts; zero is never.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Changes {
    pub(super) started: u64,
    pub(super) ended: u64,
    pub(super) stopped: u64,
    pub(super) skipped: u64,
}

impl Node<'_> {
    /// True if a name, or the end of a path, means this part.
    pub(super) fn is_named(&self, name: &str) -> bool {
        self.element.name == name
            || self
                .path
                .strip_suffix(name)
                .is_some_and(|rest| rest.is_empty() || rest.ends_with("::"))
    }
}

/// The parts of stories, parents before their children.
pub(super) fn flatten(stories: &[Element]) -> Vec<Node<'_>> {
    let mut nodes = Vec::new();
    for story in stories {
        add(&mut nodes, story, None, "");
    }
    nodes
}

fn add<'a>(nodes: &mut Vec<Node<'a>>, element: &'a Element, parent: Option<usize>, above: &str) {
    let idx = nodes.len();
    let path =
        if above.is_empty() { element.name.clone() } else { format!("{above}::{}", element.name) };
    nodes.push(Node {
        level: element.level,
        element,
        path: path.clone(),
        parent,
        children: Vec::new(),
        state: State::Init,
        changes: Changes::default(),
        start: element.start.as_ref().map(TriggerState::new),
        stop: element.stop.as_ref().map(TriggerState::new),
        n_runs: 0,
        run: None,
    });
    if let Some(parent) = parent {
        nodes[parent].children.push(idx);
    }
    for child in &element.children {
        add(nodes, child, Some(idx), &path);
    }
}

impl Player<'_> {
    pub(super) fn start_story(&mut self) {
        for idx in 0..self.nodes.len() {
            if self.nodes[idx].parent.is_none() {
                self.start(idx);
            }
        }
    }

    fn change(&mut self) -> u64 {
        self.n_changes += 1;
        self.n_changes
    }

    /// Starts a part: one with a trigger waits for it first.
    fn start(&mut self, idx: usize) {
        let node = &mut self.nodes[idx];
        if node.state == State::Init && node.start.is_some() {
            node.state = State::Standby;
            return;
        }
        if node.state == State::Running || node.state == State::Complete {
            return;
        }
        if node.level == Level::Event && !self.may_start(idx) {
            self.nodes[idx].changes.skipped = self.change();
            return;
        }
        let change = self.change();
        let node = &mut self.nodes[idx];
        node.state = State::Running;
        node.changes.started = change;
        node.n_runs += 1;
        match node.level {
            Level::Event => self.start_event(idx),
            Level::Action => self.start_action(idx),
            _ => {
                for at in 0..self.nodes[idx].children.len() {
                    self.start(self.nodes[idx].children[at]);
                }
                self.propagate(Some(idx));
            }
        }
    }

    /// What an event's priority says about other events of its manoeuvre.
    fn may_start(&mut self, idx: usize) -> bool {
        let Some(parent) = self.nodes[idx].parent else { return true };
        let others = self.nodes[parent].children.iter().copied();
        let running: Vec<usize> =
            others.filter(|o| *o != idx && self.nodes[*o].state == State::Running).collect();
        match self.nodes[idx].element.priority {
            Priority::Parallel => true,
            Priority::Skip => running.is_empty(),
            Priority::Override => {
                running.into_iter().for_each(|other| self.end(other));
                true
            }
        }
    }

    fn start_event(&mut self, idx: usize) {
        let children = self.nodes[idx].children.clone();
        if children.is_empty() {
            return self.end(idx);
        }
        for child in children {
            self.end_rivals(child);
            self.nodes[child].state = State::Init;
            self.start(child);
        }
    }

    /// Ends what moves the same one in the same way as an action that is about to start.
    fn end_rivals(&mut self, idx: usize) {
        let Some(deed) = &self.nodes[idx].element.deed else { return };
        let (Some(actor), domain) = (deed.actor, Domain::of(&deed.action)) else { return };
        for (run, other) in self.init.iter_mut().zip(&self.scenario.init) {
            if other.actor == Some(actor) && Domain::of(&other.action).meets(domain) {
                if matches!(run, Some(Run::Follow(_))) {
                    self.movers[actor].on_line = None;
                }
                *run = None;
            }
        }
        for other in 0..self.nodes.len() {
            let node = &self.nodes[other];
            let rival =
                other != idx
                    && node.state == State::Running
                    && node.element.deed.as_ref().is_some_and(|d| {
                        d.actor == Some(actor) && Domain::of(&d.action).meets(domain)
                    });
            if rival {
                if matches!(node.run, Some(Run::Follow(_))) {
                    self.movers[actor].on_line = None;
                }
                self.end(other);
            }
        }
    }

    fn start_action(&mut self, idx: usize) {
        let Some(deed) = self.nodes[idx].element.deed.as_ref() else { return self.end(idx) };
        match self.begin(deed.actor, &deed.action) {
            Ok(Some(run)) => self.nodes[idx].run = Some(run),
            Ok(None) => self.end(idx),
            Err(error) => {
                self.faults.push(format!("{}: {error}", self.nodes[idx].element.name));
                self.end(idx);
            }
        }
    }

    /// Asks the triggers of all parts, from the top.
    pub(super) fn eval_triggers(&mut self) {
        if let Some(mut stop) = self.stop.take() {
            self.is_over = self.fires(&mut stop);
            self.stop = Some(stop);
        }
        if self.is_over {
            return;
        }
        for idx in 0..self.nodes.len() {
            let is_active = self.nodes[idx]
                .parent
                .is_none_or(|parent| self.nodes[parent].state == State::Running);
            if !is_active {
                continue;
            }
            if self.nodes[idx].state == State::Running
                && let Some(mut stop) = self.nodes[idx].stop.take()
            {
                if self.fires(&mut stop) {
                    self.halt(idx);
                }
                self.nodes[idx].stop = Some(stop);
            }
            if self.nodes[idx].state == State::Standby {
                let fires = match self.nodes[idx].start.take() {
                    Some(mut start) => {
                        let fires = self.fires(&mut start);
                        self.nodes[idx].start = Some(start);
                        fires
                    }
                    None => true,
                };
                if fires {
                    self.start(idx);
                }
            }
        }
    }

    /// Goes on with running actions.
    pub(super) fn step_story(&mut self, dt_s: f64) {
        for idx in 0..self.nodes.len() {
            if self.nodes[idx].level != Level::Action || self.nodes[idx].state != State::Running {
                continue;
            }
            let Some(mut run) = self.nodes[idx].run.take() else { continue };
            let Some(deed) = self.nodes[idx].element.deed.as_ref() else { continue };
            let goes_on = self.go(deed.actor, &deed.action, &mut run, dt_s);
            self.nodes[idx].run = Some(run);
            if !goes_on {
                self.end(idx);
            }
        }
    }

    /// Goes on with the actions of the beginning.
    pub(super) fn step_init(&mut self, dt_s: f64) {
        for idx in 0..self.init.len() {
            let Some(mut run) = self.init[idx].take() else { continue };
            let deed = &self.scenario.init[idx];
            if self.go(deed.actor, &deed.action, &mut run, dt_s) {
                self.init[idx] = Some(run);
            }
        }
    }

    /// Ends a part: it is complete, or waits for another run.
    fn end(&mut self, idx: usize) {
        if matches!(self.nodes[idx].state, State::Complete | State::Init) {
            return;
        }
        for at in 0..self.nodes[idx].children.len() {
            let child = self.nodes[idx].children[at];
            if self.nodes[child].state == State::Running {
                self.end(child);
            }
        }
        if self.nodes[idx].state == State::Complete {
            return;
        }
        let change = self.change();
        let node = &mut self.nodes[idx];
        node.changes.ended = change;
        node.run = None;
        let again = node.element.runs_max.is_some_and(|max| node.n_runs < max);
        if again {
            node.state = State::Standby;
            for trigger in [&mut node.start, &mut node.stop].into_iter().flatten() {
                trigger.reset();
            }
            self.rewind(idx);
        } else {
            node.state = State::Complete;
        }
        let parent = self.nodes[idx].parent;
        self.propagate(parent);
    }

    fn rewind(&mut self, idx: usize) {
        for at in 0..self.nodes[idx].children.len() {
            let child = self.nodes[idx].children[at];
            self.nodes[child].state = State::Init;
            self.rewind(child);
        }
    }

    /// Stops a part and all below it.
    fn halt(&mut self, idx: usize) {
        for at in 0..self.nodes[idx].children.len() {
            self.halt(self.nodes[idx].children[at]);
        }
        if self.nodes[idx].state == State::Complete {
            return;
        }
        let change = self.change();
        let node = &mut self.nodes[idx];
        node.changes.stopped = change;
        node.state = State::Complete;
        node.run = None;
        let parent = self.nodes[idx].parent;
        self.propagate(parent);
    }

    /// A part ends when all below it are complete.
    fn propagate(&mut self, idx: Option<usize>) {
        let Some(idx) = idx else { return };
        let node = &self.nodes[idx];
        if node.state != State::Running || node.level == Level::Action {
            return;
        }
        if node.children.iter().all(|child| self.nodes[*child].state == State::Complete) {
            self.end(idx);
        }
    }
}
