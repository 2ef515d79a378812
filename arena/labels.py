"""What to call each of several experiments: the agent, the environment, and whatever else tells them apart."""

from __future__ import annotations

import reprlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from arena.experiment import Experiment
from arena.start import TO_COME

__all__ = ["Label", "labels", "shown"]

#: The encoders of an experiment, which have a place of their own behind the agent, each behind a dot.
ENCODERS = ("perception", "novelty")
DOT = " · "

#: Settings that a label leaves out: a run's id does, too, or they have a column or a place of their own.
SILENT = ("steps", "seeds", "evaluate_every", "log_every", "trackers", "data", *ENCODERS)

Key = TypeVar("Key")

_REPR = reprlib.Repr()
_REPR.maxstring = _REPR.maxother = 30
_REPR.maxlist = 8


@dataclass(frozen=True)
class Label:
    """The name of one experiment among others.

    Attributes:
        agent: the agent's name, and the settings that tell it apart from others of that name; behind a dot its
            encoder, likewise.
        env: likewise the environment's.
    """

    agent: str
    env: str

    def __str__(self) -> str:
        return f"{self.agent} on {self.env}"


def labels(experiments: Sequence[Experiment]) -> list[Label]:
    """A label for each experiment, in order.

    Only experiments with the same agent and environment need more than these two names; theirs have the settings in
    which any two of them differ.

    Example:
        >>> one, other = (Experiment.create("sarsa", "arena/CliffWalk-v0", agent_options={"epsilon": e},
        ...                                 env_options={"slip": e}) for e in (0.1, 0.2))
        >>> str(labels([one, other])[1])
        'sarsa epsilon=0.2 on arena/CliffWalk-v0 slip=0.2'
        >>> str(labels([one])[0])
        'sarsa on arena/CliffWalk-v0'
    """
    settings = [_settings(experiment) for experiment in experiments]
    groups: dict[tuple[str, str], list[dict[tuple[str, str], Any]]] = {}
    for experiment, mine in zip(experiments, settings, strict=True):
        groups.setdefault((experiment.agent, experiment.env), []).append(mine)
    varying = {pair: _varying(group) for pair, group in groups.items()}
    encoders = [_encoders(experiments, kind) for kind in ENCODERS]
    found = []
    for i, (experiment, mine) in enumerate(zip(experiments, settings, strict=True)):
        said = {"agent": experiment.agent, "env": experiment.env}
        for owner, name in varying[experiment.agent, experiment.env]:
            if (owner, name) in mine:
                said[owner] += f" {name}={shown(mine[owner, name])}"
        said["agent"] = DOT.join([said["agent"], *(names[i] for names in encoders if names[i])])
        found.append(Label(**said))
    return found


def _encoders(experiments: Sequence[Experiment], kind: str) -> list[str]:
    """What to call each experiment's encoder of a kind; nothing where it has none.

    Its name, how it is used unless it is frozen, and what differs among those of one agent and environment: its options
    among all of that name, its weight and its fit among those that have equal options and are used in the same way.
    """
    alike: dict[tuple[str, ...], list[_Encoder]] = {}
    found = []
    for experiment in experiments:
        one = _Encoder.of(getattr(experiment, kind), (experiment.agent, experiment.env))
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
    """One experiment's encoder.

    Attributes:
        place: what those that may have to be told apart share: agent, environment and name.
        called: its name and how it is used.
        options: its hyperparameters.
        use: its weight and the digest of its fit.
        fit: which fit that is, for people.
    """

    place: tuple[str, ...]
    called: str
    options: Mapping[str, Any]
    use: Mapping[str, Any]
    fit: str

    @classmethod
    def of(cls, chosen: Any, place: tuple[str, ...]) -> _Encoder | None:
        if chosen is None:
            return None
        taken = dict(vars(chosen))
        name, options, start = taken.pop("name"), dict(taken.pop("options")), taken.pop("start")
        mode, weight = taken.pop("mode", "novelty"), taken.pop("loss_weight", None)
        taken.pop("labels")
        fitted = start is not None and start.run != TO_COME
        use = {"loss_weight": weight if mode == "joint" else None, "fit": start.digest if fitted else None}
        called = name if mode == "frozen" else f"{name} ({mode})"
        fit = f"{start.run}@{start.step}" if start else "none"
        return cls((*place, name), called, {**options, **taken}, use, fit)

    def among(self, others: Sequence[_Encoder]) -> str:
        """Its name, and what tells it apart from others of its place."""
        used_so = [one.use for one in others if (one.called, one.options) == (self.called, self.options)]
        said = {name: self.options[name] for name in _varying([one.options for one in others])}
        said |= {name: self.use[name] for name in _varying(used_so)}
        said |= {"fit": self.fit} if "fit" in said else {}
        return " ".join([self.called, *(f"{name}={shown(value)}" for name, value in said.items())])


def shown(value: object) -> str:
    """A value of an option in few letters: texts without quotes, numbers without noise, what is long cut short."""
    if isinstance(value, str):
        return " ".join(_REPR.repr(value)[1:-1].replace("\\n", " ").split())
    if isinstance(value, bool) or value is None:
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}" if float(f"{value:g}") == value else repr(value)
    if isinstance(value, list | tuple):
        return f"[{','.join(map(shown, value))}]" if len(value) <= 8 else _REPR.repr(list(value))
    return _REPR.repr(value)


def _settings(experiment: Experiment) -> dict[tuple[str, str], Any]:
    """Whatever may tell experiments of one agent and environment apart, by owner and name."""
    found = {}
    for name, value in vars(experiment).items():
        table, _, options = name.rpartition("_")
        if options == "options" and isinstance(value, Mapping):
            owner = table if table == "env" else "agent"
            found.update({(owner, option): setting for option, setting in value.items()})
        elif name in experiment.__dataclass_fields__ and name not in SILENT:
            found["env" if name in ("env", "wrappers", "horizon", "episodes") else "agent", name] = value
    if experiment.start is not None:
        found["agent", "start"] = f"{experiment.start.run}@{experiment.start.step}"
    return found


def _varying(group: Sequence[Mapping[Key, Any]]) -> list[Key]:
    names = dict.fromkeys(name for settings in group for name in settings)
    absent = object()
    return [
        name for name in names if any(s.get(name, absent) != group[0].get(name, absent) for s in group[1:])
    ]
