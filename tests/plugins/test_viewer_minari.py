"""Episodes that a person played come back from Minari as they were, under a name that was free."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces

import arena_gridworld  # noqa: F401  registers arena/CliffWalk-v0
from arena.errors import ArenaError
from arena_viewer.minari_data import RecordedEpisode, save_episodes

minari = pytest.importorskip("minari")
pytest.importorskip("h5py")
pytest.importorskip("PIL")  # Minari's storage imports it


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "minari"))
    return tmp_path / "minari"


class Anything(gym.Env[Any, Any]):
    """Gives samples of its spaces; ends after a few steps."""

    def __init__(self, observation_space: gym.Space[Any], action_space: gym.Space[Any]) -> None:
        self.observation_space = observation_space
        self.action_space = action_space

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        self.observation_space.seed(seed)
        self._left = 5
        return self.observation_space.sample(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self._left -= 1
        return self.observation_space.sample(), float(self._left), self._left == 0, False, {}


def play(env: gym.Env[Any, Any], seed: int, most: int = 30) -> RecordedEpisode:
    env.action_space.seed(seed)
    observation, _ = env.reset(seed=seed)
    recorded_episodes = RecordedEpisode(seed, [observation], [], [], [], [])
    columns: list[list[Any]] = [[], [], [], []]
    observations = [observation]
    while len(columns[0]) < most:
        action = env.action_space.sample()
        observation, *outcome, _ = env.step(action)
        observations.append(observation)
        for column, value in zip(columns, [action, *outcome], strict=True):
            column.append(value)
        if any(outcome[1:]):
            break
    actions, rewards, terminations, truncations = columns
    return dataclasses.replace(
        recorded_episodes,
        observations=observations,
        actions=actions,
        rewards=rewards,
        terminations=terminations,
        truncations=truncations,
    )


def element(values: Any, number: int) -> Any:
    """One of what Minari keeps as a tree of columns."""
    if isinstance(values, dict):
        return {key: element(part, number) for key, part in values.items()}
    if isinstance(values, tuple):
        return tuple(element(part, number) for part in values)
    value = values[number]
    return value.decode() if isinstance(value, bytes) else value


def same(one: Any, other: Any) -> bool:
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(np.array_equal(one, other))


def check(name: str, episodes: list[RecordedEpisode]) -> None:
    data = minari.load_dataset(name)
    assert data.total_episodes == len(episodes)
    kept = list(data.iterate_episodes())
    facts = list(data.storage.get_episode_metadata(range(len(kept))))
    for episode, read, fact in zip(episodes, kept, facts, strict=True):
        assert fact.get("seed") == episode.seed
        steps = len(episode.actions)
        for values, column, count, space in (
            (read.observations, episode.observations, steps + 1, data.observation_space),
            (read.actions, episode.actions, steps, data.action_space),
        ):
            for number in range(count):
                assert same(element(values, number), column[number])
                assert not isinstance(space, spaces.Box) or values.dtype == space.dtype
            with pytest.raises(IndexError):
                element(values, count)
        np.testing.assert_array_equal(read.rewards, episode.rewards)
        np.testing.assert_array_equal(read.terminations, episode.terminations)
        truncations = [*episode.truncations[:-1], not episode.terminations[-1] or episode.truncations[-1]]
        np.testing.assert_array_equal(read.truncations, truncations)
        assert repr(read)  # which Minari's own episodes have


@pytest.mark.parametrize("environment", ["FrozenLake-v1", "CartPole-v1", "arena/CliffWalk-v0"])
def test_episodes_come_back(environment: str) -> None:
    env = gym.make(environment, render_mode="rgb_array")
    episodes = [play(env, seed) for seed in range(3)]
    name = save_episodes(f"human/{environment}", env, episodes)
    assert name == f"human/{environment.lower()}"
    check(name, episodes)
    data = minari.load_dataset(name)
    assert data.storage.metadata["algorithm_name"] == "human"
    assert data.spec.env_spec.id == environment
    again = data.recover_environment()
    assert again.spec.id == environment and again.render_mode is None  # no window
    # The same seed and actions lead to the same ends: it is the same environment.
    for episode in episodes:
        observation, _ = again.reset(seed=episode.seed)
        assert same(observation, episode.observations[0])
        for step, action in enumerate(episode.actions):
            observation, reward, *_ = again.step(action)
            assert same(observation, episode.observations[step + 1]) and reward == episode.rewards[step]
    again.close()
    env.close()


SPACES: dict[str, gym.Space[Any]] = {
    "image": spaces.Box(0, 255, (40, 40, 3), np.uint8),  # of which Minari would make JPEGs
    "half": spaces.Box(-1, 1, (2, 3), np.float32),
    "scalar": spaces.Box(0, 1, (), np.float64),
    "discrete": spaces.Discrete(4, start=-1),
    "many": spaces.MultiDiscrete([3, 2]),
    "binary": spaces.MultiBinary(4),
    "text": spaces.Text(6),
    "dict": spaces.Dict({"a": spaces.Discrete(2), "b": spaces.Dict({"c": spaces.Box(0, 1, (2,))})}),
    "tuple": spaces.Tuple((spaces.Discrete(2), spaces.Tuple((spaces.Box(0, 1, (2,)), spaces.Discrete(3))))),
    "mixed": spaces.Tuple((spaces.Dict({"i": spaces.Box(0, 255, (32, 32), np.uint8)}), spaces.Discrete(2))),
}


@pytest.mark.parametrize("kind", SPACES)
def test_every_space_that_minari_knows(kind: str) -> None:
    for name, env in {
        "seen": Anything(SPACES[kind], spaces.Discrete(2)),
        "done": Anything(spaces.Discrete(2), SPACES[kind]),
    }.items():
        episodes = [play(env, seed) for seed in range(2)]
        check(save_episodes(name, env, episodes), episodes)
    with pytest.raises(ValueError, match="Environment cannot be recovered"):  # no name leads to it
        minari.load_dataset("seen-v0").recover_environment()


def test_spaces_that_minari_does_not_know(root: Path) -> None:
    env = Anything(spaces.Sequence(spaces.Discrete(2)), spaces.Discrete(2))
    with pytest.raises(ArenaError, match="Minari cannot hold these episodes: .*; choose spaces") as caught:
        save_episodes("human/odd-v0", env, [play(env, 0)])
    assert "\n" not in str(caught.value)
    assert not [entry for entry in root.rglob("*") if entry.name != ".arena.lock"]


def test_a_name_that_is_taken_gets_the_next_version() -> None:
    env = gym.make("FrozenLake-v1")
    episodes = [play(env, 0)]
    names = [
        save_episodes(name, env, episodes) for name in ("a b/Lake-v1", "a-b/lake-v1", "A b/lake", "a b/lake")
    ]
    assert names == ["a-b/lake-v1", "a-b/lake-v2", "a-b/lake-v0", "a-b/lake-v3"]
    assert save_episodes("lake", env, episodes) == "lake-v0"
    assert list(minari.list_local_datasets()) == ["lake-v0", *sorted(names)]
    for name in names:
        check(name, episodes)
    assert minari.namespace.list_local_namespaces() == ["a-b"]


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "-v0",
        "x-v0",
        "human/",
        "a//b",
        "data/x1",
        "human/...-v0",
        "../outside-v0",
        "/etc/passwd",
        "é" * 101,
    ],
)
def test_names_that_are_none(root: Path, name: str) -> None:
    env = gym.make("FrozenLake-v1")
    with pytest.raises(ArenaError, match="names no data set; choose words") as caught:
        save_episodes(name, env, [play(env, 0)])
    assert "\n" not in str(caught.value)
    assert not root.exists() and list(root.parent.iterdir()) == []


@pytest.mark.parametrize(
    "name", ["ALE/Pong-v5", "module:make", "human/data-v0", "ü/öl\\x", "a1\n-v0", "x-v12345678901"]
)
def test_odd_names_are_made_legal(name: str) -> None:
    env = gym.make("FrozenLake-v1")
    if name.startswith("ü"):
        name = "ü" + name
    made = save_episodes(name, env, [play(env, 0)])
    assert minari.load_dataset(made).spec.dataset_id == made
    assert list(minari.list_local_datasets()) == [made]


def test_beginnings_and_nothing() -> None:
    env = gym.make("CartPole-v1")
    begun = play(env, 3, most=2)
    assert not begun.truncations[-1]
    unseeded = dataclasses.replace(begun, seed=None)
    check(save_episodes("human/begun", env, [begun, play(env, 4, most=0), unseeded]), [begun, unseeded])
    with pytest.raises(ArenaError, match="there is nothing to keep as human/none; play at least one step"):
        save_episodes("human/none", env, [play(env, 4, most=0)])
    with pytest.raises(ValueError, match=r"2 observations and \[2, 2, 2\] of the rest for 2 actions"):
        dataclasses.replace(begun, observations=begun.observations[1:])


def test_a_failure_leaves_nothing(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    env = gym.make("CartPole-v1")
    episodes = [play(env, 0)]
    broken = dataclasses.replace(
        episodes[0], observations=[np.zeros(4), *episodes[0].observations[1:-1], np.zeros(3)]
    )
    with pytest.raises(ArenaError, match="Minari cannot hold these episodes: all input arrays"):
        save_episodes("human/cart", env, [*episodes, broken])
    assert [entry.name for entry in root.iterdir()] == [".arena.lock"]
    assert save_episodes("human/cart", env, episodes) == "human/cart-v0"
    blocked = root / "blocked"
    blocked.write_bytes(b"")
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(blocked))
    with pytest.raises(ArenaError, match="cannot write .*; choose another folder"):
        save_episodes("human/cart", env, episodes)


def test_a_spec_that_cannot_be_written_down_is_left_out() -> None:
    gym.register("arena-test/Made-v0", entry_point=lambda: Anything(spaces.Discrete(2), spaces.Discrete(2)))
    try:
        env = gym.make("arena-test/Made-v0", disable_env_checker=True)
        episodes = [play(env, 0)]
        name = save_episodes("human/made", env, episodes)
        check(name, episodes)
        assert "env_spec" not in json.loads(
            (minari.load_dataset(name).storage.data_path / "metadata.json").read_text(encoding="utf-8")
        )
    finally:
        gym.registry.pop("arena-test/Made-v0")


@pytest.mark.parametrize("missing", ["minari", "h5py", "PIL"])
def test_what_is_missing_is_named(root: Path, monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    env = gym.make("CartPole-v1")
    for module in [name for name in sys.modules if name.split(".")[0] in ("minari", missing)]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(ArenaError, match=rf"and {missing} is missing; pip install 'arena-rl\[minari\]'"):
        save_episodes("human/cart", env, [play(env, 0)])
    assert not (root / "human").exists()
