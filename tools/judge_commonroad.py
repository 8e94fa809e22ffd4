#!/usr/bin/env python3
"""Judges CommonRoad solutions with the official solution checker, check by check.

    python3.11 -m venv venv
    venv/bin/pip install commonroad-drivability-checker==2025.4 "commonroad-io<2026" triangle
    venv/bin/python tools/judge_commonroad.py SCENARIO_DIR... --solutions DIR... [--json OUT] [--half tuning|held-out]

A scenario counts as valid if every check passes: all problems solved, goal reached, right start,
no collision with an obstacle or the road boundary, feasible for the named vehicle model. A missing
solution counts as a failure. Several folders of solutions are judged side by side: each scenario is read
and its road boundary built once for all of them. `--references DIR` counts those that have a reference
solution apart. `--half` splits by the first bit of the SHA-256 of the scenario's name.
"""
import argparse, collections, glob, gzip, hashlib, json, logging, multiprocessing, os, tempfile, time, warnings

warnings.filterwarnings("ignore")
logging.disable(logging.CRITICAL)


def half_of(name):
    return "held-out" if hashlib.sha256(name.encode()).digest()[0] & 0x80 else "tuning"


def plain(path):
    if not path.endswith(".gz"):
        return path, None
    with gzip.open(path) as f, tempfile.NamedTemporaryFile(suffix=".xml", delete=False) as out:
        out.write(f.read())
        return out.name, out.name


def judge(task):
    """Judges the solutions of one scenario, one from each folder."""
    name, scenario_path, solution_paths = task
    from commonroad.common.file_reader import CommonRoadFileReader
    from commonroad_dc.feasibility import solution_checker as sc

    started = time.process_time()
    boundaries = {}
    construct = sc._construct_boundary_checker

    def boundary_of(scenario):
        if "it" not in boundaries:
            boundaries["it"] = construct(scenario)
        return boundaries["it"]

    path, temp = plain(scenario_path)
    try:
        scenario, problems = CommonRoadFileReader(path).open()
    except Exception as error:
        unread = {"name": name, "valid": False, "failed": ["unreadable"], "detail": repr(error)[:200]}
        return [dict(unread) for _ in solution_paths]
    finally:
        if temp:
            os.unlink(temp)
    sc._construct_boundary_checker = boundary_of
    try:
        results = [judge_one(sc, name, scenario, problems, path) for path in solution_paths]
    finally:
        sc._construct_boundary_checker = construct
    results[0]["cpu_s"] = round(time.process_time() - started, 1)
    return results


def judge_one(sc, name, scenario, problems, solution_path):
    from commonroad.common.solution import CommonRoadSolutionReader

    result = {"name": name, "valid": False}
    if solution_path is None:
        result["failed"] = ["no_solution"]
        return result
    path, temp = plain(solution_path)
    try:
        solution = CommonRoadSolutionReader.open(path)
    except Exception as error:
        result["failed"] = ["unreadable"]
        result["detail"] = repr(error)[:200]
        return result
    finally:
        if temp:
            os.unlink(temp)
    checks = {
        "unsolved": lambda: sc.solved_all_problems(problems, solution),
        "goal": lambda: sc.goal_reached(scenario, problems, solution),
        "start": lambda: sc.starts_at_correct_state(solution, problems),
        "obstacle": lambda: not sc.obstacle_collision(scenario, problems, solution),
        "boundary": lambda: not sc.boundary_collision(scenario, problems, solution),
        "ego": lambda: not sc.ego_collision(scenario, problems, solution),
        "feasible": lambda: all(r[0] for r in sc.solution_feasible(solution, scenario.dt, problems).values()),
    }
    failed, detail = [], {}
    for check, run in checks.items():
        try:
            if not run():
                failed.append(check)
        except Exception as error:
            failed.append(check)
            detail[check] = repr(error)[:160]
    result.update(valid=not failed, failed=failed)
    if detail:
        result["detail"] = detail
    return result


def share(results):
    n_valid = sum(r["valid"] for r in results)
    return f"{n_valid} of {len(results)} ({100 * n_valid / max(1, len(results)):.1f} %)"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenarios", nargs="+")
    parser.add_argument("--solutions", required=True, nargs="+")
    parser.add_argument("--references", help="folder of reference solutions, for a share of its own")
    parser.add_argument("--json")
    parser.add_argument("--half", choices=["tuning", "held-out"])
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--pattern", default="", help="only names that contain this")
    parser.add_argument("--part", default="1/1", help="K/N: every N-th scenario, from the K-th on")
    args = parser.parse_args()
    tasks = []
    for folder in args.scenarios:
        for path in sorted(glob.glob(os.path.join(folder, "*.xml*"))):
            name = os.path.basename(path).split(".xml")[0]
            if args.half and half_of(name) != args.half or args.pattern not in name:
                continue
            version = os.path.basename(os.path.normpath(folder))
            file = f"solution_*_{name}_{version}.xml*"
            found = [sorted(glob.glob(os.path.join(glob.escape(d), file))) for d in args.solutions]
            tasks.append((f"{name}:{version}", path, [f[0] if f else None for f in found]))
    k, n = (int(x) for x in args.part.split("/"))
    tasks = tasks[k - 1::n]
    results = [[] for _ in args.solutions]
    with multiprocessing.Pool(args.jobs) as pool:
        for judged in pool.imap_unordered(judge, tasks, chunksize=1):
            for row, result in zip(results, judged):
                row.append(result)
            words = ["valid" if r["valid"] else ",".join(r["failed"]) for r in judged]
            details = [r["detail"] for r in judged if "detail" in r]
            print(judged[0]["name"], " | ".join(words), judged[0].get("cpu_s", ""), *details, flush=True)
    known = {os.path.basename(p) for p in glob.glob(os.path.join(args.references, "**"), recursive=True)} if args.references else set()
    for folder, row in zip(args.solutions, results):
        row.sort(key=lambda r: r["name"])
        why = collections.Counter(check for r in row for check in r["failed"])
        print(f"{folder}: valid {share(row)}", dict(why))
        if args.references:
            with_one = [r for r in row if any("_{}_{}.xml".format(*r["name"].split(":")) in f for f in known)]
            print(f"{folder}: of those with a reference solution {share(with_one)}")
    if args.json:
        with open(args.json, "w") as out:
            json.dump(dict(zip(args.solutions, results)), out, indent=1)


if __name__ == "__main__":
    main()
