//! Domain words of driverless delivery: orders, vans, sites, plans, permits.
