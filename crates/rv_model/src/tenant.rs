//! Clients of the fleet.

use rv_base::{Seconds, TenantId};
use serde::{Deserialize, Serialize};

/// A client whose parcels the fleet carries.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tenant {
    /// Identity.
    pub id: TenantId,
    /// Name for people.
    pub name: String,
    /// How its business works.
    pub template: Template,
    /// Extra time that a van waits for a recipient of this tenant.
    pub wait_max: Seconds,
}

/// Kinds of business, which set how parcels flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Template {
    /// Many small parcels a day; fixed circuits hub -> stations and lockers, wide windows.
    Post,
    /// Door deliveries and collections on demand, narrow windows, unlock code at the kerb.
    Express,
    /// Few heavy deliveries to shops, early windows.
    Urban,
}
