#!/usr/bin/env python3
"""Runs OSRM (CH and MLD), Valhalla and RoutingKit's CCH beside `robovan route bench`.

Needs Python 3.9 or newer with: pip install osrm-bindings pyvalhalla routingkit-cch
Every figure is CPU time, one thread where the engine lets one ask for that. All engines get the same
points and the same traces; RoutingKit gets the very turn-expanded network of robovan, so its answers
are also compared with ours. OSRM and Valhalla use their own car profiles on the same extract.

  python3 tools/route_rivals.py --osm columbus.osm.pbf --robovan target/release/robovan --work /tmp/rivals
"""

import argparse
import csv
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path


def cpu_of_child(command, env=None):
    """Runs a command and returns its CPU seconds and its output."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, env=env, capture_output=True, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode not in (0, 1):
        sys.exit(f"{command[0]} failed:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return spent, done.stdout


def cpu_of(work):
    """CPU seconds of this process for some work, and its result."""
    before = time.process_time()
    result = work()
    return time.process_time() - before, result


def read(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def points_of(folder):
    return [(float(r["lat_deg"]), float(r["lon_deg"])) for r in read(folder / "points.csv")]


def traces_of(folder):
    traces = {}
    for row in read(folder / "traces.csv"):
        traces.setdefault(row["trace"], []).append((float(row["lat_deg"]), float(row["lon_deg"])))
    return list(traces.values())


def median_us(ask, pairs):
    """Median CPU time of a question, us, over blocks of ten, and how many had no answer."""
    spent, failed = [], 0
    for first in range(0, len(pairs), 10):
        block = pairs[first : first + 10]
        before = time.process_time()
        for pair in block:
            failed += not ask(*pair)
        spent.append((time.process_time() - before) / len(block))
    return 1e6 * statistics.median(spent), failed


def match_us(ask, traces):
    """CPU time of matching a point, us, and how many traces had no answer."""
    spent, lost = 0.0, 0
    for trace in traces:
        question = ask(trace)
        before = time.process_time()
        try:
            question()
        except Exception:
            lost += 1
        spent += time.process_time() - before
    return 1e6 * spent / sum(map(len, traces)), lost


def robovan(args, folder):
    command = [args.robovan, "route", "bench", "--osm", args.osm, "--export", str(folder)]
    command += ["--threads", "1", "--seed", str(args.seed), "--queries", "2400", "--permits", "8", "--json"]
    figures = json.loads(cpu_of_child(command)[1])
    return {
        "p2p with path, us": figures["p2p_path_cpu_us"],
        "1000 x 1000, ms": figures["matrix_1000_cpu_ms"],
        "customise, ms": figures["customize_cpu_ms"],
        "customise 8, ms": figures["customize_8_metrics_cpu_ms"],
        "preprocess, s": figures["preprocess_cpu_s"],
        "match a point, us": figures["match_point_cpu_us"],
        "PBF to graph, s": figures["import_cpu_s"],
        "note": "edges and times of the way; graph with snapping and tile index; %d mismatches"
        % sum(v for k, v in figures.items() if k.startswith("mismatches")),
    }


def osrm_engine(args, folder, algorithm, points, traces):
    import osrm

    package = Path(osrm.__file__).parent
    base = folder / f"osrm-{algorithm.lower()}" / "map.osrm"
    base.parent.mkdir(exist_ok=True)

    def tool(name, *more):
        command = [str(package / "bin" / name), *more, "-t", "1"]
        return cpu_of_child(command, dict(os.environ, OSRM_NO_LOG="1"))[0]

    profile = str(package / "share" / "profiles" / "car.lua")
    figures = {}
    figures["PBF to graph, s"] = tool("osrm-extract", args.osm, "-p", profile, "-o", str(base))
    if algorithm == "CH":
        figures["preprocess, s"] = tool("osrm-contract", str(base))
    else:
        figures["preprocess, s"] = tool("osrm-partition", str(base))
        figures["customise, ms"] = 1000 * tool("osrm-customize", str(base))
    engine = osrm.OSRM(
        storage_config=str(base),
        algorithm=algorithm,
        use_shared_memory=False,
        max_locations_distance_table=100_000,
        max_locations_map_matching=100_000,
    )

    def route(start, end):
        try:
            engine.Route(
                osrm.RouteParameters(
                    coordinates=[start[::-1], end[::-1]], overview="full", steps=False
                )
            )
            return True
        except RuntimeError:
            return False

    pairs = list(zip(points[0:2000:2], points[1:2000:2]))
    figures["p2p with path, us"], failed = median_us(route, pairs)
    ends = [p[::-1] for p in points[:1000] + points[-1000:]]
    table = osrm.TableParameters(
        coordinates=ends,
        sources=list(range(1000)),
        destinations=list(range(1000, 2000)),
        annotations=["duration"],
    )
    # Reading the answer out of the library's own objects is not counted.
    figures["1000 x 1000, ms"] = 1000 * cpu_of(lambda: engine.Table(table))[0]

    def match(trace):
        question = osrm.MatchParameters(
            coordinates=[p[::-1] for p in trace], timestamps=list(range(len(trace))), radiuses=[5.0] * len(trace)
        )
        return lambda: engine.Match(question)

    figures["match a point, us"], lost = match_us(match, traces)
    figures["note"] = f"over Python; {failed} of {len(pairs)} ways and {lost} traces without answer"
    return figures


def valhalla_engine(args, folder, points, traces):
    import valhalla
    from valhalla.config import get_config

    tiles = folder / "valhalla"
    tiles.mkdir(exist_ok=True)
    config = get_config(tile_extract="", tile_dir=str(tiles.resolve()), verbose=False)
    config["mjolnir"]["tile_extract"] = ""
    config["mjolnir"]["concurrency"] = 1
    config["loki"]["logging"] = config["thor"]["logging"] = {"type": "", "long_request": 1e9}
    for limits in config["service_limits"].values():
        if isinstance(limits, dict):
            for name in ("max_matrix_location_pairs", "max_matrix_locations"):
                if name in limits:
                    limits[name] = 10_000_000
    trace_limits = config["service_limits"]["trace"]
    trace_limits["max_shape"], trace_limits["max_distance"] = 100_000, 1e7
    path = folder / "valhalla.json"
    path.write_text(json.dumps(config))
    builder = str(Path(sys.executable).parent / "valhalla_build_tiles")
    figures = {"PBF to graph, s": cpu_of_child([builder, "-c", str(path), args.osm])[0]}
    actor = valhalla.Actor(str(path))

    def at(point):
        return {"lat": point[0], "lon": point[1]}

    def route(start, end):
        question = {"locations": [at(start), at(end)], "costing": "auto", "directions_type": "none"}
        try:
            actor.route(json.dumps(question))
            return True
        except Exception:
            return False

    pairs = list(zip(points[0 : 2 * args.valhalla_routes : 2], points[1::2]))
    figures["p2p with path, us"], failed = median_us(route, pairs)
    # It refuses a matrix with a place in another connected region than the rest.
    hub = points[0]
    joined = [p for p in points if p is hub or (route(hub, p) and route(p, hub))]
    n = min(args.valhalla_matrix, len(joined) // 2)
    question = {
        "sources": [at(p) for p in joined[:n]],
        "targets": [at(p) for p in joined[-n:]],
        "costing": "auto",
    }
    text = json.dumps(question)
    spent = 1000 * cpu_of(lambda: actor.matrix(text))[0]
    figures["1000 x 1000, ms" if n == 1000 else f"{n} x {n}, ms"] = spent

    def match(trace):
        shape = [dict(at(p), time=s) for s, p in enumerate(trace)]
        question = {"shape": shape, "costing": "auto", "shape_match": "map_snap"}
        question["filters"] = {"attributes": ["matched.edge_index"], "action": "include"}
        text = json.dumps(question)
        return lambda: actor.trace_attributes(text)

    figures["match a point, us"], lost = match_us(match, traces)
    figures["note"] = (
        f"over Python and JSON; {failed} of {len(pairs)} ways and {lost} traces without answer; "
        f"{len(points) - len(joined)} of {len(points)} places cut off from the first and left out of the matrix; "
        "its tiles are its graph and need no preprocessing"
    )
    return figures


def routingkit_engine(folder):
    import routingkit_cch as rk

    states = read(folder / "states.csv")
    arcs = read(folder / "arcs.csv")
    tail = [int(r["tail"]) for r in arcs]
    head = [int(r["head"]) for r in arcs]
    weight = [int(r["time_ms"]) for r in arcs]
    lat = [float(r["lat_deg"]) for r in states]
    lon = [float(r["lon_deg"]) for r in states]
    figures = {}

    def prepare():
        order = rk.compute_order_inertial(len(states), tail, head, lat, lon)
        return rk.CCH(order, tail, head, False)

    figures["preprocess, s"], cch = cpu_of(prepare)
    metric = rk.CCHMetric(cch, weight)
    rounds = 10
    spent, _ = cpu_of(lambda: [metric.reset(weight) for _ in range(rounds)])
    figures["customise, ms"] = 1000 * spent / rounds
    pairs = [
        (int(r["from_state"]), [int(s) for s in r["to_states"].split()], r["time_ms"])
        for r in read(folder / "pairs.csv")
    ]
    query = rk.CCHQuery(metric)

    def ask(start, ends, _):
        query.run(start, ends[0]).arc_path
        return True

    figures["p2p with path, us"], _ = median_us(ask, pairs)
    mismatches = 0
    for start, ends, expected in pairs:
        found = [query.run(start, end).distance for end in ends]
        found = min((d for d in found if d is not None), default=None)
        mismatches += (str(found) if found is not None else "") != expected
    del query
    sources = [start for start, _, _ in pairs[:1000]]
    targets = [ends[0] for _, ends, _ in pairs[-1000:]]

    def table():
        sweep = rk.CCHOneToMany(metric, targets)
        for source in sources:
            sweep.distances_from(source)

    scale = 1e6 / (len(sources) * len(targets))
    figures["1000 x 1000, ms"] = 1000 * scale * cpu_of(table)[0]
    figures["note"] = (
        f"over Python, lists of numbers in and out; {mismatches} of {len(pairs)} driving times differ from robovan's"
    )
    return figures


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--osm", required=True, help="OpenStreetMap extract")
    parser.add_argument("--robovan", default="robovan", help="the robovan command")
    parser.add_argument("--work", required=True, type=Path, help="folder for what the engines build")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--valhalla-routes", type=int, default=300, help="ways asked of Valhalla")
    parser.add_argument("--valhalla-matrix", type=int, default=1000, help="rows and columns asked of Valhalla")
    parser.add_argument("--skip", default="", help="engines to leave out, such as robovan,osrm-ch; what an earlier run in the folder found stands")
    parser.add_argument("--json", action="store_true", help="answer as JSON")
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    skipped = args.skip.split(",")
    kept = args.work / "figures.json"
    table = json.loads(kept.read_text()) if kept.exists() else {}
    if "robovan" not in skipped:
        table["robovan"] = robovan(args, args.work)
    points, traces = points_of(args.work), traces_of(args.work)
    engines = {
        "RoutingKit CCH": lambda: routingkit_engine(args.work),
        "OSRM MLD": lambda: osrm_engine(args, args.work, "MLD", points, traces),
        "Valhalla": lambda: valhalla_engine(args, args.work, points, traces),
        "OSRM CH": lambda: osrm_engine(args, args.work, "CH", points, traces),
    }
    for name, run in engines.items():
        if name.lower().replace(" ", "-") not in skipped:
            print(f"{name} ...", file=sys.stderr, flush=True)
            table[name] = run()
            kept.write_text(json.dumps(table, indent=2))
    if args.json:
        print(json.dumps(table, indent=2))
        return
    rows = []
    for figures in table.values():
        rows += [row for row in figures if row not in rows]
    print("| | " + " | ".join(table) + " |\n|---" * 1 + "|---" * len(table) + "|")
    for row in rows:
        cells = [figures.get(row, "") for figures in table.values()]
        cells = [f"{c:,.3g}" if isinstance(c, float) and c < 100 else f"{c:,.0f}" if isinstance(c, float) else c for c in cells]
        print(f"| {row} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
