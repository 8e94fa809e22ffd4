#!/usr/bin/env python3
"""Compares the lane borders that robovan reads from OpenDRIVE maps with a second method.

    python tools/opendrive_check.py --robovan target/release/robovan MAP.xodr...

The second method shares no code and no formula for curves with robovan: every reference line is
walked in steps of at most 2 mm (midpoint rule) along its direction, the direction of clothoids and
arcs itself being summed up from their curvature; cubics are walked by their parameter. Only the
standard library is needed. Each border point of every driving lane that the walk finds (one each
half metre) must lie on the border that robovan draws; the table shows the farthest that does not.
"""

import argparse
import bisect
import gzip
import json
import math
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

STEP_M = 0.002
EVERY_M = 0.5
MOTOR = {
    "driving", "entry", "exit", "onRamp", "offRamp", "connectingRamp", "bidirectional", "bus", "taxi",
    "mwyEntry", "mwyExit", "slipLane", "HOV", "biking", "sidewalk", "walking", "rail", "tram",
}


def number(element, name):
    return float(element.get(name))


def walk(geometry, wanted):
    """Points and directions of a geometry at distances from its start, in order."""
    length = number(geometry, "length")
    shape = next(child for child in geometry if child.tag != "userData")
    x, y, heading = (number(geometry, name) for name in ("x", "y", "hdg"))
    out = []
    if shape.tag in ("line", "arc", "spiral"):
        first = {"line": 0.0, "arc": None, "spiral": None}[shape.tag]
        if shape.tag == "arc":
            first = last = number(shape, "curvature")
        elif shape.tag == "spiral":
            first, last = number(shape, "curvStart"), number(shape, "curvEnd")
        else:
            last = 0.0
        at = 0.0
        for target in wanted:
            n = max(1, math.ceil((target - at) / (STEP_M if first or last else 1e9)))
            step = (target - at) / n
            for i in range(n):
                s = at + i * step
                middle = first + (last - first) * (s + step / 2) / length if length else first
                turn = middle * step
                x += step * math.cos(heading + turn / 2)
                y += step * math.sin(heading + turn / 2)
                heading += turn
            at = target
            out.append((x, y, heading))
        return out
    cos, sin = math.cos(heading), math.sin(heading)
    if shape.tag == "paramPoly3":
        u, v = ([number(shape, c + k) for c in "abcd"] for k in "UV")
        end = length if shape.get("pRange") == "arcLength" else 1.0
        parameters = [target / length * end if length else 0.0 for target in wanted]
    else:  # poly3: v over u, by the distance along the curve
        u, v = [0.0, 1.0, 0.0, 0.0], [number(shape, c) for c in "abcd"]
        parameters, at, here = [], 0.0, 0.0
        for target in wanted:
            n = max(1, math.ceil((target - at) / STEP_M))
            step = (target - at) / n
            for _ in range(n):
                guess = here + step / 2 / math.hypot(1, v[1] + 2 * v[2] * here + 3 * v[3] * here**2)
                here += step / math.hypot(1, v[1] + 2 * v[2] * guess + 3 * v[3] * guess**2)
            at = target
            parameters.append(here)
    for p in parameters:
        pu, pv = (k[0] + k[1] * p + k[2] * p * p + k[3] * p**3 for k in (u, v))
        du, dv = (k[1] + 2 * k[2] * p + 3 * k[3] * p * p for k in (u, v))
        out.append(
            (x + pu * cos - pv * sin, y + pu * sin + pv * cos, heading + math.atan2(dv, du))
        )
    return out


def value(elements, start, s):
    """The last of some polynomials that has begun before s; none begins within 1 um of s here."""
    begun = [e for e in elements if number(e, start) <= s]
    if not begun:
        return 0.0
    last = max(begun, key=lambda e: number(e, start))
    ds = s - number(last, start)
    return sum(number(last, name) * ds**i for i, name in enumerate("abcd"))


def borders(road):
    """Points of each lane's inner and outer border, by road, lane and section."""
    geometries = sorted(road.find("planView"), key=lambda g: number(g, "s"))
    starts = [number(g, "s") for g in geometries]
    length = number(road, "length")
    places = [i * EVERY_M + 0.1 for i in range(int((length - 0.1) / EVERY_M) + 1)]
    lanes = road.find("lanes")
    sections = sorted(lanes.findall("laneSection"), key=lambda s: number(s, "s"))
    by_geometry = {}
    for s in places:
        by_geometry.setdefault(max(0, bisect.bisect_right(starts, s) - 1), []).append(s)
    for index, wanted in by_geometry.items():
        poses = walk(geometries[index], [s - starts[index] for s in wanted])
        for s, (x, y, heading) in zip(wanted, poses):
            # The places where one polynomial follows another belong to both.
            number_of = max(i for i, e in enumerate(sections) if number(e, "s") <= s)
            section = sections[number_of]
            from_start = s - number(section, "s")
            middle = value(lanes.findall("laneOffset"), "s", s)
            for side, sign in (("left", 1), ("right", -1)):
                t = middle
                found = section.find(side)
                if found is None:
                    continue
                for lane in sorted(found, key=lambda l: abs(int(l.get("id")))):
                    inner = t
                    if lane.find("width") is None and lane.find("border") is not None:
                        t = middle + value(lane.findall("border"), "sOffset", from_start)
                    else:
                        width = value(lane.findall("width"), "sOffset", from_start)
                        t = inner + sign * max(0.0, width)
                    if lane.get("type") in MOTOR:
                        points = [(x - b * math.sin(heading), y + b * math.cos(heading)) for b in (inner, t)]
                        yield int(lane.get("id")), points


def distance(p, a, b):
    dx, dy = b[0] - a[0], b[1] - a[1]
    square = dx * dx + dy * dy
    share = ((p[0] - a[0]) * dx + (p[1] - a[1]) * dy) / square if square else 0.0
    share = min(1.0, max(0.0, share))
    return math.hypot(p[0] - a[0] - share * dx, p[1] - a[1] - share * dy)


class Lines:
    """Segments by 4 m cells."""

    def __init__(self):
        self.cells = {}

    def add(self, line):
        for a, b in zip(line, line[1:]):
            n = int(math.dist(a, b) / 2) + 1
            for i in range(n + 1):
                x, y = a[0] + (b[0] - a[0]) * i / n, a[1] + (b[1] - a[1]) * i / n
                self.cells.setdefault((int(x // 4), int(y // 4)), set()).add((tuple(a), tuple(b)))

    def distance(self, p):
        cell = int(p[0] // 4), int(p[1] // 4)
        near = [
            segment
            for dx in (-1, 0, 1)
            for dy in (-1, 0, 1)
            for segment in self.cells.get((cell[0] + dx, cell[1] + dy), ())
        ]
        return min((distance(p, a, b) for a, b in near), default=math.inf)


def check(path, robovan):
    command = [robovan, "map", "lanes", path, "--json"]
    ours = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)["lanes"]
    opened = gzip.open(path) if path.endswith(".gz") else open(path, "rb")
    with opened as file:
        root = ElementTree.parse(file).getroot()
    lines = {}
    for lane in ours:
        if lane["used_by"] != "crossing":
            for side in ("left_m", "right_m"):
                lines.setdefault(lane["id"], Lines()).add(lane[side])
    worst, where, n = 0.0, None, 0
    for road in root.iter("road"):
        for lane, points in borders(road):
            for p in points:
                n += 1
                off = lines[int(road.get("id")) * 1000 + lane].distance(p)
                if off > worst:
                    worst, where = off, (road.get("id"), lane)
    return n, worst, where


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("maps", nargs="+", metavar="MAP.xodr[.gz]")
    parser.add_argument("--robovan", default="robovan", help="the robovan command")
    parser.add_argument("--limit-mm", type=float, default=10.0, help="most that may differ")
    args = parser.parse_args()
    fails = 0
    for path in args.maps:
        n, worst, where = check(path, args.robovan)
        fails += worst * 1000 > args.limit_mm
        print(f"{path.rsplit('/', 1)[-1]:36} {n:7} points, farthest {worst * 1000:.3f} mm {where or ''}")
    return 1 if fails else 0


if __name__ == "__main__":
    sys.exit(main())
