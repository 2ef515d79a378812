"""Run folders made up for the tests of `arena list runs`, and fixtures that list them."""

from __future__ import annotations

import json

from arena.runs.run import Run


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
    (folder / "run.json").write_text(json.dumps({"schema": 1, "id": "x", "experiment": experiment}))
    (folder / "lock").touch()
    steps = total if at is None else at
    values = [{"step": k, "evaluation": mean - (7 * k // 100) % 5} for k in range(100, steps + 1, 100)]
    values += [{"step": steps, "evaluation": None}, {"step": steps, "loss": 99.0}]
    (folder / "metrics.jsonl").write_text(
        "".join(json.dumps(v) + "\n" for v in values) + '{"step": 5, "evaluat'
    )
    timing = [{"step": k, "seconds": k / 1000, "time": 1.7e9} for k in range(100, steps + 1, 100)]
    (folder / "timing.jsonl").write_text("".join(json.dumps(v) + "\n" for v in timing) + '{"step": 9')
    if at is None:
        result = {"steps": total, "converged": False, "evaluation": {"mean": mean}}
        result["best"] = Run(folder, None).best()
        (folder / "result.json").write_text(json.dumps(result))
    return folder
