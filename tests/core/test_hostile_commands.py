"""Hostile and absurd content, sizes and numbers: each command ends with one line, in bounded time and memory."""

import csv
import io
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from arena.cli import main
from arena.errors import ArenaError
from arena.errors import one_line as one_text
from run_files import put

DEEP, DIGITS, LONG = "[" * 100_000, "9" * 5_000, "x" * 100_000
NESTED = "[" * 200 + "]" * 200
TRAIN = ("train", "q-learning", "arena/CliffWalk-v0")
DEEP_AGENT = ("train", "dqn", "CartPole-v1", "--steps", "10")
FIT = ("fit", "pca", "a.npz", "--steps", "10")
SB3 = ("train", "sb3-ppo", "CartPole-v1", "--steps", "10", "--from", "m.zip")


# What is planted: text, bytes, or a function of the path.


def fifo(path):
    os.mkfifo(path)


def endless(path):
    path.symlink_to("/dev/zero")


def folder(path):
    path.mkdir()


def archive(compression=zipfile.ZIP_DEFLATED, **entries):
    """A zip of the given entries, whose names end in .npy if they are arrays."""

    def write(path):
        with zipfile.ZipFile(path, "w", compression) as file:
            for name, data in entries.items():
                file.writestr(name, data)

    return write


def npy(array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


ARRAY = npy(np.ones((3, 2)))


def header(shape, dtype="'<f8'", rest=b""):
    """An .npy file with a header of this text."""
    text = f"{{'descr': {dtype}, 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x02\x00" + len(text).to_bytes(4, "little") + text + rest


def encrypted(**entries):
    def write(path):
        archive(**entries)(path)
        data = bytearray(path.read_bytes())
        for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
            start = data.find(mark)
            while start >= 0:
                data[start + at] |= 1
                start = data.find(mark, start + 1)
        path.write_bytes(data)

    return write


def zeros(count):
    """An archive of one array of zeros, of `count` bytes."""

    def write(path):
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file, file.open("x.npy", "w") as entry:
            entry.write(header(f"({count // 8},)"))
            for _ in range(count >> 20):
                entry.write(bytes(1 << 20))

    return write


def declaring(count):
    """An archive whose directory declares that its entry has `count` bytes."""

    def write(path):
        archive(**{"x.npy": ARRAY})(path)
        data = bytearray(path.read_bytes())
        start = data.find(b"PK\x01\x02")
        data[start + 24 : start + 28] = count.to_bytes(4, "little")
        path.write_bytes(data)

    return write


def twice(path):
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("x.npy", ARRAY)
        with pytest.warns(UserWarning, match="Duplicate name"):
            file.writestr("x.npy", ARRAY)


def many(path):
    with zipfile.ZipFile(path, "w") as file:
        for number in range(10_001):
            file.writestr(f"{number}.npy", b"")


def torch_file(make):
    import torch

    buffer = io.BytesIO()
    torch.save(make(torch), buffer)
    return buffer.getvalue()


def model(data="{}", weights=None):
    """A zip like those of Stable-Baselines3."""

    def write(path):
        made = torch_file(weights) if weights else b"no weights"
        archive(data=data, **{"policy.pth": made})(path)

    return write


KWARGS = json.dumps({"policy_kwargs": {}})

#: Name, words, files by path, and a part of the line.
NUMBERS = [
    ((*TRAIN, "--steps", "1e300"), "--steps is 1e300, which is more than 1,000,000,000,000,000"),
    ((*TRAIN, "--steps", "1e16"), "more than 1,000,000,000,000,000"),
    ((*TRAIN, "--steps", "1e999"), "not a whole number"),
    ((*TRAIN, "--steps", "1e999999999999"), "not a whole number"),
    ((*TRAIN, "--steps", DIGITS), "99999…9999"),
    ((*TRAIN, "--steps", "9" * 4000), "which is more than"),
    ((*TRAIN, "--steps", "-1e300"), "less than 1"),
    ((*TRAIN, "--steps", "nan"), "not a whole number"),
    ((*TRAIN, "--steps", "0x10"), "not a whole number"),
    ((*TRAIN, "--steps", "1e-5"), "not a whole number"),
    ((*TRAIN, "--steps", ""), "not a whole number"),
    ((*TRAIN, "--steps", "1e308G"), "not a whole number"),
    ((*TRAIN, "--steps", "\0"), "not a whole number"),
    ((*TRAIN, "--steps", "٣" * 400), "which is more than"),
    ((*TRAIN, "--steps", LONG), "not a whole number"),
    ((*TRAIN, "--envs", "1000000000"), "--envs is 1000000000, which is more than 1,000,000"),
    ((*TRAIN, "--episodes", "1e12"), "--episodes is 1e12, which is more than 1,000,000"),
    ((*TRAIN, "--horizon", "1e300"), "which is more than"),
    ((*TRAIN, "--seeds", "1e12"), "more than 100,000 seeds"),
    ((*TRAIN, "--seeds", "1e300"), "which is more than"),
    ((*TRAIN, "--seed", "1e30"), "--seed is 1e30, which is more than"),
    ((*TRAIN, "--evaluate-every", "1e300"), "which is more than"),
    ((*TRAIN, "--log-every", "1e300"), "which is more than"),
    ((*TRAIN, "--workers", "1e9"), "--workers is 1e9, which is more than 10,000"),
    ((*TRAIN, "--threads", "1e9"), "--threads is 1e9, which is more than 10,000"),
    ((*TRAIN, "--device", "cuda:999999999999"), "device"),
    ((*TRAIN, "--device", LONG), "torch does not know the device"),
    ((*TRAIN, "--agent.learning_rate", "1e999"), "agent.learning_rate is"),
    ((*TRAIN, "--agent.learning_rate", DIGITS), "agent.learning_rate is"),
    ((*TRAIN, "--agent.learning_rate", DEEP), "agent.learning_rate is"),
    ((*DEEP_AGENT, "--agent.hidden_sizes", "1000000", "1000000"), "of memory are needed (networks"),
    ((*DEEP_AGENT, "--agent.hidden_sizes", "1e300"), "agent.hidden_sizes[0] is"),
    ((*DEEP_AGENT, "--agent.hidden_sizes", DEEP), "nested more than 100 deep"),
    ((*DEEP_AGENT, "--agent.hidden_sizes", "[" * 150 + "]" * 150), "nested more than 100 deep"),
    ((*DEEP_AGENT, "--agent.batch_size", "1e300"), "agent.batch_size is"),
    ((*DEEP_AGENT, "--agent.buffer_size", DIGITS), "agent.buffer_size is"),
    (
        ("train", "dqn", "CartPole-v1", "--steps", "1e14", "--agent.buffer_size", "1e14"),
        "of memory are needed (replay buffers",
    ),
    ((*DEEP_AGENT, "--agent.buffer_size", "1e18"), "1,000,000,000,000,000,000 rows"),
    ((*DEEP_AGENT, "--envs", "1e6", "--agent.buffer_size", "10"), "too small for 1000000 environments"),
    (("train", "ppo", "CartPole-v1", "--agent.rollout_steps", "1e14"), "of memory are needed (rollouts"),
    ((*TRAIN, "--agent.epsilon_schedule", LONG), "agent.epsilon_schedule is"),
    ((*TRAIN, "--env.slip", NESTED), "env.slip is"),
    (("train", "q-learning", "arena/FourRooms-v0", "--env.size", "1e300"), "--env.size"),
    (("train", LONG, "arena/CliffWalk-v0"), "no agent is called"),
    (("train", "q-learning", LONG), "no environment is called"),
    (("train", "q-learning", "\0"), "arena: "),
    (("train", "q-learning", ":b"), "arena: "),
    (("train", "q-learning", "a..b:c"), "arena: "),
    ((LONG,), "no verb is called"),
    ((*TRAIN, f"--{LONG}", "1"), "is not an option of arena train"),
    ((*TRAIN, "--agent." + LONG, "1"), "is not an option of q-learning"),
    ((*TRAIN, "--from", LONG), "arena: "),
    ((*TRAIN, "--from", "a\0b"), "arena: "),
    ((*TRAIN, "--out", LONG, "--steps", "5"), "cannot write"),
    ((*TRAIN, "--out", "a\0b", "--steps", "5"), "arena: "),
    ((*TRAIN, "--wrap", "TimeLimit(max_episode_steps=" + "-" * 100_000 + "1)"), "cannot be read"),
    ((*TRAIN, "--wrap", "TimeLimit(max_episode_steps=" + "-" * 9_000 + "1)"), "cannot be read"),
    ((*TRAIN, "--wrap", "TimeLimit(x=" + "(" * 9_000), "cannot be read"),
    ((*TRAIN, "--wrap", "TimeLimit(x=" + "[" * 500 + "]" * 500 + ")"), "arena: "),
    ((*TRAIN, "--wrap", "TimeLimit(**{})"), "arena: "),
    ((*TRAIN, "--wrap", "TimeLimit(*[1])"), "cannot be read"),
    ((*TRAIN, "--wrap", ":W"), "the wrapper"),
    ((*TRAIN, "--wrap", ".a:W"), "the wrapper"),
    ((*TRAIN, "--wrap", "\0"), "arena: "),
    ((*TRAIN, "--wrap", f"TimeLimit(max_episode_steps={DIGITS})"), "cannot be read"),
    ((*TRAIN, "--wrap", "TimeLimit(max_episode_steps=1e999)"), "arena: "),
    (("list", "runs", ".", "--limit", "1e300"), "--limit is 1e300"),
    (("list", LONG), "arena: "),
    (("list", "agents", "--for", LONG), "no environment is called"),
    (("check", LONG), "is called"),
    (("eval", LONG), "File name too long"),
    (("eval", "a\0b"), "arena: "),
    (("resume", LONG), "arena: "),
    (("report", LONG), "arena: "),
    (("report", "a\0b"), "arena: "),
    (("fit", "pca", LONG), "arena: "),
    (("fit", "pca", "arena/CliffWalk-v0", "--frames", "1e300"), "--frames is 1e300, which is more than"),
    (("gallery", "run", "--rows", "1e9"), "--rows is 1e9, which is more than 1,000"),
    (("watch", "run", "--fps", "1e9"), "--fps is 1e9, which is more than 1,000"),
]

GRID = ("train", "q-learning", "arena/Grid-v0", "--env.map", "m.txt")
CONFIG = ("train", "--config", "e.toml")
EVAL, RESUME = ("eval", "run"), ("resume", "run", "--steps", "300")
TEXTS = {
    DEEP: "is not TOML",
    f"x = {DEEP}": "nested more than 100 deep",
    f"x = {NESTED}": "nested more than 100 deep",
    "x = " + "{a=" * 5_000: "nested more than 100 deep",
    "a." * 100_000 + "b = 1": "nested more than 100 deep",
    "[" + "a." * 500 + "b]": "nested more than 100 deep",
    f"steps = {DIGITS}": "is not TOML",
    "steps = ": "is not TOML",
    "\0": "is not TOML",
    b"\xff\xfe": "is not TOML",
    "agent = 1979-05-27": "arena: ",
    "#" * (5 << 20): "is larger than 4 MiB",
    fifo: "is not a regular file",
    endless: "is not a regular file",
    folder: "is not a regular file",
}
EXPERIMENT = 'agent = "q-learning"\nenv = "arena/CliffWalk-v0"\n'
FILES = [
    *[(CONFIG, {"e.toml": text}, said) for text, said in TEXTS.items()],
    *[(("sweep", "e.toml"), {"e.toml": text}, said) for text, said in TEXTS.items()],
    *[(("tune", "e.toml"), {"e.toml": text}, said) for text, said in TEXTS.items()],
    (CONFIG, {"e.toml": f"{EXPERIMENT}steps = 1e999"}, "steps is inf"),
    (CONFIG, {"e.toml": f"{EXPERIMENT}steps = 1e300"}, "which is more than"),
    (CONFIG, {"e.toml": f"{EXPERIMENT}steps = nan"}, "steps is nan"),
    (CONFIG, {"e.toml": f"{EXPERIMENT}num_envs = 1_000_000_000"}, "which is more than 1,000,000"),
    (CONFIG, {"e.toml": f"{EXPERIMENT}episodes = 1e12"}, "which is more than 1,000,000"),
    (CONFIG, {"e.toml": f"{EXPERIMENT}seeds = [1, 1e30]"}, "a seed"),
    (CONFIG, {"e.toml": f'{EXPERIMENT}wrappers = ["{"-" * 100_000}"]'}, "wrapper"),
    (CONFIG, {"e.toml": f'{EXPERIMENT}device = "{LONG}"'}, "torch does not know the device"),
    (CONFIG, {"e.toml": f"{EXPERIMENT}[env_options]\n{LONG} = 1"}, "arena: "),
    (GRID, {"m.txt": fifo}, "is not a regular file"),
    (GRID, {"m.txt": endless}, "is not a regular file"),
    (GRID, {"m.txt": folder}, "is a directory"),
    (GRID, {"m.txt": b"\xff"}, "is not text"),
    (GRID, {"m.txt": "S" + "." * (17 << 20)}, "has more than"),
    (GRID, {"m.txt": "\0"}, "control character"),
    (FIT, {"a.npz": fifo}, "is not a regular file"),
    (FIT, {"a.npz": endless}, "is not a regular file"),
    (FIT, {"a.npz": "no archive"}, "is damaged, or not an .npz file"),
    (FIT, {"a.npz": ""}, "is damaged, or not an .npz file"),
    (FIT, {"a.npz": encrypted(**{"x.npy": ARRAY})}, "is encrypted"),
    (
        FIT,
        {"a.npz": archive(**{"x.npy": header(f"({'1,' * 70})", rest=bytes(8))})},
        "70 dimensions",
    ),
    (FIT, {"a.npz": archive(**{"x.npy": header("(10**9,)", rest=bytes(8))})}, "is damaged"),
    (FIT, {"a.npz": archive(**{"x.npy": header("(1000000000000,)", rest=bytes(8))})}, "ends early"),
    (FIT, {"a.npz": archive(**{"x.npy": header(f"({'9' * 30},)", rest=bytes(8))})}, "ends early"),
    (FIT, {"a.npz": archive(**{"x.npy": header("(-1,)", rest=bytes(8))})}, "shape"),
    (FIT, {"a.npz": archive(**{"x.npy": header("(1,)", rest=bytes(800))})}, "more bytes than its shape"),
    (FIT, {"a.npz": archive(**{"x.npy": header("(1, 0)")})}, "arena: "),
    (FIT, {"a.npz": archive(**{"x.npy": header("(" * 500 + ")" * 500, rest=bytes(8))})}, "not an array"),
    (FIT, {"a.npz": archive(**{"x.npy": header(NESTED, rest=bytes(8))})}, "not an array"),
    (FIT, {"a.npz": archive(**{"x.npy": header("(1,)", "'<f8'" + " " * 20_000)})}, "not an array"),
    (FIT, {"a.npz": archive(**{"x.npy": header("(1,)", "'|O'", bytes(8))})}, "could run code"),
    (FIT, {"a.npz": archive(**{"x.npy": header("(1,)", "'|V1000000000'", bytes(8))})}, "not numeric"),
    (FIT, {"a.npz": archive(**{f"{LONG[:60_000]}.txt": b""})}, "which is not an array"),
    (FIT, {"a.npz": twice}, "two arrays called"),
    (FIT, {"a.npz": many}, "has 10,001 entries, more than 10,000"),
    (
        FIT,
        {"a.npz": zeros(80 << 20)},
        "more than 200 times as much; if you trust it, set ARENA_MAX_UNPACKED=8",
    ),
    (FIT, {"a.npz": declaring(2**32 - 2)}, "to 4 GiB, more than 200 times as much"),
    (FIT, {"a.npz": declaring(100)}, "is damaged"),
    (FIT, {"a.npz": declaring(1)}, "is damaged"),
    (("fit", "pca", "in"), {"in/a.png": fifo}, "is not a regular file"),
    (("fit", "pca", "in"), {"in/a.png": endless}, "is not a regular file"),
    (
        ("fit", "pca", "in"),
        {"in/a.png": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"},
        "is not an image",
    ),
    (("fit", "pca", "in"), {"in/a.png": "GIF89a"}, "is not an image"),
    (("fit", "pca", "in"), {"in/frames.json": DEEP}, "nested more than 100 deep"),
    (("fit", "pca", "in"), {"in/frames.json": "[]"}, "is damaged"),
    (("fit", "pca", "in"), {"in/frames.json": '{"schema": 1e999}'}, "is damaged"),
    (("fit", "pca", "in"), {"in/frames.json": fifo}, "is not a regular file"),
    (SB3, {"m.zip": fifo}, "is not a run"),
    (SB3, {"m.zip": endless}, "is not a run"),
    (SB3, {"m.zip": "no archive"}, "is no model"),
    (SB3, {"m.zip": model("[]")}, "is no model"),
    (SB3, {"m.zip": model("3")}, "is no model"),
    (SB3, {"m.zip": model(DEEP)}, "nested more than 100 deep"),
    (SB3, {"m.zip": model(DIGITS)}, "is no model"),
    (SB3, {"m.zip": model(b"\xff")}, "is no model"),
    (SB3, {"m.zip": model(KWARGS)}, "were not read"),
    (SB3, {"m.zip": model(KWARGS, lambda torch: [1, 2])}, "of type list"),
    (SB3, {"m.zip": model(KWARGS, lambda torch: {"a": 1})}, "have the entry 'a' of type int"),
    (
        SB3,
        {"m.zip": model(KWARGS, lambda torch: {"a": torch.zeros(1).expand(10**12)})},
        "is larger than what is stored",
    ),
    (SB3, {"m.zip": encrypted(data="{}")}, "is encrypted"),
    (SB3, {"m.zip": zeros(80 << 20)}, "more than 200 times as much"),
    *[
        ((verb, "made", *rest), {"made/run.json": text}, said)
        for verb, *rest in (("eval",), ("resume",))
        for text, said in {
            DEEP: "nested more than 100 deep",
            '{"schema": 1, "experiment": ' + NESTED + "}": "nested more than 100 deep",
            "null": "is truncated or damaged",
            "[]": "is truncated or damaged",
            DIGITS: "is truncated or damaged",
            "\0": "is truncated or damaged",
            b"\xff\xfe": "is truncated or damaged",
            "": "is truncated or damaged",
            '{"schema": 1e999}': "arena: ",
            '{"schema": true}': "has no experiment",
            '{"schema": 1, "experiment": {"steps": 1e999}}': "arena: ",
            fifo: "is not a regular file",
            endless: "is not a regular file",
            folder: "is not a regular file",
        }.items()
    ],
    (EVAL, {"run/run.json": lambda path: changed(path, steps=1e999)}, "arena: "),
    (EVAL, {"run/run.json": lambda path: changed(path, steps=10**300)}, "arena: "),
    (EVAL, {"run/run.json": lambda path: changed(path, seeds=[])}, "arena: "),
    (EVAL, {"run/run.json": lambda path: changed(path, seeds=list(range(9)))}, "has 9 seeds"),
    (EVAL, {"run/run.json": lambda path: changed(path, num_envs=10**9)}, "does not match the trained run"),
    (EVAL, {"run/run.json": lambda path: changed(path, agent=DIGITS)}, "does not describe a run"),
    (("eval", "run", "--at", "best"), {"run/metrics.jsonl": f'{{"evaluation": {DEEP}\n'}, "metrics.jsonl"),
    (
        ("eval", "run", "--at", "best"),
        {"run/metrics.jsonl": f'{{"step": {DIGITS}}}\n'},
        "does not match its digest",
    ),
    (("resume", "run"), {"run/result.json": DEEP}, "result.json"),
    (("resume", "run"), {"run/result.json": '{"steps": 1e999}'}, "is damaged; delete it"),
    (("resume", "run"), {"run/result.json": DIGITS}, "result.json"),
    (("resume", "run"), {"run/result.json": fifo}, "is not a regular file"),
    (("resume", "run"), {"run/result.json": folder}, "is not a regular file"),
]


def changed(path, **values):
    document = json.loads(path.read_text())
    document["experiment"].update(values)
    put(path, document)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A finished run of 200 steps."""
    out = tmp_path_factory.mktemp("runs")
    words = [
        *TRAIN,
        "--seed",
        "0",
        "--steps",
        "200",
        "--evaluate-every",
        "100",
        "--episodes",
        "2",
        "--horizon",
        "50",
    ]
    assert main([*words, "--quiet", "--track", "none", "--out", str(out)]) == 0
    (made,) = out.iterdir()
    return made


def planted(path, content):
    """Writes an object with the digest that it would have, if it can be parsed."""
    try:
        put(path, json.loads(content))
    except (ValueError, RecursionError):
        path.write_text(content)


def plant(place, files):
    for name, content in files.items():
        path = place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.name in ("run.json", "result.json") and str(content).startswith('{"'):
            planted(path, content)
        elif not callable(content):
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        elif content is not changed and content in (fifo, endless, folder):
            path.unlink(missing_ok=True)
            content(path)
        else:
            content(path)


def one_line(words, capsys, said):
    status = main([*words])
    out, err = capsys.readouterr()
    assert status == 2, err
    assert (out, err.count("\n")) == ("", 1), err
    assert err.startswith("arena: ") and said in err and "unexpected" not in err, err
    assert len(err) < 5000


def named(case):
    words, *_, said = case
    return (
        " ".join(words)[:60].encode("ascii", "backslashreplace").decode().replace("\0", "0")
        + " → "
        + said[:30]
    )


@pytest.mark.parametrize("case", NUMBERS, ids=named)
def test_absurd_words(case, tmp_path, monkeypatch, capsys):
    words, said = case
    monkeypatch.chdir(tmp_path)
    one_line(words, capsys, said)


@pytest.mark.parametrize("case", FILES, ids=named)
def test_hostile_files(case, trained, tmp_path, monkeypatch, capsys):
    words, files, said = case
    if words[0] == "tune":
        pytest.importorskip("optuna")
    if words[0] == "train" and words[1].startswith("sb3"):
        pytest.importorskip("stable_baselines3")
    if any(name.endswith(".png") for name in files):
        pytest.importorskip("PIL")
    monkeypatch.chdir(tmp_path)
    if any(name.startswith("run/") for name in files):
        shutil.copytree(trained, tmp_path / "run")
    plant(tmp_path, files)
    one_line(words, capsys, said)


#: Damage that a command survives, and a part of its output.
SURVIVED = [
    (("list", "runs", "."), {"run/timing.jsonl": DEEP}, "q-learning"),
    (("list", "runs", "."), {"run/metrics.jsonl": DEEP}, "q-learning"),
    (("list", "runs", "."), {"run/run.json": DEEP}, "damaged"),
    (("list", "runs", "."), {"run/run.json": fifo}, "damaged"),
    (("list", "runs", "."), {"run/run.json": lambda path: changed(path, steps=1e999)}, "damaged"),
    (("list", "runs", "."), {"run/result.json": '{"steps": 1e999}'}, ""),
    (("eval", "run"), {"run/snapshots/1a/state.json": "{}", "run/snapshots/9/x": ""}, ""),
    (RESUME, {"run/.x.saving": folder}, ""),
    (RESUME, {"run/snapshots/.x.saving": folder}, ""),
    (RESUME, {"run/timing.jsonl": DEEP}, ""),
]


@pytest.mark.parametrize("case", SURVIVED, ids=named)
def test_damage_that_does_not_matter(case, trained, tmp_path, monkeypatch, capsys):
    words, files, said = case
    monkeypatch.chdir(tmp_path)
    shutil.copytree(trained, tmp_path / trained.name)  # `resume` refuses a run that was renamed
    plant(tmp_path, {name.replace("run/", f"{trained.name}/", 1): content for name, content in files.items()})
    assert main([trained.name if word == "run" else word for word in words]) == 0
    out, err = capsys.readouterr()
    assert said in out and "unexpected" not in err and "Traceback" not in err


def test_a_snapshot_whose_folder_is_no_number(trained, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(trained, tmp_path / "run")
    shutil.rmtree(tmp_path / "run" / "checkpoint")
    for path in sorted((tmp_path / "run" / "snapshots").iterdir()):
        path.rename(path.with_name(path.name.lstrip("0") + "a"))
    one_line(
        ("eval", "run", "--at", "best"), capsys, "100a is no snapshot: its name is not a number of steps"
    )


@pytest.mark.parametrize(
    "closed", ["1", "0 1 2", *(pytest.param(c, marks=pytest.mark.slow) for c in ("2", "1 2"))]
)
def test_closed_streams(closed, tmp_path):
    """The run is complete, and nothing that a library prints is in its files."""
    redirections = " ".join(f"{number}>&-" for number in closed.split())
    words = "train q-learning arena/CliffWalk-v0 --seed 0 --steps 50 --episodes 1 --horizon 20 --out runs"
    command = f"{sys.executable} -m arena {words} {redirections}"
    done = subprocess.run(
        ["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True, env=os.environ, check=False
    )
    assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr
    (run,) = (tmp_path / "runs").iterdir()
    assert json.loads((run / "result.json").read_text())["steps"] == 50
    assert all(json.loads(line)["step"] for line in (run / "metrics.jsonl").read_text().splitlines())


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux only")
def test_errors_with_closed_or_full_streams(tmp_path):
    base = f"{sys.executable} -m arena"
    for command, status, said in (
        ("eval nowhere 2>&-", 2, ""),
        ("eval nowhere >&- 2>&- <&-", 2, ""),
        ("--version >/dev/full", 2, "standard output"),
    ):
        done = subprocess.run(
            ["bash", "-c", f"{base} {command}"], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stdout) == (status, "")
        assert said in done.stderr and "Traceback" not in done.stderr and done.stderr.count("\n") <= 1


def test_an_archive_is_read_if_its_limit_is_raised(tmp_path, monkeypatch, capsys):
    from arena_data import npz

    monkeypatch.chdir(tmp_path)
    zeros(80 << 20)(tmp_path / "a.npz")
    monkeypatch.setenv("ARENA_MAX_UNPACKED", "81M")
    assert len(npz("a.npz", "out")) == (80 << 20) // 8
    monkeypatch.setenv("ARENA_MAX_UNPACKED", "79M")
    one_line(FIT, capsys, "a.npz unpacks to 80 MiB, and the limit is 79 MiB; if you trust it, set")
    monkeypatch.setenv("ARENA_MAX_UNPACKED", "much")
    one_line(FIT, capsys, "ARENA_MAX_UNPACKED is 'much', which is not a number of bytes")


@pytest.mark.parametrize("formula", ["=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "\t=1", " =1"])
def test_formulas_in_csv_are_text(formula, trained, tmp_path, monkeypatch, capsys):
    pytest.importorskip("arena_report")
    monkeypatch.chdir(tmp_path)
    shutil.copytree(trained, tmp_path / "run")
    changed(
        tmp_path / "run" / "run.json", env={"id": formula, "options": {"a": formula, "b": -3}, "wrappers": []}
    )
    assert main(["report", ".", "--csv", "out.csv"]) == 0
    capsys.readouterr()
    with open("out.csv", newline="", encoding="utf-8") as file:
        [row] = csv.DictReader(file)
    assert row["env"] == row["env.a"] == f"'{formula}"
    assert (row["env.b"], float(row["mean"]) < 0) == ("-3", True)


def test_texts_are_cut_in_messages():
    error = ArenaError(f"the number {DIGITS} is wrong", f"give a word of {LONG}")
    assert str(error) == f"the number {'9' * 60}…{'9' * 20} is wrong; give a word of {'x' * 60}…{'x' * 20}"
    assert len(str(ArenaError("a b " * 100_000, "c d " * 100_000))) < 4100
    path = "/".join(["y" * 200] * 5)
    assert path in str(ArenaError(f"cannot read {path}", "check it"))
    assert len(one_text(ValueError(DIGITS))) < 150
