"""Processes that train a run and are killed at random instants."""

from __future__ import annotations

import random
import subprocess
import sys
import tempfile
import time
from typing import IO

from arena.runs.run import Run
from arena.testing.processes import child_environment, child_failed, under_test

__all__ = ["killed"]

#: Longest pause between a progress line and the kill, in seconds: several turns with their checkpoints.
PAUSE = 0.01


def killed(run: Run, steps: int, kills: int, seed: int) -> int:
    """Trains a run to its end in child processes, of which the first `kills` are killed.

    A process is killed shortly after a random step, or, with probability 1/4, while it restores the checkpoint. Each
    process has another PYTHONHASHSEED, and saves a checkpoint after every turn.

    Args:
        run: the run.
        steps: number of environment steps of the whole run.
        kills: number of processes to kill.
        seed: seed of the random instants.

    Returns:
        Number of processes that were killed before the run had ended.

    Raises:
        LawError: a process failed without being killed.
    """
    chance = random.Random(seed)
    reached = hits = 0
    for session in range(kills + 1):
        last = session == kills
        early = not last and chance.random() < 0.25
        left = steps - reached
        target = None if last else reached + (-1 if early else chance.randrange(max(1, left * 2 // 3)))
        with tempfile.TemporaryFile("w+") as errors:
            process = _start(run, session + 1, errors)
            try:
                assert process.stdout is not None
                for line in process.stdout:
                    step = int(line)
                    reached = max(reached, step)
                    if target is not None and step >= target:
                        time.sleep(chance.uniform(0, PAUSE))
                        process.kill()
                        break
                process.stdout.close()
                status = process.wait(timeout=600)
            finally:
                process.kill()
            if status > 0:
                errors.seek(0)
                raise child_failed(status, errors.read())
            hits += status < 0
            if status == 0:
                break
    return hits


def _start(run: Run, hash_seed: int, errors: IO[str]) -> subprocess.Popen[str]:
    target = under_test(run.spec.name)
    command = [sys.executable, "-m", "arena.testing.child", str(run.folder), target]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=errors, text=True, env=child_environment(hash_seed)
    )
