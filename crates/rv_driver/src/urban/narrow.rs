//! Where two cannot pass: gives way to one that is already in, and leaves it the room to come out.

use super::Reason;
use super::aside::Aside;
use super::follow::is_on_strip;
use super::pace::Bound;
use super::sight::{Beside, Scene};

/// How far ahead somebody in the van's strip is looked for, m.
const LOOK_M: f64 = 70.0;

/// Room left before what the other one drives around, for it to get back into its lane, m; more for
/// long ones.
const ROOM_M: f64 = 5.0;

/// Things on the other side of the road count up to this far behind the other one, m.
const BEHIND_M: f64 = 8.0;

/// Stops before a stretch in which somebody comes towards the van on its own strip.
pub(crate) fn bounds(scene: &Scene<'_>, aside: &Aside, out: &mut Vec<(Bound, Reason)>) {
    for b in &scene.beside {
        let comes = b.vs_mps < -0.3 && b.vs_mps < -0.8 * b.track.speed_mps;
        let ahead_m = b.s_m - b.half_s_m - scene.front_m();
        let is_in = comes
            && b.track.class.keeps_lane()
            && (0.0..LOOK_M).contains(&ahead_m)
            && is_on_strip(scene, aside, b, 0.1);
        if !is_in {
            continue;
        }
        // Where it could get back at the latest: before the first thing on its own side.
        let begins_m = scene
            .beside
            .iter()
            .filter(|o| is_driven_around(scene, o) && o.s_m < b.s_m + BEHIND_M)
            .map(|o| o.s_m - o.half_s_m)
            .filter(|at_m| *at_m > scene.front_m() - 2.0)
            .fold(b.s_m - b.half_s_m, f64::min);
        let at_m = begins_m - ROOM_M - b.track.half_m.0 - scene.front_m();
        out.push((Bound { at_m: at_m.max(0.0), mps: 0.0 }, Reason::GivesWay(b.track.id)));
    }
}

/// True if somebody who comes towards the van would drive around it: it stands on their side.
fn is_driven_around(scene: &Scene<'_>, b: &Beside) -> bool {
    b.track.stood_s > 3.0 && !b.track.class.walks() && (0.8..6.0).contains(&(-scene.kerb * b.d_m))
}
