//! Drives a vehicle along its route.
