#!/usr/bin/env python3
"""The size that users of VROOM complain about: 10,000 stops and 1,000 vehicles.

    python3 -m venv venv && venv/bin/pip install numpy pyvroom
    venv/bin/python tools/dispatch_large.py make --stops 10000 --vehicles 1000 --seed 1 -o large.txt
    venv/bin/python tools/dispatch_large.py vroom large.txt --level 0 --solution vroom.sol
    robovan dispatch solve large.txt --convention dimacs --budget-cpu-s 60 --solution robovan.sol
    robovan dispatch check large.txt vroom.sol --convention dimacs

`make` writes a file in Solomon's form: half of the stops in quarters, half anywhere, one depot in the
middle, windows of 60 to 180 on half of the stops in a day of 600, service 5, 1 to 3 parcels, 24 in a
vehicle. VROOM gets one thread, and distances and times truncated to one decimal, as the DIMACS convention
says; its exploration level is 0 (fast) to 5 (thorough), and it knows no limit of processor time.
"""
import argparse, random, time


def make(args):
    rng = random.Random(args.seed)
    side = 300.0
    quarters = [(rng.uniform(0, side), rng.uniform(0, side)) for _ in range(max(1, args.stops // 200))]
    with open(args.output, "w") as out:
        out.write(f"LARGE_{args.stops}_{args.seed}\n\nVEHICLE\nNUMBER CAPACITY\n{args.vehicles} 24\n\nCUSTOMER\n")
        out.write("CUST NO. XCOORD. YCOORD. DEMAND READY DUE SERVICE\n\n")
        out.write(f"0 {side / 2:.0f} {side / 2:.0f} 0 0 600 0\n")
        for stop in range(1, args.stops + 1):
            if rng.random() < 0.5:
                x, y = (min(max(c + rng.gauss(0, 6), 0), side) for c in rng.choice(quarters))
            else:
                x, y = rng.uniform(0, side), rng.uniform(0, side)
            x, y = round(x), round(y)
            ready, due = 0, 600
            if rng.random() < 0.5:
                # The depot can be reached before the window opens, and after it closes.
                away = ((x - side / 2) ** 2 + (y - side / 2) ** 2) ** 0.5
                width = rng.randint(60, 180)
                ready = rng.randint(int(away), int(600 - away - 5 - width // 2))
                due = min(ready + width, int(600 - away - 6))
            out.write(f"{stop} {x} {y} {rng.randint(1, 3)} {ready} {due} 5\n")


def vroom(args):
    import numpy, vroom

    rows = [list(map(int, line.split())) for line in open(args.file) if line[:1].isdigit()]
    (n_vehicles, capacity), rows = rows[0], rows[1:]
    points = numpy.array([[r[1], r[2]] for r in rows], dtype=float)
    gaps = points[:, None, :] - points[None, :, :]
    matrix = (numpy.sqrt((gaps**2).sum(axis=2)) * 10 + 1e-9).astype(numpy.uint32)
    del gaps
    problem = vroom.Input()
    for give in (problem.set_durations_matrix, problem.set_distances_matrix, problem.set_costs_matrix):
        give("car", matrix)
    window = lambda r: vroom.TimeWindow(r[4] * 10, r[5] * 10)
    for vehicle in range(n_vehicles):
        problem.add_vehicle(vroom.Vehicle(vehicle, start=0, end=0, capacity=[capacity], time_window=window(rows[0])))
    for r in rows[1:]:
        problem.add_job(vroom.Job(r[0], location=r[0], default_service=r[6] * 10, time_windows=[window(r)], delivery=[r[3]]))
    begun, cpu = time.time(), time.process_time()
    found = problem.solve(exploration_level=args.level, nb_threads=1)
    print(f"level {args.level}: {time.time() - begun:.1f} s, {time.process_time() - cpu:.1f} CPU s, "
          f"cost {found.summary.cost / 10:.1f}, {found.summary.unassigned} unassigned", flush=True)
    routes = {}
    for vehicle, kind, job in zip(found.routes["vehicle_id"], found.routes["type"], found.routes["id"]):
        if kind not in ("start", "end"):
            routes.setdefault(vehicle, []).append(int(job))
    with open(args.solution, "w") as out:
        for number, route in enumerate(routes.values(), 1):
            out.write(f"Route #{number}: {' '.join(map(str, route))}\n")
        out.write(f"Cost {found.summary.cost / 10}\n")


parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
commands = parser.add_subparsers(required=True)
one = commands.add_parser("make")
one.add_argument("--stops", type=int, default=10_000)
one.add_argument("--vehicles", type=int, default=1_000)
one.add_argument("--seed", type=int, default=1)
one.add_argument("-o", "--output", required=True)
one.set_defaults(run=make)
two = commands.add_parser("vroom")
two.add_argument("file")
two.add_argument("--level", type=int, default=5, choices=range(6))
two.add_argument("--solution", required=True)
two.set_defaults(run=vroom)
args = parser.parse_args()
args.run(args)
