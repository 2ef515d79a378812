"""Labels of experiments: the agent, the environment, and the settings in which the experiments differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from arena.config.formatting import format_value
from arena.experiments.snapshot_reference import TO_COME
from arena.experiments.training_spec import TrainingSpec

__all__ = ["Label", "labels"]

#: Fields with the encoders of an experiment, shown after the agent, each after a dot.
ENCODERS = ("encoder", "novelty")
DOT = " · "

Key = TypeVar("Key")


@dataclass(frozen=True)
class Label:
    """Label of one experiment among others.

    Attributes:
        agent: name of the agent, with the settings in which it differs from others of that name; after a dot, name
            and differing settings of its encoder.
        env: name of the environment, with the settings in which it differs.
    """

    agent: str
    env: str

    def __str__(self) -> str:
        return f"{self.agent} on {self.env}"


def labels(experiments: Sequence[TrainingSpec]) -> list[Label]:
    """Make a label for each experiment, in order.

    Experiments that share agent and environment also get the settings in which any two of them differ.

    Example:
        >>> one, other = (Experiment.create("sarsa", "arena/CliffWalk-v0", agent_options={"epsilon": e},
        ...                                 env_options={"slip": e}) for e in (0.1, 0.2))
        >>> str(labels([one, other])[1])
        'sarsa epsilon=0.2 on arena/CliffWalk-v0 slip=0.2'
        >>> str(labels([one])[0])
        'sarsa on arena/CliffWalk-v0'
    """
    settings = [experiment.settings() for experiment in experiments]
    groups: dict[tuple[str, str], list[dict[tuple[str, str], Any]]] = {}
    for experiment, mine in zip(experiments, settings, strict=True):
        groups.setdefault((experiment.name, experiment.source), []).append(mine)
    varying = {pair: _varying(group) for pair, group in groups.items()}
    encoders = [_encoders(experiments, kind) for kind in ENCODERS]
    found = []
    for i, (experiment, mine) in enumerate(zip(experiments, settings, strict=True)):
        parts = {"agent": experiment.name, "env": experiment.source}
        for owner, name in varying[experiment.name, experiment.source]:
            if (owner, name) in mine:
                parts[owner] += f" {name}={format_value(mine[owner, name])}"
        parts["agent"] = DOT.join([parts["agent"], *(names[i] for names in encoders if names[i])])
        found.append(Label(**parts))
    return found


def _encoders(experiments: Sequence[TrainingSpec], kind: str) -> list[str]:
    """Label of each experiment's encoder of a kind; empty where it has none.

    A label has the encoder's name, its mode unless it is frozen, and what differs among encoders of one agent and
    environment: options are compared among all of that name, weight and fit among those with equal options and mode.
    """
    alike: dict[tuple[str, ...], list[_Encoder]] = {}
    found = []
    for experiment in experiments:
        one = _Encoder.from_use(getattr(experiment, kind, None), (experiment.name, experiment.source))
        found.append(one)
        if one is not None:
            alike.setdefault(one.place, []).append(one)
    names = []
    for one in found:
        others = [] if one is None else alike[one.place]
        names.append("" if one is None else one.among(others))
    return names


@dataclass(frozen=True)
class _Encoder:
    """Encoder of one experiment, as far as labels need it.

    Attributes:
        place: agent, environment and encoder name; encoders are compared if these are equal.
        called: the encoder's name and mode.
        options: the encoder's hyperparameters.
        use: the encoder's weight and the digest of its fit.
        fit: readable name of the fit.
    """

    place: tuple[str, ...]
    called: str
    options: Mapping[str, Any]
    use: Mapping[str, Any]
    fit: str

    @classmethod
    def from_use(cls, use: Any, place: tuple[str, ...]) -> _Encoder | None:
        if use is None:
            return None
        taken = dict(vars(use))
        name, options, start = taken.pop("name"), dict(taken.pop("options")), taken.pop("start")
        mode, weight = taken.pop("mode", "novelty"), taken.pop("loss_weight", None)
        taken.pop("labels")
        fitted = start is not None and start.run != TO_COME
        joint = {"loss_weight": weight if mode == "joint" else None, "fit": start.digest if fitted else None}
        called = name if mode == "frozen" else f"{name} ({mode})"
        fit = f"{start.run}@{start.step}" if start else "none"
        return cls((*place, name), called, {**options, **taken}, joint, fit)

    def among(self, others: Sequence[_Encoder]) -> str:
        """Label among encoders of the same place: the name, and the settings that differ."""
        uses = [one.use for one in others if (one.called, one.options) == (self.called, self.options)]
        differing = {name: self.options[name] for name in _varying([one.options for one in others])}
        differing |= {name: self.use[name] for name in _varying(uses)}
        differing |= {"fit": self.fit} if "fit" in differing else {}
        return " ".join(
            [self.called, *(f"{name}={format_value(value)}" for name, value in differing.items())]
        )


def _varying(group: Sequence[Mapping[Key, Any]]) -> list[Key]:
    names = dict.fromkeys(name for settings in group for name in settings)
    absent = object()
    return [
        name for name in names if any(s.get(name, absent) != group[0].get(name, absent) for s in group[1:])
    ]
