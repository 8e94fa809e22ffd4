//! The onboard brain: mission, doors, battery, health and minimal-risk stop, without IO.
