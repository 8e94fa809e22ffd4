//! From the host's thread to the viewers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::extract::ws::Utf8Bytes;
use bytes::Bytes;
use rv_base::Timestamp;
use tokio::sync::broadcast;

use super::cells::{Bbox, Cell, CellFrames, LiveVan, build};
use crate::api::views;
use crate::host::{Clock, Core};

/// Rounds that wait for a slow viewer before it is told that it lags.
const QUEUE_MAX: usize = 8;
/// Vans in view above which a viewer gets each cell only every so many rounds.
const VANS_PER_ROUND: usize = 4_000;
/// Most news in one round.
const NEWS_MAX: usize = 20;

/// One round of the stream.
#[derive(Debug)]
pub struct Tick {
    /// Number of the round.
    pub seq: u64,
    /// The clock.
    pub clock: Clock,
    /// Cells that have vans, or had in the round before.
    pub cells: BTreeMap<Cell, CellFrames>,
    /// Text messages for everybody.
    pub texts: Vec<Utf8Bytes>,
}

/// The host's end: publishes rounds.
pub struct Feed {
    rounds: broadcast::Sender<Arc<Tick>>,
    last: Option<Arc<Tick>>,
    seq: u64,
}

/// The viewers' end. Cheap to clone.
#[derive(Clone)]
pub struct Subscription {
    rounds: broadcast::Sender<Arc<Tick>>,
}

impl Feed {
    /// A feed and the way to subscribe to it.
    pub fn new() -> (Self, Subscription) {
        let (rounds, _) = broadcast::channel(QUEUE_MAX);
        let subscription = Subscription { rounds: rounds.clone() };
        (Self { rounds, last: None, seq: 0 }, subscription)
    }

    /// Publishes where the fleet stands. Without viewers, or while there is nothing to read, only
    /// the news is let go.
    pub(crate) fn publish(&mut self, core: &mut Core) {
        let (news, tickets) = core.take_news();
        let Ok(reader) = core.reader() else { return };
        if self.rounds.receiver_count() == 0 {
            self.last = None;
            return;
        }
        let mut texts = vec![Utf8Bytes::from(views::kpi_text(&reader))];
        if !news.is_empty() {
            let newest = &news[news.len().saturating_sub(NEWS_MAX)..];
            texts.push(text(&serde_json::json!({ "type": "events", "items": newest })));
        }
        for ticket in tickets {
            if let Some(ticket) = views::ticket(&reader, ticket) {
                texts.push(text(&serde_json::json!({ "type": "ticket", "ticket": ticket })));
            }
        }
        let vans: Vec<LiveVan> = reader.fleet.van_views().iter().map(views::live_van).collect();
        self.send(reader.clock, &vans, texts);
    }

    /// Publishes vans and texts as the next round.
    pub fn send(&mut self, clock: Clock, vans: &[LiveVan], texts: Vec<Utf8Bytes>) {
        let none = BTreeMap::new();
        let before = self.last.as_ref().map_or(&none, |tick| &tick.cells);
        self.seq += 1;
        let cells = build(clock.now, vans, before);
        let tick = Arc::new(Tick { seq: self.seq, clock, cells, texts });
        self.last = Some(Arc::clone(&tick));
        // Without viewers there is nobody to tell.
        let _ = self.rounds.send(tick);
    }
}

impl Subscription {
    /// The rounds from now on. A receiver that falls behind by more than the queue is told so by
    /// an error and goes on with the newest rounds.
    pub fn receive(&self) -> broadcast::Receiver<Arc<Tick>> {
        self.rounds.subscribe()
    }

    /// Number of viewers.
    pub fn n_viewers(&self) -> usize {
        self.rounds.receiver_count()
    }
}

/// What one viewer has in view and knows already.
#[derive(Debug, Default)]
pub struct Viewer {
    bbox: Option<Bbox>,
    known: BTreeSet<Cell>,
    last_seq: u64,
}

impl Viewer {
    /// Moves the view. Cells that stay in view go on with deltas.
    pub fn look_at(&mut self, bbox: Bbox) {
        self.known.retain(|cell| bbox.covers(*cell));
        self.bbox = Some(bbox);
    }

    /// Forgets everything, so that the next round is full.
    pub fn forget(&mut self) {
        self.known.clear();
    }

    /// The binary messages of a round for this viewer.
    ///
    /// With more than 4,000 vans in view, cells take turns: each is sent whole, every so many
    /// rounds, so that a viewer of a whole fleet still gets no more than about 60 kB a round.
    pub fn messages(&mut self, tick: &Tick) -> Vec<Bytes> {
        let Some(bbox) = self.bbox else { return Vec::new() };
        if tick.seq != self.last_seq + 1 {
            self.known.clear();
        }
        self.last_seq = tick.seq;
        let in_view = || tick.cells.iter().filter(|(cell, _)| bbox.covers(**cell));
        let n_vans: usize = in_view().map(|(_, frames)| frames.n_vans()).sum();
        let n_turns = n_vans.div_ceil(VANS_PER_ROUND).max(1) as u64;
        let mut messages = Vec::new();
        for (cell, frames) in in_view() {
            let is_known = self.known.contains(cell);
            if n_turns > 1 {
                self.known.remove(cell);
                if !(u64::from(cell.x) + u64::from(cell.y) + tick.seq).is_multiple_of(n_turns) {
                    continue;
                }
                messages.push(frames.full(*cell, tick.clock.now));
            } else if is_known {
                messages.extend(frames.delta.clone());
            } else {
                self.known.insert(*cell);
                messages.push(frames.full(*cell, tick.clock.now));
            }
        }
        messages
    }

    /// The greeting of a new viewer.
    pub fn hello(clock: Clock) -> String {
        let Clock { now: Timestamp(now_ms), speed } = clock;
        let server_version = env!("CARGO_PKG_VERSION");
        serde_json::json!({
            "type": "hello", "now_ms": now_ms, "speed": speed, "server_version": server_version,
        })
        .to_string()
    }
}

fn text(value: &serde_json::Value) -> Utf8Bytes {
    value.to_string().into()
}
