//! The hub-to-hub network of driverless trucks.
