"""Fits of encoders that a sweep runs first: reading of its ``[fit]`` table, and planning of the fits."""

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

from arena.config.options import asdict, coerce
from arena.config.validation import validated_count
from arena.encoders.compatibility import encoder_class_of
from arena.environments.space_json import array_space, to_json
from arena.errors import ArenaError, unknown_name
from arena.experiments.data_reference import DataReference
from arena.experiments.encoder_use import EncoderUse
from arena.experiments.experiment import Experiment
from arena.experiments.fit import Fit, FitOptions
from arena.experiments.snapshot_reference import TO_COME, SnapshotReference
from arena.experiments.training_spec import validated_trackers
from arena.frames.collecting import label_spaces_of, with_labels
from arena.frames.fits import reading_options
from arena.frames.references import data_reference
from arena.plugins.discovery import get_plugins
from arena.runs.resolve import resolve_experiment
from arena.runs.run import Run
from arena.runs.snapshots import LAST, snapshot_reference, split_reference
from arena.storage.files import write_error

if TYPE_CHECKING:
    from arena.environments.factory import EnvironmentFactory

__all__ = [
    "FITS",
    "Fits",
    "find_finished_fit",
    "key_of",
    "pending_fit_key",
    "with_fitted_encoder",
    "with_frames",
]

#: Name of the folder of fits, inside the sweep's folder of runs.
FITS = "fits"

#: Keys of ``[fit]`` about the frames; the environment, its options and its wrappers are the experiment's.
COLLECTED = ("frames", "policy", "num_envs", "labels", "explore", "horizon")

#: Keys of ``[fit]`` about the fit, in addition to the fields of `FitOptions`.
FITTED = ("steps", "seed", "evaluate_every", "log_every", "device", "threads", "trackers")

KEYS = (*COLLECTED, *FITTED, *FitOptions.__dataclass_fields__)


class Fits:
    """Planned fits of a sweep, each once.

    A fit is planned without its frames, which are collected only when the sweep runs: it has the spaces of its frames,
    and instead of their digest a digest of their source.

    Args:
        table: the file's table ``[fit]``.

    Raises:
        ArenaError: an unknown key, or a value of the wrong type.
    """

    def __init__(self, table: Mapping[str, Any]) -> None:
        for key in table:
            if key not in KEYS:
                remedy = f"known: {', '.join(sorted(KEYS))}; an encoder's options stand in its [[grid]]"
                raise unknown_name("key of [fit]", key, KEYS, remedy)
        labels = table.get("labels", [])
        if not isinstance(labels, list | tuple) or not all(isinstance(label, str) for label in labels):
            raise ArenaError(f"[fit]: labels is {labels!r}, which is not a list", 'write labels = ["state"]')
        if not isinstance(table.get("explore", True), bool):
            raise ArenaError(f"[fit]: explore is {table['explore']!r}", "write true or false")
        validated_trackers(table.get("trackers"))
        self._reading = {key: table[key] for key in COLLECTED if key in table}
        for key in self._reading.keys() & {"frames", "num_envs", "horizon"}:
            self._reading[key] = validated_count(f"[fit]: {key}", table[key])
        self._fitting = {key: value for key, value in table.items() if key not in (*COLLECTED, "seed")}
        self._seed = validated_count("[fit]: seed", table.get("seed", 0), low=0)
        self._found: dict[str, Fit] = {}
        self._checked: list[EncoderUse] = []

    @property
    def planned(self) -> tuple[Fit, ...]:
        """All fits planned so far."""
        return tuple(self._found.values())

    def takes(self, encoder: Any) -> bool:
        """Return whether an experiment's ``encoder`` is the name of an encoder, not a run."""
        if not isinstance(encoder, str):
            return False
        return Path(encoder).name == encoder and not split_reference(encoder)[0].exists()

    def experiment(self, arguments: Mapping[str, Any]) -> Experiment:
        """Make an experiment whose encoder is to be fitted first; see `beginning`.

        Args:
            arguments: arguments of `Experiment.create`, with an encoder that `takes` accepts.

        Raises:
            ArenaError: as `Experiment.create` and `Fit.create`.
        """
        plain = {key: value for key, value in arguments.items() if not key.startswith("encoder")}
        experiment = resolve_experiment(**plain)
        use_options, own = EncoderUse.split_options(arguments.get("encoder_options") or {})
        use = coerce(EncoderUse.use, use_options, where="encoder", owner="--encoder")
        fit = self._fit(arguments["encoder"], own, experiment.factory)
        start = SnapshotReference(TO_COME, 0, key_of(fit))
        encoder = EncoderUse(fit.name, fit.options, labels=fit.data.labels, start=start, **asdict(use))
        if encoder not in self._checked:  # making an encoder is slow
            encoder.check(fit.build_encoder(), fit.name)
            self._checked.append(encoder)
        return experiment.replaced(encoder=encoder)

    def _fit(self, name: str, options: Mapping[str, Any], factory: EnvironmentFactory) -> Fit:
        """Plan the fit of an encoder to an environment's frames, once."""
        spec = get_plugins().encoders[name]
        kind = encoder_class_of(spec)
        chosen = {**spec.preset(factory.id).options, **options}
        config = coerce(kind.Config, chosen, where="encoder", owner=spec.name)
        key = json.dumps([spec.name, asdict(config), factory.identity()], sort_keys=True)
        if key not in self._found:
            try:
                fit = Fit.create(
                    spec.name,
                    _data_to_come(factory, kind.requested_labels(config), self._reading),
                    encoder_options=asdict(config),
                    seeds=[self._seed],
                    **self._fitting,
                )
            except ArenaError as error:
                raise ArenaError(f"the fit of {spec.name}: {error.problem}", error.remedy) from error
            self._found[key] = fit
        return self._found[key]


def key_of(fit: Fit) -> str:
    """Key that identifies a planned fit within its sweep."""
    return fit.id(fit.seeds[0])


def with_frames(fit: Fit, folder: Path) -> Fit:
    """Complete a planned fit with its frames, which are collected unless they exist already.

    Args:
        fit: the planned fit.
        folder: the folder of the sweep's fits; only one of the processes that share it collects at a time.

    Raises:
        ArenaError: as `arena.frames.collect`.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(folder / "frames.lock"):
            return fit.replaced(data=data_reference(fit.data.source, **fit.data.options))
    except OSError as error:
        raise write_error(folder, error) from error


def find_finished_fit(fit: Fit, folder: Path) -> Run | None:
    """Find the finished run of a planned fit in a folder of fits, without collecting frames; None if there is none."""
    seed = fit.seeds[0]
    for path in sorted(folder.glob(f"{fit.name}_{fit.folder_part}_seed{seed}_*")):
        with contextlib.suppress(
            ArenaError
        ):  # a run that cannot be opened is fitted again, or reports its error
            run = Run.open(path)
            if not isinstance(run.spec, Fit) or not _same_source(run.spec.data, fit.data):
                continue
            mine = fit.replaced(data=run.spec.data)
            if mine.id(seed) == run.spec.id(seed) and Run(path, mine).result() is not None:
                return run
    return None


def pending_fit_key(experiment: Experiment) -> str:
    """Key (`key_of`) of the planned fit that an experiment's encoder depends on; empty if there is none."""
    start = experiment.encoder and experiment.encoder.start
    return start.digest if start and start.run == TO_COME else ""


def with_fitted_encoder(experiment: Experiment, fits: Mapping[str, Run]) -> Experiment:
    """Insert the fitted encoder into an experiment; unchanged if its fit is not finished or it has none.

    Args:
        experiment: an experiment of the sweep.
        fits: finished runs of planned fits, by `key_of`.
    """
    run, encoder = fits.get(pending_fit_key(experiment)), experiment.encoder
    if run is None or encoder is None:
        return experiment
    return experiment.replaced(encoder=dataclasses.replace(encoder, start=snapshot_reference(run, LAST)))


def _data_to_come(factory: EnvironmentFactory, asked: Any, reading: Mapping[str, Any]) -> DataReference:
    """Description of frames before they are collected."""
    wrappers = {"wrappers": list(factory.wrappers)} if factory.wrappers else {}
    further = {key: value for key, value in reading.items() if key != "frames"}
    options = reading_options(
        factory.id, reading.get("frames"), asked, factory.options, {**further, **wrappers}
    )
    space = to_json(array_space(factory.properties.observation_space))
    with closing(with_labels(factory, options.get("labels")).make()) as env:
        spaces = label_spaces_of(env, factory.id, options.get("labels"))
    labels = {name: to_json(label) for name, label in spaces.items()}
    text = json.dumps([factory.identity(), options], sort_keys=True)
    digest = hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
    return DataReference(factory.id, options, "", digest, space, labels)


def _same_source(one: DataReference, other: DataReference) -> bool:
    """Whether two data sets have equal sources, compared as JSON."""
    texts = [json.dumps([data.source, data.options], sort_keys=True) for data in (one, other)]
    return texts[0] == texts[1]
