#!/usr/bin/env python3
"""HiGHS alone on static network-design instances (.dow), beside `robovan linehaul solve`.

Needs: pip install highspy numpy. One line per instance: name, incumbent, bound, gap in %, CPU
seconds. The model is the strong one: a flow per commodity and arc, a binary per arc, capacities,
and x[k, a] <= min(size, capacity) * y[a].
"""
import argparse
import pathlib
import resource

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
    starts, index, value, lower, upper = [0], [], [], [], []

    def row(entries, least, most):
        for column, factor in entries:
            index.append(column)
            value.append(factor)
        starts.append(len(index))
        lower.append(least)
        upper.append(most)

    inf = highspy.kHighsInf
    share = lambda k, a: n_arcs + k * n_arcs + a
    out = [[a for a, arc in enumerate(arcs) if arc[0] == v] for v in range(n_nodes)]
    into = [[a for a, arc in enumerate(arcs) if arc[1] == v] for v in range(n_nodes)]
    for k, (origin, destination, _) in enumerate(coms):
        for v in range(n_nodes):
            net = (v == origin) - (v == destination)
            row([(share(k, a), 1) for a in out[v]] + [(share(k, a), -1) for a in into[v]], net, net)
    for a, arc in enumerate(arcs):
        row([(share(k, a), com[2]) for k, com in enumerate(coms)] + [(a, -arc[3])], -inf, 0)
        for k, com in enumerate(coms):
            row([(share(k, a), 1), (a, -min(1.0, arc[3] / com[2]))], -inf, 0)
    lp.num_row_ = len(lower)
    lp.row_lower_, lp.row_upper_ = np.array(lower), np.array(upper)
    lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    lp.a_matrix_.start_, lp.a_matrix_.index_ = np.array(starts), np.array(index)
    lp.a_matrix_.value_ = np.array(value)
    return lp


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="+", type=pathlib.Path)
    parser.add_argument("--budget-s", type=float, default=60.0, help="seconds, one thread")
    args = parser.parse_args()
    for path in args.files:
        solver = highspy.Highs()
        for option, setting in [("output_flag", False), ("threads", 1), ("time_limit", args.budget_s)]:
            solver.setOptionValue(option, setting)
        solver.passModel(model(*read(path)))
        before = resource.getrusage(resource.RUSAGE_SELF)
        solver.run()
        after = resource.getrusage(resource.RUSAGE_SELF)
        cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        info = solver.getInfo()
        found, bound = info.objective_function_value, info.mip_dual_bound
        gap = (found - bound) / found * 100 if found < 1e20 else float("inf")
        print(f"{path.stem} {found:.1f} {bound:.1f} {gap:.2f} {cpu_s:.1f}", flush=True)


if __name__ == "__main__":
    main()
