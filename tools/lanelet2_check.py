#!/usr/bin/env python3
"""Compares the borders that robovan reads from Lanelet2 maps with those of the lanelet2 package.

Needs `pip install lanelet2==1.2.3` (Python 3.10 to 3.12) and the robovan command:

    python tools/lanelet2_check.py --robovan target/release/robovan MAP.osm...

For every lanelet that both have, each border point of one is held against the border of the other
(both ways); the table shows the farthest distance, lanelets that only one has, and pairs of
lanelets that follow each other in one of the two only.
"""

import argparse
import json
import math
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

import lanelet2
from lanelet2.projection import UtmProjector


def distance(p, a, b):
    dx, dy = b[0] - a[0], b[1] - a[1]
    square = dx * dx + dy * dy
    share = ((p[0] - a[0]) * dx + (p[1] - a[1]) * dy) / square if square else 0.0
    share = min(1.0, max(0.0, share))
    return math.hypot(p[0] - a[0] - share * dx, p[1] - a[1] - share * dy)


def farthest(line, other):
    return max(min(distance(p, a, b) for a, b in zip(other, other[1:])) for p in line)


def gap(ours, theirs):
    """Farthest distance between two lines; lines that run against each other are their lengths apart."""
    ends = max(math.dist(ours[0], theirs[0]), math.dist(ours[-1], theirs[-1]))
    return max(farthest(ours, theirs), farthest(theirs, ours), ends)


def first_position(path):
    for node in ElementTree.parse(path).getroot().iter("node"):
        return float(node.get("lat")), float(node.get("lon"))
    raise SystemExit(f"{path}: no node")


def check(path, robovan):
    # Origins are rounded to 1e-7 degrees, which robovan's positions have.
    lat, lon = (round(value, 7) for value in first_position(path))
    command = [robovan, "map", "lanes", path, f"--origin={lat},{lon}", "--json"]
    ours = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)["lanes"]
    projector = UtmProjector(lanelet2.io.Origin(lat, lon))
    theirs, errors = lanelet2.io.loadRobust(path, projector)
    lanelets = {lanelet.id: lanelet for lanelet in theirs.laneletLayer}
    by_id = {lane["id"]: lane for lane in ours}
    worst, follows_ours, follows_theirs = 0.0, set(), set()
    for id, lane in by_id.items():
        for successor in lane["successors"]:
            follows_ours.add((id, ours[successor]["id"]))
        if id not in lanelets:
            continue
        lanelet = lanelets[id]
        for side, bound in (("left_m", lanelet.leftBound), ("right_m", lanelet.rightBound)):
            worst = max(worst, gap(lane[side], [(p.x, p.y) for p in bound]))
    for a in lanelets.values():
        for b in lanelets.values():
            if a.id != b.id and lanelet2.geometry.follows(a, b):
                follows_theirs.add((a.id, b.id))
    return {
        "lanes": len(ours),
        "only_ours": len(by_id.keys() - lanelets.keys()),
        "only_theirs": len(lanelets.keys() - by_id.keys()),
        "follows": len(follows_ours),
        "follows_only_ours": sorted(follows_ours - follows_theirs),
        "follows_only_theirs": sorted(follows_theirs - follows_ours),
        "worst_mm": worst * 1000.0,
        "package_errors": len(errors),
    }


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("maps", nargs="+", metavar="MAP.osm")
    parser.add_argument("--robovan", default="robovan", help="the robovan command")
    parser.add_argument("--limit-mm", type=float, default=10.0, help="most that may differ")
    args = parser.parse_args()
    fails = 0
    for path in args.maps:
        found = check(path, args.robovan)
        is_bad = found["worst_mm"] > args.limit_mm or found["only_ours"] or found["only_theirs"]
        fails += bool(is_bad)
        print(
            f"{path.rsplit('/', 1)[-1]:32} {found['lanes']:4} lanes, farthest {found['worst_mm']:.3f} mm, "
            f"only ours {found['only_ours']}, only theirs {found['only_theirs']}; "
            f"{found['follows']} successions, only ours {len(found['follows_only_ours'])}, "
            f"only theirs {len(found['follows_only_theirs'])}"
        )
        for name in ("follows_only_ours", "follows_only_theirs"):
            if found[name]:
                print(f"    {name}: {found[name][:6]}")
    return 1 if fails else 0


if __name__ == "__main__":
    sys.exit(main())
