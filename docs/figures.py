"""The classic figures: ``python -m docs.figures [NAME …]`` draws them into docs/pictures/.

Numbers in the names of figures and examples are those of Sutton & Barto, *Reinforcement Learning: An Introduction*
(2018). matplotlib comes with the extra ``docs``.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np

from arena.agents.base import Agent
from arena.encoders.observed_environment import ObservedEnvironment
from arena.experiments.build import build_agent
from arena.random.generators import Generators, episode_seed
from arena.runs.resolve import resolve_experiment
from arena.streams.base import Stream

mpl.use("Agg")
import matplotlib.pyplot as plt

HERE = Path(__file__).parent / "pictures"

#: Okabe & Ito's palette, which color-blind readers can distinguish.
BLUE, ORANGE, GREEN, RED, PURPLE, SKY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9"
STYLE = {
    "figure.figsize": (6.4, 3.8),
    "figure.dpi": 150,
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "legend.frameon": False,
    "lines.linewidth": 1.6,
}


def trained(agent: str, env: str, seed: int, **settings: Any) -> tuple[Agent, Stream, Iterator[Any]]:
    """An agent, its stream and its training, as the runner would build them."""
    experiment = resolve_experiment(agent, env, seeds=[seed], num_envs=1, **settings)
    generators = Generators(seed)
    learner = build_agent(experiment, ObservedEnvironment(experiment.factory), generators)
    stream = ObservedEnvironment(experiment.factory).open_stream(
        1, learner.needs, partial(episode_seed, seed)
    )
    return learner, stream, learner.train(stream)


def step_by_step(stream: Stream, turns: Iterator[Any]) -> Iterator[bool]:
    """Trains one step at a time; yields after each whether an episode ended."""
    while True:
        before = stream.episodes
        stream.boundary = stream.steps + 1
        next(turns)
        yield stream.episodes > before


def episode_returns(episodes: int, agent: str, env: str, seed: int, **settings: Any) -> np.ndarray:
    """The undiscounted return of each of the first episodes."""
    _, stream, turns = trained(agent, env, seed, **settings)
    returns = []
    for ended in step_by_step(stream, turns):
        if ended:
            returns.append(stream.take_log()["episode_return"])
        if len(returns) == episodes:
            return np.array(returns)
    raise AssertionError("training does not end")


def cliff(runs: int = 200) -> None:
    """Example 6.6: the return per episode during training on the cliff walk."""
    options = {"learning_rate": 0.5, "epsilon": 0.1, "discount": 1.0, "epsilon_schedule": "constant"}
    options |= {"learning_rate_schedule": "constant"}
    for agent, colour in (("sarsa", ORANGE), ("q-learning", BLUE), ("expected-sarsa", GREEN)):
        curves = [
            episode_returns(500, agent, "arena/CliffWalk-v0", seed, agent_options=options)
            for seed in range(runs)
        ]
        mean = np.mean(curves, axis=0)
        plt.plot(np.convolve(mean, np.ones(10) / 10, "valid"), color=colour, label=agent)
    plt.ylim(-100, 0)
    plt.xlabel("episode")
    plt.ylabel(f"return while learning\n(mean of {runs} runs, over 10 episodes)")
    plt.legend()


def random_walk(runs: int = 100) -> None:
    """Example 6.2: the error of TD(0) and Monte Carlo on the five-state walk."""
    truth = np.arange(1, 6) / 6
    for agent, rates, colour in (
        ("td-prediction", (0.05, 0.1, 0.15), BLUE),
        ("mc-prediction", (0.01, 0.02, 0.04), RED),
    ):
        for rate, style in zip(rates, ("-", "--", ":"), strict=True):
            options = {
                "learning_rate": rate,
                "learning_rate_schedule": "constant",
                "discount": 1.0,
                "initial_value": 0.5,
            }
            if agent == "mc-prediction":
                options["visit"] = "every"
            errors = [_walk_errors(agent, truth, seed, options) for seed in range(runs)]
            plt.plot(np.mean(errors, axis=0), style, color=colour, label=f"{agent}, α = {rate}")
    plt.xlabel("episode")
    plt.ylabel(f"RMS error over states\n(mean of {runs} runs)")
    plt.legend(fontsize=8)


def _walk_errors(agent: str, truth: np.ndarray, seed: int, options: dict[str, Any]) -> list[float]:
    learner, stream, turns = trained(agent, "arena/RandomWalk-v0", seed, agent_options=options)
    inner = np.arange(1, 6)

    def error() -> float:
        return float(np.sqrt(np.mean((learner.values(inner) - truth) ** 2)))  # type: ignore[attr-defined]

    errors = [error()]
    for ended in step_by_step(stream, turns):
        if ended:
            errors.append(error())
        if len(errors) > 100:
            return errors
    raise AssertionError("training does not end")


def gambler() -> None:
    """Figure 4.3: values after some sweeps, and the stakes of the optimal policy."""
    experiment = resolve_experiment(
        "value-iteration", "arena/GamblersProblem-v0", agent_options={"discount": 1.0}
    )
    agent = build_agent(experiment, ObservedEnvironment(experiment.factory), Generators(0))
    turns = agent.train(None)  # type: ignore[arg-type]
    states = np.arange(101)
    _, (values, stakes) = plt.subplots(1, 2, figsize=(8.6, 3.6), constrained_layout=True)
    for sweep, _ in enumerate(turns, start=1):
        if sweep in (1, 2, 3, 32):
            values.plot(states[1:100], agent.values(states)[1:100], label=f"sweep {sweep}")  # type: ignore[attr-defined]
    values.set(xlabel="capital", ylabel="chance of reaching 100")
    values.legend()
    policy = agent.probabilities(states).argmax(axis=1)  # type: ignore[attr-defined]
    stakes.bar(states[1:100], policy[1:100], width=1.0, color=BLUE)
    stakes.set(xlabel="capital", ylabel="smallest optimal stake")


def jack() -> None:
    """Figure 4.2: the policies of policy iteration for Jack's car rental, and the value of the last."""
    experiment = resolve_experiment(
        "policy-iteration", "arena/JacksCarRental-v0", agent_options={"discount": 0.9}
    )
    agent = build_agent(experiment, ObservedEnvironment(experiment.factory), Generators(0))
    states, moves = np.arange(441), []
    first, second = np.divmod(states, 21)
    for _ in agent.train(None):  # type: ignore[arg-type]
        chosen = agent.probabilities(states).argmax(axis=1) - 5  # type: ignore[attr-defined]
        # More cars than there are cannot be moved: the environment takes such a move for the most there are.
        moves.append(np.clip(chosen, -np.minimum(second, 5), np.minimum(first, 5)).reshape(21, 21))
    shown = [m for i, m in enumerate(moves) if i == 0 or (m != moves[i - 1]).any()][-4:]
    _, axes = plt.subplots(1, len(shown) + 1, figsize=(3 * len(shown) + 3.4, 3.2), constrained_layout=True)
    for i, (axis, policy) in enumerate(zip(axes, shown, strict=False)):
        image = axis.imshow(policy, origin="lower", cmap="PuOr", vmin=-5, vmax=5)
        axis.set(title=f"after improvement {i + 1}", xlabel="cars at the second")
        axis.grid(False)
    axes[0].set_ylabel("cars at the first")
    plt.colorbar(image, ax=axes[len(shown) - 1], label="cars moved")
    value = axes[-1].imshow(agent.values(states).reshape(21, 21), origin="lower", cmap="viridis")  # type: ignore[attr-defined]
    axes[-1].set(title="value", xlabel="cars at the second")
    axes[-1].grid(False)
    plt.colorbar(value, ax=axes[-1])


def windy() -> None:
    """Example 6.5: episodes against time steps on the windy gridworld."""
    options = {"learning_rate": 0.5, "epsilon": 0.1, "discount": 1.0}
    options |= {"learning_rate_schedule": "constant", "epsilon_schedule": "constant"}
    for moves, colour in ((4, BLUE), (8, ORANGE)):
        _, stream, turns = trained(
            "sarsa", "arena/WindyGrid-v0", 1, agent_options=options, env_options={"num_actions": moves}
        )
        ended = step_by_step(stream, turns)
        done = np.cumsum([next(ended) for _ in range(8000)])
        plt.plot(done, color=colour, label="king's moves" if moves == 8 else "four moves")
    plt.xlabel("time steps")
    plt.ylabel("episodes finished")
    plt.legend()


def dyna(runs: int = 30) -> None:
    """Figure 8.2: steps per episode in the maze, with more and less planning."""
    for steps, colour in ((0, BLUE), (5, ORANGE), (50, GREEN)):
        options = {"planning_steps": steps, "learning_rate": 0.1, "epsilon": 0.1, "discount": 0.95}
        options |= {"learning_rate_schedule": "constant", "epsilon_schedule": "constant"}
        curves = [_lengths(50, seed, options) for seed in range(runs)]
        plt.plot(np.arange(2, 51), np.mean(curves, axis=0)[1:], color=colour, label=f"{steps} planning steps")
    plt.xlabel("episode")
    plt.ylabel(f"steps in the episode (mean of {runs} runs)")
    plt.legend()


def _lengths(episodes: int, seed: int, options: dict[str, Any]) -> list[float]:
    env = {"maze": "dyna"}
    _, stream, turns = trained("dyna-q", "arena/DynaMaze-v0", seed, agent_options=options, env_options=env)
    lengths: list[float] = []
    for ended in step_by_step(stream, turns):
        if ended:
            lengths.append(stream.take_log()["episode_length"] or 0.0)
        if len(lengths) == episodes:
            return lengths
    raise AssertionError("training does not end")


def planning(repeats: int = 3) -> None:
    """Time of modified policy iteration against the size of a Garnet, γ = 0.99."""
    sizes = [300, 1_000, 3_000, 10_000, 30_000, 62_500]
    seconds = []
    for states in sizes:
        experiment = resolve_experiment(
            "modified-policy-iteration",
            "arena/Garnet-v0",
            agent_options={"discount": 0.99},
            env_options=_garnet(states),
        )
        runs = []
        for _ in range(repeats + 1):
            agent = build_agent(experiment, ObservedEnvironment(experiment.factory), Generators(0))
            before = time.process_time()
            for _ in agent.train(None):  # type: ignore[arg-type]
                pass
            runs.append(time.process_time() - before)
        seconds.append(np.median(runs[1:]))
    transitions = np.array(sizes) * 16
    plt.loglog(transitions, seconds, "o-", color=BLUE, label="modified policy iteration")
    linear = transitions * (seconds[-1] / transitions[-1])
    plt.loglog(transitions, linear, "--", color="0.5", label="linear")
    plt.xlabel("transitions")
    plt.ylabel("seconds to plan")
    plt.legend()


def _garnet(states: int) -> dict[str, Any]:
    return {"num_states": states, "num_actions": 4, "branching": 4, "seed": 0}


FIGURES: dict[str, Callable[[], None]] = {
    "cliff": cliff,
    "random-walk": random_walk,
    "gambler": gambler,
    "jack": jack,
    "windy": windy,
    "dyna": dyna,
    "planning": planning,
}


def main() -> None:
    """Draws the figures that are named, or all."""
    parser = argparse.ArgumentParser(prog="python -m docs.figures", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(FIGURES))
    for name in parser.parse_args().names or FIGURES:
        with plt.rc_context(STYLE):
            plt.figure()
            FIGURES[name]()
            plt.savefig(HERE / f"{name}.png", bbox_inches="tight")
            plt.close("all")
        print(f"docs/pictures/{name}.png")


if __name__ == "__main__":
    main()
