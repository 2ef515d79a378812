"""Small runs to watch, for the tests of the viewer's verbs."""

from __future__ import annotations

import arena
from arena.experiments.fit import Fit
from arena.frames import open_source
from arena.frames.references import data_reference
from arena.runs.run import Run
from arena.training.runner import execute

CLIFF = "arena/CliffWalk-v0"


#: Folders of the runs, once they are trained.
_FOLDERS: dict[str, str] = {}


def trained(folders):
    """Folders of two agents of one slippery cliff, two of other environments (one with a single snapshot), and a fit.

    They are trained once in a process, in a folder of pytest's `tmp_path_factory`.
    """
    if not _FOLDERS:
        _FOLDERS.update(_train(folders.mktemp("runs")))
    return dict(_FOLDERS)


def _train(folder):
    slip = {"env_options": {"slip": 0.1}}
    data = data_reference(str(open_source("digits", out=folder / "digits").folder))
    fit = Fit.create("pca", data, steps=30, trackers=[], encoder_options={"latent": 3})
    fitted = Run.prepare(fit, 0, folder)
    execute(fitted)
    return {
        "cliff": run_of(folder, "q-learning", CLIFF, 8000, **slip),
        "sarsa": run_of(folder, "sarsa", CLIFF, 4000, **slip),
        "lake": run_of(folder, "q-learning", "FrozenLake-v1", 400),
        "short": run_of(folder, "q-learning", CLIFF, 400, evaluate_every=400),
        "fit": str(fitted.folder),
    }


def run_of(folder, agent, env, steps, **settings):
    """The folder of a run with four snapshots."""
    small = {"evaluate_every": steps // 4, "episodes": 6, "horizon": 60, "trackers": [], "seeds": [5]}
    found = arena.train(agent, env, steps=steps, out=folder, progress=False, **{**small, **settings})
    return found.runs[0]["path"]


def without_display(monkeypatch, folder):
    """In a folder, on a machine that has no screen."""
    monkeypatch.chdir(folder)
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER"):
        monkeypatch.delenv(name, raising=False)
