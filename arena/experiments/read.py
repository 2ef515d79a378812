"""Conversion of the experiment or fit in a ``run.json`` to an object, and what is known of it before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from arena.experiments.encoder_use import EncoderUse
from arena.experiments.experiment import Experiment
from arena.experiments.experiment_file import arguments_of
from arena.experiments.novelty_use import NoveltyUse
from arena.experiments.training_spec import TrainingSpec, digest
from arena.plugins.discovery import get_plugins

__all__ = ["id_from_dict", "names_of_code", "spec_from_dict"]


def spec_from_dict(values: Mapping[str, Any]) -> TrainingSpec:
    """Make the experiment or the fit from the plain values of `TrainingSpec.to_dict`.

    Raises:
        ArenaError: a name is unknown or missing, or a value is out of its range.
    """
    if _is_fit(values):
        from arena.experiments.fit import Fit  # which needs torch

        return Fit.from_dict(values)
    return Experiment.from_dict(values)


def names_of_code(values: Mapping[str, Any]) -> list[str]:
    """Names of environments and wrappers that making the spec, or training it, would import.

    Raises:
        ArenaError: a key is unknown, or a value has the wrong type.
    """
    if _is_fit(values):
        options = values["frames"]["options"]
        env, wrappers = values["frames"]["source"], options.get("wrappers", ())
    else:
        arguments = arguments_of(values)
        env, wrappers = arguments["env"], arguments.get("wrappers", ())
    wrappers = [wrappers] if isinstance(wrappers, str) else wrappers
    return [env, *(wrapper.partition("(")[0].strip() for wrapper in wrappers)]


def id_from_dict(values: Mapping[str, Any], seed: int, source: str | None) -> str:
    """Id of a run, as `TrainingSpec.id`, from plain values alone: nothing that they name is imported.

    Args:
        values: the values of `TrainingSpec.to_dict`.
        seed: seed of the run.
        source: digest of the source of the environment's function; None for a registered environment.
    """
    plugins = get_plugins()
    common = {name: values[name] for name in ("device", "threads")}
    if _is_fit(values):
        encoder = values["encoder"]
        revision = plugins.encoders[encoder["name"]].revision
        frames = values["frames"]["digest"]
        identity = {"encoder": {**encoder, "revision": revision}, "frames": frames, "options": values["fit"]}
        return digest({**identity, **common}, seed)
    agent, env, start = values["agent"], values["env"], values["start"]
    registered = plugins.environments.get(env["id"])
    identity = {
        "agent": {**agent, "revision": plugins.agents[agent["name"]].revision},
        "env": {**env, "revision": registered.revision if registered else None, "source": source},
        **{name: values[name] for name in ("num_envs", "horizon", "episodes")},
        "start": start and start["digest"],
    }
    for kind in (EncoderUse, NoveltyUse):
        if values[kind.argument]:
            identity[kind.argument] = kind.identity_of(values[kind.argument])
    return digest({**identity, **common}, seed)


def _is_fit(values: Mapping[str, Any]) -> bool:
    return "encoder" in values and "agent" not in values
