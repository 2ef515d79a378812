"""A data set on disk: what was written is read, memory is bounded, and whatever is wrong is said in one line."""

import json
import os
import tracemalloc
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest

from arena.environments.space_json import from_json, inferred_space, storage_space, to_json
from arena.errors import ArenaError
from arena.frames import Column, Frames, Writer

BOX = gym.spaces.Box(0, 255, (4, 5, 3), np.uint8)
COLUMNS = [
    Column("observation", BOX),
    Column("action", gym.spaces.Box(-1, 1, (2,))),
    Column("begin", None),
    Column("label.state", gym.spaces.Box(-np.inf, np.inf, (3,))),
    Column("label.kind", gym.spaces.Discrete(7)),
]


def rows(count=20, seed=0):
    rng = np.random.default_rng(seed)
    return {
        "observation": rng.integers(0, 256, (count, 4, 5, 3), np.uint8),
        "action": rng.uniform(-1, 1, (count, 2)).astype(np.float32),
        "begin": np.arange(count) % 5 == 0,
        "label.state": rng.normal(size=(count, 3)).astype(np.float32),
        "label.kind": rng.integers(7, size=count),
    }


def write(folder, given=None, parts=(20,), columns=COLUMNS, source=None):
    given, start = given or rows(sum(parts)), 0
    with Writer(folder, columns, source or {"kind": "test"}, parts) as writer:
        for part, length in enumerate(parts):
            for at in range(start, start + length, 3):
                piece = slice(at, min(at + 3, start + length))
                writer.write({name: array[piece] for name, array in given.items()}, part)
            start += length
        return writer.finish()


def test_what_was_written_is_read(tmp_path):
    given, frames = rows(), write(tmp_path / "set", parts=(13, 7))
    frames.verify()
    assert len(frames) == 20 and frames.episodes == 4
    assert frames.starts.tolist() == [0, 5, 10, 15]
    for name, array in (
        ("observation", frames.observation),
        ("action", frames.action),
        ("begin", frames.begin),
    ):
        assert array.dtype == given[name].dtype and np.array_equal(array, given[name])
        assert np.array_equal(np.load(tmp_path / "set" / f"{name}.npy", allow_pickle=False), array)
    for name, array in frames.labels.items():
        assert np.array_equal(array, given[f"label.{name}"])
    assert frames.observation_space == BOX and frames.action_space == COLUMNS[1].space
    assert frames.label_spaces == {"kind": gym.spaces.Discrete(7), "state": COLUMNS[3].space}
    assert repr(frames) == "Frames(20 of 4 episodes: uint8(4, 5, 3), labels kind, state)"
    assert not list((tmp_path / "set").glob("*.lock"))
    with pytest.raises(ValueError, match="read-only"):
        frames.observation[0] = 0


def test_bytes_depend_on_what_is_written_alone(tmp_path):
    one, other = write(tmp_path / "a"), write(tmp_path / "b", rows())
    for name in os.listdir(one.folder):
        assert (one.folder / name).read_bytes() == (other.folder / name).read_bytes()
    changed = rows()
    changed["label.kind"][3] += 1 if changed["label.kind"][3] < 6 else -1
    assert write(tmp_path / "c", changed).digest != one.digest


def test_a_set_may_be_moved(tmp_path):
    digest = write(tmp_path / "a").digest
    (tmp_path / "a").rename(tmp_path / "b")
    assert Frames(tmp_path / "b", verify=True).digest == digest


def test_memory_does_not_grow_with_the_set(tmp_path):
    columns = [Column("observation", gym.spaces.Box(0, 255, (64, 64, 3), np.uint8))]
    piece = np.zeros((16, 64, 64, 3), np.uint8)
    tracemalloc.start()
    try:
        with Writer(tmp_path / "set", columns, {}, [1600]) as writer:
            for _ in range(100):
                writer.write({"observation": piece})
            frames = writer.finish()
        assert frames.observation[::100].sum() == 0
        frames.verify()
        assert frames.observation.nbytes > 19e6
        assert tracemalloc.get_traced_memory()[1] < 2e6
    finally:
        tracemalloc.stop()


def edited(change):
    def edit(folder):
        document = json.loads((folder / "frames.json").read_text())
        change(document)
        (folder / "frames.json").write_text(json.dumps(document))

    return edit


def flip(name, at=-1):
    def change(folder):
        data = bytearray((folder / name).read_bytes())
        data[at] ^= 1
        (folder / name).write_bytes(data)

    return change


def swap(folder):
    (folder / "label.kind.npy").write_bytes((folder / "label.kind.npy").read_bytes().replace(b"<i8", b"<f8"))


def pipe(folder):
    (folder / "begin.npy").unlink()
    os.mkfifo(folder / "begin.npy")


DAMAGES = {
    "missing folder": (lambda f: f.rename(f.parent / "gone"), "cannot read .*set: No such file"),
    "missing page": (
        lambda f: (f / "frames.json").unlink(),
        "is not a data set: it has no frames.json; give",
    ),
    "torn page": (lambda f: (f / "frames.json").write_text('{"schema": 1, "cou'), "frames.json is damaged"),
    "empty page": (lambda f: (f / "frames.json").write_text("{}"), "damaged: it lacks 'schema'"),
    "list for a page": (lambda f: (f / "frames.json").write_text("[1]"), "frames.json is damaged"),
    "deep page": (lambda f: (f / "frames.json").write_text("[" * 99999), "frames.json is damaged"),
    "newer": (edited(lambda d: d.update(schema=99)), "schema is 99, and this version reads up to 1; update"),
    "count": (edited(lambda d: d.update(count=19)), "damaged: its entries are inconsistent"),
    "source": (edited(lambda d: d["source"].update(kind="other")), "damaged: its entries are inconsistent"),
    "digest": (edited(lambda d: d["columns"]["begin"].update(sha256="0" * 64)), "entries are inconsistent"),
    "space": (edited(lambda d: d["columns"]["action"].update(space=3)), "frames.json is damaged"),
    "huge": (
        edited(lambda d: d["columns"]["observation"]["space"].update(shape=[10**6, 10**6], low=0, high=1)),
        "frames.json is damaged: no space is a box",
    ),
    "way out": (
        edited(lambda d: d["columns"].update({"label.../x": d["columns"]["action"]})),
        "a label cannot be called '../x'",
    ),
    "missing file": (lambda f: (f / "action.npy").unlink(), "cannot read .*action.npy: No such file"),
    "truncated": (
        lambda f: os.truncate(f / "observation.npy", 999),
        "has 999 bytes instead of 1,328; restore",
    ),
    "longer": (lambda f: os.truncate(f / "begin.npy", 4096), "begin.npy has 4,096 bytes instead of 148"),
    "foreign": (swap, "label.kind.npy is not the label.kind that frames.json describes"),
    "pipe": (pipe, "begin.npy is not a regular file"),
    "first": (flip("begin.npy", 128), "begins within an episode"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_said_when_it_is_opened(tmp_path, damage):
    change, said = DAMAGES[damage]
    write(tmp_path / "set")
    change(tmp_path / "set")
    with pytest.raises(ArenaError, match=said) as caught:
        Frames(tmp_path / "set")
    assert caught.value.remedy and "\n" not in str(caught.value)


@pytest.mark.parametrize("name", [column.file for column in COLUMNS])
def test_a_changed_bit_is_found_when_asked_for(tmp_path, name):
    frames = write(tmp_path / "set", parts=(4, 16))
    flip(name)(tmp_path / "set")
    again = Frames(tmp_path / "set")
    for verify in (again.verify, frames.verify, lambda: Frames(tmp_path / "set", verify=True)):
        with pytest.raises(ArenaError, match=f"{name} does not match its digest; restore"):
            verify()


def test_one_that_was_killed_is_refused_and_written_anew(tmp_path):
    expected, folder = write(tmp_path / "whole").digest, tmp_path / "set"
    if os.fork() == 0:
        writer = Writer(folder, COLUMNS, {"kind": "test"}, (20,)).__enter__()
        writer.write({name: array[:7] for name, array in rows().items()})
        os._exit(0)
    os.wait()
    assert (folder / "observation.npy").exists()
    with pytest.raises(ArenaError, match="set is unfinished, or is being written; collect it again"):
        Frames(folder)
    assert write(folder).digest == expected
    Frames(folder, verify=True)


def test_one_that_failed_leaves_nothing(tmp_path):
    def fail():
        with Writer(tmp_path / "set", COLUMNS, {}, (20,)) as writer:
            writer.write({name: array[:7] for name, array in rows().items()})
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert not (tmp_path / "set").exists()


def test_a_folder_of_others_is_left_alone(tmp_path):
    for name in ("notes.txt", "observation.npy"):
        folder = tmp_path / name.partition(".")[0]
        folder.mkdir()
        (folder / name).write_text("mine")
        with pytest.raises(ArenaError, match=f"holds other files, such as {name}; choose another folder"):
            write(folder)
        assert os.listdir(folder) == [name]
    write(tmp_path / "set")
    with pytest.raises(ArenaError, match="already holds a data set"):
        write(tmp_path / "set")


def test_only_one_process_writes(tmp_path):
    with Writer(tmp_path / "set", COLUMNS, {}, (20,)):
        with pytest.raises(ArenaError, match="another process is writing .*set; wait"):
            write(tmp_path / "set")


def test_nothing_is_written_through_links(tmp_path):
    target = tmp_path / "target"
    target.mkdir()
    (tmp_path / "link").symlink_to(target)
    with pytest.raises(ArenaError, match="link is a link; give the folder that it points to"):
        write(tmp_path / "link")
    precious, folder = tmp_path / "precious", tmp_path / "set"
    precious.write_text("precious")
    folder.mkdir()
    (folder / "unfinished.lock").touch()
    for name in ("observation.npy", "label.kind.npy"):
        (folder / name).symlink_to(precious)
    write(folder)
    assert precious.read_text() == "precious" and not (folder / "observation.npy").is_symlink()
    other = tmp_path / "other"
    other.mkdir()
    (other / "unfinished.lock").symlink_to(precious)
    with pytest.raises(ArenaError, match="is a link"):
        write(other)
    assert precious.read_text() == "precious" and not list(target.iterdir())


def test_a_full_disk_is_one_line(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("arena.frames.writer.write_all", full)
    with pytest.raises(ArenaError, match="cannot write .*: No space left on device; free some space"):
        write(tmp_path / "set")
    assert not (tmp_path / "set").exists()


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("action", np.nan, "the action of frame 11 has nan, which is not a finite number; fix"),
        ("label.state", np.inf, "the label state of frame 11 has inf"),
        ("label.kind", 7, "the label kind of frame 11 has 7, which is outside its space"),
        ("label.kind", -1, "the label kind of frame 11 has -1"),
    ],
)
def test_values_that_would_spoil_training_are_refused(tmp_path, name, value, said):
    given = rows()
    given[name][11] = value
    with pytest.raises(ArenaError, match=said):
        write(tmp_path / "set", given)


def test_columns_that_are_none():
    with pytest.raises(ArenaError, match="a label cannot be called 'a/b'; use letters"):
        Column("label.a/b", BOX)
    with pytest.raises(ArenaError, match=r"observation of a frame has the shape \(0, 3\), which is empty"):
        Column("observation", gym.spaces.Box(0, 1, (0, 3)))


SPACES = [
    BOX,
    gym.spaces.Box(0, 16, (8, 8, 1), np.uint8),
    gym.spaces.Box(np.array([-np.inf, 0.1], np.float32), np.array([np.inf, 0.3], np.float32)),
    gym.spaces.Box(-5, 5, (), np.int64),
    gym.spaces.Discrete(5, start=-2),
    gym.spaces.MultiDiscrete([3, 4], start=[1, 0]),
    gym.spaces.MultiBinary((2, 3)),
]


@pytest.mark.parametrize("space", SPACES, ids=str)
def test_spaces_go_through_json(space):
    assert storage_space(space, "it") is space
    assert from_json(json.loads(json.dumps(to_json(space), allow_nan=False))) == space


def test_other_numbers_become_those_that_torch_knows():
    wide = gym.spaces.Box(-1e300, 1e300, (2,), np.float64)
    assert storage_space(wide, "it") == gym.spaces.Box(-np.inf, np.inf, (2,), np.float32)
    assert storage_space(gym.spaces.Box(0, 9, (2,), np.int32), "it", observed=True).dtype == np.float32
    assert storage_space(gym.spaces.Box(0, 9, (2,), np.uint16), "it") == gym.spaces.Box(0, 9, (2,), np.int64)
    with pytest.raises(ArenaError, match="it is of Text.*which a data set cannot hold"):
        storage_space(gym.spaces.Text(3), "it")


@pytest.mark.parametrize(
    ("value", "space"),
    [
        (True, gym.spaces.Discrete(2)),
        ([True, False], gym.spaces.MultiBinary((2,))),
        (0.5, gym.spaces.Box(-np.inf, np.inf, ())),
        (np.zeros((2, 2), np.uint8), gym.spaces.Box(0, 255, (2, 2), np.uint8)),
        (np.uint64(3), gym.spaces.Box(0, 2**63 - 1, (), np.int64)),
    ],
)
def test_spaces_are_guessed_from_values(value, space):
    assert inferred_space(value, "it") == space


@pytest.mark.parametrize("value", ["text", None, {"a": 1}, [[1], [1, 2]]])
def test_what_is_no_array_is_no_label(value):
    with pytest.raises(ArenaError, match="it is"):
        inferred_space(value, "it")


def test_no_pickle_anywhere():
    for path in (Path(__file__).parents[2] / "arena" / "frames").glob("*.py"):
        text = path.read_text()
        assert "allow_pickle=True" not in text and "import pickle" not in text and "np.load(" not in text
