//! The digital twin: a city's day with virtual clock, demand, traffic, faults and a lossy network.
