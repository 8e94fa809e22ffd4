#!/usr/bin/env python3
"""HiGHS alone on network-design instances (.dow), beside `robovan linehaul solve`.

Needs: pip install highspy numpy. One line per instance: name, incumbent, bound, gap in %, CPU
seconds, columns. The static model is the strong one: a flow per commodity and arc, a binary per arc,
capacities, and x[k, a] <= min(size, capacity) * y[a].

Timed instances (6 numbers per arc) become a time-expanded network on a grid (--grid): a binary for
every commodity, arc and departure that its window allows, whole trucks for every arc and departure.
Travel and release times are rounded up to the grid, due times down, so an incumbent is a plan in
continuous time too, but the bound holds on the grid alone: between grid points there may be cheaper
plans. A commodity that the grid leaves no way is named; the instance is then left out.
"""
import argparse
import math
import pathlib
import time

import highspy
import numpy as np


def read(path):
    """Nodes, arcs (tail, head, cost, capacity, fixed), commodities (from, to, size)."""
    lines = path.read_text().split("\n")[1:]
    rows = [[float(word) for word in line.split()] for line in lines if line.strip()]
    n_nodes, n_arcs, n_coms = (int(v) for v in rows[0])
    arcs = [(int(r[0]) - 1, int(r[1]) - 1, r[2], r[3], r[4]) for r in rows[1 : 1 + n_arcs]]
    coms = [(int(r[0]) - 1, int(r[1]) - 1, r[2]) for r in rows[1 + n_arcs : 1 + n_arcs + n_coms]]
    return n_nodes, arcs, coms


class Rows:
    """Constraints of a model: `least <= sum of factor * column <= most`."""

    def __init__(self):
        self.starts, self.index, self.value, self.lower, self.upper = [0], [], [], [], []

    def add(self, entries, least, most):
        for column, factor in entries:
            self.index.append(column)
            self.value.append(factor)
        self.starts.append(len(self.index))
        self.lower.append(least)
        self.upper.append(most)

    def put_into(self, lp):
        lp.num_row_ = len(self.lower)
        lp.row_lower_ = np.array(self.lower, dtype=float)
        lp.row_upper_ = np.array(self.upper, dtype=float)
        lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
        lp.a_matrix_.start_, lp.a_matrix_.index_ = np.array(self.starts), np.array(self.index)
        lp.a_matrix_.value_ = np.array(self.value, dtype=float)


def model(n_nodes, arcs, coms):
    """Variables: open[a], then share[k, a] of each commodity."""
    n_arcs, n_coms = len(arcs), len(coms)
    lp = highspy.HighsLp()
    cost = [arc[4] for arc in arcs]
    cost += [arc[2] * com[2] for com in coms for arc in arcs]
    lp.num_col_ = len(cost)
    lp.col_cost_ = np.array(cost)
    lp.col_lower_ = np.zeros(len(cost))
    lp.col_upper_ = np.ones(len(cost))
    kinds = highspy.HighsVarType
    lp.integrality_ = [kinds.kInteger] * n_arcs + [kinds.kContinuous] * (n_arcs * n_coms)
    rows = Rows()
    inf = highspy.kHighsInf
    share = lambda k, a: n_arcs + k * n_arcs + a
    out = [[a for a, arc in enumerate(arcs) if arc[0] == v] for v in range(n_nodes)]
    into = [[a for a, arc in enumerate(arcs) if arc[1] == v] for v in range(n_nodes)]
    for k, (origin, destination, _) in enumerate(coms):
        for v in range(n_nodes):
            net = (v == origin) - (v == destination)
            rows.add([(share(k, a), 1) for a in out[v]] + [(share(k, a), -1) for a in into[v]], net, net)
    for a, arc in enumerate(arcs):
        rows.add([(share(k, a), com[2]) for k, com in enumerate(coms)] + [(a, -arc[3])], -inf, 0)
        for k, com in enumerate(coms):
            rows.add([(share(k, a), 1), (a, -min(1.0, arc[3] / com[2]))], -inf, 0)
    rows.put_into(lp)
    return lp


def read_timed(path):
    """Nodes, arcs (tail, head, cost, capacity, fixed, travel), commodities (.., release, due)."""
    lines = path.read_text().split("\n")[1:]
    rows = [[float(word) for word in line.split()] for line in lines if line.strip()]
    n_nodes, n_arcs, n_coms = (int(v) for v in rows[0])
    arcs = [(int(r[0]) - 1, int(r[1]) - 1, *r[2:6]) for r in rows[1 : 1 + n_arcs]]
    coms = [(int(r[0]) - 1, int(r[1]) - 1, *r[2:5]) for r in rows[1 + n_arcs : 1 + n_arcs + n_coms]]
    return n_nodes, arcs, coms


def timed_model(n_nodes, arcs, coms, grid):
    """Columns: ride[k, a, t], then trucks[a, t]; nothing if a commodity has no way on the grid."""
    travel = [max(1, math.ceil(arc[5] / grid - 1e-9)) for arc in arcs]
    to_go = np.full((n_nodes, n_nodes), np.inf)
    np.fill_diagonal(to_go, 0)
    for arc, steps in zip(arcs, travel):
        to_go[arc[0], arc[1]] = min(to_go[arc[0], arc[1]], steps)
    for via in range(n_nodes):
        to_go = np.minimum(to_go, to_go[:, via : via + 1] + to_go[via : via + 1, :])
    cost, upper_of, rides, rows = [], [], {}, Rows()

    def column(price, most):
        cost.append(price)
        upper_of.append(most)
        return len(cost) - 1

    inf = highspy.kHighsInf
    for k, (origin, destination, size, release, due) in enumerate(coms):
        first, last = math.ceil(release / grid - 1e-9), math.floor(due / grid + 1e-9)
        if first + to_go[origin, destination] > last:
            return None, k
        net = {}
        for a, (tail, head, unit, *_rest) in enumerate(arcs):
            soonest = first + to_go[origin, tail]
            latest = last - to_go[head, destination] - travel[a]
            if head == origin or tail == destination or not soonest <= latest:
                continue
            for t in range(int(soonest), int(latest) + 1):
                col = column(unit * size, 1.0)
                rides.setdefault((a, t), []).append((col, size))
                net.setdefault(tail, []).append((t, col, -1))
                net.setdefault(head, []).append((t + travel[a], col, 1))
        # Nobody leaves a node more often than it has come by then; it all ends at the destination.
        for node, moves in net.items():
            begin = 1 if node == origin else 0
            for moment in sorted({t for t, _, sign in moves if sign < 0}):
                upto = [(c, s) for t, c, s in moves if t <= moment]
                rows.add(upto, -begin, inf)
            whole = (node == destination) - (node == origin)
            rows.add([(c, s) for _, c, s in moves], whole, whole)
    n_rides = len(cost)
    for (a, t), riders in rides.items():
        col = column(arcs[a][4], float(math.ceil(sum(s for _, s in riders) / arcs[a][3])))
        rows.add([(c, s) for c, s in riders] + [(col, -arcs[a][3])], -inf, 0)
        for c, s in riders:
            rows.add([(c, 1), (col, -1)], -inf, 0)
    lp = highspy.HighsLp()
    lp.num_col_ = len(cost)
    lp.col_cost_, lp.col_lower_ = np.array(cost), np.zeros(len(cost))
    lp.col_upper_ = np.array(upper_of)
    lp.integrality_ = [highspy.HighsVarType.kInteger] * len(cost)
    rows.put_into(lp)
    return lp, n_rides


def end_after(solver, until):
    """Ends a run when the process has used so many CPU seconds: the solver's own limit is wall time."""

    def look(event):
        if time.process_time() > until:
            event.interrupt()

    for interrupt in (solver.cbMipInterrupt, solver.cbSimplexInterrupt, solver.cbIpmInterrupt):
        interrupt.subscribe(look)


def is_timed(path):
    """True if the first arc has six numbers."""
    return len(path.read_text().split("\n")[2].split()) == 6


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="+", type=pathlib.Path)
    parser.add_argument("--budget-cpu-s", type=float, default=60.0, help="CPU seconds, one thread")
    parser.add_argument("--grid", type=float, default=1.0, help="step of timed instances")
    args = parser.parse_args()
    for path in args.files:
        solver = highspy.Highs()
        for option, setting in [("output_flag", False), ("threads", 1)]:
            solver.setOptionValue(option, setting)
        if is_timed(path):
            lp, rest = timed_model(*read_timed(path), args.grid)
            if lp is None:
                print(f"{path.stem}: commodity {rest + 1} has no way on this grid", flush=True)
                continue
        else:
            lp = model(*read(path))
        n_columns = lp.num_col_
        solver.passModel(lp)
        begun = time.process_time()
        end_after(solver, begun + args.budget_cpu_s)
        solver.run()
        cpu_s = time.process_time() - begun
        info = solver.getInfo()
        found, bound = info.objective_function_value, info.mip_dual_bound
        gap = (found - bound) / found * 100 if found < 1e20 else float("inf")
        print(f"{path.stem} {found:.1f} {bound:.1f} {gap:.2f} {cpu_s:.1f} {n_columns}", flush=True)


if __name__ == "__main__":
    main()
