//! Delivery once and in order over a link that delays, loses and repeats.
//!
//! Go-back-N with cumulative acknowledgement: the receiver takes only the next number, the sender
//! repeats everything unacknowledged after [`RETRY_AFTER`]. A session number tells a restarted
//! peer from a late packet. What has been received is a [`Cursor`], which the fleet keeps in its
//! ledger beside the events that the message caused, so a restart neither loses nor doubles one.

use std::collections::VecDeque;
use std::marker::PhantomData;

use rv_base::{Seconds, Timestamp};
use serde::{Deserialize, Serialize};

/// Time after which unacknowledged messages are sent again.
pub const RETRY_AFTER: Seconds = Seconds(3.0);

/// Most messages that may be unacknowledged at once.
pub const WINDOW: usize = 4096;

/// Most messages sent in one go, so that a long outage does not end in a burst.
const BURST: usize = 64;

/// A message on its way, with what its sender has received so far.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Envelope<T> {
    /// The sender's start number; grows when it restarts without memory.
    pub session: u32,
    /// Number of the message within the session, from 1; 0 if it is not sequenced.
    pub seq: u32,
    /// What the sender has received from its peer.
    pub received: Cursor,
    /// The message; none in a bare acknowledgement.
    pub body: Option<T>,
}

/// The last message received in order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Cursor {
    /// The peer's session.
    pub session: u32,
    /// Number of the last message taken.
    pub seq: u32,
}

/// Why a message could not be queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChannelError {
    /// The peer has been out of reach for long.
    #[error("{WINDOW} messages wait for acknowledgement")]
    Full,
}

/// One end of a link: sends `S`, receives `R`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Channel<S, R> {
    session: u32,
    last_seq: u32,
    unacked: VecDeque<(u32, S)>,
    /// How many of `unacked` have been sent since the last retry.
    n_sent: usize,
    retry_at: Timestamp,
    received: Cursor,
    ack_due: bool,
    #[serde(skip)]
    receives: PhantomData<fn() -> R>,
}

impl<S: Clone, R> Channel<S, R> {
    /// A new end; `session` must be higher than in any earlier life of this end.
    pub fn new(session: u32) -> Self {
        Self::resume(session, Cursor::default())
    }

    /// A new end that remembers what it had received.
    pub fn resume(session: u32, received: Cursor) -> Self {
        Self {
            session,
            last_seq: 0,
            unacked: VecDeque::new(),
            n_sent: 0,
            retry_at: Timestamp::ZERO,
            received,
            ack_due: false,
            receives: PhantomData,
        }
    }

    /// What has been received.
    pub fn received(&self) -> Cursor {
        self.received
    }

    /// How many messages wait for acknowledgement.
    pub fn n_unacked(&self) -> usize {
        self.unacked.len()
    }

    /// Queues a sequenced message; [`Channel::due`] gives it out.
    pub fn send(&mut self, body: S) -> Result<(), ChannelError> {
        if self.unacked.len() >= WINDOW {
            return Err(ChannelError::Full);
        }
        self.last_seq += 1;
        self.unacked.push_back((self.last_seq, body));
        Ok(())
    }

    /// Wraps a message that may be lost.
    pub fn unsequenced(&self, body: S) -> Envelope<S> {
        Envelope { session: self.session, seq: 0, received: self.received, body: Some(body) }
    }

    /// Everything to put on the link now: new messages, repeats that are due, or a bare
    /// acknowledgement.
    pub fn due(&mut self, now: Timestamp) -> Vec<Envelope<S>> {
        if now >= self.retry_at && self.n_sent > 0 {
            self.n_sent = 0;
        }
        let first = self.n_sent;
        let last = self.unacked.len().min(first + BURST);
        let mut envelopes: Vec<_> = self
            .unacked
            .range(first..last)
            .map(|(seq, body)| Envelope {
                session: self.session,
                seq: *seq,
                received: self.received,
                body: Some(body.clone()),
            })
            .collect();
        if last > first {
            self.n_sent = last;
            self.retry_at = now + RETRY_AFTER;
        } else if self.ack_due {
            envelopes.push(Envelope {
                session: self.session,
                seq: 0,
                received: self.received,
                body: None,
            });
        }
        self.ack_due = false;
        envelopes
    }

    /// The earliest moment at which [`Channel::due`] has something; `None` while it has nothing.
    pub fn next_due(&self, now: Timestamp) -> Option<Timestamp> {
        if self.ack_due || self.n_sent < self.unacked.len() {
            Some(now)
        } else if self.unacked.is_empty() {
            None
        } else {
            Some(self.retry_at)
        }
    }

    /// Takes an envelope from the link; returns its message if it is new and in order, or
    /// unsequenced.
    pub fn receive(&mut self, envelope: Envelope<R>) -> Option<R> {
        self.take_ack(envelope.received);
        if envelope.seq == 0 {
            return envelope.body;
        }
        self.ack_due = true;
        if envelope.session > self.received.session {
            self.received = Cursor { session: envelope.session, seq: 0 };
        }
        let is_next = envelope.session == self.received.session
            && Some(envelope.seq) == self.received.seq.checked_add(1);
        if !is_next {
            return None;
        }
        self.received.seq = envelope.seq;
        envelope.body
    }

    fn take_ack(&mut self, acked: Cursor) {
        if acked.session != self.session {
            return;
        }
        while self.unacked.front().is_some_and(|(seq, _)| *seq <= acked.seq) {
            self.unacked.pop_front();
            self.n_sent = self.n_sent.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rv_base::Rng;

    use super::*;

    /// Sends `n` numbers each way over a link with loss, delay, repeats and reordering, and
    /// returns what arrived.
    fn exchange(seed: u64, n: u32, loss: f64) -> (Vec<u32>, Vec<u32>) {
        let mut rng = Rng::from_seed(seed);
        let (mut a, mut b) = (Channel::<u32, u32>::new(1), Channel::<u32, u32>::new(1));
        let (mut got_a, mut got_b) = (Vec::new(), Vec::new());
        let mut link: Vec<(Timestamp, bool, Envelope<u32>)> = Vec::new();
        for second in 0..3000_u32 {
            let now = Timestamp::from_secs(i64::from(second));
            if second < n {
                a.send(second).unwrap();
                b.send(1000 + second).unwrap();
            }
            for (to_b, envelope) in a
                .due(now)
                .into_iter()
                .map(|e| (true, e))
                .chain(b.due(now).into_iter().map(|e| (false, e)))
            {
                while !rng.chance(loss) {
                    link.push((now + Seconds(rng.range(0.0, 8.0)), to_b, envelope.clone()));
                    if rng.chance(0.8) {
                        break;
                    }
                }
            }
            let (arrived, on_way): (Vec<_>, _) = link.into_iter().partition(|(t, ..)| *t <= now);
            link = on_way;
            for (_, to_b, envelope) in arrived {
                if to_b {
                    got_b.extend(b.receive(envelope))
                } else {
                    got_a.extend(a.receive(envelope))
                }
            }
        }
        (got_a, got_b)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn everything_arrives_once_and_in_order(seed: u64, n in 1_u32..80, loss in 0.0..0.5) {
            let (got_a, got_b) = exchange(seed, n, loss);
            prop_assert_eq!(got_b, (0..n).collect::<Vec<_>>());
            prop_assert_eq!(got_a, (1000..1000 + n).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_restarted_sender_is_heard_and_its_past_life_is_not() {
        let mut old = Channel::<u32, u32>::new(1);
        let mut new = Channel::<u32, u32>::new(2);
        let mut peer = Channel::<u32, u32>::new(1);
        old.send(1).unwrap();
        let late = old.due(Timestamp::ZERO).remove(0);
        new.send(2).unwrap();
        assert_eq!(peer.receive(new.due(Timestamp::ZERO).remove(0)), Some(2));
        assert_eq!(peer.receive(late), None);
    }

    #[test]
    fn a_restarted_receiver_takes_nothing_twice() {
        let mut sender = Channel::<u32, u32>::new(1);
        let mut peer = Channel::<u32, u32>::new(1);
        sender.send(7).unwrap();
        let envelope = sender.due(Timestamp::ZERO).remove(0);
        assert_eq!(peer.receive(envelope.clone()), Some(7));
        let mut again = Channel::<u32, u32>::resume(2, peer.received());
        assert_eq!(again.receive(envelope), None);
    }

    #[test]
    fn a_full_window_says_so() {
        let mut sender = Channel::<u32, u32>::new(1);
        for i in 0..WINDOW as u32 {
            sender.send(i).unwrap();
        }
        assert_eq!(sender.send(0), Err(ChannelError::Full));
    }
}
