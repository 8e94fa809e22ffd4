//! The driver in town holds no more memory after thousands of cycles.

use allocation_counter::{AllocationInfo, measure};
use rv_base::{EdgeId, Point2, Seconds};
use rv_driver::law::TrafficLaw;
use rv_driver::tracking::{Class, Track};
use rv_driver::trajectory::State;
use rv_driver::urban::{CYCLE_S, Sight, VanDriver, View, Way};
use rv_map::city_lanes::{CityLaneId, CityLanes};
use rv_map::lanes::Aspect;
use rv_sim::urban::usual_van;

use crate::grid::grid_city;

const BLOCKS: usize = 8;

#[test]
fn the_van_driver_holds_no_more_after_thousands_of_cycles() {
    let city = grid_city(9);
    let lanes = CityLanes::build(&city);
    let law = TrafficLaw::shipped().remove(0);
    let leads = |from: usize, to: usize, e: EdgeId| {
        let ends = city.graph.edge(e);
        (ends.tail.idx(), ends.head.idx()) == (from, to)
    };
    let n_edges = city.graph.n_edges();
    let edges: Vec<EdgeId> = (36..43)
        .map(|i| (0..n_edges).map(EdgeId::from_idx).find(|e| leads(i, i + 1, *e)).unwrap())
        .collect();
    let vehicle = usual_van();
    let lay = || Way::lay(&lanes, &law, &edges, (10.0, 80.0), 12.0).unwrap();
    let way = lay();
    let (centre, heading_rad) = way.pose(8.0);
    let start = State::at_centre(&vehicle, centre, heading_rad, 0.0);
    let signals: Vec<_> = (0..lanes.lanes().len() as u32)
        .map(CityLaneId)
        .filter(|l| lanes.lane(*l).signal.is_some())
        .map(|l| (l, Aspect::Green))
        .collect();
    let mut driver = VanDriver::new(vehicle, lay());
    let (mut state, mut acceleration_mps2, mut k) = (start, 0.0, 0_u32);
    let (mut driven_m, mut n_laps) = (0.0, 0);
    let mut block = || {
        for _ in 0..800 {
            // Ever new ones: one ahead, one that comes, one who crosses.
            let (here_m, _) = driver.place(&state);
            let track = |id: u32, class, ahead_m: f64, left_m: f64, turn_rad: f64, speed_mps| {
                let (at, heading_rad) = way.pose(here_m + ahead_m);
                let (sin, cos) = heading_rad.sin_cos();
                Track {
                    id: id + k / 50 * 3,
                    class,
                    centre: Point2 { x_m: at.x_m - left_m * sin, y_m: at.y_m + left_m * cos },
                    heading_rad: heading_rad + turn_rad,
                    speed_mps,
                    acceleration_mps2: 0.0,
                    yaw_rate_radps: 0.0,
                    half_m: (2.2, 0.9),
                    sigma: (0.1, 0.1),
                    stood_s: 0.0,
                    is_emergency: false,
                }
            };
            let phase = f64::from(k % 50) * 0.1;
            let tracks = [
                track(1, Class::Car, 25.0, 0.0, 0.0, 8.0),
                track(2, Class::Car, 60.0 - 20.0 * phase, 3.4, std::f64::consts::PI, 9.0),
                track(3, Class::Pedestrian, 50.0, 6.0 - 1.4 * phase, -1.57, 1.4),
            ];
            let view = View::open(state.centre(&vehicle), 110.0);
            let sight = Sight {
                at: Seconds(f64::from(k) * CYCLE_S),
                age_s: 0.0,
                state,
                acceleration_mps2,
                tracks: &tracks,
                signals: &signals,
                view: &view,
                weather_share: 1.0,
            };
            let decision = driver.cycle(&lanes, &law, &sight);
            let before = state.speed_mps;
            state = decision.driven(&vehicle, &state, 12.0, CYCLE_S);
            acceleration_mps2 = (state.speed_mps - before) / CYCLE_S;
            driven_m += state.speed_mps * CYCLE_S;
            k += 1;
            // At the end of the way it begins anew.
            if driver.place(&state).0 > way.length_m() - 30.0 {
                (state, acceleration_mps2) = (start, 0.0);
                driver.set_way(lay());
                n_laps += 1;
            }
        }
    };
    let measured: Vec<AllocationInfo> = (0..BLOCKS).map(|_| measure(&mut block)).collect();
    assert!(driven_m > 500.0, "it has driven: {driven_m} m, {n_laps} laps");
    let later = &measured[2..];
    let held: i64 = later.iter().map(|m| m.bytes_current).sum();
    assert!(held < 64 << 10, "{held} bytes more are held: {measured:?}");
    let most = later.iter().map(|m| m.bytes_max).max().unwrap_or(0);
    assert!(most < 1 << 20, "{most} bytes at once: {measured:?}");
}
