//! What a shortest-path calculation adds up and compares.

use crate::cost::{Cost, UNREACHABLE_MS};
use crate::table::Rest;

/// A weight of the hierarchy: a sum, a minimum, and which triangle made it.
pub(crate) trait Weight: Copy + Send + Sync {
    /// No way. No sum that contains it is ever below it.
    const NONE: Self;
    /// No cost.
    const ZERO: Self;
    /// Both one after the other, over the node of rank `via`.
    fn over(self, other: Self, via: u32) -> Self;
    /// Both one after the other.
    fn plus(self, other: Self) -> Self;
    /// Becomes the smaller of both.
    fn improve(&mut self, other: Self);
    /// True if there is no way (for several metrics at once: in none of them).
    fn is_none(self) -> bool;
    /// The weight of a cost.
    fn of(cost: Cost) -> Self;
}

/// The weight of one metric.
pub(crate) trait SingleWeight: Weight {
    /// What is known of the cost; the rest of it is zero.
    fn cost(self) -> Cost;
}

/// A weight that shortcuts are customised with: it knows what it passes over.
pub(crate) trait ShortcutWeight: SingleWeight + Ord {
    /// Rank of the node that a shortcut passes over.
    fn via(self) -> Option<u32>;
    /// Its time alone.
    fn time_ms(self) -> u32;
    /// The rest of the cost, if it is known.
    fn rest(self) -> Option<Rest>;
}

/// Driving time alone, ms, above 31 bits that name the node of the triangle that made a shortcut,
/// as in [`Key`]. Twice the largest time stays positive, so signed comparisons do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TimeKey(i64);

impl TimeKey {
    const SHIFT: u32 = 31;
    const VIA_BITS: i64 = (1 << Self::SHIFT) - 1;
}

impl ShortcutWeight for TimeKey {
    fn via(self) -> Option<u32> {
        ((self.0 & Self::VIA_BITS) as u32).checked_sub(1)
    }

    fn time_ms(self) -> u32 {
        ((self.0 >> Self::SHIFT) as u32).min(UNREACHABLE_MS)
    }

    fn rest(self) -> Option<Rest> {
        None
    }
}

impl SingleWeight for TimeKey {
    fn cost(self) -> Cost {
        Cost { time_ms: self.time_ms(), ..Cost::ZERO }
    }
}

impl Weight for TimeKey {
    const NONE: Self = Self((UNREACHABLE_MS as i64) << Self::SHIFT);
    const ZERO: Self = Self(0);

    #[inline(always)]
    fn over(self, other: Self, via: u32) -> Self {
        Self(self.plus(other).0 | i64::from(via + 1))
    }

    #[inline(always)]
    fn plus(self, other: Self) -> Self {
        Self((self.0 & !Self::VIA_BITS) + (other.0 & !Self::VIA_BITS))
    }

    #[inline(always)]
    fn improve(&mut self, other: Self) {
        *self = if other.0 < self.0 { other } else { *self };
    }

    #[inline(always)]
    fn is_none(self) -> bool {
        self.0 >= Self::NONE.0
    }

    fn of(cost: Cost) -> Self {
        Self(i64::from(cost.time_ms.min(UNREACHABLE_MS)) << Self::SHIFT)
    }
}

/// Driving times of eight metrics side by side.
impl Weight for [TimeKey; 8] {
    const NONE: Self = [TimeKey::NONE; 8];
    const ZERO: Self = [TimeKey::ZERO; 8];

    #[inline(always)]
    fn over(self, other: Self, via: u32) -> Self {
        std::array::from_fn(|lane| self[lane].over(other[lane], via))
    }

    #[inline(always)]
    fn plus(self, other: Self) -> Self {
        std::array::from_fn(|lane| self[lane].plus(other[lane]))
    }

    #[inline(always)]
    fn improve(&mut self, other: Self) {
        for lane in 0..8 {
            self[lane].improve(other[lane]);
        }
    }

    #[inline(always)]
    fn is_none(self) -> bool {
        self.iter().all(|lane| lane.is_none())
    }

    fn of(cost: Cost) -> Self {
        [TimeKey::of(cost); 8]
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
}

impl ShortcutWeight for Key {
    fn via(self) -> Option<u32> {
        (self.0 as u32).checked_sub(1)
    }

    fn time_ms(self) -> u32 {
        ((self.0 >> 96) as u32).min(UNREACHABLE_MS)
    }

    fn rest(self) -> Option<Rest> {
        Some(Rest((self.0 >> 32) as u64))
    }
}

impl SingleWeight for Key {
    fn cost(self) -> Cost {
        if self.is_none() {
            return Cost::UNREACHABLE;
        }
        Cost {
            time_ms: (self.0 >> 96) as u32,
            dist_mm: (self.0 >> 64) as u32,
            energy_mwh: (self.0 >> 32) as u32,
        }
    }
}

impl Weight for Key {
    const NONE: Self = Self((UNREACHABLE_MS as u128) << 96);
    const ZERO: Self = Self(0);

    #[inline(always)]
    fn over(self, other: Self, via: u32) -> Self {
        let sum = self.plus(other);
        Self(sum.0 | u128::from(via + 1))
    }

    #[inline(always)]
    fn plus(self, other: Self) -> Self {
        // No 32-bit part overflows into the next: each is below 2^31 before the sum.
        let sum = (self.0 & !Self::VIA_BITS) + (other.0 & !Self::VIA_BITS);
        if sum & Self::OVERFLOW_BITS == 0 { Self(sum) } else { Self::NONE }
    }

    #[inline(always)]
    fn improve(&mut self, other: Self) {
        *self = other.min(*self);
    }

    #[inline(always)]
    fn is_none(self) -> bool {
        self >= Self::NONE
    }

    fn of(cost: Cost) -> Self {
        let is_small = cost.dist_mm <= u32::MAX / 2 && cost.energy_mwh <= u32::MAX / 2;
        if !cost.is_reachable() || !is_small {
            return Self::NONE;
        }
        let [time, dist, energy] = [cost.time_ms, cost.dist_mm, cost.energy_mwh].map(u128::from);
        Self(time << 96 | dist << 64 | energy << 32)
    }
}
