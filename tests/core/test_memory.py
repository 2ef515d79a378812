"""Memory: what a run will need is compared with what there is before it is allocated."""

import numpy as np
import pytest
import torch

from arena.cli import main
from arena.errors import ArenaError, memory_error
from arena.experiments.tensor_memory import counted_tensors
from arena.storage.journal import Journal
from arena.storage.memory import Budget, _cgroup, available_memory, byte_size, parse_bytes, reserve

DQN = "train dqn CartPole-v1 --steps 100000"


@pytest.mark.parametrize(
    ("command", "largest", "flag"),
    [
        (f"{DQN} --agent.hidden_sizes 5000 5000", "networks with", "smaller networks"),
        (f"{DQN} --agent.buffer_size 5000000 --steps 5000000", "replay buffers", "--agent.buffer_size"),
        ("train ppo CartPole-v1 --agent.rollout_steps 1000000", "rollouts", "--agent.rollout_steps"),
        ("train random CartPole-v1 --envs 100000", "environments", "--envs"),
        ("train q-learning arena/CliffWalk-v0 --envs 1000000 --episodes 1000000", "environments", "--envs"),
    ],
)
def test_a_run_that_does_not_fit_is_refused_before_it_starts(
    command, largest, flag, tmp_path, monkeypatch, capsys
):
    monkeypatch.setenv("ARENA_MEMORY", "70M")
    monkeypatch.chdir(tmp_path)
    assert main([*command.split(), "--quiet"]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert f"of memory are needed ({largest}" in err and "and 70 MiB are available; " in err and flag in err


def test_parts_are_added_up(monkeypatch):
    monkeypatch.setenv("ARENA_MEMORY", "1G")
    with Budget().use() as budget:
        reserve(600 << 20, "networks", "use smaller networks")
        with pytest.raises(ArenaError, match=r"about 1.172 GiB .*\(networks 600 MiB, tables 600 MiB\)"):
            reserve(600 << 20, "tables", "use fewer states")
    assert budget.total == 1200 << 20
    reserve(600 << 20, "networks", "use smaller networks")  # alone again


def test_a_buffer_counts_the_rows_that_the_run_will_have(monkeypatch):
    monkeypatch.setenv("ARENA_MEMORY", "100M")
    fields = {"observation": ((1000,), "uint8")}
    with Budget(steps=10_000).use() as budget:
        Journal(1_000_000, fields)
        assert budget.total == 10_000_000
        Journal(1_000_000, fields, steps_per_row=100)
        assert budget.total == 10_100_000
    with pytest.raises(ArenaError, match="replay buffers 953.7 MiB"):
        Journal(1_000_000, fields)


@pytest.mark.parametrize(
    "make",
    [
        lambda: torch.nn.Linear(10**6, 10**6),
        lambda: torch.nn.Conv2d(10**5, 10**5, 9),
        lambda: torch.nn.LSTM(10**6, 10**6),
        lambda: torch.nn.Embedding(10**9, 10**4),
        lambda: torch.zeros(10**6, 10**7),
        lambda: torch.full((10**6, 10**7), 0.5),
        lambda: torch.ones(size=(10**6, 10**7), dtype=torch.float64),
    ],
)
def test_tensors_are_refused_before_they_are_allocated(make):
    with counted_tensors(), pytest.raises(ArenaError, match="of memory are needed"):
        make()


def test_counting_changes_no_tensor():
    torch.manual_seed(0)
    plain = torch.nn.Linear(300, 300)
    torch.manual_seed(0)
    with Budget().use() as budget, counted_tensors():
        counted = torch.nn.Linear(300, 300)
    assert torch.equal(plain.weight, counted.weight)
    assert budget.total == 4 * 4 * 300 * 300


@pytest.mark.parametrize(
    "fail",
    [
        lambda: np.ones((10**9, 10**6)),
        lambda: torch.empty(10**15),
        lambda: bytearray(10**17),
    ],
)
def test_failed_allocations_are_one_line(fail):
    with pytest.raises((MemoryError, RuntimeError)) as caught:
        fail()
    error = memory_error(caught.value)
    assert error is not None and str(error).startswith("memory ran out") and "\n" not in str(error)
    assert memory_error(RuntimeError("another")) is None


def test_control_groups(tmp_path):
    own, root = tmp_path / "cgroup", tmp_path / "fs"
    inner = root / "a" / "b"
    inner.mkdir(parents=True)
    own.write_text("0::/a/b\n")
    assert _cgroup(root, own) is None
    (inner / "memory.max").write_text("max\n")
    (inner / "memory.current").write_text("5000\n")
    assert _cgroup(root, own) is None
    (root / "a" / "memory.max").write_text("10000\n")
    (root / "a" / "memory.current").write_text("8000\n")
    assert _cgroup(root, own) == 2000
    (root / "a" / "memory.stat").write_text("anon 1\ninactive_file 3000\n")
    assert _cgroup(root, own) == 5000
    one = root / "memory" / "c"
    one.mkdir(parents=True)
    own.write_text("4:cpu:/x\n3:memory:/c\n")
    (one / "memory.limit_in_bytes").write_text("9000")
    (one / "memory.usage_in_bytes").write_text("1000")
    assert _cgroup(root, own) == 8000
    (one / "memory.limit_in_bytes").write_text(str(2**63 - 4096))
    assert _cgroup(root, own) is None
    own.write_text("garbage\n")
    assert _cgroup(root, own) is None
    assert _cgroup(root, tmp_path / "none") is None


def test_numbers_of_bytes(monkeypatch):
    assert (available_memory() or 0) > 1 << 20
    for text, count in {"1": 1, "70M": 70 << 20, "64 G".replace(" ", ""): 64 << 30, "2GiB": 2 << 30}.items():
        assert parse_bytes("X", text) == count
    for text in ("0", "-1", "many", "1e9", "9" * 5000, "1.5G"):
        with pytest.raises(ArenaError, match="X is .*not a number of bytes; give one such as 64G"):
            parse_bytes("X", text)
    assert (byte_size(5), byte_size(3 << 29), byte_size(10**24)) == ("5 bytes", "1.5 GiB", "8.674e+05 EiB")
    for count in (1, 1023, 1025, (5 << 30) + 1):
        assert parse_bytes("X", byte_size(count, word=True)) >= count
