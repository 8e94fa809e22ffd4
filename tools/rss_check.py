#!/usr/bin/env python3
"""Compares the monitor's safe distances with those of ad-rss (pip install ad-rss==5.0.0) on random states.

    python3 tools/rss_check.py [--count 100000] [--seed 1] [--vectors FILE.csv]

Builds and runs the example `rss_distances` of rv_driver. Exit code 1 if any distance differs by more than
1 mm and 0.01 % (ad-rss rounds times to its own precision). --vectors writes the states with ad-rss' distances, as the crate's tests read them."""
import argparse
import random
import subprocess
import sys

import ad_rss

P, W, C, S = ad_rss.physics, ad_rss.rss.world, ad_rss.rss.core, ad_rss.rss.structured


def state(rng):
    along = [rng.uniform(0, 40), rng.uniform(5, 45), rng.uniform(0.05, 2), rng.uniform(0, 4), 0, 0, 0]
    along[4] = rng.uniform(1, 8)
    along[5] = along[4] + rng.uniform(0, 6)
    along[6] = rng.uniform(0.5, along[4])
    across = [rng.uniform(-3, 3), rng.uniform(0, 1), rng.uniform(0.2, 2), rng.uniform(0, 0.5)]
    return along, across


def relative(along, across):
    o = C.RelativeObjectState()
    d = W.RssDynamics()
    d.alpha_lon.accel_max = P.Acceleration(along[3])
    d.alpha_lon.brake_min = P.Acceleration(-along[4])
    d.alpha_lon.brake_max = P.Acceleration(-along[5])
    d.alpha_lon.brake_min_correct = P.Acceleration(-along[6])
    d.alpha_lat.accel_max = P.Acceleration(across[1])
    d.alpha_lat.brake_min = P.Acceleration(-across[2])
    d.lateral_fluctuation_margin = P.Distance(across[3])
    d.response_time = P.Duration(along[2])
    d.max_speed_on_acceleration = P.Speed(along[1])
    # Not used by these formulas, but checked by the library.
    u = d.unstructured_settings
    u.pedestrian_turning_radius = u.vehicle_min_radius = P.Distance(3)
    u.drive_away_max_angle = P.Angle(2)
    u.vehicle_yaw_rate_change = P.AngularAcceleration(1)
    u.vehicle_trajectory_calculation_step = P.Duration(0.2)
    d.unstructured_settings = u
    o.dynamics = d
    place = o.unstructured_object_state
    place.yaw = place.steering_angle = P.Angle(0)
    place.yaw_rate = P.AngularVelocity(0)
    place.dimension.length = place.dimension.width = P.Distance(2)
    place.center_point.x = place.center_point.y = P.Distance(0)
    place.speed_range.minimum = place.speed_range.maximum = P.Speed(along[0])
    o.object_type = W.ObjectType.OtherVehicle
    s = o.structured_object_state
    s.velocity.speed_lon_min = s.velocity.speed_lon_max = P.Speed(along[0])
    s.velocity.speed_lat_min = s.velocity.speed_lat_max = P.Speed(across[0])
    s.is_in_correct_lane = True
    s.distance_to_enter_intersection = P.Distance(0)
    s.distance_to_leave_intersection = P.Distance(1000)
    return o


def theirs(a, b):
    first, second = relative(*a), relative(*b)
    out = []
    for f in (S.calculateSafeLongitudinalDistanceSameDirection,
              S.calculateSafeLongitudinalDistanceOppositeDirection, S.calculateSafeLateralDistance):
        d = P.Distance(0)
        if not f(first, second, d):
            return None
        out.append(d.toBaseType)
    return out


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--count", type=int, default=100000)
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--vectors")
    args = ap.parse_args()
    rng = random.Random(args.seed)
    states = [(state(rng), state(rng)) for _ in range(args.count)]
    lines = [",".join(f"{x!r}" for x in a[0] + b[0] + a[1] + b[1]) for a, b in states]
    want = [theirs(a, b) for a, b in states]
    usable = [i for i, w in enumerate(want) if w is not None]
    if args.vectors:
        with open(args.vectors, "w") as f:
            for i in usable:
                f.write(lines[i] + "," + ",".join(f"{x:.9f}" for x in want[i]) + "\n")
    run = subprocess.run(
        ["cargo", "run", "-q", "-p", "rv_driver", "--example", "rss_distances"],
        input="\n".join(lines) + "\n", capture_output=True, text=True, check=True)
    ours = [list(map(float, line.split(","))) for line in run.stdout.split()]
    assert len(ours) == len(lines), (len(ours), len(lines))
    worst, names = [0.0] * 3, ["same way", "towards", "beside"]
    where, n_off = [None] * 3, 0
    for i in usable:
        for k in range(3):
            off = abs(ours[i][k] - want[i][k])
            n_off += off > 1e-3 + 1e-4 * want[i][k]
            if off > worst[k]:
                worst[k], where[k] = off, i
    for k in range(3):
        print(f"{names[k]}: largest difference {worst[k]:.9f} m over {len(usable)} states")
        if worst[k] > 0.01:
            i = where[k]
            print("   ", states[i], "ours", ours[i][k], "theirs", want[i][k])
    print(f"{args.count - len(usable)} states refused by ad-rss; seed {args.seed}")
    print(f"{n_off} distances differ by more than 1 mm + 0.01 %")
    return 1 if n_off or not usable else 0


if __name__ == "__main__":
    sys.exit(main())
