"""What is in the folders is what is installed: no plugin can be forgotten."""

from __future__ import annotations

import importlib.metadata
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PACKAGES = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
ENTRY_POINTS = PROJECT["project"]["entry-points"]["arena"]


def plugins(root):
    """The import packages in a folder of plugins."""
    return sorted(path.name for path in (ROOT / root).iterdir() if (path / "__init__.py").exists())


def test_every_package_and_module_is_listed_and_exists():
    found = {"arena"}
    for root in ("envs", "plugins"):
        found |= {f"{root}/{name}" for name in plugins(root)}
        found |= {f"{root}/{path.name}" for path in (ROOT / root).glob("*.py")}
    assert set(PACKAGES) == found
    assert len(PACKAGES) == len(found)
    assert not any("*" in package for package in PACKAGES), "hatchling silently ignores globs"


def test_every_plugin_has_an_entry_point_and_it_is_light():
    named = {value.partition(".")[0].removesuffix("_plugin") for value in ENTRY_POINTS.values()}
    assert named == {*plugins("envs"), *plugins("plugins")}
    for name, value in ENTRY_POINTS.items():
        root = "envs" if name in plugins("envs") else "plugins"
        expected = f"{name}_plugin" if root == "envs" else f"{name}.plugin"
        assert value == expected, "an entry point names a light module (docs/decisions/0001)"
        assert (ROOT / root / f"{value.replace('.', '/')}.py").exists()


def test_nothing_but_arena_goes_to_site_packages():
    names = [Path(package).stem for package in PACKAGES]
    assert all(name == "arena" or name.startswith("arena_") for name in names)
    for root in ("envs", "plugins", "tests"):
        assert not (ROOT / root / "__init__.py").exists(), "a folder, not a package"


def test_folders_of_plugins_hold_nothing_else():
    for root in ("envs", "plugins"):
        for path in (ROOT / root).iterdir():
            known = path.name.startswith("arena_") or path.name in ("__pycache__", "README.md")
            assert known, f"{path} is no plugin"


@pytest.mark.parametrize("package", [package for package in PACKAGES if not package.endswith(".py")])
def test_every_package_is_typed(package):
    assert (ROOT / package / "py.typed").exists(), f"touch {package}/py.typed"


def test_a_wheel_holds_the_templates_and_what_the_pages_are_made_of():
    wheel = pytest.importorskip("hatchling.builders.wheel", reason="hatchling is not installed")
    packed = {file.distribution_path for file in wheel.WheelBuilder(str(ROOT)).recurse_included_files()}
    folder = ROOT / "plugins"
    data = [path for kind in ("html", "css", "js", "typed") for path in folder.rglob(f"*.{kind}")]
    assert len([path for path in data if path.parent.name == "templates"]) >= 5
    assert {str(path.relative_to(folder)) for path in data} <= packed


def test_the_version_is_said_once():
    version = PROJECT["project"]["version"]
    assert importlib.metadata.version("arena-rl") == version
    for package in PACKAGES:
        for path in [ROOT / package] if package.endswith(".py") else (ROOT / package).rglob("*.py"):
            assert "__version__" not in path.read_text(), f"{path}: ask importlib.metadata"


def test_installed_entry_points_are_the_declared_ones():
    points = importlib.metadata.distribution("arena-rl").entry_points
    assert {p.name: p.value for p in points.select(group="arena")} == ENTRY_POINTS
    assert {p.name: p.value for p in points.select(group="console_scripts")} == PROJECT["project"]["scripts"]


def test_pygame_comes_as_pygame_ce_alone():
    groups = [PROJECT["project"]["dependencies"], *PROJECT["project"]["optional-dependencies"].values()]
    needed = {requirement.split(";")[0] for group in groups for requirement in group}
    names = {
        "".join(c if c.isalnum() or c in "-_" else " " for c in one).split()[0].lower() for one in needed
    }
    assert "pygame" not in names, "pygame-ce is imported as pygame; the two exclude each other"


def test_the_requirements_that_others_rely_on():
    assert PROJECT["project"]["name"] == "arena-rl"
    assert PROJECT["project"]["requires-python"] == ">=3.11"
    assert "torch>=2.8,<2.14" in PROJECT["project"]["dependencies"]
