//! Routes and travel matrices: turn-aware, by vehicle class and permit.
