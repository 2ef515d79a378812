"""Experiments by name: names of encoders, fits and snapshots are resolved to objects."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from arena.agents.compatibility import agent_class_of, same_spaces
from arena.config.options import asdict, coerce
from arena.encoders.compatibility import encoder_class_of
from arena.environments.space_json import array_space
from arena.environments.spaces import describe_space
from arena.errors import ArenaError, unknown_name
from arena.experiments.encoder_reference import EncoderReference
from arena.experiments.encoder_use import EncoderUse
from arena.experiments.experiment import Experiment, environment_of
from arena.experiments.novelty_use import NoveltyUse
from arena.experiments.snapshot_reference import SnapshotReference
from arena.plugins.discovery import get_plugins
from arena.runs.run import Run, experiment_of, fit_of
from arena.runs.snapshots import snapshot_reference, split_reference

if TYPE_CHECKING:
    import gymnasium as gym

    from arena.environments.factory import EnvironmentFactory
    from arena.plugins.specs import AgentSpec

__all__ = ["is_encoder_name", "options_of", "resolve_experiment"]

#: An encoder as its name, as the folder of a fit (``RUN``, ``RUN@best``), or as the values in a ``run.json``.
EncoderSource = str | Path | Mapping[str, Any]

Reference = TypeVar("Reference", bound=EncoderReference)


def resolve_experiment(
    agent: str,
    env: str | Callable[..., gym.Env[Any, Any]] | gym.Env[Any, Any],
    *,
    env_options: Mapping[str, object] | None = None,
    wrappers: str | Sequence[str] = (),
    encoder: EncoderSource | None = None,
    encoder_options: Mapping[str, object] | None = None,
    novelty: EncoderSource | None = None,
    novelty_options: Mapping[str, object] | None = None,
    start: str | Path | Mapping[str, Any] | None = None,
    **settings: Any,
) -> Experiment:
    """Make an experiment whose encoders and initial snapshot are given by name.

    Args:
        agent: name of the agent.
        env: a Gymnasium id, a function that makes an environment, or an environment with a spec.
        env_options: options that differ from the preset's.
        wrappers: ``Name`` or ``module:Class``, followed by ``(key=value)`` if the wrapper has arguments.
        encoder: encoder whose codes the agent observes: the folder of an `arena fit` (``RUN``, ``RUN@best``,
            ``RUN@2000``), or the name of a new encoder that is trained with the agent.
        encoder_options: fields of `EncoderUseOptions`; for a new encoder its hyperparameters too.
        novelty: encoder whose novelty is a bonus, given like `encoder`.
        novelty_options: fields of `NoveltyOptions`; for a new encoder its hyperparameters too.
        start: run with the agent's initial state: its newest snapshot (``RUN``), its best one (``RUN@best``), or one
            by its steps (``RUN@20000``).
        settings: other arguments of `Experiment.create`.

    Raises:
        ArenaError: a name is unknown, a value is out of range, or the agent does not fit the environment or `start`.
    """
    spec = get_plugins().agents[agent]
    factory = environment_of(spec, env, env_options, wrappers)
    plain = Experiment.create(agent, factory, **settings)
    use = _resolve_encoder(EncoderUse, encoder, encoder_options, spec, factory)
    return plain.replaced(
        encoder=use,
        novelty=_resolve_encoder(NoveltyUse, novelty, novelty_options, spec, factory),
        start=None if start is None else _resolve_start(start, spec, factory, use),
    )


def _resolve_encoder(
    kind: type[Reference],
    source: EncoderSource | None,
    options: Mapping[str, object] | None,
    spec: AgentSpec,
    factory: EnvironmentFactory,
) -> Reference | None:
    """Make the encoder that an argument names; None without one."""
    if source is None:
        if options:
            raise ArenaError(
                f"{kind.argument}.{next(iter(options))} is given, but no {kind.argument}",
                f"add --{kind.argument} RUN",
            )
        return None
    needs = agent_class_of(spec).needs
    kind.refuse_agent(needs, spec.name)
    found = _encoder_of(kind, source, options or {}, factory.properties.observation_space)
    found.refuse_misfit(needs, spec.name)
    return found


def _encoder_of(
    kind: type[Reference], source: EncoderSource, options: Mapping[str, Any], space: gym.Space[Any]
) -> Reference:
    """Make the encoder from its source, for observations of a space.

    Raises:
        ArenaError: there is no such fit or encoder, it has other observations, or it cannot be used in this way.
    """
    if isinstance(source, Mapping):
        return kind.from_mapping(source, options)
    if not isinstance(source, str | Path):
        raise ArenaError(
            f"{kind.argument} is {source!r}", "give an encoder's name, or the folder of an `arena fit`"
        )
    use_options, own = kind.split_options(options)
    use = asdict(coerce(kind.use, use_options, where=kind.argument, owner=f"--{kind.argument}"))
    if is_encoder_name(source):
        return _encoder_by_name(kind, str(source), own, use, space)
    return _encoder_of_fit(kind, source, own, use, space)


def _encoder_by_name(
    kind: type[Reference], name: str, own: Mapping[str, Any], use: Mapping[str, Any], space: gym.Space[Any]
) -> Reference:
    encoder_class = encoder_class_of(get_plugins().encoders[name])
    config = coerce(encoder_class.Config, own, where=kind.argument, owner=name)
    found = kind(name, asdict(config), **use)
    found.check(encoder_class(array_space(space), config), name)
    return found


def _encoder_of_fit(
    kind: type[Reference],
    source: str | Path,
    own: Mapping[str, Any],
    use: Mapping[str, Any],
    space: gym.Space[Any],
) -> Reference:
    path, which = split_reference(source)
    run = Run.open(path)
    fit = fit_of(run)
    if own:
        raise ArenaError(f"{next(iter(own))} is fixed by the fit {path}", "leave the option out")
    if fit.data.space != array_space(space):
        raise ArenaError(
            f"{path} encodes {describe_space(fit.data.space)}, and the environment gives {describe_space(space)}",
            "fit an encoder to frames of this environment, or use the environment's options of the fit",
        )
    start = snapshot_reference(run, which)
    found = kind(fit.name, dict(fit.options), labels=dict(fit.data.labels), start=start, **use)
    found.check(fit.build_encoder(), fit.name)
    return found


def _resolve_start(
    source: str | Path | Mapping[str, Any],
    spec: AgentSpec,
    factory: EnvironmentFactory,
    encoder: EncoderUse | None,
) -> SnapshotReference:
    """Make the reference to a snapshot from its source.

    Args:
        source: ``RUN``, ``RUN@best`` or ``RUN@20000``; a file that the agent can read; or the fields of a reference.
        spec: spec of the agent that starts from the snapshot.
        factory: environment of the new run.
        encoder: encoder of the new run, or None.

    Raises:
        ArenaError: there is no such snapshot, or it has another agent, other spaces or another encoder.
    """
    if isinstance(source, Mapping):
        return SnapshotReference.from_mapping(source)
    if Path(source).is_file():
        return SnapshotReference.from_file(Path(source), agent_class_of(spec))
    path, which = split_reference(source)
    run = Run.open(path)
    if run.spec.name != spec.name:
        problem = f"{path} trained {run.spec.name}, and {spec.name} cannot start from it"
        raise ArenaError(problem, f"train {run.spec.name}, or choose a run of {spec.name}")
    experiment = experiment_of(run)
    difference = same_spaces(agent_class_of(spec).needs, experiment.factory, factory)
    if difference is not None:
        raise ArenaError(
            f"cannot start from {path}: {difference}", "choose an environment with the same spaces"
        )
    theirs = experiment.encoder
    if _observation_identity(theirs) != _observation_identity(encoder):
        seen = [f"the encoder {one.name} ({one.mode})" if one else "no encoder" for one in (theirs, encoder)]
        raise ArenaError(
            f"{path} used {seen[0]}, and the new run uses {seen[1]}"
            if seen[0] != seen[1]
            else f"{path} used {seen[0]} with other options, or of another fit",
            "use the same encoder in the same mode",
        )
    return snapshot_reference(run, which)


def _observation_identity(encoder: EncoderUse | None) -> dict[str, Any] | None:
    """Values that decide an agent's observations, and whether it trains the encoder's weights."""
    if encoder is None:
        return None
    return {**encoder.identity(), "mode": encoder.mode == "frozen", "loss_weight": None}


def is_encoder_name(source: str | Path) -> bool:
    """Return whether a source is the name of an encoder, not a run.

    Raises:
        ArenaError: it is neither.
    """
    if split_reference(source)[0].exists() or Path(source).name != str(source):
        return False
    encoders = get_plugins().encoders
    if str(source) not in encoders:
        raise unknown_name(
            "encoder or run", str(source), encoders, "see `arena list encoders`, or give a run's folder"
        )
    return True


def options_of(source: EncoderSource, kind: type[EncoderReference]) -> type[Any]:
    """Dataclass of an encoder's options: those of its use, and for a new encoder its hyperparameters.

    Raises:
        ArenaError: the source is neither the name of an encoder nor a run.
    """
    if isinstance(source, Mapping) or not is_encoder_name(source):
        return kind.use
    encoder_class = encoder_class_of(get_plugins().encoders[str(source)])
    return dataclasses.make_dataclass("Options", [], bases=(encoder_class.Config, kind.use), frozen=True)
