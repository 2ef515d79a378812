"""The encoders that a sweep fits first: what its ``[fit]`` table says, and which fits its grids come to."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import filelock

from arena.arguments import some_trackers, whole
from arena.chosen import frames_of
from arena.config import asdict, coerce
from arena.encoding import Perception
from arena.errors import ArenaError, unknown
from arena.experiment import Experiment
from arena.files import cannot_write
from arena.fit import Data, Fit, FitOptions, encoder_class_of, reading_of
from arena.frames.collecting import label_spaces_of, telling
from arena.frames.spaces import to_json
from arena.plugins import get_plugins
from arena.run import Run
from arena.start import LAST, TO_COME, Start, snapshot_of

if TYPE_CHECKING:
    from arena.environments import EnvironmentFactory

__all__ = ["FITS", "Fits", "awaited", "beginning", "collected", "finished", "key_of"]

#: The folder of fits, beside the runs of the sweep.
FITS = "fits"

#: What ``[fit]`` says of the frames; the environment, its options and its wrappers are the experiment's.
COLLECTED = ("frames", "policy", "num_envs", "labels", "explore", "horizon")

#: What it says of the fit, beside the fields of `FitOptions`.
FITTED = ("steps", "seed", "evaluate_every", "log_every", "device", "threads", "trackers")

KEYS = (*COLLECTED, *FITTED, *FitOptions.__dataclass_fields__)


class Fits:
    """The fits that the combinations of a sweep ask for, each once.

    They are planned without their frames, which nobody collects before the sweep is run: a planned fit has the spaces
    of its frames, and in the place of their digest one of what they come from.

    Args:
        table: the file's ``[fit]``.

    Raises:
        ArenaError: an unknown key, or a value that is none of its kind.
    """

    def __init__(self, table: Mapping[str, Any]) -> None:
        for key in table:
            if key not in KEYS:
                remedy = f"known: {', '.join(sorted(KEYS))}; an encoder's options stand in its [[grid]]"
                raise unknown("key of [fit]", key, KEYS, remedy)
        labels = table.get("labels", [])
        if not isinstance(labels, list | tuple) or not all(isinstance(label, str) for label in labels):
            raise ArenaError(f"[fit]: labels is {labels!r}, which is no list", 'write labels = ["state"]')
        if not isinstance(table.get("explore", True), bool):
            raise ArenaError(f"[fit]: explore is {table['explore']!r}", "write true or false")
        some_trackers(table.get("trackers"))
        self._reading = {key: table[key] for key in COLLECTED if key in table}
        for key in self._reading.keys() & {"frames", "num_envs", "horizon"}:
            self._reading[key] = whole(f"[fit]: {key}", table[key])
        self._fitting = {key: value for key, value in table.items() if key not in (*COLLECTED, "seed")}
        self._seed = whole("[fit]: seed", table.get("seed", 0), low=0)
        self._found: dict[str, Fit] = {}
        self._checked: list[Perception] = []

    @property
    def planned(self) -> tuple[Fit, ...]:
        """Every fit so far."""
        return tuple(self._found.values())

    def takes(self, encoder: Any) -> bool:
        """Whether an experiment's ``encoder`` is a name, and no run."""
        if not isinstance(encoder, str):
            return False
        return Path(encoder).name == encoder and not snapshot_of(encoder)[0].exists()

    def experiment(self, arguments: Mapping[str, Any]) -> Experiment:
        """The experiment whose encoder is to be fitted first; see `beginning`.

        Args:
            arguments: of `Experiment.create`, with an encoder that this `takes`.

        Raises:
            ArenaError: as `Experiment.create` and `Fit.create`.
        """
        plain = {key: value for key, value in arguments.items() if not key.startswith("encoder")}
        factory = Experiment.create(**plain).factory
        options, uses = arguments.get("encoder_options") or {}, Perception.use.__dataclass_fields__
        told = {key: value for key, value in options.items() if key in uses}
        use = coerce(Perception.use, told, where="encoder", owner="--encoder")
        own = {key: value for key, value in options.items() if key not in uses}
        fit = self._fit(arguments["encoder"], own, factory)
        said = {"labels": fit.frames.labels, "start": Start(TO_COME, 0, key_of(fit)), **asdict(use)}
        perception = Perception(fit.agent, fit.agent_options, **said)
        if perception not in self._checked:  # it takes a while to make an encoder
            perception.check(fit.encoder(), fit.agent)
            self._checked.append(perception)
        return Experiment.create(**plain, encoder=dataclasses.asdict(perception))

    def _fit(self, name: str, options: Mapping[str, Any], factory: EnvironmentFactory) -> Fit:
        """The fit of an encoder to an environment's frames, planned once."""
        spec = get_plugins().encoders[name]
        kind = encoder_class_of(spec)
        chosen = {**spec.preset(factory.id).options, **options}
        config = coerce(kind.Config, chosen, where="encoder", owner=spec.name)
        key = json.dumps([spec.name, asdict(config), factory.identity()], sort_keys=True)
        if key not in self._found:
            try:
                fit = Fit.create(
                    spec.name,
                    factory.id,
                    encoder_options=asdict(config),
                    data=_data_to_come(factory, kind.requested_labels(config), self._reading),
                    seeds=[self._seed],
                    **self._fitting,
                )
            except ArenaError as error:
                raise ArenaError(f"the fit of {spec.name}: {error.problem}", error.remedy) from error
            self._found[key] = fit
        return self._found[key]


def key_of(fit: Fit) -> str:
    """What tells a planned fit from the others of its sweep."""
    return fit.id(fit.seeds[0])


def collected(fit: Fit, folder: Path) -> Fit:
    """A planned fit with its frames, which are collected unless they are there.

    Args:
        fit: the plan.
        folder: of the sweep's fits; of the processes that share it, one collects at a time.

    Raises:
        ArenaError: as `arena.frames.collect`.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(folder / "frames.lock"):
            return fit.replaced(data=Data.of(fit.frames.source, **fit.frames.options))
    except OSError as error:
        raise cannot_write(folder, error) from error


def finished(fit: Fit, folder: Path) -> Run | None:
    """The finished run of a planned fit, if a folder of fits has one; nothing is collected to find out."""
    seed = fit.seeds[0]
    for path in sorted(folder.glob(f"{fit.agent}_{fit.place}_seed{seed}_*")):
        with contextlib.suppress(ArenaError):  # what cannot be opened is fitted anew, or says why
            run = Run.open(path)
            if not isinstance(run.experiment, Fit) or not _same_source(run.experiment.frames, fit.frames):
                continue
            mine = fit.replaced(data=run.experiment.data)
            if mine.id(seed) == run.experiment.id(seed) and Run(path, mine).result() is not None:
                return run
    return None


def awaited(experiment: Experiment) -> str:
    """The `key_of` the fit that an experiment's encoder is to come from; empty where it waits for none."""
    start = experiment.perception and experiment.perception.start
    return start.digest if start and start.run == TO_COME else ""


def beginning(experiment: Experiment, fits: Mapping[str, Run]) -> Experiment:
    """An experiment with the encoder that its fit came to; as it is where that is not among the fits, or there is none.

    Args:
        experiment: any one of a sweep.
        fits: finished runs of planned fits, by `key_of`.
    """
    run, perception = fits.get(awaited(experiment)), experiment.perception
    if run is None or perception is None:
        return experiment
    return experiment.replaced(perception=dataclasses.replace(perception, start=Start.at(run, LAST)))


def _data_to_come(factory: EnvironmentFactory, asked: Any, reading: Mapping[str, Any]) -> Data:
    """What is known of frames before they are collected."""
    wrappers = {"wrappers": list(factory.wrappers)} if factory.wrappers else {}
    further = {key: value for key, value in reading.items() if key != "frames"}
    options = reading_of(factory.id, reading.get("frames"), asked, factory.options, {**further, **wrappers})
    space = to_json(frames_of(factory.facts.observation_space))
    with closing(telling(factory, options.get("labels")).make()) as env:
        spaces = label_spaces_of(env, factory.id, options.get("labels"))
    labels = {name: to_json(label) for name, label in spaces.items()}
    text = json.dumps([factory.identity(), options], sort_keys=True)
    digest = hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
    return Data(factory.id, options, "", digest, space, labels)


def _same_source(one: Data, other: Data) -> bool:
    """Whether two data sets are from the same place, as JSON tells it."""
    said = [json.dumps([data.source, data.options], sort_keys=True) for data in (one, other)]
    return said[0] == said[1]
