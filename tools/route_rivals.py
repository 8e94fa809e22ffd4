#!/usr/bin/env python3
"""Runs OSRM (CH and MLD), Valhalla and RoutingKit's CCH beside `robovan route bench`.

OSRM and Valhalla run as their own servers, from the programs in their Python packages, whatever Python
there is:

  pip install routingkit-cch
  pip download --python-version 3.12 --only-binary=:all: --no-deps osrm-bindings==26.10 pyvalhalla==3.9.1
  unzip -d osrm osrm_bindings*.whl; unzip -d valhalla pyvalhalla*.whl
  python3 tools/route_rivals.py --osm columbus.osm.pbf --robovan target/release/robovan \\
      --osrm osrm --valhalla valhalla --work rivals

Every figure is CPU time of the engine, one thread where the engine lets one ask for that; from ways of
OSRM and Valhalla the time is taken off that their easiest question takes. All engines get the same
points and the same traces; RoutingKit gets the very turn-expanded network of robovan, so its answers
are also compared with ours. OSRM and Valhalla use their own car profiles on the same extract.
"""

import argparse
import csv
import http.client
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
    if done.returncode != 0:
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
        "map to first answer, s": figures["import_cpu_s"]
        + figures["preprocess_cpu_s"]
        + figures["customize_cpu_ms"] / 1000,
        "note": "edges and times of the way; graph with snapping and tile index; %d mismatches"
        % sum(v for k, v in figures.items() if k.startswith("mismatches")),
    }


class Server:
    """An engine's own HTTP server on this machine, and what processor time it takes to answer."""

    def __init__(self, command, port, probe):
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=300)
        for _ in range(300):
            try:
                self.ask(*probe)
                break
            except OSError:
                self.connection.close()
                time.sleep(0.1)
        else:
            sys.exit(f"{command[0]} does not answer")
        # What it takes to be asked at all: the answer to the easiest question.
        self.overhead_s = self.cpu_of([probe] * 300)[0] / 300

    def ask(self, path, body=None):
        """Asks and returns whether there was an answer, and its bytes."""
        for attempt in (1, 2):
            try:
                if body is None:
                    self.connection.request("GET", path)
                else:
                    self.connection.request("POST", path, body, {"Content-Type": "application/json"})
                response = self.connection.getresponse()
                return response.status == 200, response.read()
            except (http.client.HTTPException, ConnectionResetError, BrokenPipeError):
                # A server closes a connection after so many questions.
                self.connection.close()
                if attempt == 2:
                    raise

    def cpu_s(self):
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def cpu_of(self, questions):
        """CPU seconds of the server for some questions, and how many had no answer."""
        before = self.cpu_s()
        failed = sum(not self.ask(*question)[0] for question in questions)
        return self.cpu_s() - before, failed

    def mean_us(self, questions):
        """CPU time of a question beyond being asked at all, us, and how many had no answer."""
        spent, failed = self.cpu_of(questions)
        return 1e6 * max(spent / len(questions) - self.overhead_s, 0.0), failed

    def close(self):
        self.connection.close()
        self.process.terminate()
        self.process.wait()


def osrm_engine(args, folder, algorithm, points, traces):
    package = args.osrm / "osrm"
    base = folder / f"osrm-{algorithm.lower()}" / "map.osrm"
    base.parent.mkdir(exist_ok=True)

    def tool(name, *more):
        command = [str(package / "bin" / name), *more, "-t", str(args.osrm_threads)]
        return cpu_of_child(command, dict(os.environ, OSRM_NO_LOG="1"))[0]

    profile = str(package / "share" / "profiles" / "car.lua")
    figures = {}
    figures["PBF to graph, s"] = tool("osrm-extract", args.osm, "-p", profile, "-o", str(base))
    if algorithm == "CH":
        figures["preprocess, s"] = tool("osrm-contract", str(base))
        figures["map to first answer, s"] = figures["PBF to graph, s"] + figures["preprocess, s"]
    else:
        figures["preprocess, s"] = tool("osrm-partition", str(base))
        figures["customise, ms"] = 1000 * tool("osrm-customize", str(base))
        figures["map to first answer, s"] = (
            figures["PBF to graph, s"] + figures["preprocess, s"] + figures["customise, ms"] / 1000
        )
    command = [str(package / "bin" / "osrm-routed"), str(base), "-a", algorithm, "-i", "127.0.0.1", "-p", "5055"]
    command += ["-t", "1", "--max-table-size", "100000", "--max-matching-size", "100000", "-l", "NONE"]

    def at(point):
        return f"{point[1]},{point[0]}"

    server = Server(command, 5055, (f"/nearest/v1/driving/{at(points[0])}",))
    try:
        pairs = list(zip(points[0 : 2 * args.ways : 2], points[1::2]))
        questions = [(f"/route/v1/driving/{at(a)};{at(b)}?overview=full&geometries=polyline",) for a, b in pairs]
        server.cpu_of(questions[:200])
        figures["p2p with path, us"], failed = server.mean_us(questions)
        ends = ";".join(at(p) for p in points[:1000] + points[-1000:])
        half = [";".join(map(str, part)) for part in (range(1000), range(1000, 2000))]
        table = (f"/table/v1/driving/{ends}?sources={half[0]}&destinations={half[1]}",)
        figures["1000 x 1000, ms"] = 1000 * server.cpu_of([table])[0]

        def match(trace):
            line = ";".join(at(p) for p in trace)
            times = ";".join(str(s) for s in range(len(trace)))
            radii = ";".join(["5"] * len(trace))
            return (f"/match/v1/driving/{line}?timestamps={times}&radiuses={radii}",)

        # Its server takes addresses of limited length.
        short = [trace[:100] for trace in traces]
        spent, lost = server.cpu_of([match(trace) for trace in short])
        figures["match a point, us"] = 1e6 * spent / sum(map(len, short))
    finally:
        server.close()
    figures["note"] = (
        f"its own server, less {1e6 * server.overhead_s:.0f} us for being asked; "
        f"{failed} of {len(pairs)} ways and {lost} of {len(traces)} traces without answer"
    )
    return figures


def valhalla_config(args, folder):
    tiles = folder / "valhalla"
    tiles.mkdir(exist_ok=True)
    make = args.valhalla / "valhalla" / "valhalla_build_config.py"
    command = [sys.executable, str(make), "--mjolnir-tile-dir", str(tiles.resolve()), "--mjolnir-tile-extract", ""]
    config = json.loads(cpu_of_child(command)[1])
    config["mjolnir"]["concurrency"] = 1
    config["mjolnir"]["logging"] = config["loki"]["logging"] = config["thor"]["logging"] = {"type": ""}
    config["httpd"]["service"]["listen"] = "tcp://127.0.0.1:5056"
    config["httpd"]["service"]["loopback"] = f"ipc://{tiles.resolve()}/loopback"
    config["httpd"]["service"]["interrupt"] = f"ipc://{tiles.resolve()}/interrupt"
    for part in ("loki", "thor", "odin"):
        config[part]["service"]["proxy"] = f"ipc://{tiles.resolve()}/{part}"
    for limits in config["service_limits"].values():
        if isinstance(limits, dict):
            for name in ("max_matrix_location_pairs", "max_matrix_locations"):
                if name in limits:
                    limits[name] = 10_000_000
    trace_limits = config["service_limits"]["trace"]
    trace_limits["max_shape"], trace_limits["max_distance"] = 100_000, 1e7
    path = folder / "valhalla.json"
    path.write_text(json.dumps(config))
    return path


def valhalla_server(args, folder, probe):
    path = valhalla_config(args, folder)
    binary = args.valhalla / "valhalla" / "bin" / "valhalla_service"
    return Server([str(binary), str(path), "1"], 5056, ("/locate", json.dumps({"locations": [probe]})))


def valhalla_engine(args, folder, points, traces):
    path = valhalla_config(args, folder)
    builder = str(args.valhalla / "valhalla" / "bin" / "valhalla_build_tiles")
    figures = {"PBF to graph, s": cpu_of_child([builder, "-c", str(path), args.osm])[0]}
    figures["map to first answer, s"] = figures["PBF to graph, s"]

    def at(point):
        return {"lat": point[0], "lon": point[1]}

    server = valhalla_server(args, folder, at(points[0]))
    try:

        def way(start, end):
            question = {"locations": [at(start), at(end)], "costing": "auto", "directions_type": "none"}
            return ("/route", json.dumps(question))

        pairs = list(zip(points[0 : 2 * args.valhalla_routes : 2], points[1::2]))
        questions = [way(*pair) for pair in pairs]
        server.cpu_of(questions[:100])
        figures["p2p with path, us"], failed = server.mean_us(questions)
        # It refuses a matrix with a place in another connected region than the rest.
        hub = points[0]
        n = args.valhalla_matrix * 11 // 10
        candidates = points[:n] + points[-n:]
        joined = [p for p in candidates if server.ask(*way(hub, p))[0] and server.ask(*way(p, hub))[0]]
        n = min(args.valhalla_matrix, len(joined) // 2)
        question = {
            "sources": [at(p) for p in joined[:n]],
            "targets": [at(p) for p in joined[-n:]],
            "costing": "auto",
            "verbose": False,
        }
        spent, refused = server.cpu_of([("/sources_to_targets", json.dumps(question))])
        if not refused:
            figures["1000 x 1000, ms" if n == 1000 else f"{n} x {n}, ms"] = 1000 * spent

        def match(trace):
            shape = [dict(at(p), time=s) for s, p in enumerate(trace)]
            question = {"shape": shape, "costing": "auto", "shape_match": "map_snap"}
            question["filters"] = {"attributes": ["matched.edge_index"], "action": "include"}
            return ("/trace_attributes", json.dumps(question))

        spent, lost = server.cpu_of([match(trace) for trace in traces])
        figures["match a point, us"] = 1e6 * spent / sum(map(len, traces))
    finally:
        server.close()
    figures["note"] = (
        f"its own server, less {1e6 * server.overhead_s:.0f} us for being asked; "
        f"{failed} of {len(pairs)} ways and {lost} of {len(traces)} traces without answer; "
        f"{len(joined)} of {len(candidates)} places connected with the first take part in its matrix; "
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
    parser.add_argument("--osrm", type=Path, default=Path("osrm"), help="folder of the unpacked package osrm-bindings")
    parser.add_argument("--valhalla", type=Path, default=Path("valhalla"), help="folder of the unpacked package pyvalhalla")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--osrm-threads", type=int, default=1, help="threads of OSRM's tools; CPU time counts")
    parser.add_argument("--ways", type=int, default=1000, help="ways asked of OSRM")
    parser.add_argument("--traces", type=int, default=100, help="traces asked of OSRM and Valhalla")
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
    points, traces = points_of(args.work), traces_of(args.work)[: args.traces]
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
