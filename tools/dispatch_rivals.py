#!/usr/bin/env python3
"""Runs vehicle routing solvers on the same files with the same processor time, and prints one table.

    python3 -m venv venv && venv/bin/pip install pyvrp==0.14.1 ortools pyvroom
    cargo install vrp-cli    # for the solver vrp-cli, which is to be found on the PATH
    venv/bin/python tools/dispatch_rivals.py FILE... --budget-cpu-s 60 --solvers robovan,pyvrp,ortools,vroom \\
        --robovan target/release/robovan --best TABLE.csv

Files: Solomon or Homberger text, Li and Lim text. Every solver gets one thread, and distances and
times truncated to one decimal (the DIMACS convention) or exact to three decimals; it minimises
distance. Processor time is that of the solver's own process, reading included; VROOM knows no limit
of processor time and takes what it takes at its highest exploration level; vrp-cli reads the file
itself, knows only exact distances and fewest vehicles first, and is interrupted when its time is spent. Routes are judged here
again, with the same convention: windows, loads, pairs, each customer once; a plan that breaks one is
`bad`. Best known: a table `name,distance` (any columns before; the name without its ending), or a
folder of .sol files.
"""
import argparse, csv, json, os, pathlib, signal, subprocess, sys, tempfile, time


class Instance:
    """Customers with x, y, demand, window, service and, for pairs, their mate; all times scaled to integers."""

    def __init__(self, path, convention):
        self.name = pathlib.Path(path).stem
        self.path = str(path)
        lines = [line.split() for line in open(path) if line.strip()]
        self.is_pairs = len(lines[0]) == 3 and all(w.lstrip("-").replace(".", "").isdigit() for w in lines[0])
        if self.is_pairs:
            self.n_vehicles, self.capacity = int(lines[0][0]), int(lines[0][1])
            rows = [list(map(float, line)) for line in lines[1:]]
        else:
            at = next(i for i, line in enumerate(lines) if line[0].upper() == "NUMBER")
            self.n_vehicles, self.capacity = int(lines[at + 1][0]), int(lines[at + 1][1])
            rows = [list(map(float, line)) for line in lines[at + 2 :] if line[0].isdigit()]
        self.scale = 10 if convention == "dimacs" else 1000
        self.points = [(r[1], r[2]) for r in rows]
        self.demand = [int(r[3]) for r in rows]
        self.windows = [(int(r[4] * self.scale), int(r[5] * self.scale)) for r in rows]
        self.service = [int(r[6] * self.scale) for r in rows]
        self.pairs = [(i, int(r[8])) for i, r in enumerate(rows) if self.is_pairs and r[8] > 0]

    def leg(self, a, b):
        (ax, ay), (bx, by) = self.points[a], self.points[b]
        return int(((ax - bx) ** 2 + (ay - by) ** 2) ** 0.5 * self.scale + 1e-9)

    def matrix(self):
        n = range(len(self.points))
        return [[self.leg(a, b) for b in n] for a in n]

    def judge(self, routes):
        """Distance of the routes, or what is wrong with them."""
        seen = sorted(c for route in routes for c in route)
        if seen != list(range(1, len(self.points))):
            return None, "not each customer once"
        total = 0
        for route in routes:
            now, load, at = self.windows[0][0], 0 if self.is_pairs else sum(self.demand[c] for c in route), 0
            for stop in [*route, 0]:
                now = max(now + self.leg(at, stop), self.windows[stop][0])
                total += self.leg(at, stop)
                if now > self.windows[stop][1]:
                    return None, f"late at {stop}"
                load += self.demand[stop] if self.is_pairs else -self.demand[stop]
                if not -1 < (load if self.is_pairs else load + self.demand[stop]) <= self.capacity:
                    return None, f"overloaded at {stop}"
                now, at = now + self.service[stop], stop
        where = {c: (k, i) for k, route in enumerate(routes) for i, c in enumerate(route)}
        for pick, drop in self.pairs:
            if where[pick][0] != where[drop][0] or where[pick] > where[drop]:
                return None, f"pair {pick} {drop} broken"
        return total / self.scale, None


def solve_pyvrp(inst, budget_s, seed):
    from pyvrp import Model, solve

    class CpuTime:
        def __call__(self, best_cost):
            return time.process_time() >= budget_s

    model = Model()
    place = [model.add_location(x, y) for x, y in inst.points]
    depot = model.add_depot(location=place[0])
    model.add_vehicle_type(
        num_available=inst.n_vehicles, capacity=inst.capacity, start_depot=depot, end_depot=depot,
        tw_early=inst.windows[0][0], tw_late=inst.windows[0][1])
    stop_of = {}
    if inst.is_pairs:
        for pick, drop in inst.pairs:
            model.add_shipment(
                pickup_location=place[pick], delivery_location=place[drop], amount=inst.demand[pick],
                pickup_tw_early=inst.windows[pick][0], pickup_tw_late=inst.windows[pick][1],
                pickup_service_duration=inst.service[pick],
                delivery_tw_early=inst.windows[drop][0], delivery_tw_late=inst.windows[drop][1],
                delivery_service_duration=inst.service[drop])
    else:
        for c in range(1, len(place)):
            model.add_client(
                location=place[c], delivery=inst.demand[c], service_duration=inst.service[c],
                tw_early=inst.windows[c][0], tw_late=inst.windows[c][1])
    for a, row in enumerate(inst.matrix()):
        for b, leg in enumerate(row):
            if a != b:
                model.add_edge(place[a], place[b], distance=leg, duration=leg)
    data = model.data()
    result = solve(data, stop=CpuTime(), seed=seed, collect_stats=False, display=False)
    if not result.is_feasible():
        return None
    location = {"C": [c.location for c in data.clients()]}
    if inst.is_pairs:
        location["P"] = [s.pickup.location for s in data.shipments()]
        location["D"] = [s.delivery.location for s in data.shipments()]
    routes = []
    for route in result.best.routes():
        stops = []
        for activity in route:
            kind = activity.type.name[0] if activity.type.name != "DEPOT" else "-"
            if kind in location:
                stops.append(int(location[kind][activity.idx]))
        routes.append(stops)
    return routes


def solve_ortools(inst, budget_s, seed):
    from ortools.constraint_solver import pywrapcp, routing_enums_pb2 as enums

    n, matrix = len(inst.points), inst.matrix()
    manager = pywrapcp.RoutingIndexManager(n, inst.n_vehicles, 0)
    routing = pywrapcp.RoutingModel(manager)
    far = routing.RegisterTransitMatrix(matrix)
    spent = routing.RegisterTransitMatrix([[inst.service[a] + matrix[a][b] for b in range(n)] for a in range(n)])
    load = routing.RegisterUnaryTransitVector(inst.demand)
    routing.SetArcCostEvaluatorOfAllVehicles(far)
    routing.AddDimension(load, 0, inst.capacity, True, "load")
    routing.AddDimension(spent, inst.windows[0][1], inst.windows[0][1], False, "time")
    clock = routing.GetDimensionOrDie("time")
    for c in range(1, n):
        clock.CumulVar(manager.NodeToIndex(c)).SetRange(*inst.windows[c])
    for pick, drop in inst.pairs:
        a, b = manager.NodeToIndex(pick), manager.NodeToIndex(drop)
        routing.AddPickupAndDelivery(a, b)
        routing.solver().Add(routing.VehicleVar(a) == routing.VehicleVar(b))
        routing.solver().Add(clock.CumulVar(a) <= clock.CumulVar(b))
    routing.AddSearchMonitor(routing.solver().CustomLimit(lambda: time.process_time() >= budget_s))
    params = pywrapcp.DefaultRoutingSearchParameters()
    params.first_solution_strategy = enums.FirstSolutionStrategy.PARALLEL_CHEAPEST_INSERTION
    params.local_search_metaheuristic = enums.LocalSearchMetaheuristic.GUIDED_LOCAL_SEARCH
    params.time_limit.FromSeconds(int(20 * budget_s) + 60)
    plan = routing.SolveWithParameters(params)
    if plan is None:
        return None
    routes = []
    for vehicle in range(inst.n_vehicles):
        index, route = routing.Start(vehicle), []
        while not routing.IsEnd(index):
            index = plan.Value(routing.NextVar(index))
            if not routing.IsEnd(index):
                route.append(manager.IndexToNode(index))
        if route:
            routes.append(route)
    return routes


def solve_vroom(inst, budget_s, seed):
    import numpy, vroom

    problem = vroom.Input()
    matrix = numpy.array(inst.matrix(), dtype=numpy.uint32)
    problem.set_durations_matrix("car", matrix)
    problem.set_distances_matrix("car", matrix)
    problem.set_costs_matrix("car", matrix)
    stop = lambda c: dict(location=c, default_service=inst.service[c], time_windows=[vroom.TimeWindow(*inst.windows[c])])
    for vehicle in range(inst.n_vehicles):
        problem.add_vehicle(vroom.Vehicle(
            vehicle, start=0, end=0, capacity=[inst.capacity], time_window=vroom.TimeWindow(*inst.windows[0])))
    if inst.is_pairs:
        for pick, drop in inst.pairs:
            problem.add_shipment(
                vroom.ShipmentStep(pick, **stop(pick)), vroom.ShipmentStep(drop, **stop(drop)), amount=[inst.demand[pick]])
    else:
        for c in range(1, len(inst.points)):
            problem.add_job(vroom.Job(c, delivery=[inst.demand[c]], **stop(c)))
    found = problem.solve(exploration_level=5, nb_threads=1)
    routes = {}
    for _, row in found.routes.iterrows():
        if row["type"] not in ("start", "end"):
            routes.setdefault(row["vehicle_id"], []).append(int(row["id"]))
    return list(routes.values())


def solve_vrp_cli(inst, budget_s):
    """Fewest vehicles first and exact distances: its scientific formats know nothing else."""
    if inst.is_pairs:
        return None  # Its plans of pairs number the customers in a way of their own.
    with tempfile.TemporaryDirectory() as folder:
        out = os.path.join(folder, "out.txt")
        command = ["vrp-cli", "solve", "solomon", inst.path, "-o", out,
                   "--parallelism", "1,1", "--max-time", str(int(20 * budget_s) + 60)]
        solver = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        tick_s = 1 / os.sysconf("SC_CLK_TCK")
        while solver.poll() is None:
            spent = pathlib.Path(f"/proc/{solver.pid}/stat").read_text().rsplit(")", 1)[1].split()[11:13]
            if sum(map(int, spent)) * tick_s >= budget_s:
                solver.send_signal(signal.SIGINT)
                break
            time.sleep(0.1)
        told = solver.communicate()[1]
        if not os.path.exists(out):
            sys.exit(told or "vrp-cli wrote no plan")
        lines = [line for line in open(out) if line.startswith("Route")]
        return [list(map(int, line.split(":")[1].split())) for line in lines]


def solve_robovan(inst, budget_s, seed, program, convention, objective):
    with tempfile.TemporaryDirectory() as folder:
        out = os.path.join(folder, "out.sol")
        command = [program, "dispatch", "solve", inst.path, "--objective", objective, "--convention", convention,
                   "--budget-cpu-s", str(budget_s), "--threads", "1", "--seed", str(seed), "--solution", out, "--json"]
        done = subprocess.run(command, capture_output=True, text=True)
        if not os.path.exists(out):
            sys.exit(done.stderr)
        lines = [line for line in open(out) if line.startswith("Route")]
        return [list(map(int, line.split(":")[1].split())) for line in lines], json.loads(done.stdout)


def run_one(args):
    """The child process: one solver, one file, one JSON line."""
    inst = Instance(args.files[0], args.convention)
    if args.child == "robovan":
        routes, told = solve_robovan(inst, args.budget_cpu_s, args.seed, args.robovan, args.convention, args.objective)
    elif args.child == "vrp-cli":
        routes = solve_vrp_cli(inst, args.budget_cpu_s)
    else:
        solver = {"pyvrp": solve_pyvrp, "ortools": solve_ortools, "vroom": solve_vroom}[args.child]
        routes = solver(inst, args.budget_cpu_s, args.seed)
    distance, wrong = inst.judge(routes) if routes else (None, "no plan")
    used = os.times()
    cpu_s = used.children_user + used.children_system if args.child in ("robovan", "vrp-cli") else used.user + used.system
    print(json.dumps({"distance": distance, "vehicles": len(routes or []), "wrong": wrong, "cpu_s": round(cpu_s, 1)}))


def best_known(where):
    best = {}
    if where and os.path.isdir(where):
        for path in pathlib.Path(where).glob("*.sol"):
            cost = [line.split()[1] for line in open(path) if line.lower().startswith("cost")]
            best[path.stem.lower()] = float(cost[0])
    elif where:
        for row in csv.reader(open(where)):
            for name, value in zip(row, row[1:]):
                try:
                    best.setdefault(pathlib.Path(name).stem.lower(), float(value))
                except ValueError:
                    pass
    return best


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+")
    parser.add_argument("--budget-cpu-s", type=float, default=60)
    parser.add_argument("--solvers", default="robovan,pyvrp,ortools,vroom")
    parser.add_argument("--convention", choices=["dimacs", "exact"], default="dimacs")
    parser.add_argument("--objective", choices=["distance", "vehicles"], default="distance", help="robovan's objective")
    parser.add_argument("--robovan", default="robovan", help="the robovan program")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--best", help="best-known distances: a CSV table or a folder of .sol files")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        return run_one(args)
    if "vrp-cli" in args.solvers and (args.convention, args.objective) != ("exact", "vehicles"):
        parser.error("vrp-cli needs --convention exact --objective vehicles")
    solvers, best = args.solvers.split(","), best_known(args.best)
    print("| instance | best known | " + " | ".join(solvers) + " |\n|---" * 1 + "|---" * (len(solvers) + 1) + "|")
    gaps = {solver: [] for solver in solvers}
    for path in args.files:
        known, cells = best.get(pathlib.Path(path).stem.lower()), []
        for solver in solvers:
            command = [sys.executable, __file__, path, "--child", solver, "--budget-cpu-s", str(args.budget_cpu_s),
                       "--convention", args.convention, "--robovan", args.robovan, "--seed", str(args.seed),
                       "--objective", args.objective]
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode:
                sys.exit(done.stderr)
            told = json.loads(done.stdout.splitlines()[-1])
            if told["wrong"]:
                cells.append(f"bad: {told['wrong']} ({told['cpu_s']} s)")
                continue
            cell = f"{told['distance']:.1f}, {told['vehicles']} vehicles"
            if known:
                gaps[solver].append(100 * (told["distance"] / known - 1))
                cell += f", {gaps[solver][-1]:+.2f} %"
            cells.append(f"{cell} ({told['cpu_s']} s)")
        print(f"| {pathlib.Path(path).stem} | {known or ''} | " + " | ".join(cells) + " |", flush=True)
    if len(args.files) > 1 and any(gaps.values()):
        mean = [f"{sum(g) / len(g):+.2f} % of {len(g)}" if g else "" for g in gaps.values()]
        print("| mean gap | | " + " | ".join(mean) + " |")


if __name__ == "__main__":
    main()
