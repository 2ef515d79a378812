"""Sources of plugins: found by name, prefix or suffix, with options of their own; everything else stays what it is."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import gymnasium as gym
import numpy as np
import pytest

import arena
from arena.errors import ArenaError
from arena.frames import Column, Frames, Writer, open_data, open_source
from arena.frames.references import data_reference
from arena.frames.sources import find_source
from arena.frames.writer import open_existing, output_folder
from arena.plugins.discovery import ArenaPluginWarning, Plugins, use_plugins
from arena.plugins.specs import FOLDER, SourceSpec


def written(name: str, values: list[float], out: str | Path | None) -> Frames:
    """Frames of one number each."""
    source = {"kind": name, "values": values}
    folder = output_folder(out, name, source)
    if found := open_existing(folder, source):
        return found
    columns = [Column("observation", gym.spaces.Box(-np.inf, np.inf, (1,), np.float32))]
    with Writer(folder, columns, source, [len(values)]) as writer:
        writer.write({"observation": np.array(values, np.float32)[:, None]})
        return writer.finish()


def ramp(out: str | Path | None = None, *, count: int = 3, slope: float = 1.0) -> Frames:
    """Numbers on a straight line.

    Args:
        out: a new folder.
        count: number of frames.
        slope: step between two frames.
    """
    return written("ramp", [slope * i for i in range(count)], out)


def column(path: Path, out: str | Path | None = None, *, skip: int = 0) -> Frames:
    """Numbers of a text file, one in each line."""
    return written("column", [float(line) for line in path.read_text().split()[skip:]], out)


def folder(path: Path, out: str | Path | None = None) -> Frames:
    """Sizes of the files in a folder."""
    return written("folder", [float(one.stat().st_size) for one in sorted(path.iterdir())], out)


SPECS = (
    SourceSpec(name="ramp", summary="A straight line", target="test_sources_home:ramp"),
    SourceSpec(
        name="column",
        summary="Numbers of a text file",
        target="test_sources_home:column",
        reads="file",
        suffixes=(".txt", ".col"),
    ),
    SourceSpec(name="sizes", summary="Sizes of files", target="test_sources_home:folder", reads="folder"),
    SourceSpec(name="wrong", summary="A source that returns no frames", target="test_sources_home:wrong"),
)


def plugin(*specs):
    return SimpleNamespace(arena_sources=arena.hookimpl(specname="arena_sources")(lambda: specs))


@pytest.fixture
def theirs(tmp_path, monkeypatch):
    """Installed plugins and a third-party one, whose sources these are."""
    monkeypatch.chdir(tmp_path)
    home = ModuleType("test_sources_home")
    vars(home).update(ramp=ramp, column=column, folder=folder, wrong=lambda out=None: [1, 2])
    monkeypatch.setitem(sys.modules, "test_sources_home", home)
    Path("numbers.txt").write_text("1 2 3 4")
    with use_plugins(Plugins(extra={"theirs": plugin(*SPECS)})) as plugins:
        yield plugins


def numbers(frames):
    return frames.observation[:, 0].tolist()


@pytest.mark.usefixtures("theirs")
def test_a_source_of_a_plugin_opens_by_name_prefix_and_suffix():
    assert numbers(open_source("ramp")) == [0, 1, 2]
    assert numbers(open_source("ramp", "out", count=2, slope=3)) == [0, 3]
    assert numbers(open_source("out")) == [0, 3]  # the folder of a data set
    Path("NUMBERS.TXT").write_text("5")
    for source in ("column:numbers.txt", "numbers.txt", Path("numbers.txt")):
        assert numbers(open_source(source, skip=2)) == [3, 4]
    assert numbers(open_source("NUMBERS.TXT")) == [5]
    Path("plain").write_text("7")
    assert numbers(open_source("column:plain")) == [7]
    Path("files").mkdir()
    Path("files", "a").write_text("four")
    assert numbers(open_source("sizes:files")) == [4]


@pytest.mark.usefixtures("theirs")
@pytest.mark.parametrize(
    ("source", "options", "said"),
    [
        ("ramp", {"cuont": 2}, "no option of ramp is called 'cuont'; did you mean 'count'"),
        ("ramp", {"count": "two"}, "ramp.count is 'two', which is not a whole number"),
        ("numbers.txt", {"count": 2}, "no option of column is called 'count'; known: skip"),
        ("rapm", {}, "no source is called 'rapm'; did you mean 'ramp'"),
        ("colum:numbers.txt", {}, "no source is called 'colum'; did you mean 'column'"),
        ("column:none.txt", {}, "^none.txt does not exist"),
        ("none.col", {}, "^none.col does not exist"),
        ("sizes:numbers.txt", {}, "numbers.txt is not a folder, which sizes reads"),
        ("column", {}, "the source column reads a file; write column:FILE"),
        (
            "wrong",
            {},
            "the source wrong returned list, not arena.frames.Frames; fix or update the plugin theirs",
        ),
    ],
)
def test_what_is_wrong_with_a_source_is_said(source, options, said):
    with pytest.raises(ArenaError, match=said):
        open_source(source, **options)


@pytest.mark.usefixtures("theirs")
def test_a_reference_makes_the_frames_again():
    for source, options, name in (("ramp", {"count": 5}, "ramp"), ("column:numbers.txt", {}, "numbers")):
        data = data_reference(source, **options)
        assert data.name == name
        for path in Path(data.folder).iterdir():
            path.unlink()
        assert open_data(data).digest == data.digest


@pytest.mark.usefixtures("theirs")
def test_an_environment_of_a_module_stays_an_environment(monkeypatch):
    Path("columns.py").write_text(  # similar to the name of a source
        "import gymnasium\ngymnasium.register('theirs/Pole-v0', 'gymnasium.envs.classic_control:CartPoleEnv')\n"
        "def make() -> gymnasium.Env:\n    return gymnasium.make('CartPole-v1')\n"
    )
    monkeypatch.syspath_prepend(str(Path.cwd()))
    for source in ("columns:theirs/Pole-v0", "columns:make", "CartPole-v1"):
        assert find_source(source).is_environment
        assert open_source(source, n=4, horizon=3).source["kind"] == "environment"
    monkeypatch.delitem(sys.modules, "columns")
    gym.registry.pop("theirs/Pole-v0")


def test_a_contested_suffix_goes_to_the_first_and_names_both():
    mine = [
        SourceSpec(name=name, summary="A source", reads="file", suffixes=(".b", f".{name}")) for name in "za"
    ]
    extra = {"one": plugin(mine[0]), "two": plugin(mine[1])}
    plugins = Plugins(installed=False, extra=extra)
    with pytest.warns(ArenaPluginWarning) as caught:
        found = plugins.sources
    problem = "suffix '.b' is claimed by one (in memory), two (in memory); the one of one (in memory) is used"
    assert [str(warning.message) for warning in caught] == [f"plugin two (in memory): {problem}"]
    assert (found["z"].suffixes, found["a"].suffixes) == ((".b", ".z"), (".a",))
    assert [info.status for info in plugins.infos] == ["ok", "warning"]
    with pytest.raises(ArenaError, match="suffix '.b' is claimed"):
        _ = Plugins(installed=False, extra=extra, strict=True).sources


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"name": "a:b"}, "its name has a colon"),
        ({"reads": "url"}, "its reads is 'url'; use one of nothing, file, folder"),
        ({"suffixes": (".a",)}, "it has the suffix '.a', and reads nothing"),
        ({"reads": "file", "suffixes": ("npz",)}, "it has the suffix 'npz', and reads file"),
        ({"reads": "file", "suffixes": (".NPZ",)}, "give lower-case suffixes such as '.npz'"),
        ({"reads": "file", "suffixes": (FOLDER,)}, "it has the suffix '/', and reads file"),
        ({"reads": "folder", "suffixes": (".d",)}, "it has the suffix '.d', and reads folder"),
    ],
)
def test_malformed_specs_are_refused(fields, said):
    with pytest.raises(ArenaError, match=said):
        SourceSpec(**{"name": "a", "summary": "A source", **fields})
