"""Collected frames: the policies that act, their mixtures, and trained agents."""

import types

import gymnasium as gym
import numpy as np
import pytest
from test_frames_collect import PIXELS, ROOMS, Counter

import arena
from arena.agents.base import Needs
from arena.environments.factory import EnvironmentFactory
from arena.errors import ArenaError
from arena.frames import Frames, collect, policies
from arena.random.generators import Generators


class Constant(policies.Policy):
    """Always does the same; remembers the episodes that it has seen."""

    def __init__(self, name, lanes):
        self.name, self.lanes, self.steps = name, lanes, np.zeros(lanes, int)

    def identity(self):
        return self.name

    def act(self, observation):
        self.steps += 1
        return np.full(self.lanes, int(self.name))

    def ended(self, lanes):
        self.steps[lanes] = 0


def test_a_mixture_chooses_for_each_episode_in_proportion(tmp_path, monkeypatch):
    monkeypatch.setattr(policies, "_one", lambda said, factory, lanes, *_: Constant(said, lanes))
    frames = collect(
        ROOMS,
        {"1": 1, "2": 3, "3": 0},
        6000,
        env_options={"observation": "xy"},
        horizon=4,
        out=tmp_path / "set",
    )
    episodes = np.split(frames.action, frames.starts[1:])
    chosen = [set(actions[1:].tolist()) for actions in episodes if len(actions) > 1]
    assert all(len(actions) == 1 for actions in chosen)
    chosen = np.array([actions.pop() for actions in chosen])
    share, spread = (chosen == 2).mean(), np.sqrt(0.75 * 0.25 / len(chosen))
    assert len(chosen) > 1000 and set(chosen.tolist()) == {1, 2}
    assert abs(share - 0.75) < 4 * spread


class Watching(Constant):
    """Keeps what it acts upon."""

    def __init__(self, name, lanes):
        super().__init__(name, lanes)
        self.seen = []

    def act(self, observation):
        self.seen.append(observation[0].copy())
        return super().act(observation)


@pytest.mark.parametrize("wrappers", [(), ("RecordEpisodeStatistics",)])
def test_who_acts_sees_where_the_next_action_is_taken(tmp_path, monkeypatch, wrappers):
    watching = Watching("1", 1)
    monkeypatch.setattr(policies, "_one", lambda *_: watching)
    frames = collect(
        ROOMS, "1", 60, num_envs=1, env_options=PIXELS, wrappers=wrappers, horizon=7, out=tmp_path / "set"
    )
    acted = np.flatnonzero(~frames.begin[1:])
    assert np.array_equal(frames.observation[acted], watching.seen[: len(acted)])
    assert frames.episodes == 8


def test_everyone_in_a_mixture_hears_of_ends():
    both = [Constant("1", 3), Constant("2", 3)]
    mixture = policies.Mixture(both, [1, 1], 3, seed=0)
    for _ in range(4):
        mixture.act(None)
    mixture.ended(np.array([True, False, True]))
    assert all(one.steps.tolist() == [0, 4, 0] for one in both)


def test_what_an_agent_remembers_ends_with_the_episode():
    class Remembering:
        needs = Needs()

        def act(self, observation, memory, *, explore, generator):
            memory = np.zeros(len(observation), int) if memory is None else memory
            return memory.copy(), memory + 1

        def reset_memory(self, memory, begin):
            return np.where(begin, 0, memory)

    loaded = types.SimpleNamespace(agent=Remembering())
    policy = policies.Trained(loaded, EnvironmentFactory.resolve(ROOMS), Generators(0), False)
    acted = [policy.act(np.zeros(2, int)).tolist() for _ in range(2)]
    policy.ended(np.array([True, False]))
    assert [*acted, policy.act(np.zeros(2, int)).tolist()] == [[0, 0], [1, 1], [0, 2]]


class Careless(Counter):
    """Draws from numpy's global generator."""

    def _told(self):
        return np.random.normal(size=2), {}


def careless() -> gym.Env:
    return Careless()


def test_environments_that_draw_from_the_global_generator_repeat_themselves(tmp_path):
    before = np.random.get_state()[1].tolist()
    sets = [collect(careless, n=30, labels=(), out=tmp_path / name) for name in "ab"]
    assert sets[0].digest == sets[1].digest and len(np.unique(sets[0].observation)) == 60
    assert np.random.get_state()[1].tolist() == before


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    results = arena.train(
        "q-learning",
        ROOMS,
        steps=30_000,
        out=tmp_path_factory.mktemp("runs"),
        episodes=2,
        progress=False,
        env_options={"goal": (3, 3)},
    )
    return results.runs[0]["path"]


def test_a_trained_agent_acts_greedily_or_exploring(tmp_path, run):
    def actions(**arguments):
        frames = collect(
            ROOMS,
            run,
            80,
            env_options={"goal": (3, 3)},
            frames="render",
            labels=["state"],
            horizon=100,
            out=tmp_path / f"{arguments}",
            **arguments,
        )
        frames.verify()
        place = np.rint(frames.labels["state"] * 12).astype(int)
        return frames, place[:, 1] * 13 + place[:, 0]

    agent = arena.load(run).agent
    frames, states = actions()
    assert frames.observation.shape == (80, 416, 416, 3)
    led = np.flatnonzero(~frames.begin)
    assert (agent.probabilities(states[led - 1])[np.arange(len(led)), frames.action[led]] > 0).all()
    exploring, states = actions(explore=True)
    assert exploring.digest != frames.digest
    led = np.flatnonzero(~exploring.begin)
    greedy = agent.probabilities(states[led - 1])[np.arange(len(led)), exploring.action[led]] > 0
    assert 0.5 < greedy.mean() < 1 or len(led) < 30
    mixed, _ = actions(seed=1)
    assert mixed.source["policy"] == frames.source["policy"] != "random"


def test_an_agent_must_fit(tmp_path, run):
    with pytest.raises(
        ArenaError, match="q-learning of .* cannot act in arena/FourRooms-v0: .*frames='render'"
    ):
        collect(ROOMS, run, 50, env_options=PIXELS, out=tmp_path / "set")
    mixed = collect(ROOMS, {run: 1, "random": 1}, 20, frames="render", out=tmp_path / "mixed")
    assert Frames(mixed.folder, verify=True).source["policy"][1] == ["random", 1.0]
