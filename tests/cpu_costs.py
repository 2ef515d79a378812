"""CPU seconds of every test, summed by file, test function, registered thing and family, and held against budgets.

Processor time is measured, not elapsed time: a busy machine changes elapsed time tenfold, processor time little. The
child processes that a test has waited for are counted with it. What a fixture costs is charged to the first test that
asks for it.

`pytest --costs` prints the largest sums; without it only what is over budget is printed. Nothing fails.
"""

from __future__ import annotations

import os
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath
from typing import Any

import pytest

from arena.plugins.discovery import get_plugins

#: CPU seconds that the laws may take of one registered agent, encoder or environment.
LAWS_BUDGET = 1.5

#: CPU seconds that the proofs of one family may take: the files tests/plugins/test_FAMILY_*.py.
FAMILY_BUDGET = 60.0

#: Lines of each table that `--costs` prints.
LINES = 40

PROPERTY, THING = "cpu_seconds", "registered_thing"

#: Property of a test whose law does not apply to the thing that it was tried on; its value is the law's name.
DOES_NOT_APPLY = "does_not_apply"


class CpuCosts:
    """Pytest plugin: measures in the process that runs a test, adds up in the one that prints.

    Args:
        config: of the session.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._before = cpu_seconds()
        self._at_start = self._before
        self._by_test: dict[str, float] = defaultdict(float)
        self._by_thing: dict[str, float] = defaultdict(float)
        self._not_applied: Counter[str] = Counter()
        self._processes = 0.0
        #: Every name that a parameter of a test is compared with; read when the first test has run.
        self._registered: dict[str, frozenset[str]] = {}

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logstart(self) -> None:
        self._before = cpu_seconds()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Iterator[None]:
        report: Any = yield  # type: ignore[misc]
        now = cpu_seconds()
        report.user_properties.append((PROPERTY, now - self._before))
        if item.get_closest_marker("laws") is not None:
            report.user_properties.extend((THING, thing) for thing in self._things(item))
        self._before = now
        return report  # type: ignore[return-value]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if hasattr(self._config, "workerinput"):
            return
        properties = report.user_properties
        cost = sum(float(str(value)) for name, value in properties if name == PROPERTY)
        self._by_test[report.nodeid] += cost
        for name, value in properties:
            if name == THING:
                self._by_thing[str(value)] += cost
            if name == DOES_NOT_APPLY and report.when == "call":
                self._not_applied[str(value)] += 1

    def pytest_sessionfinish(self) -> None:
        if hasattr(self._config, "workerinput"):
            self._config.workeroutput[PROPERTY] = cpu_seconds()
        else:
            self._processes += cpu_seconds(children=False)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        self._processes += getattr(node, "workeroutput", {}).get(PROPERTY, 0.0)

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        write = terminalreporter
        families, things = _families(self._by_test), self._by_thing
        over = [
            (f"laws of {name}", cost, LAWS_BUDGET) for name, cost in _largest(things) if cost > LAWS_BUDGET
        ] + [
            (f"proofs of {name}", cost, FAMILY_BUDGET)
            for name, cost in _largest(families)
            if cost > FAMILY_BUDGET
        ]
        if self._not_applied:
            laws = ", ".join(f"{law} {count}" for law, count in self._not_applied.most_common())
            write.line(f"laws that do not apply to a registered thing: {laws}")
        if over:
            write.section("over the budget of CPU seconds (CONTRIBUTING.md)")
            for name, cost, budget in over:
                write.line(f"{cost:8.2f} of {budget:4.1f}  {name}")
        if not self._config.getoption("--costs"):
            return
        tests = sum(self._by_test.values())
        write.section("CPU seconds")
        write.line(f"{tests:8.1f}  in tests, of {self._processes:.1f} in all processes")
        tables = {
            "file": _summed(self._by_test, lambda name: name.partition("::")[0]),
            "family": families,
            "test function": _summed(self._by_test, lambda name: name.partition("[")[0]),
            "test": self._by_test,
            "laws of": things,
        }
        for title, costs in tables.items():
            write.section(f"CPU seconds by {title}", sep=".")
            for name, cost in list(_largest(costs))[: self._config.getoption("--costs")]:
                write.line(f"{cost:8.2f}  {name}")

    def _things(self, item: pytest.Item) -> list[str]:
        """Registered thing that a test of laws is about: of an agent in an environment, the agent."""
        if not self._registered:
            plugins = get_plugins()
            kinds = {
                "agent": plugins.agents,
                "encoder": plugins.encoders,
                "environment": plugins.environments,
            }
            self._registered = {kind: frozenset(names) for kind, names in kinds.items()}
        callspec = getattr(item, "callspec", None)
        words = set(_strings(callspec.params.values())) if callspec is not None else set()
        found = [
            f"{kind} {word}" for kind, names in self._registered.items() for word in sorted(words & names)
        ]
        return found[:1]


def cpu_seconds(*, children: bool = True) -> float:
    """Processor seconds of this process so far, and of the children that it has waited for."""
    times = os.times()
    own = times.user + times.system
    return own + times.children_user + times.children_system if children else own


def _strings(values: Iterable[object]) -> Iterator[str]:
    for value in values:
        if isinstance(value, str):
            yield value
        elif isinstance(value, tuple | list):
            yield from _strings(value)


def _families(by_test: dict[str, float]) -> dict[str, float]:
    def family(name: str) -> str:
        path = PurePosixPath(name.partition("::")[0])
        found = re.match(r"test_([a-z0-9]+)", path.stem)
        return found[1] if found and path.parent.name == "plugins" else ""

    sums = _summed(by_test, family)
    sums.pop("", None)
    return sums


def _summed(costs: dict[str, float], group: Any) -> dict[str, float]:
    sums: dict[str, float] = defaultdict(float)
    for name, cost in costs.items():
        sums[group(name)] += cost
    return sums


def _largest(costs: dict[str, float]) -> list[tuple[str, float]]:
    return sorted(costs.items(), key=lambda pair: -pair[1])
