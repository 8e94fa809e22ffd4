#!/usr/bin/env python3
"""Judges CommonRoad solutions with the official solution checker, check by check.

    python3.11 -m venv venv
    venv/bin/pip install commonroad-drivability-checker==2025.4 "commonroad-io<2026" triangle
    venv/bin/python tools/judge_commonroad.py SCENARIO_DIR... --solutions DIR [--json OUT] [--half tuning|held-out]

A scenario counts as valid if every check passes: all problems solved, goal reached, right start,
no collision with an obstacle or the road boundary, feasible for the named vehicle model. A missing
solution counts as a failure. `--half` splits by the first bit of the SHA-256 of the scenario's name.
"""
import argparse, collections, glob, gzip, hashlib, json, logging, multiprocessing, os, sys, tempfile, warnings

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
    name, scenario_path, solution_path = task
    from commonroad.common.file_reader import CommonRoadFileReader
    from commonroad.common.solution import CommonRoadSolutionReader
    from commonroad_dc.feasibility import solution_checker as sc

    result = {"name": name, "valid": False}
    if solution_path is None:
        result["failed"] = ["no_solution"]
        return result
    opened = []
    try:
        path, temp = plain(scenario_path)
        opened.append(temp)
        scenario, problems = CommonRoadFileReader(path).open()
        path, temp = plain(solution_path)
        opened.append(temp)
        solution = CommonRoadSolutionReader.open(path)
    except Exception as error:
        result["failed"] = ["unreadable"]
        result["detail"] = repr(error)[:200]
        return result
    finally:
        for temp in filter(None, opened):
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


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenarios", nargs="+")
    parser.add_argument("--solutions", required=True)
    parser.add_argument("--json")
    parser.add_argument("--half", choices=["tuning", "held-out"])
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--pattern", default="", help="only names that contain this")
    args = parser.parse_args()
    tasks = []
    for folder in args.scenarios:
        for path in sorted(glob.glob(os.path.join(folder, "*.xml*"))):
            name = os.path.basename(path).split(".xml")[0]
            if args.half and half_of(name) != args.half or args.pattern not in name:
                continue
            version = os.path.basename(os.path.normpath(folder))
            found = sorted(glob.glob(os.path.join(glob.escape(args.solutions), f"solution_*_{name}_{version}.xml*")))
            tasks.append((f"{name}:{version}", path, found[0] if found else None))
    results = []
    with multiprocessing.Pool(args.jobs) as pool:
        for result in pool.imap(judge, tasks, chunksize=1):
            results.append(result)
            verdict = "valid" if result["valid"] else ",".join(result["failed"])
            print(result["name"], verdict, result.get("detail", ""), flush=True)
    why = collections.Counter(check for r in results for check in r["failed"])
    n_valid = sum(r["valid"] for r in results)
    print(f"valid {n_valid} of {len(results)} ({100 * n_valid / max(1, len(results)):.1f} %)", dict(why))
    if args.json:
        with open(args.json, "w") as out:
            json.dump(results, out, indent=1)


if __name__ == "__main__":
    main()
