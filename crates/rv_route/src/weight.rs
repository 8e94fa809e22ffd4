//! What a shortest-path calculation adds up and compares.

use crate::blocks::BlockArc;
use crate::cost::{Cost, UNREACHABLE_MS};
use crate::table::Rest;

/// Metrics that are customised side by side.
pub(crate) const N_LANES: usize = 8;

/// Driving times of several metrics side by side, ms: one vector register.
pub(crate) type Lanes = [u32; N_LANES];

/// A weight that hierarchies are customised with.
pub(crate) trait Weight: Copy + Send + Sync {
    /// No way. No sum that contains it is ever below it.
    const NONE: Self;
    /// Both one after the other, over the node of rank `via`.
    fn over(self, other: Self, via: u32) -> Self;
    /// Becomes the smaller of both.
    fn improve(&mut self, other: Self);
    /// True if there is no way (for several metrics at once: in none of them).
    fn is_none(self) -> bool;
}

/// What a search between two nodes adds up: times, and the rest of the costs if it is known.
pub(crate) trait SearchKey: Copy + Ord + Send + Sync {
    /// An arc's place in the hierarchies that are searched with such keys.
    type Arc: Copy + std::fmt::Debug;
    /// No way. No sum that contains it is ever below it.
    const NONE: Self;
    /// No cost.
    const ZERO: Self;
    /// The key of an arc, by its place among the times and the rest.
    fn at(times: &[u32], rest: &[Rest], arc: usize) -> Self;
    /// Both one after the other.
    fn plus(self, other: Self) -> Self;
    /// True if there is no way.
    fn is_none(self) -> bool;
    /// What is known of the cost; the rest of it is zero.
    fn cost(self) -> Cost;
}

/// A driving time, ms. Twice the largest still fits.
impl Weight for u32 {
    const NONE: Self = UNREACHABLE_MS;

    #[inline(always)]
    fn over(self, other: Self, _: u32) -> Self {
        self + other
    }

    #[inline(always)]
    fn improve(&mut self, other: Self) {
        *self = other.min(*self);
    }

    #[inline(always)]
    fn is_none(self) -> bool {
        self >= UNREACHABLE_MS
    }
}

impl Weight for Lanes {
    const NONE: Self = [UNREACHABLE_MS; N_LANES];

    #[inline(always)]
    fn over(self, other: Self, _: u32) -> Self {
        std::array::from_fn(|lane| self[lane] + other[lane])
    }

    #[inline(always)]
    fn improve(&mut self, other: Self) {
        for lane in 0..N_LANES {
            self[lane] = self[lane].min(other[lane]);
        }
    }

    #[inline(always)]
    fn is_none(self) -> bool {
        self.iter().fold(u32::MAX, |least, time| least.min(*time)) >= UNREACHABLE_MS
    }
}

impl SearchKey for u32 {
    type Arc = BlockArc;
    const NONE: Self = UNREACHABLE_MS;
    const ZERO: Self = 0;

    #[inline(always)]
    fn at(times: &[u32], _: &[Rest], arc: usize) -> Self {
        times[arc]
    }

    #[inline(always)]
    fn plus(self, other: Self) -> Self {
        (self + other).min(UNREACHABLE_MS)
    }

    #[inline(always)]
    fn is_none(self) -> bool {
        self >= UNREACHABLE_MS
    }

    fn cost(self) -> Cost {
        Cost { time_ms: self, ..Cost::ZERO }
    }
}

/// A whole cost in one integer, in its order of comparison: time, distance, energy, 32 bits each;
/// the last 32 bits name the node of the triangle that made a shortcut, plus one, and are zero for
/// an arc of the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key(u128);

impl Key {
    const VIA_BITS: u128 = u32::MAX as u128;
    /// Set when a sum of distances or energies no longer fits.
    const OVERFLOW_BITS: u128 = (1 << 95) | (1 << 63);

    /// The weight of a cost.
    pub(crate) fn of(cost: Cost) -> Self {
        let is_small = cost.dist_mm <= u32::MAX / 2 && cost.energy_mwh <= u32::MAX / 2;
        if !cost.is_reachable() || !is_small {
            return <Self as Weight>::NONE;
        }
        let [time, dist, energy] = [cost.time_ms, cost.dist_mm, cost.energy_mwh].map(u128::from);
        Self(time << 96 | dist << 64 | energy << 32)
    }

    /// Rank of the node that a shortcut passes over.
    pub(crate) fn via(self) -> Option<u32> {
        (self.0 as u32).checked_sub(1)
    }

    /// Its time alone.
    pub(crate) fn time_ms(self) -> u32 {
        ((self.0 >> 96) as u32).min(UNREACHABLE_MS)
    }

    /// The rest of the cost.
    pub(crate) fn rest(self) -> Rest {
        Rest((self.0 >> 32) as u64)
    }
}

impl Weight for Key {
    const NONE: Self = Self((UNREACHABLE_MS as u128) << 96);

    #[inline(always)]
    fn over(self, other: Self, via: u32) -> Self {
        let sum = self.plus(other);
        Self(sum.0 | u128::from(via + 1))
    }

    #[inline(always)]
    fn improve(&mut self, other: Self) {
        *self = other.min(*self);
    }

    #[inline(always)]
    fn is_none(self) -> bool {
        self >= <Self as Weight>::NONE
    }
}

impl SearchKey for Key {
    type Arc = u32;
    const NONE: Self = <Self as Weight>::NONE;
    const ZERO: Self = Self(0);

    #[inline(always)]
    fn at(times: &[u32], rest: &[Rest], arc: usize) -> Self {
        Self(u128::from(times[arc]) << 96 | u128::from(rest[arc].0) << 32)
    }

    #[inline(always)]
    fn plus(self, other: Self) -> Self {
        // No 32-bit part overflows into the next: each is below 2^31 before the sum.
        let sum = (self.0 & !Self::VIA_BITS) + (other.0 & !Self::VIA_BITS);
        if sum & Self::OVERFLOW_BITS == 0 { Self(sum) } else { <Self as SearchKey>::NONE }
    }

    #[inline(always)]
    fn is_none(self) -> bool {
        self >= <Self as SearchKey>::NONE
    }

    fn cost(self) -> Cost {
        if SearchKey::is_none(self) {
            return Cost::UNREACHABLE;
        }
        Cost {
            time_ms: (self.0 >> 96) as u32,
            dist_mm: (self.0 >> 64) as u32,
            energy_mwh: (self.0 >> 32) as u32,
        }
    }
}
