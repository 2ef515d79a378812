"""Only this repository's plugins join the laws, whatever else is installed beside them."""

import contextlib
import os
import tomllib
from pathlib import Path

import cpu_costs
from arena.plugins import Plugins, use

# Before torch is imported: a core for each worker. Threads that wait for each other's cores cost tenfold.
os.environ.setdefault("OMP_NUM_THREADS", "1")

OURS = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def pytest_addoption(parser):
    help = "print so many of the largest sums of CPU seconds: by file, test and registered thing"
    parser.addoption("--costs", nargs="?", type=int, const=cpu_costs.LINES, default=0, help=help)


def pytest_configure(config):
    config.pluginmanager.register(cpu_costs.CpuCosts(config), "cpu_costs")
    # Not by setting ARENA_PLUGINS: that would also forbid the plugins in memory that tests make.
    stack = contextlib.ExitStack()
    config.add_cleanup(stack.close)
    allow = None if "ARENA_PLUGINS" in os.environ else OURS["entry-points"]["arena"]
    stack.enter_context(use(Plugins(allow=allow)))
