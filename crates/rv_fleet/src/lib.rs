//! The fleet brain: orders, missions, supervision and the event-sourced state, without IO.
