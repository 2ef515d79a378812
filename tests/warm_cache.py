"""Compiles what the tests need: ``python warm_cache.py FOLDER``, before several workers would each compile it.

numba's cache lies beside the sources. With a cold cache every pytest worker compiles the same functions; here each is
compiled once, by processes that share the work: each job is done by the process that claims it first, with a file in
the folder.
"""

import contextlib
import sys
from pathlib import Path

from arena.environments.factory import EnvironmentFactory
from arena.errors import ArenaError
from arena.plugins.discovery import get_plugins
from arena.testing import LawError, Trial
from arena.testing.agents import acted
from arena.training.agent import exact_values


def agents():
    """The tabular agents by the module that defines them, whose compiled functions they share."""
    found = {}
    for spec in get_plugins().agents.values():
        module = spec.target.partition(":")[0]
        if module.startswith("arena_tabular."):
            found.setdefault(module, []).append(spec.name)
    return list(found.values())


def warm_agents(names):
    """Trains each agent for some steps in compiled code and step by step, restores it, and lets it act."""
    for name in names:
        for env, fast in (("arena/CliffWalk-v0", True), ("arena/CliffWalk-v0", False)):
            with contextlib.suppress(ArenaError, LawError), Trial(name, env, num_envs=2, fast=fast) as trial:
                trial.turn(20)
                with trial.generators.lent("agent"):
                    trial.agent.load_state_dict(trial.agent.state_dict())
                for explore in (False, True):
                    acted(trial, trial.observations(2), explore=explore)
                exact_values(trial.agent, trial.experiment.factory, 10)


def warm_environment(name):
    """Steps a native vector and a single environment, and paints it."""
    factory = EnvironmentFactory.resolve(name)
    env = factory.make().unwrapped
    env.reset(seed=0)
    env.step(env.action_space.sample())
    if factory.is_native:
        vector = factory.native_vector(2, 10)
        vector.reset(seed=[0, 1])
        vector.step(vector.action_space.sample())
    if hasattr(env, "painter"):
        env.painter.paint(env.scene(), *env.painter.fit(60, 60))


def main(folder):
    """Compiles what no other process has claimed; the longest jobs come first."""
    jobs = [(warm_agents, names) for names in agents()]
    jobs += [(warm_environment, name) for name in get_plugins().environments]
    for i, (job, subject) in enumerate(jobs):
        with contextlib.suppress(FileExistsError):
            (folder / str(i)).touch(exist_ok=False)
            job(subject)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
