"""Pictures, arrays, digits: what is in them comes out, and nothing in them is trusted."""

import builtins
import io
import json
import pickle
import shutil
import zipfile

import gymnasium as gym
import numpy as np
import pytest

from arena.cli import main
from arena.config.options import options_of
from arena.errors import ArenaError
from arena.frames import Frames, collect, open_source
from arena.plugins.discovery import get_plugins
from arena.runs.run import Run, fit_of
from arena.testing.configs import have_help
from arena_data import digits, npz, pictures

Image = pytest.importorskip("PIL.Image")


def picture(path, seed=0, size=(6, 9), mode="RGB"):
    """A picture whose pixels are known: PNG keeps them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (*size, 3), np.uint8)
    Image.fromarray(pixels).convert(mode).save(path)
    return pixels


def test_pictures_come_out_in_the_order_of_their_paths(tmp_path):
    expected = [
        picture(tmp_path / "in" / name, seed) for seed, name in enumerate(("10.png", "9.PNG", "a.png"))
    ]
    (tmp_path / "in" / "notes.txt").write_text("not a picture")
    (tmp_path / "in" / ".hidden.png").write_text("not a picture")
    frames = pictures(tmp_path / "in", tmp_path / "out")
    assert np.array_equal(frames.observation, expected)
    assert frames.observation_space == gym.spaces.Box(0, 255, (6, 9, 3), np.uint8)
    assert frames.begin is frames.action is frames.episodes is None and not frames.labels
    with pytest.raises(ArenaError, match="have no order"):
        _ = frames.starts


def test_sub_folders_are_classes(tmp_path):
    for seed, name in enumerate(("dog/b.png", "cat/deep/z.png", "cat/a.png", "eel/x.jpg")):
        picture(tmp_path / "in" / name, seed)
    frames = pictures(tmp_path / "in", tmp_path / "out")
    assert frames.source["classes"] == ["cat", "dog", "eel"]
    assert frames.labels["class"].tolist() == [0, 0, 1, 2]
    assert frames.label_spaces == {"class": gym.spaces.Discrete(3)}
    picture(tmp_path / "in" / "beside.png")
    with pytest.raises(
        ArenaError, match=r"has pictures such as beside.png beside the sub-folders .*move them"
    ):
        pictures(tmp_path / "in", tmp_path / "other")


def test_sizes_are_one_or_asked_for(tmp_path):
    picture(tmp_path / "in" / "a.png")
    picture(tmp_path / "in" / "b.png", size=(7, 9))
    with pytest.raises(
        ArenaError, match=r"b.png is 7 × 9 pixels high and wide, and .*a.png 6 × 9; give a size"
    ):
        pictures(tmp_path / "in", tmp_path / "out")
    for size, shape in ((4, (4, 4, 3)), ((5, 8), (5, 8, 3))):
        assert pictures(tmp_path / "in", tmp_path / f"{size}", size=size).observation.shape == (2, *shape)
    for wrong in (0, (3,), "4"):
        with pytest.raises(ArenaError, match="size is .*; give height and width"):
            pictures(tmp_path / "in", tmp_path / "out", size=wrong)


def test_grey_pictures_have_one_channel(tmp_path):
    picture(tmp_path / "in" / "a.png", mode="L")
    picture(tmp_path / "in" / "b.png", mode="LA")
    assert pictures(tmp_path / "in", tmp_path / "grey").observation.shape == (2, 6, 9, 1)
    picture(tmp_path / "in" / "c.png", mode="RGBA")
    picture(tmp_path / "in" / "d.png", mode="P")
    assert pictures(tmp_path / "in", tmp_path / "colour").observation.shape == (4, 6, 9, 3)
    Image.fromarray(np.zeros((6, 9), np.uint16)).save(tmp_path / "in" / "e.png")
    with pytest.raises(ArenaError, match="e.png has pixels of mode I;16, not of eight bits; convert"):
        pictures(tmp_path / "in", tmp_path / "deep")


def test_damaged_pictures_are_named(tmp_path):
    picture(tmp_path / "in" / "a.png")
    (tmp_path / "in" / "b.png").write_bytes(b"GIF89a, says who?")
    with pytest.raises(ArenaError, match="b.png is not an image: .*; replace or remove it"):
        pictures(tmp_path / "in", tmp_path / "out")
    data = (tmp_path / "in" / "a.png").read_bytes()
    (tmp_path / "in" / "b.png").write_bytes(data[: len(data) // 2])
    with pytest.raises(ArenaError, match="b.png is damaged: .*; replace or remove it"):
        pictures(tmp_path / "in", tmp_path / "out")
    assert not (tmp_path / "out").exists()
    (tmp_path / "empty").mkdir()
    with pytest.raises(ArenaError, match="empty has no pictures; give a folder of .png"):
        pictures(tmp_path / "empty")


def test_a_changed_picture_makes_another_set(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    picture(tmp_path / "in" / "a.png")
    one = pictures("in")
    assert pictures("in").folder == one.folder and one.folder.name.startswith("in_")
    picture(tmp_path / "in" / "a.png", 1)
    assert pictures("in").folder != one.folder
    with pytest.raises(ArenaError, match="holds other frames: their content differ"):
        pictures("in", one.folder)


def test_arrays_keep_what_they_hold(tmp_path, monkeypatch):
    monkeypatch.setattr("arena_data.arrays.CHUNK_BYTES", 1000)  # many pieces
    rng = np.random.default_rng(0)
    given = {
        "kind": rng.integers(0, 5, 50, np.int32),
        "x": rng.integers(0, 256, (50, 7, 6), np.uint8),
        "mask": rng.integers(0, 3, (50, 7, 6), np.uint8),
        "depth": rng.normal(size=(50, 7, 6)),
        "offset": rng.integers(-3, 4, (50, 2)),
        "sure": rng.random(50) < 0.5,
        "action": rng.random((50, 2), np.float32),
        "begin": np.arange(50) % 10 == 0,
    }
    for save in (np.savez, np.savez_compressed):
        save(tmp_path / "a.npz", **given)
        frames = npz(tmp_path / "a.npz", tmp_path / save.__name__)
        frames.verify()
        assert np.array_equal(frames.observation[..., 0], given["x"])
        assert np.array_equal(frames.action, given["action"]) and frames.episodes == 5
        for name, array in frames.labels.items():
            assert np.array_equal(array, given[name].astype(array.dtype))
        assert frames.labels["depth"].dtype == np.float32
        assert frames.label_spaces == {
            "kind": gym.spaces.Discrete(5),
            "mask": gym.spaces.Box(0, 2, (7, 6), np.uint8),
            "depth": gym.spaces.Box(-np.inf, np.inf, (7, 6)),
            "offset": gym.spaces.Box(-3, 3, (2,), np.int64),
            "sure": gym.spaces.Discrete(2),
        }


def test_which_array_is_observed(tmp_path):
    np.savez(tmp_path / "a.npz", first=np.zeros((3, 2)), x=np.ones((3, 2)), observation=np.full((3, 2), 2.0))
    np.savez(tmp_path / "b.npz", first=np.zeros((3, 2)), x=np.ones((3, 2)))
    np.savez(tmp_path / "c.npz", first=np.zeros((3, 2), ">f8"), other=np.ones((3, 2)))
    found = [npz(tmp_path / f"{name}.npz", tmp_path / name) for name in "abc"]
    assert [frames.observation[0, 0] for frames in found] == [2, 1, 0]
    other = npz(tmp_path / "a.npz", tmp_path / "d", observation="first", bounds=(0, 1))
    assert other.observation_space == gym.spaces.Box(0, 1, (2,)) and set(other.labels) == {"x", "observation"}
    with pytest.raises(ArenaError, match="no array of .*a.npz is called 'frist'; did you mean 'first'"):
        npz(tmp_path / "a.npz", observation="frist")


class Harmful:
    def __reduce__(self):
        return print, ("harm done",)


def objects(path):
    np.savez(path, x=np.array([Harmful(), Harmful()], dtype=object), allow_pickle=True)


def pickled(path):
    path.write_bytes(pickle.dumps(Harmful()))


def member(name, data):
    def write(path):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(name, data)

    return write


def npy(array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def corrupt(path):
    np.savez(path, x=np.zeros((50, 8), np.float32))
    data = bytearray(path.read_bytes())
    data[500] ^= 1
    path.write_bytes(data)


NPZ_DAMAGES = {
    "objects": (objects, "x in .* holds Python objects, which could run code; save plain numbers"),
    "a pickle": (pickled, "is damaged, or not an .npz file"),
    "a member that is a pickle": (member("x.npy", pickle.dumps(Harmful())), "x is not an array"),
    "text": (member("x.txt", b"x"), "holds 'x.txt', which is not an array; write it with numpy.savez"),
    "nothing": (lambda path: np.savez(path), "has no arrays"),
    "strings": (
        lambda path: np.savez(path, x=np.array(["a", "b"])),
        "x in .* has type <U1, which is not numeric",
    ),
    "columns": (
        lambda path: np.savez(path, x=np.asfortranarray(np.ones((3, 2)))),
        "x in .* is stored by columns",
    ),
    "no rows": (lambda path: np.savez(path, x=np.zeros((0, 2))), "x in .* has no rows"),
    "a scalar": (lambda path: np.savez(path, x=np.zeros(())), "x in .* has no rows"),
    "lengths": (lambda path: np.savez(path, x=np.ones((3, 2)), y=np.ones(4)), "unequal lengths: x 3, y 4"),
    "a huge claim": (member("x.npy", npy(np.ones((3, 2))).replace(b"(3,", b"(3000000,")), "damaged"),
    "a flipped bit": (corrupt, "is damaged, or not an .npz file: Bad CRC-32"),
    "short": (member("x.npy", npy(np.ones((3, 2)))[:-8]), "x ends early"),
    "not a number": (
        lambda path: np.savez(path, x=np.full((3, 2), np.nan)),
        "observation of frame 0 has nan",
    ),
    "a missing file": (lambda path: None, "cannot read .*a.npz: No such file"),
    "a bad name": (member("a b.npy", npy(np.ones((3, 2)))), None),
    "mid-episode": (
        lambda path: np.savez(path, x=np.ones((3, 2)), begin=np.zeros(3)),
        "begins within an episode",
    ),
}


@pytest.mark.parametrize("damage", NPZ_DAMAGES)
def test_archives_are_not_trusted(tmp_path, capsys, damage):
    make, said = NPZ_DAMAGES[damage]
    make(tmp_path / "a.npz")
    if said is None:
        assert len(npz(tmp_path / "a.npz", tmp_path / "out")) == 3  # the observation's name does not matter
        return
    with pytest.raises(ArenaError, match=said) as caught:
        npz(tmp_path / "a.npz", tmp_path / "out")
    assert caught.value.remedy and "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists() and "harm" not in capsys.readouterr().out


def test_the_digits(tmp_path):
    pytest.importorskip("sklearn")
    frames = digits(tmp_path / "digits")
    assert len(frames) == 1797 and frames.observation_space == gym.spaces.Box(0, 16, (8, 8, 1), np.uint8)
    assert frames.label_spaces == {"digit": gym.spaces.Discrete(10)}
    assert frames.labels["digit"][:10].tolist() == list(range(10))
    assert frames.observation.max() == 16 and frames.observation[0, 0, :, 0].tolist() == [
        0,
        0,
        5,
        13,
        9,
        1,
        0,
        0,
    ]


def test_whatever_is_missing_is_named(tmp_path, monkeypatch):
    picture(tmp_path / "in" / "a.png")
    imported = builtins.__import__

    def without(name, *rest):
        if name.startswith(("PIL", "sklearn")):
            raise ImportError(name)
        return imported(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    for call, said in ((lambda: pictures(tmp_path / "in"), "Pillow"), (digits, "scikit-learn")):
        with pytest.raises(
            ArenaError, match=rf"{said}, which is not installed; pip install 'arena-rl\[data\]'"
        ):
            call()


def test_one_name_for_everything(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    picture(tmp_path / "in" / "a.png")
    np.savez(tmp_path / "a.npz", x=np.zeros((3, 2)))
    kinds = {"in": "images", "a.npz": "npz", "digits": "digits", "CartPole-v1": "environment"}
    kinds |= {"images:in": "images", "npz:a.npz": "npz"}
    for source, kind in kinds.items():
        options = {"n": 10} if kind == "environment" else {}
        frames = open_source(source, **options)
        assert frames.source["kind"] == kind and frames.folder.parent.name == "frames"
        assert open_source(frames.folder, verify=True).digest == frames.digest
        assert open_source(source, **options).folder == frames.folder
    assert open_source(gym.make("CartPole-v1"), "out", n=10).folder.name == "out"
    shutil.rmtree("out")
    (tmp_path / "file").write_text("x")
    (tmp_path / "half").mkdir()
    (tmp_path / "half" / "unfinished.lock").touch()
    for source, options, said in (
        ("in", {"n": 3}, "no option of images is called 'n'; known: size"),
        ("images:in", {"siez": 3}, "no option of images is called 'siez'; did you mean 'size'"),
        ("in", {"size": "big"}, "images.size is 'big', which is not a whole number"),
        ("digits", {"seed": 3}, "no option of digits is called 'seed'; known: none"),
        ("npz:a.npz", {"bounds": 3}, "npz.bounds is 3, which is not a list of 2"),
        ("CartPole-v1", {"sed": 3}, "no option of an environment is called 'sed'; did you mean 'seed'"),
        ("file", {}, "file holds no frames; give a data set"),
        ("half", {}, "half is unfinished"),
        (tmp_path / "none", {}, "none does not exist"),
        (tmp_path / "digts", {}, "digts does not exist"),
        ("none.npz", {}, "none.npz does not exist; check the path"),
        ("npz:none", {}, "^none does not exist; check the path"),
        ("images:none", {}, "^none does not exist; check the path"),
        ("npz:in", {}, "in is not a file, which npz reads"),
        ("images:a.npz", {}, "a.npz is not a folder, which images reads"),
        ("npz", {}, "the source npz reads a file; write npz:FILE"),
        ("digits:7", {}, "the source digits reads no path, such as 7; write digits"),
        ("digts", {}, "no source is called 'digts'; did you mean 'digits'"),
        ("imags:in", {}, "no source is called 'imags'; did you mean 'images'"),
        ("CartPool-v1", {}, "no environment is called 'CartPool-v1'; did you mean"),
    ):
        with pytest.raises(ArenaError, match=said):
            open_source(source, **options)


def test_a_set_goes_through_npz(tmp_path):
    frames = collect("CartPole-v1", n=40, out=tmp_path / "a")
    np.savez(tmp_path / "a.npz", observation=frames.observation, action=frames.action, begin=frames.begin)
    again = npz(tmp_path / "a.npz", tmp_path / "b")
    assert isinstance(again, Frames) and again.starts.tolist() == frames.starts.tolist()
    assert np.array_equal(again.observation, frames.observation) and np.array_equal(
        again.action, frames.action
    )


def test_a_prefix_and_a_path_are_one_data_set(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    picture(tmp_path / "images" / "a.png")
    np.savez(tmp_path / "a.npz", x=np.zeros((3, 2)), y=np.ones((3, 1)))
    assert open_source("images").folder == open_source("images:images").folder  # an existing folder
    assert open_source("images:images", size=[4, 5]).observation.shape == (1, 4, 5, 3)  # as from JSON
    chosen = {"observation": "y", "bounds": (0, 1)}
    frames = open_source("npz:a.npz", **chosen)
    assert frames.folder == npz("a.npz", **chosen).folder and frames.observation_space.high == 1
    (tmp_path / "a.data").write_bytes((tmp_path / "a.npz").read_bytes())
    assert open_source("npz:a.data", tmp_path / "out").observation.shape == (3, 2)  # whatever its suffix


def test_digests_of_data_sets_do_not_change(tmp_path):
    """Known digests: a change would make the ids of all fits new."""
    np.savez(tmp_path / "a.npz", x=np.arange(40, dtype=np.uint8).reshape(2, 5, 4), y=np.arange(2))
    assert npz(tmp_path / "a.npz", tmp_path / "arrays").labels["y"].tolist() == [0, 1]
    assert digits(tmp_path / "digits").digest == (
        "e019ccd93c30057c096598b710a214166d50e2b7e61be92e3a694fcdd7cf7812"
    )


@pytest.mark.parametrize("name", ["digits", "npz", "images"])
def test_every_option_has_help(name):
    have_help(options_of(get_plugins().sources[name].load(), keyword_only=True))


def test_fits_take_options_of_their_source(tmp_path, monkeypatch, capsys):
    def run(*words):
        return main([*map(str, words)]), capsys.readouterr().out

    monkeypatch.chdir(tmp_path)
    np.savez(tmp_path / "a.npz", first=np.random.default_rng(0).random((30, 4)), x=np.zeros((30, 2)))
    words = ("fit", "pca", "npz:a.npz", "--encoder.latent", 2, "--steps", 2, "--seed", 0, "--json")
    status, out = run(*words, "--source.observation", "first", "--source.bounds", 0, 1)
    assert status == 0
    data = fit_of(Run.open(tmp_path / json.loads(out)["runs"][0]["path"])).data
    assert (data.options, data.name) == ({"observation": "first", "bounds": [0.0, 1.0]}, "a")
    assert data.space == gym.spaces.Box(0, 1, (4,))
    assert "--source.bounds NUMBER" in run("fit", "pca", "npz:a.npz", "--help")[1]
