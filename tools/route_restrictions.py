#!/usr/bin/env python3
"""Asks robovan, OSRM and Valhalla whether they drive each turn that a restriction is about.

For each turn restriction over a node the turn that it forbids ("no ..."), or each other turn out of the
same way ("only ..."), becomes a question: from shortly before the node to shortly behind it, with both
headings. An engine takes the turn if its way is as long as the straight one, and goes round if it is
longer or there is none; "other way" if its way is short because it put an end on another way close by. The map is read by osmium here, not by any of the engines. Where they differ,
the tags that explain it are told.

Needs what tools/route_rivals.py needs, and: pip install osmium

  python3 tools/route_restrictions.py --osm portland-central-filtered.osm.pbf \\
      --robovan target/release/robovan --osrm osrm --valhalla valhalla --work rivals-portland
"""

import argparse
import collections
import csv
import json
import math
import os
import subprocess
import sys
from pathlib import Path

import osmium
from osmium.osm import mutable

sys.path.insert(0, str(Path(__file__).parent))
from route_rivals import Server, cpu_of_child, valhalla_config, valhalla_server  # noqa: E402

# What all three engines route on: car roads, and those that a car reaches.
ROADS = {"motorway", "trunk", "primary", "secondary", "tertiary", "unclassified", "residential", "living_street"}
ROADS |= {f"{kind}_link" for kind in ROADS} | {"service"}
REACH_M = 12.0
SLACK_M = 15.0
# An end was put on another way a few metres off, and the answer does not make the turn asked about.
ELSEWHERE = "elsewhere"


class Map(osmium.SimpleHandler):
    def __init__(self):
        super().__init__()
        self.nodes, self.ways, self.restrictions = {}, {}, []

    def node(self, node):
        self.nodes[node.id] = (node.location.lat, node.location.lon)

    def way(self, way):
        if "highway" in way.tags:
            self.ways[way.id] = ([n.ref for n in way.nodes], {t.k: t.v for t in way.tags})

    def relation(self, relation):
        if relation.tags.get("type") == "restriction":
            members = [(m.role, m.type, m.ref) for m in relation.members]
            self.restrictions.append((relation.id, {t.k: t.v for t in relation.tags}, members))


class Renumber(osmium.SimpleHandler):
    """Writes a map with ids above zero (OSRM takes no others) and in order (as Valhalla wants them)."""

    def __init__(self):
        super().__init__()
        self.nodes, self.ways, self.relations = [], [], []

    @staticmethod
    def id(number):
        return number if number > 0 else 900_000_000_000 - number

    def node(self, node):
        at = (node.location.lon, node.location.lat)
        self.nodes.append(mutable.Node(id=self.id(node.id), version=1, location=at, tags=dict(node.tags)))

    def way(self, way):
        refs = [self.id(n.ref) for n in way.nodes]
        self.ways.append(mutable.Way(id=self.id(way.id), version=1, nodes=refs, tags=dict(way.tags)))

    def relation(self, relation):
        members = [(m.type, self.id(m.ref), m.role) for m in relation.members]
        tags = dict(relation.tags)
        self.relations.append(mutable.Relation(id=self.id(relation.id), version=1, members=members, tags=tags))

    def write(self, path):
        out = osmium.SimpleWriter(str(path), overwrite=True)
        for add, items in ((out.add_node, self.nodes), (out.add_way, self.ways), (out.add_relation, self.relations)):
            for item in sorted(items, key=lambda item: item.id):
                add(item)
        out.close()


def metres(a, b):
    x = math.radians(b[1] - a[1]) * math.cos(math.radians(a[0]))
    return 6371008.8 * math.hypot(x, math.radians(b[0] - a[0]))


def heading(a, b):
    x = math.radians(b[1] - a[1]) * math.cos(math.radians(a[0]))
    return math.degrees(math.atan2(x, math.radians(b[0] - a[0]))) % 360


def arms(city, way_id, via, is_in):
    """Arms of a way at a node in driving direction: lines that begin at the node."""
    refs, tags = city.ways[way_id]
    oneway = tags.get("oneway", "yes" if tags.get("junction") == "roundabout" else "no")
    found = []
    for at in [i for i, ref in enumerate(refs) if ref == via]:
        for step, along in ((1, "forward"), (-1, "backward")):
            line = refs[at::step] if step == 1 else refs[at::-1]
            drives = "backward" if is_in == (along == "forward") else "forward"
            shut = {"forward": ("-1",), "backward": ("yes", "1", "true")}[drives]
            if len(line) > 1 and oneway not in shut and line[1] in city.nodes:
                found.append([city.nodes[ref] for ref in line if ref in city.nodes])
    return found


def spot(line):
    """A point shortly along a line, its distance, and the heading away from the line's begin."""
    left = min(REACH_M, 0.45 * metres(line[0], line[1]))
    share = left / max(metres(line[0], line[1]), 1e-9)
    point = tuple(a + (b - a) * share for a, b in zip(line[0], line[1]))
    return point, left, heading(line[0], line[1])


def is_car_road(tags):
    closed = {"no", "private"}
    access = tags.get("motor_vehicle", tags.get("vehicle", tags.get("access", "yes")))
    return tags.get("highway") in ROADS and access not in closed and tags.get("area") != "yes"


def questions(city):
    asked, dropped = [], collections.Counter()
    ways_at = collections.defaultdict(set)
    for way_id, (refs, tags) in city.ways.items():
        if is_car_road(tags):
            for ref in refs:
                ways_at[ref].add(way_id)
    for relation_id, tags, members in city.restrictions:
        roles = collections.defaultdict(list)
        for role, kind, ref in members:
            roles[role].append((kind, ref))
        vias = roles["via"]
        if len(vias) != 1 or vias[0][0] != "n":
            dropped["over a way (tested by hand-made maps)"] += 1
            continue
        via, ends = vias[0][1], [[ref for _, ref in roles[role]] for role in ("from", "to")]
        if not all(len(end) == 1 and end[0] in city.ways for end in ends):
            dropped["a member is not in the extract"] += 1
            continue
        (start,), (end,) = ends
        value = tags.get("restriction", "")
        if not all(is_car_road(city.ways[way][1]) for way in (start, end)):
            dropped["a member is no road for cars"] += 1
            continue
        if value.startswith("no_"):
            targets = [(end, False)]
        else:
            targets = [(way, way == end) for way in sorted(ways_at[via])]
        n_before = len(asked)
        for line_in in arms(city, start, via, True):
            for target, is_allowed in targets:
                for line_out in arms(city, target, via, False):
                    a, before, back = spot(line_in)
                    b, behind, ahead = spot(line_out)
                    inwards = (back + 180) % 360
                    turn = abs((ahead - inwards + 180) % 360 - 180)
                    is_back = target == start and turn > 170
                    if is_back != (value == "no_u_turn" and target == start) and (is_back or target == start):
                        continue
                    if min(before, behind) < 2.0:
                        continue
                    asked.append(
                        dict(relation=relation_id, value=value, tags=tags, start=start, target=target, allowed=is_allowed,
                             a=a, b=b, a_heading=inwards, b_heading=ahead, direct_m=before + behind, turn=turn, via=via)
                    )
        if len(asked) == n_before:
            dropped["no turn that a car could take (against a one-way road)"] += 1
    return asked, dropped


def robovan(args, asked):
    path = args.work / "pairs.csv"
    with open(path, "w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["from_lat", "from_lon", "from_heading", "to_lat", "to_lon", "to_heading"])
        for q in asked:
            out.writerow([*q["a"], q["a_heading"], *q["b"], q["b_heading"]])
    command = [args.robovan, "route", "ways", "--city", args.osm, "--class", "car", "--approach", "any"]
    answers = json.loads(subprocess.run([*command, "--pairs", str(path), "--json"], check=True, capture_output=True, text=True).stdout)
    return [answer.get("distance_m") for answer in answers]


def osrm(args, asked):
    package, base = args.osrm / "osrm", args.work / "osrm" / "map.osrm"
    base.parent.mkdir(exist_ok=True)
    env = dict(os.environ, OSRM_NO_LOG="1")
    tools = [("osrm-extract", args.osm, "-p", str(package / "share/profiles/car.lua"), "-o", str(base))]
    tools += [("osrm-partition", str(base)), ("osrm-customize", str(base))]
    for name, *more in tools:
        cpu_of_child([str(package / "bin" / name), *more], env)
    command = [str(package / "bin" / "osrm-routed"), str(base), "-a", "MLD", "-i", "127.0.0.1", "-p", "5057", "-l", "NONE"]
    at = lambda p: f"{p[1]:.7f},{p[0]:.7f}"  # noqa: E731
    server = Server(command, 5057, (f"/nearest/v1/driving/{at(asked[0]['a'])}",))
    found = []
    for q in asked:
        bearings = f"{q['a_heading']:.0f},30;{q['b_heading']:.0f},30"
        path = f"/route/v1/driving/{at(q['a'])};{at(q['b'])}?bearings={bearings}&continue_straight=true&overview=false"
        ok, text = server.ask(path + "&annotations=nodes")
        answer = json.loads(text)["routes"][0] if ok else {}
        length, nodes = answer.get("distance"), [n for leg in answer.get("legs", []) for n in leg["annotation"]["nodes"]]
        # Shorter than the turn itself, and not over its node: an end was put on another way close by.
        is_elsewhere = ok and length <= q["direct_m"] + SLACK_M and q["via"] not in nodes
        found.append(ELSEWHERE if is_elsewhere else length)
    server.close()
    return found


def valhalla(args, asked):
    path = valhalla_config(args, args.work)
    cpu_of_child([str(args.valhalla / "valhalla/bin/valhalla_build_tiles"), "-c", str(path), args.osm])
    at = lambda p, h: dict(lat=p[0], lon=p[1], heading=round(h), heading_tolerance=30, node_snap_tolerance=0)  # noqa: E731
    server = valhalla_server(args, args.work, dict(lat=asked[0]["a"][0], lon=asked[0]["a"][1]))
    found = []
    for q in asked:
        body = {"locations": [at(q["a"], q["a_heading"]), at(q["b"], q["b_heading"])], "costing": "auto", "directions_type": "none"}
        ok, text = server.ask("/route", json.dumps(body))
        length = 1000 * json.loads(text)["trip"]["summary"]["length"] if ok else None
        if ok and length <= q["direct_m"] + SLACK_M:
            shape = json.loads(text)["trip"]["legs"][0]["shape"]
            filters = {"attributes": ["edge.way_id"], "action": "include"}
            body = {"encoded_polyline": shape, "costing": "auto", "shape_match": "map_snap", "filters": filters}
            ok, text = server.ask("/trace_attributes", json.dumps(body))
            ways = {edge["way_id"] for edge in json.loads(text)["edges"]} if ok else set()
            if ok and not {q["start"], q["target"]} <= ways:
                length = ELSEWHERE
        found.append(length)
    server.close()
    return found


def why(city, q, says):
    """What explains that the engines see a turn otherwise."""
    reasons = [f"{name} put an end on another way a few metres off" for name, said in says.items() if said == "other way"]
    if "except" in q["tags"]:
        reasons.append(f"except={q['tags']['except']}")
    for way in (q["start"], q["target"]):
        for key in ("access", "motor_vehicle", "vehicle", "service"):
            if city.ways[way][1].get(key, "yes") != "yes":
                reasons.append(f"{key}={city.ways[way][1][key]} on way {way}")
    return "; ".join(reasons) or "not explained"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--osm", required=True)
    parser.add_argument("--robovan", default="robovan")
    parser.add_argument("--osrm", type=Path, default=Path("osrm"))
    parser.add_argument("--valhalla", type=Path, default=Path("valhalla"))
    parser.add_argument("--work", required=True, type=Path)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    renumbered = args.work / "renumbered.osm.pbf"
    writer = Renumber()
    writer.apply_file(args.osm)
    writer.write(renumbered)
    args.osm = str(renumbered)
    city = Map()
    city.apply_file(args.osm)
    asked, dropped = questions(city)
    engines = {"robovan": robovan(args, asked), "osrm": osrm(args, asked), "valhalla": valhalla(args, asked)}
    table, differ = collections.Counter(), []
    for idx, q in enumerate(asked):
        says = {}
        for name, found in engines.items():
            length = found[idx]
            if length == ELSEWHERE:
                says[name] = "other way"
            else:
                is_short = length is not None and length <= q["direct_m"] + SLACK_M
                says[name] = "turns" if is_short else "goes round"
        kind = ("allowed" if q["allowed"] else "forbidden") + " by " + q["value"].split("_")[0]
        table[(kind, *says.values())] += 1
        if len(set(says.values())) > 1 or (not q["allowed"] and says["robovan"] == "turns"):
            lengths = {name: found[idx] for name, found in engines.items()}
            differ.append(dict(relation=q["relation"], via=q["via"], value=q["value"], start=q["start"], target=q["target"],
                               turn_deg=round(q["turn"]), allowed=q["allowed"], says=says, length_m=lengths,
                               direct_m=q["direct_m"], why=why(city, q, says)))
    summary = dict(n_restrictions=len(city.restrictions), n_asked=len({q["relation"] for q in asked}), n_turns=len(asked),
                   not_asked=dict(dropped), differ=differ)
    if args.json:
        print(json.dumps(summary, indent=2))
        return
    print(f"{summary['n_restrictions']} restrictions, {summary['n_asked']} asked about in {len(asked)} turns; not asked: {dict(dropped)}")
    print("\n| the turn is | robovan | OSRM | Valhalla | turns |\n|---|---|---|---|---|")
    for row, n in sorted(table.items()):
        print("| " + " | ".join(row) + f" | {n} |")
    print("\n| relation | restriction | from, to way | robovan | OSRM | Valhalla | why |\n|---|---|---|---|---|---|---|")
    for d in differ:
        print(f"| {d['relation']} | {d['value']} | {d['start']}, {d['target']} | " + " | ".join(d["says"].values()) + f" | {d['why']} |")


if __name__ == "__main__":
    main()
