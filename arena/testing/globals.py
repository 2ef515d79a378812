"""Law of global generators: no call changes those of `random`, `numpy.random` or torch."""

from __future__ import annotations

import contextlib
import random
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from arena.encoders.observed_environment import ObservedEnvironment
from arena.runs.loaded_agent import LoadedAgent
from arena.runs.resolve import resolve_experiment
from arena.runs.run import Run
from arena.testing.cases import agent_law
from arena.testing.errors import LawError
from arena.testing.trial import Trial
from arena.training.evaluation import Evaluator
from arena.training.runner import execute

__all__ = ["changes_no_global_generator", "globals_untouched"]

_numpy_random: Any = np.random  # NumPy's stubs leave out get_bit_generator


@contextlib.contextmanager
def globals_untouched(what: str) -> Iterator[None]:
    """Raises a `LawError` if a block of code changes a global generator of `random`, `np.random` or torch.

    Args:
        what: description of the block, for the error.
    """
    before = _globals()
    yield
    after = _globals()
    for name, state in before.items():
        if repr(state) != repr(after[name]):
            raise LawError(
                f"{what} changed the global generator of {name}",
                "draw from problem.generators; lend them (`generators.lent`) around a library that draws "
                "from globals, and never yield inside that scope",
            )


@agent_law
def changes_no_global_generator(agent: str, env: str, *, num_envs: int = 2, steps: int = 60) -> None:
    """Construction, training, acting, evaluation, saving and loading change no global random number generator."""
    with globals_untouched("construction"):
        trial = Trial(agent, env, num_envs=num_envs)
    with trial:
        for turn in range(1, 6):
            with globals_untouched("a turn of `train`"):
                trial.turn(turn * steps // 5)
        with globals_untouched("saving or loading the state"), trial.generators.lent("agent"):
            trial.agent.load_state_dict(trial.agent.state_dict())
        evaluator = Evaluator(ObservedEnvironment(trial.experiment.factory), type(trial.agent), 20, 3, 0)
        with contextlib.closing(evaluator), globals_untouched("evaluation"):
            evaluator(trial.agent)
    with tempfile.TemporaryDirectory(prefix="arena-laws-") as folder:
        experiment = resolve_experiment(
            agent,
            env,
            num_envs=num_envs,
            steps=steps,
            seeds=1,
            horizon=20,
            episodes=3,
            evaluate_every=max(1, steps // 2),
        )
        with globals_untouched("a whole run"):
            run = Run.prepare(experiment, 0, Path(folder))
            execute(run)
        environment = experiment.factory.make()
        observation, _ = environment.reset(seed=0)
        environment.close()
        with globals_untouched("a loaded run"):
            loaded = LoadedAgent(run)
            for explore in (False, True):
                loaded.act(observation, explore=explore)


def _globals() -> dict[str, Any]:
    torch = sys.modules.get("torch")
    engine = _numpy_random.get_bit_generator()
    state = _numpy_random.get_state(legacy=False)
    return {
        "random": random.getstate(),
        "numpy": (id(engine), state["state"]["key"].tolist(), state["state"]["pos"], state["gauss"])
        if "key" in state["state"]
        else (id(engine), state),
        **({"torch": torch.get_rng_state().tolist()} if torch is not None else {}),
    }
