"""Only this repository's plugins join the laws, whatever else is installed beside them."""

import contextlib
import os
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

import cpu_costs
from arena.plugins.discovery import Plugins, use_plugins
from arena.testing.errors import DoesNotApply

# Before torch is imported: a core for each worker. Threads that wait for each other's cores cost tenfold.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Bytecode is kept, whatever the environment says: every worker and every child process would compile all sources again.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# Nothing here cuts the power; waiting for the disk (1.6 ms a call) is elapsed time without a proof.
os.fsync = lambda descriptor: None

OURS = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]

# The same examples in every run, in any order and in any worker: a failure is seen again.
settings.register_profile(
    "arena",
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=50,
    suppress_health_check=list(HealthCheck),
)
settings.load_profile("arena")


def pytest_addoption(parser):
    help = "print so many of the largest sums of CPU seconds: by file, test and registered thing"
    parser.addoption("--costs", nargs="?", type=int, const=cpu_costs.LINES, default=0, help=help)


def pytest_configure(config):
    config.pluginmanager.register(cpu_costs.CpuCosts(config), "cpu_costs")
    # Not by setting ARENA_PLUGINS: that would also forbid the plugins in memory that tests make.
    stack = contextlib.ExitStack()
    config.add_cleanup(stack.close)
    allow = None if "ARENA_PLUGINS" in os.environ else OURS["entry-points"]["arena"]
    stack.enter_context(use_plugins(Plugins(allow=allow)))


def pytest_sessionstart(session):
    """Before a whole run on several workers, compiles once what each of them would compile."""
    config = session.config
    workers = getattr(config.option, "numprocesses", 0)
    named = [word for word in config.invocation_params.args if Path(str(word).partition("::")[0]).exists()]
    if hasattr(config, "workerinput") or not workers or workers < 2 or named or config.option.collectonly:
        return
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, str(Path(__file__).with_name("warm_cache.py")), folder]
        processes = [subprocess.Popen(command) for _ in range(workers)]
        failed = [process.wait() for process in processes]
    if any(failed):
        print("tests/warm_cache.py failed: every worker compiles for itself", file=sys.stderr)


@pytest.fixture(autouse=True, scope="session")
def state_home(tmp_path_factory):
    """A folder in place of the home's, for the files that this user has made or trusts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield


#: Files that wait for processes, browsers and signals, the longest first.
LONGEST = (
    *("test_ray", "test_report_page", "test_workers", "test_runner", "test_resume", "test_laws_catch"),
    *("test_optuna", "test_fit", "test_workers_stop", "test_parallel", "test_faults", "test_cli_sweep"),
    *("test_journal", "test_start", "test_docs", "test_viewer_window"),
)


@pytest.hookimpl(trylast=True)  # after deselection
def pytest_collection_modifyitems(items):
    """Puts the longest files first in each half of the tests, with which the two workers of a run begin.

    A worker that has run out of tests takes some from the end of the other's; what is left at the end is then short.
    """
    files = {name: [item for item in items if item.path.stem == name] for name in LONGEST}
    others = [item for item in items if item.path.stem not in files]
    halves = [[item for name in LONGEST[start::2] for item in files[name]] for start in (0, 1)]
    middle = max(0, min(len(others), len(items) // 2 - len(halves[0])))
    items[:] = [*halves[0], *others[:middle], *halves[1], *others[middle:]]


@pytest.fixture
def keeps(record_property):
    """Tries a law; where it does not apply, the summary counts it.

    It takes the law, the arguments to try in turn until the law applies to one, and the law's settings.
    """

    def keeps(law, *candidates, **settings):
        for arguments in candidates:
            try:
                return law(*arguments, **settings)
            except DoesNotApply:
                pass
        return record_property(cpu_costs.DOES_NOT_APPLY, law.__name__)

    return keeps
