"""Planning: time on a Garnet compared with quantecon at equal error, and growth of time and memory with the model.

Times are CPU seconds of one thread, which other processes of the machine affect less.

quantecon is in the extra ``bench`` (`pip install 'arena-rl[bench]'`). Without it, its rows are left out, with a notice.
"""

from __future__ import annotations

import importlib.util
import json
import resource
import statistics
import subprocess
import sys
import time
from typing import Any

import gymnasium as gym
import numpy as np

from arena.agents.base import Problem
from arena.environments.mdp import TransitionModel
from arena.random.generators import Generators
from benchmarks.measure import Row, interleaved, row

STATES, ACTIONS, SUCCESSORS, DISCOUNT = 100_000, 4, 4, 0.99

#: Evaluation sweeps that quantecon is tried with: its default is 20.
THEIRS = (5, 10, 20, 40)
REPEATS = 7


def measure() -> list[Row]:
    """Every row of the suite."""
    return [*against_quantecon(), *growth()]


def garnet(states: int, seed: int = 0) -> TransitionModel:
    """Every action has a few random successors, and a normal reward (Bhatnagar et al. 2009)."""
    rng, pairs = np.random.default_rng(seed), states * ACTIONS
    cuts = np.sort(rng.random((pairs, SUCCESSORS - 1)), axis=1)
    probability = np.diff(np.concatenate([np.zeros((pairs, 1)), cuts, np.ones((pairs, 1))], axis=1), axis=1)
    return TransitionModel(
        states,
        ACTIONS,
        indptr=np.arange(pairs + 1) * SUCCESSORS,
        successor=rng.integers(states, size=pairs * SUCCESSORS),
        probability=probability.ravel(),
        reward=np.repeat(rng.normal(size=pairs), SUCCESSORS),
        terminated=np.zeros(pairs * SUCCESSORS, dtype=bool),
        initial=np.full(states, 1 / states),
    )


def grid(side: int, slip: float = 0.1) -> TransitionModel:
    """An open square: steps cost 1, the far corner ends, and a move slips to either side."""
    y, x = (i.ravel() for i in np.mgrid[:side, :side])
    turns = [(-1, 0), (0, 1), (1, 0), (0, -1)]
    entered = [np.clip(y + dy, 0, side - 1) * side + np.clip(x + dx, 0, side - 1) for dy, dx in turns]
    directions = [[(a + turn) % 4 for turn in (0, 1, 3)] for a in range(4)]
    successor = np.stack([np.stack([entered[d] for d in row], axis=1) for row in directions], axis=1)
    states = side * side
    initial = np.zeros(states)
    initial[0] = 1
    return TransitionModel(
        states,
        4,
        indptr=np.arange(states * 4 + 1) * 3,
        successor=successor.ravel(),
        probability=np.tile([1 - slip, slip / 2, slip / 2], states * 4),
        reward=np.full(states * 12, -1.0),
        terminated=successor.ravel() == states - 1,
        initial=initial,
    )


def planner(name: str, model: TransitionModel, **options: Any) -> Any:
    """A planner for a model, made ready."""
    import arena_tabular.planning as planning

    cls = getattr(planning, name)
    spaces = gym.spaces.Discrete(model.num_states), gym.spaces.Discrete(model.num_actions)
    return cls(Problem(*spaces, 1, Generators(0), model), cls.Config(**options))


def planned(
    name: str, model: TransitionModel, *, prepared: bool = False, **options: Any
) -> tuple[float, Any]:
    """Seconds to a plan, from the model or from the planner made ready; and the planner."""
    before = time.process_time()
    agent = planner(name, model, **options)
    if prepared:
        before = time.process_time()
    for _ in agent.train(None):
        pass
    return time.process_time() - before, agent


def against_quantecon() -> list[Row]:
    """Modified policy iteration beside quantecon's fastest method, at no larger an error than its own.

    Both are timed from their prepared object (a `DiscreteDP`, a planner) to the plan, and once more with the
    preparations. Modified policy iteration is tried with several numbers of evaluation sweeps, and the target
    holds against the fastest; quantecon's value iteration needs some thirty times as long (14.4 s to 0.41 s).
    """
    model = garnet(STATES)
    ours = {"discount": DISCOUNT, "tolerance": 1e-6}
    if importlib.util.find_spec("quantecon") is None:
        print("no quantecon here: `pip install quantecon` for the rows beside it", file=sys.stderr)
        seconds = [planned("ModifiedPolicyIteration", model, **ours)[0] for _ in range(REPEATS)]
        return [row("Garnet, modified policy iteration", seconds, "s")]
    _, exact = planned("ModifiedPolicyIteration", model, discount=DISCOUNT, tolerance=1e-11)
    truth, states = exact.values(np.arange(STATES)), np.arange(STATES)
    process = _quantecon(model)

    def theirs(k: int, whole: bool = False) -> float:
        before = time.process_time()
        one = _quantecon(model) if whole else process
        one.solve("modified_policy_iteration", epsilon=1e-6, k=k)
        return time.process_time() - before

    def mine(prepared: bool, **options: Any) -> float:
        return planned("ModifiedPolicyIteration", model, prepared=prepared, **options)[0]

    sides: dict[str, Any] = {}
    errors: dict[int, tuple[float, float]] = {}
    for k in THEIRS:
        values = process.solve("modified_policy_iteration", epsilon=1e-6, k=k).v
        allowed, error, tolerance = float(np.abs(values - truth).max()), np.inf, 2e-6
        while error > allowed:  # the guaranteed error that makes the true one no larger than theirs
            tolerance /= 2
            _, agent = planned("ModifiedPolicyIteration", model, discount=DISCOUNT, tolerance=tolerance)
            error = float(np.abs(agent.values(states) - truth).max())
        errors[k] = allowed, error
        options = {"discount": DISCOUNT, "tolerance": tolerance}
        sides[f"theirs {k}"] = lambda k=k: theirs(k)
        sides[f"ours {k}"] = lambda o=options: mine(True, **o)
        sides[f"theirs {k} whole"] = lambda k=k: theirs(k, whole=True)
        sides[f"ours {k} whole"] = lambda o=options: mine(False, **o)
    sides["vi"] = lambda: planned("ValueIteration", model, **ours)[0]
    sides["pi"] = lambda: planned("PolicyIteration", model, **ours)[0]
    found = interleaved(sides, REPEATS)
    best = min(THEIRS, key=lambda k: statistics.median(found[f"theirs {k}"]))
    rows = []
    for k in THEIRS:
        allowed, error = errors[k]
        rows.append(row(f"quantecon, k = {k} (error {allowed:.1e})", found[f"theirs {k}"], "s"))
        rows.append(row(f"  modified-policy-iteration (error {error:.1e})", found[f"ours {k}"], "s"))
        for whole, what in (("", "ratio"), (" whole", "ratio with both sides' preparations")):
            pairs = zip(found[f"ours {k}{whole}"], found[f"theirs {k}{whole}"], strict=True)
            target = 0.3 if k == best and not whole else None
            rows.append(row(f"  {what}", [a / b for a, b in pairs], "times", target, False))
    rows.append(row("value-iteration, tolerance 1e-6", found["vi"], "s"))
    rows.append(row("policy-iteration, tolerance 1e-6", found["pi"], "s"))
    return rows


def growth() -> list[Row]:
    """Garnets of 10⁴ to 10⁶ transitions; grids of 10⁴ to 10⁶ states, a process each, and their memory.

    A grid takes the more sweeps the longer its paths, until discounting ends them: so its cost is that of a
    transition in an improvement with its evaluation.
    """
    rows, rates = [], []
    for states in (625, 6_250, 62_500):
        model = garnet(states)
        repeats = 625_000 // states
        total = sum(planned("ModifiedPolicyIteration", model, tolerance=1e-6)[0] for _ in range(repeats))
        rates.append(1e9 * total / repeats / model.transitions)
        rows.append(Row(f"Garnet of {model.transitions:,} transitions, for each", rates[-1], "ns"))
    rows.append(Row("  the largest to the smallest", rates[-1] / rates[0], "times"))
    for side in (100, 316, 1000):
        script = f"from benchmarks.planning import grow; grow({side})"
        output = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
        found = json.loads(output.stdout)
        limit = 2 if side == 1000 else None
        rows.append(Row(f"grid of {side * side:,} states", found["seconds"], "s"))
        cost = 1e9 * found["seconds"] / found["transitions"] / found["sweeps"]
        rows.append(Row(f"  for a transition in each of {found['sweeps']} improvements", cost, "ns"))
        rows.append(Row("  peak memory of the process", found["gib"], "GiB", limit, at_least=False))
    return rows


def grow(side: int) -> None:
    """Plans a grid and prints its figures as JSON."""
    planned("ModifiedPolicyIteration", grid(3))  # compiles
    model = grid(side)
    seconds, agent = planned("ModifiedPolicyIteration", model, tolerance=1e-6)
    agent.greedy(np.arange(4))
    gib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    sweeps = agent.state_dict()["sweeps"]
    print(json.dumps({"seconds": seconds, "transitions": model.transitions, "sweeps": sweeps, "gib": gib}))


def _quantecon(model: TransitionModel) -> Any:
    import scipy.sparse
    from quantecon.markov import DiscreteDP

    n, m = model.num_states, model.num_actions
    matrix = scipy.sparse.csr_matrix((model.probability, model.successor, model.indptr), shape=(n * m, n))
    pairs = np.repeat(np.arange(n), m), np.tile(np.arange(m), n)
    return DiscreteDP(model.expected_reward().ravel(), matrix, DISCOUNT, *pairs)
