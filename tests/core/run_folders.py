"""Run folders made up for the tests of `arena list runs`, and fixtures that list them."""

from __future__ import annotations

from arena.runs.run import Run
from run_files import put, put_logs


def fake(folder, *, agent="sarsa", env="arena/CliffWalk-v0", seed=0, total=1000, at=None, mean=-13.0, **more):
    """A run folder as the runner leaves it; `at` is where it was stopped, or None when it is finished."""
    folder.mkdir(parents=True, exist_ok=True)
    experiment = {
        "agent": {"name": agent, "options": more.pop("agent_options", {"learning_rate": 0.5})},
        "env": {"id": env, "options": more.pop("env_options", {"slip": 0.0}), "wrappers": []},
        "num_envs": 1,
        "steps": total,
        "seeds": [seed],
        "horizon": 100,
        **more,
    }
    put(folder / "run.json", {"schema": 1, "id": "x", "experiment": experiment})
    (folder / "lock").touch()
    steps = total if at is None else at
    values = [{"step": k, "evaluation": mean - (7 * k // 100) % 5} for k in range(100, steps + 1, 100)]
    values += [{"step": steps, "evaluation": None}, {"step": steps, "loss": 99.0}]
    timing = [{"step": k, "seconds": k / 1000, "time": 1.7e9} for k in range(0, steps + 1, 100)]
    metrics = put_logs(folder, values, timing)
    for name, torn in (("metrics", '{"step": 5, "evaluat'), ("timing", '{"step": 9')):
        with open(folder / f"{name}.jsonl", "a") as file:
            file.write(torn)
    if at is None:
        result = {"steps": total, "converged": False, "evaluation": {"mean": mean}}
        result |= {"best": Run(folder, None).best(), "metrics": metrics}
        put(folder / "result.json", result)
    return folder
