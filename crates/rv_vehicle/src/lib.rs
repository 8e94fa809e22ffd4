//! The vehicle's shell: sockets, clock and disk around the onboard brain.
