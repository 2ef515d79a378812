"""``arena check NAME``: put an agent, an encoder, an environment or a plugin to the test."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from arena.cli.checks import Check, Finding, findings
from arena.cli.output import clean, console, only_json, print_json
from arena.errors import ArenaError, unknown_name
from arena.plugins.discovery import PluginInfo, get_plugins
from arena.plugins.specs import AgentSpec

__all__ = ["configure", "run"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of ``arena check``."""
    parser.description = (
        "Tests an agent, an encoder, an environment or a plugin; status 1 when something fails."
    )
    add = parser.add_argument
    add("name", metavar="NAME", help="the name of an agent, an encoder or a plugin, or an environment's id")
    add("--env", metavar="ENV", help="try an agent there (default: a small environment that fits)")
    add("--json", action="store_true", help="print one JSON object")


def run(args: argparse.Namespace) -> int:
    """Checks, line by line."""
    found: list[Finding] = []
    with only_json(args.json):  # plugins that are imported here may print
        kind, found_so_far = _findings(args.name, args.env)
        if not args.json:
            console().print(clean(f"{kind} {args.name}"), style="bold")
        for finding in found_so_far:
            found.append(finding)
            if not args.json:
                _show(finding)
    failed = sum(finding.mark == "✗" for finding in found)
    if args.json:
        names = {"✓": "passed", "!": "doubtful", "·": "does not apply", "✗": "failed"}
        rows = [{"check": f.title, "status": names[f.mark], "text": f.text} for f in found]
        print_json({"kind": kind, "name": args.name, "passed": failed == 0, "checks": rows})
    return 1 if failed else 0


def _findings(name: str, env: str | None) -> tuple[str, Iterator[Finding]]:
    plugins = get_plugins()
    if name in plugins.agents:
        from arena.cli.check_agent import agent_findings

        return "agent", agent_findings(plugins.agents[name], env)
    if name in plugins.encoders:
        from arena.cli.check_encoder import encoder_findings

        return "encoder", encoder_findings(plugins.encoders[name])
    info = next((info for info in plugins.infos if info.name == name), None)
    if info is not None:
        return "plugin", findings(_plugin_checks(info))
    from arena.cli.check_environment import environment_findings
    from arena.environments.factory import EnvironmentFactory

    try:
        factory = EnvironmentFactory.resolve(name)
    except ArenaError as error:
        if not error.problem.startswith("no environment"):
            raise
        import gymnasium as gym

        known = {
            *plugins.agents,
            *plugins.encoders,
            *plugins.environments,
            *gym.registry,
            *(info.name for info in plugins.infos),
        }
        raise unknown_name(
            "agent, encoder, environment or plugin", name, known, "see `arena list`"
        ) from error
    return "environment", environment_findings(factory)


def _plugin_checks(info: PluginInfo) -> Iterator[Check]:
    """What a plugin contributes, as far as it can be imported."""

    def sound() -> str:
        problem = "; ".join(info.problems)
        if info.status != "ok":
            raise ArenaError(f"{info.status}: {problem}", "mend or update the plugin")
        return f"{info.distribution} {info.version}".strip()

    yield Check("loads, and its hooks are hooks", sound)
    for noun, registry in get_plugins().registries.items():
        for spec in registry.values():
            if spec.plugin == info.name and spec.target:
                yield Check(f"{noun}: {spec.name} can be imported", lambda spec=spec: _imported(spec))  # type: ignore[misc]


def _imported(spec: AgentSpec) -> str:
    spec.load()
    return spec.target


def _show(finding: Finding) -> None:
    from rich.table import Table
    from rich.text import Text

    styles = {"✓": "green", "!": "yellow", "·": "dim", "✗": "bold red"}
    line = Text(clean(finding.title))
    if finding.text:
        line.append(clean(f"  {finding.text}"), style="dim" if finding.mark in "✓·" else styles[finding.mark])
    table = Table.grid(padding=(0, 1, 0, 0))
    table.add_row(Text(finding.mark, style=styles[finding.mark]), line)
    console().print(table)
