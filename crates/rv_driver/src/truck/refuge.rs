//! Where a truck that cannot go on shall stand: off the road if it gets there.
//!
//! A stop in a lane of a motorway is the last resort: an exit or a shoulder within reach is taken
//! instead, at the pace that the failure still permits.

use super::{Brakes, Rig};

/// What lies ahead, by how good a place it is to stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Beyond an exit or in a parking area.
    Exit,
    /// The hard shoulder.
    Shoulder,
    /// The own lane.
    Lane,
}

/// A stretch in which the truck could stand, along its way.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Refuge {
    /// Its kind.
    pub kind: Kind,
    /// Where it begins, from the truck's front, m; may be behind it.
    pub begins_m: f64,
    /// Where it ends, m.
    pub ends_m: f64,
}

/// What a failure still permits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ability {
    /// Way that may still be driven, m.
    pub range_m: f64,
    /// Braking at which loads stay in place and those behind can follow, m/s2.
    pub braking_gentle_mps2: f64,
    /// How much farther an exit may be than a shoulder and still be preferred, m.
    pub detour_m: f64,
}

/// Where to stand.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Choice {
    /// Its kind.
    pub kind: Kind,
    /// The front's place, m ahead.
    pub stop_m: f64,
}

/// Chooses where to stand: the nearest shoulder in which the whole truck fits and which it reaches
/// with gentle braking, an exit instead if that is not much farther, and else its lane.
///
/// `length_m` is the truck's. Stretches that are not finite, or end before they begin, are passed over.
pub fn choose(
    speed_mps: f64,
    brakes: &Brakes,
    ability: &Ability,
    length_m: f64,
    refuges: &[Refuge],
) -> Choice {
    let braking = ability.braking_gentle_mps2.min(brakes.braking_max_mps2);
    let soonest_m = speed_mps * brakes.lag_s + speed_mps * speed_mps / (2.0 * braking);
    let best = refuges
        .iter()
        .filter(|r| r.kind != Kind::Lane && r.begins_m.is_finite() && r.ends_m.is_finite())
        .filter_map(|r| {
            let stop_m = soonest_m.max(r.begins_m + length_m);
            let is_open = stop_m <= r.ends_m && stop_m <= ability.range_m.max(soonest_m);
            is_open.then_some(Choice { kind: r.kind, stop_m })
        })
        .min_by(|a, b| {
            let bonus_m = |c: &Choice| if c.kind == Kind::Exit { ability.detour_m } else { 0.0 };
            let key = |c: &Choice| c.stop_m - bonus_m(c);
            key(a).total_cmp(&key(b)).then(a.kind.cmp(&b.kind))
        });
    best.unwrap_or(Choice { kind: Kind::Lane, stop_m: soonest_m })
}

/// Length of a rig from nose to tail, with the overhangs of a common tractor and trailer (1.4 m in
/// front of the front axle, 3.9 m behind the trailer's).
pub fn length_m(rig: &Rig) -> f64 {
    1.4 + rig.wheelbase_m - rig.hitch_m + rig.trailer_m + 3.9
}

#[cfg(test)]
mod tests {
    use super::*;

    const ABILITY: Ability = Ability { range_m: 3000.0, braking_gentle_mps2: 1.5, detour_m: 800.0 };

    fn choice(speed_mps: f64, ability: &Ability, refuges: &[(Kind, f64, f64)]) -> Choice {
        let refuges: Vec<_> = refuges
            .iter()
            .map(|&(kind, begins_m, ends_m)| Refuge { kind, begins_m, ends_m })
            .collect();
        choose(speed_mps, &Brakes::LOADED, ability, 16.5, &refuges)
    }

    #[test]
    fn an_exit_near_enough_is_better_than_the_shoulder_and_both_than_the_lane() {
        let shoulder = (Kind::Shoulder, -500.0, 2500.0);
        let near = choice(25.0, &ABILITY, &[shoulder, (Kind::Exit, 600.0, 900.0)]);
        assert_eq!(near, Choice { kind: Kind::Exit, stop_m: 616.5 });
        let far = choice(25.0, &ABILITY, &[shoulder, (Kind::Exit, 1600.0, 1900.0)]);
        assert_eq!(far.kind, Kind::Shoulder);
        let soonest_m = 25.0 * 0.75 + 25.0 * 25.0 / 3.0;
        assert!((far.stop_m - soonest_m).abs() < 1e-9);
        assert_eq!(choice(25.0, &ABILITY, &[]).kind, Kind::Lane);
    }

    #[test]
    fn a_shoulder_that_is_too_short_too_far_or_no_number_is_passed_over() {
        let lane = |refuge| assert_eq!(choice(25.0, &ABILITY, &[refuge]).kind, Kind::Lane);
        lane((Kind::Shoulder, 400.0, 410.0));
        lane((Kind::Shoulder, 0.0, 100.0));
        lane((Kind::Shoulder, f64::NAN, 900.0));
        lane((Kind::Shoulder, 900.0, 400.0));
        lane((Kind::Exit, 2999.0, 4000.0));
        let short = Ability { range_m: 500.0, ..ABILITY };
        assert_eq!(choice(25.0, &short, &[(Kind::Exit, 600.0, 900.0)]).kind, Kind::Lane);
    }

    #[test]
    fn a_rig_is_as_long_as_the_law_permits() {
        assert!((length_m(&Rig::semi_trailer()) - 16.2).abs() < 0.4);
    }
}
