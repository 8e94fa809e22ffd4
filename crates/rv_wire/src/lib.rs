//! Messages between a vehicle and the fleet, and the reliable channel that carries them.
