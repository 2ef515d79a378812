"""Compiles what the tests need: ``python warm_cache.py PART PARTS``, before several workers would each compile it.

numba's cache lies beside the sources. With a cold cache every pytest worker compiles the same functions; here each is
compiled once, by processes that share the work.
"""

import contextlib
import sys

from arena.environments.factory import EnvironmentFactory
from arena.errors import ArenaError
from arena.plugins.discovery import get_plugins
from arena.testing import LawError, Trial


def agents():
    """The tabular agents by the module that defines them, whose compiled functions they share."""
    found = {}
    for spec in get_plugins().agents.values():
        module = spec.target.partition(":")[0]
        if module.startswith("arena_tabular."):
            found.setdefault(module, []).append(spec.name)
    return list(found.values())


def warm_agents(names):
    """Trains each agent for some steps in compiled code, and step by step."""
    for name in names:
        for env, fast in (("arena/CliffWalk-v0", True), ("arena/CliffWalk-v0", False)):
            with contextlib.suppress(ArenaError, LawError), Trial(name, env, num_envs=2, fast=fast) as trial:
                trial.turn(20)


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


def main(part, parts):
    """Compiles a part of everything."""
    jobs = [(warm_agents, names) for names in agents()]
    jobs += [(warm_environment, name) for name in get_plugins().environments]
    for job, subject in jobs[part::parts]:
        job(subject)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
