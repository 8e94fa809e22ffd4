//! Rich vehicle routing: which van carries which parcels, in which order.
