#!/usr/bin/env python3
"""Runs other planners on a sample of CommonRoad scenarios, beside `robovan drive run`.

    python3.11 -m venv fiss  && fiss/bin/pip install "fiss-planner[commonroad]==1.0.0"
    python3.11 -m venv react && react/bin/pip install commonroad-reactive-planner==2025.1
    fiss/bin/python  tools/driver_rivals.py fiss  SCENARIO_DIR... --n 30 --prediction ground_truth
    react/bin/python tools/driver_rivals.py reactive SCENARIO_DIR... --n 30
    python3 tools/driver_rivals.py own SCENARIO_DIR... --n 30 --answer OWN.json

`fiss` runs FISS+ by its own harness and counts success by its own definition (goal reached, no
collision, on the road). `reactive` drives the reactive planner as its package is shipped, closed loop,
with the recorded future of the others, and judges with the official solution checker's parts. `own`
reads the answer of `robovan drive run ... --json`. The sample is the first N names by SHA-256, so it
is the same for all; times are the planner's own, CPU time of its thread.
"""
import argparse, glob, gzip, hashlib, json, logging, math, os, statistics, subprocess, sys, tempfile, time, warnings

warnings.filterwarnings("ignore")


def sample(folders, n):
    files = [p for f in folders for p in glob.glob(os.path.join(f, "*.xml*"))]
    key = lambda p: hashlib.sha256("/".join(p.split("/")[-2:]).encode()).hexdigest()
    return sorted(files, key=key)[:n]


def unpack(files, into):
    out = []
    for path in files:
        name = os.path.basename(path).split(".xml")[0]
        version = os.path.basename(os.path.dirname(path))
        to = os.path.join(into, f"{name}__{version}.xml")
        opened = gzip.open(path) if path.endswith(".gz") else open(path, "rb")
        with opened as f, open(to, "wb") as o:
            o.write(f.read())
        out.append(to)
    return out


def run_fiss(files, args):
    out = os.path.join(args.out, "fiss.csv")
    subprocess.run(
        [sys.executable, "-m", "fiss_planner.commonroad.benchmark", "--scenarios", *files, "--planners",
         "fiss_plus", "--prediction", args.prediction, "--jobs", "1", "--out", out], check=True)


def reactive_one(path, budget_s):
    from commonroad.common.file_reader import CommonRoadFileReader
    from commonroad_rp.reactive_planner import ReactivePlanner
    from commonroad_rp.utility.config import ReactivePlannerConfiguration
    from commonroad_route_planner.reference_path_planner import ReferencePathPlanner
    from commonroad_route_planner.route_planner import RoutePlanner

    scenario, problems = CommonRoadFileReader(path).open()
    problem = list(problems.planning_problem_dict.values())[0]
    config = ReactivePlannerConfiguration()
    config.update(scenario=scenario, planning_problem=problem)
    # Its worker processes hang where one of them fails.
    config.debug.multiproc = False
    routes = RoutePlanner(scenario.lanelet_network, problem).plan_routes()
    reference = ReferencePathPlanner(scenario.lanelet_network, problem, routes).plan_shortest_reference_path()
    planner = ReactivePlanner(config)
    from commonroad_clcs.config import CLCSParams
    from commonroad_rp.utility.utils_coordinate_system import CoordinateSystem

    # As shipped it hands on no parameters, which its own dependency then asks for.
    planner.set_reference_path(coordinate_system=CoordinateSystem(reference.reference_path, clcs_params=CLCSParams()))
    last = max((s.time_step.end for s in problem.goal.state_list), default=200)
    took, began = [], time.monotonic()
    while planner.x_0.time_step < last and time.monotonic() - began < budget_s:
        planner.set_desired_velocity(desired_velocity=pace(problem, planner.x_0, scenario.dt),
                                     current_speed=planner.x_0.velocity)
        t = time.thread_time()
        optimal = planner.plan()
        took.append(time.thread_time() - t)
        if not optimal:
            return {"reached": False, "why": "no plan", "took": took}
        planner.record_state_and_input(optimal[0].state_list[1])
        planner.reset(initial_state_cart=planner.record_state_list[-1],
                      initial_state_curv=(optimal[1][1], optimal[2][1]),
                      collision_checker=planner.collision_checker, coordinate_system=planner.coordinate_system)
        if problem.goal.is_reached(planner.record_state_list[-1]):
            return {"reached": True, "why": "goal", "took": took, "hit": collides(scenario, planner, config)}
    return {"reached": False, "why": "time", "took": took}


def pace(problem, state, dt):
    """The mean speed that meets the middle of the goal in the middle of its window."""
    goal = problem.goal.state_list[0]
    position = getattr(goal, "position", None)
    left_s = ((goal.time_step.start + goal.time_step.end) / 2 - state.time_step) * dt
    if position is None or left_s < 0.5:
        return state.velocity
    shape = getattr(position, "shapes", [position])[0]
    way_m = math.hypot(shape.center[0] - state.position[0], shape.center[1] - state.position[1])
    return max(0.0, min(way_m / left_s, 40.0))


def collides(scenario, planner, config):
    return not all(
        planner.collision_checker.time_slice(s.time_step) is None
        or not planner.collision_checker.time_slice(s.time_step).collide(box(s, config))
        for s in planner.record_state_list)


def box(state, config):
    import commonroad_dc.pycrcc as pycrcc

    v = config.vehicle
    x = state.position[0] + v.wb_rear_axle * math.cos(state.orientation)
    y = state.position[1] + v.wb_rear_axle * math.sin(state.orientation)
    return pycrcc.RectOBB(v.length / 2, v.width / 2, state.orientation, x, y)


def run_reactive(files, args):
    logging.disable(logging.CRITICAL)
    n_good, took = 0, []
    for path in files:
        try:
            result = reactive_one(path, args.budget_s)
        except Exception as error:
            result = {"reached": False, "why": repr(error)[:120], "took": []}
        good = result["reached"] and not result.get("hit")
        n_good += good
        took += result["took"]
        print(os.path.basename(path), "good" if good else result["why"], result.get("hit", ""), flush=True)
    median = 1e3 * statistics.median(took) if took else float("nan")
    print(f"reactive planner: {n_good} of {len(files)} reach the goal without collision; "
          f"{len(took)} cycles, median {median:.1f} ms CPU")


def run_own(files, args):
    rows = {(r["scenario"], r["version"]): r for r in json.load(open(args.answer))["scenarios"]}
    picked = [rows.get(tuple(os.path.basename(p)[:-4].split("__"))) for p in files]
    n_good = sum(bool(r and r["reached"]) for r in picked)
    print(f"robovan: {n_good} of {len(files)} reach the goal without contact or edge; missing {picked.count(None)}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rival", choices=["fiss", "reactive", "own"])
    parser.add_argument("scenarios", nargs="+")
    parser.add_argument("--n", type=int, default=30)
    parser.add_argument("--prediction", default="ground_truth")
    parser.add_argument("--budget-s", type=float, default=60, help="wall time for one scenario of the reactive planner")
    parser.add_argument("--answer", help="answer of `robovan drive run --json`")
    parser.add_argument("--out", default="rivals")
    args = parser.parse_args()
    os.makedirs(args.out, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        files = unpack(sample(args.scenarios, args.n), folder)
        {"fiss": run_fiss, "reactive": run_reactive, "own": run_own}[args.rival](files, args)


if __name__ == "__main__":
    main()
