//! How long a van that cannot get on waits before it takes another way or calls.

use rv_driver::urban::Reason;

/// After standing so long for nothing that passes, it calls for help, s.
const CALL_AFTER_S: f64 = 50.0;

/// The same in a queue, and for a gap in traffic, s.
const QUEUE_AFTER_S: f64 = 180.0;

/// After standing so long it looks for another way, s.
const REROUTE_AFTER_S: f64 = 35.0;

/// What a van needs that cannot get on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// Nothing: it drives, or it is worth while to wait.
    Nothing,
    /// Another way, if there is one.
    AnotherWay,
    /// Somebody who looks.
    Help,
}

/// The patience of one van.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// The last moment at which it moved, or waited for what passes, s.
    hopeless_from_s: f64,
}

impl Patience {
    pub(crate) fn from(now_s: f64) -> Self {
        Self { hopeless_from_s: now_s }
    }

    /// What it needs after it has stood `stuck_s` for a reason. A queue may take some lights, a gap in
    /// dense traffic its time; nobody from afar could make either shorter.
    pub(crate) fn need(&mut self, now_s: f64, stuck_s: f64, reason: &Reason) -> Need {
        let queues = matches!(
            reason,
            Reason::Follows(_)
                | Reason::JunctionFull
                | Reason::GivesWay(_)
                | Reason::LetsIn(_)
                | Reason::Crossed(_)
                | Reason::Crosswalk(_)
                | Reason::WaitsToManoeuvre(_)
        );
        if stuck_s == 0.0 || queues {
            self.hopeless_from_s = now_s;
        }
        if now_s - self.hopeless_from_s > CALL_AFTER_S || stuck_s > QUEUE_AFTER_S {
            Need::Help
        } else if stuck_s > REROUTE_AFTER_S {
            Need::AnotherWay
        } else {
            Need::Nothing
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(stuck_s: f64, reason: Reason) -> Need {
        let mut patience = Patience::from(0.0);
        let steps = (stuck_s * 10.0) as usize;
        (0..=steps)
            .map(|k| k as f64 / 10.0)
            .fold(Need::Nothing, |_, t| patience.need(t, t, &reason))
    }

    #[test]
    fn a_queue_is_worth_a_wait_and_something_parked_is_not() {
        assert_eq!(after(30.0, Reason::WaitsToPass(1)), Need::Nothing);
        assert_eq!(after(40.0, Reason::WaitsToPass(1)), Need::AnotherWay);
        assert_eq!(after(60.0, Reason::WaitsToPass(1)), Need::Help);
        assert_eq!(after(60.0, Reason::Follows(1)), Need::AnotherWay);
        assert_eq!(after(190.0, Reason::Follows(1)), Need::Help);
    }
}
