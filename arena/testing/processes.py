"""Child processes: their environment variables, and the law that they end in the same bytes."""

from __future__ import annotations

import contextlib
import hashlib
import operator
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from importlib import import_module

from arena.plugins.discovery import get_plugins
from arena.plugins.specs import TrainableSpec
from arena.storage.codec import encode
from arena.testing.cases import UNDER_TEST, Case, agent_law, registered
from arena.testing.errors import LawError, require
from arena.testing.trial import Trial

__all__ = [
    "child_environment",
    "child_failed",
    "digest",
    "registered_again",
    "same_bytes_in_another_process",
    "same_bytes_in_other_processes",
    "under_test",
]


def child_environment(hash_seed: int) -> dict[str, str]:
    """Environment variables of a child process that can import the same modules as this one."""
    path = os.pathsep.join(filter(None, sys.path))
    return {**os.environ, "PYTHONHASHSEED": str(hash_seed), "PYTHONPATH": path}


def child_failed(status: int, errors: str) -> LawError:
    """Error for a child process that failed: its last line as the problem, its whole output as a note."""
    output = errors.strip() or f"exit status {status}"
    error = LawError(f"another process failed: {output.splitlines()[-1]}", "fix that first")
    error.add_note(output)
    return error


def under_test(learner: str) -> str:
    """Target of an agent or encoder that only this process has registered; empty for an installed one."""
    plugins = get_plugins()
    spec: TrainableSpec = plugins.agents[learner] if learner in plugins.agents else plugins.encoders[learner]
    return spec.target if spec.plugin == UNDER_TEST else ""


@contextlib.contextmanager
def registered_again(target: str) -> Iterator[None]:
    """Registers in a child process the target that `under_test` returned in its parent."""
    if not target:
        yield
        return
    module, _, name = target.partition(":")
    with registered(operator.attrgetter(name)(import_module(module))):
        yield


@agent_law
def same_bytes_in_another_process(agent: str, env: str, *, num_envs: int = 2, steps: int = 300) -> None:
    """One seed gives one outcome in processes with different PYTHONHASHSEED, which costs a few seconds."""
    same_bytes_in_other_processes([Case(agent, env)], num_envs=num_envs, steps=steps)


def same_bytes_in_other_processes(cases: Sequence[Case], *, num_envs: int = 2, steps: int = 300) -> None:
    """One seed gives one outcome, for each of many agents, in two processes with different PYTHONHASHSEED.

    All agents share the two processes, since starting a process costs more than training a small agent.

    Args:
        cases: agents with their environments; a class under test (`registered`) must be alone.
        num_envs: number of lanes.
        steps: environment steps to train.
    """
    target = under_test(cases[0].agent)
    code = (
        "import sys\n"
        "from arena.testing.processes import digest, registered_again\n"
        f"with registered_again({target!r}):\n"
        f"    for agent, env in {[tuple(case) for case in cases]!r}:\n"
        f"        print('digest', digest(agent, env, {num_envs}, {steps}), flush=True)"
    )
    outcomes = []
    for hash_seed in (1, 2):
        env = child_environment(hash_seed)
        command = [sys.executable, "-c", code]
        done = subprocess.run(command, capture_output=True, text=True, env=env, timeout=600, check=False)
        if done.returncode:
            raise child_failed(done.returncode, done.stderr)
        outcomes.append([line for line in done.stdout.splitlines() if line.startswith("digest ")])
    remedy = (
        "hash(), id() and the order of a set differ between processes: sort, or use "
        "arena.random.generators.derive"
    )
    for case, *digests in zip(cases, *outcomes, strict=True):
        same = len(set(digests)) == 1
        require(same, f"two processes with one seed end in different bytes ({case})", remedy)


def digest(agent: str, env: str, num_envs: int, steps: int) -> str:
    """SHA-256 of the state after a small training run."""
    with Trial(agent, env, num_envs=num_envs) as trial:
        encoded = encode(trial.train(steps).state())
    return hashlib.sha256(encoded.arrays + encoded.tree).hexdigest()
