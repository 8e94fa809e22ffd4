//! Ids as newtypes, so that an order is never mistaken for a parcel.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $repr:ty) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name(pub $repr);

        impl $name {
            /// The id as an index into a table.
            pub fn idx(self) -> usize {
                self.0 as usize
            }

            /// The id of the entry at `idx`; panics if it does not fit the id's width.
            pub fn from_idx(idx: usize) -> Self {
                Self(<$repr>::try_from(idx).expect("a table has fewer rows than its id can count"))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

id!(
    /// An order: what a tenant asked to be moved.
    OrderId, u64
);
id!(
    /// A parcel: one physical thing that an order moves.
    ParcelId, u64
);
id!(
    /// A driverless vehicle of the fleet (van, robot or truck).
    VanId, u32
);
id!(
    /// A client of the fleet.
    TenantId, u16
);
id!(
    /// A hub, station, locker or charging place.
    FacilityId, u32
);
id!(
    /// One charging point within a charging place.
    ChargerId, u32
);
id!(
    /// A delivery point: an entrance or address of the city file.
    PlaceId, u32
);
id!(
    /// A directed edge of the road graph.
    EdgeId, u32
);
id!(
    /// A node of the road graph.
    JunctionId, u32
);
id!(
    /// The attributes shared by the edges of one mapped way.
    RoadId, u32
);
id!(
    /// A sequence of stops given to one van.
    MissionId, u64
);
id!(
    /// One stop of a mission; unique over the fleet's life.
    StopId, u64
);
id!(
    /// A request for remote assistance.
    TicketId, u64
);
id!(
    /// A permit of an authority.
    PermitId, u32
);
id!(
    /// A remote operator.
    OperatorId, u16
);
id!(
    /// A fixed circuit between a hub and stations.
    CircuitId, u32
);
