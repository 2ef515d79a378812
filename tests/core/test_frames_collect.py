"""What is collected is what a plain Gymnasium loop sees: frame by frame, label by label, to the byte."""

import tracemalloc

import gymnasium as gym
import numpy as np
import pytest

from arena.errors import ArenaError
from arena.frames import collect
from arena.random.generators import derive
from arena_gridworld.observation import CLASSES
from arena_gridworld.observation.styles import WALKER

ROOMS = "arena/FourRooms-v0"
PIXELS = {"observation": "pixels", "tile_size": 1}
BOTH = ("semantic", "state")


class Counter(gym.Env):
    """Shows how many steps it took; its episodes end after as many as their number, by termination or truncation."""

    observation_space = gym.spaces.Box(-1e9, 1e9, (2,), np.float64)
    action_space = gym.spaces.MultiDiscrete([3, 2])

    def __init__(self, forgets: int = 10**9, breaks: int = 10**9):
        self.episode, self.forgets, self.breaks = 0, forgets, breaks
        self.label_spaces = {"huge": gym.spaces.Box(0, 255, (), np.uint8)}

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.episode, self.steps = 1 if seed is not None else self.episode + 1, 0
        return self._told()

    def step(self, action):
        self.steps += 1
        self.last = action
        if self.steps == self.breaks:
            raise ValueError("two\nlines")
        ended = self.steps == self.episode
        observation, info = self._told()
        return observation, 0.0, ended and self.episode % 2 == 0, ended and self.episode % 2 == 1, info

    def render(self):
        return np.full((4, 6, 3), 10 * self.episode + self.steps, np.uint8)

    def _told(self):
        place = np.array([self.episode, self.steps])
        info = {"place": place, "parity": self.steps % 2, "even": bool(self.steps % 2 == 0), "text": "x"}
        info["huge"] = 254 + self.steps
        if self.steps >= self.forgets:
            info = {}
        return place.astype(np.float64), info


def counter(forgets: int = 10**9, breaks: int = 10**9) -> gym.Env:
    return Counter(forgets, breaks)


def replayed(frames, make, seed, lanes):
    """What a plain loop sees that takes the same actions; (observations, infos, begins)."""
    found = []
    for lane, length in enumerate(len(frames) // lanes + (i < len(frames) % lanes) for i in range(lanes)):
        env, first = make(), sum(len(part) for part in found)
        observation, info = env.reset(seed=derive(seed, "frames", "episode", lane, bits=64) % 2**31)
        part, done = [(observation, info, True)], False
        while len(part) < length:
            if done:
                observation, info = env.reset()
                part.append((observation, info, True))
                done = False
                continue
            observation, _, terminated, truncated, info = env.step(frames.action[first + len(part)])
            part.append((observation, info, False))
            done = terminated or truncated
        found.append(part)
    return [row for part in found for row in part]


CASES = {
    "rooms": (ROOMS, {**PIXELS, "slip": 0.3, "start": (2, 2), "goal": (3, 3)}, BOTH, 40),
    "doors": ("arena/KeyDoor-v0", {**PIXELS, "height": 2, "width": 3}, BOTH, 25),
    "changing": ("arena/DynaMaze-v0", {"observation": "xy", "change_after": 30}, ("state",), 11),
    "cart": ("arena/CartPole-v0", {"observation": "pixels", "image_size": 16, "push": 30.0}, ("state",), 50),
    "point": ("arena/PointMass-v0", {"observation_noise": 0.1, "force": 30.0}, ("state",), 9),
    "theirs": ("CartPole-v1", {}, (), 30),
}


@pytest.mark.parametrize("case", CASES)
def test_frames_are_those_of_a_plain_loop(tmp_path, case):
    env_id, options, labels, horizon = CASES[case]
    frames = collect(
        env_id,
        n=203,
        seed=5,
        num_envs=3,
        out=tmp_path / "set",
        env_options=options,
        labels=labels,
        horizon=horizon,
    )
    told = {"labels": labels} if labels else {}

    def make():
        return gym.wrappers.TimeLimit(gym.make(env_id, **options, **told), horizon)

    plain = replayed(frames, make, 5, 3)
    assert len(plain) == len(frames) and set(frames.labels) == set(labels)
    assert frames.episodes > 3 and frames.begin.tolist() == [begin for *_, begin in plain]
    for row, (observation, info, begin) in enumerate(plain):
        assert np.array_equal(frames.observation[row], observation)
        assert all(np.array_equal(frames.labels[name][row], info[name]) for name in labels)
        if begin:
            assert not frames.action[row].any()
    assert frames.observation_space == make().observation_space
    assert frames.action_space == make().action_space


def test_the_state_is_where_the_walker_is_drawn(tmp_path):
    frames = collect(
        ROOMS,
        n=600,
        env_options={**PIXELS, "goal": (3, 3), "start": (2, 2)},
        labels=BOTH,
        out=tmp_path / "set",
        horizon=13,
    )
    walker = (frames.observation == np.array(WALKER)).all(axis=-1)
    assert (walker.sum(axis=(1, 2)) == 1).all()
    assert np.array_equal(frames.labels["semantic"] == CLASSES.index("walker"), walker)
    assert frames.label_spaces["semantic"].high.max() == len(CLASSES) - 1
    row, column = np.argwhere(walker)[:, 1:].T
    assert np.allclose(frames.labels["state"], np.stack([column, row], axis=1) / 12)
    # Final frames are there: the goal is never where an episode goes on from.
    last = np.append(frames.begin[1:], True)
    at_goal = (row == 3) & (column == 3)
    assert at_goal.sum() > 20 and last[at_goal].all()


def test_the_same_arguments_give_the_same_bytes(tmp_path):
    def collected(name, **others):
        arguments = {"env_options": PIXELS, "labels": BOTH, "n": 150, "horizon": 20, **others}
        return collect(ROOMS, out=tmp_path / name, **arguments)

    one, again = collected("a"), collected("b")
    for path in one.folder.iterdir():
        assert path.read_bytes() == (again.folder / path.name).read_bytes()
    for other in ({"seed": 1}, {"num_envs": 4}, {"n": 151}, {"horizon": 21}):
        assert collected(f"{other}", **other).digest != one.digest


def test_what_is_there_is_opened_and_nothing_else_is_touched(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    options = {"n": 50, "env_options": PIXELS}
    frames = collect(ROOMS, **options)
    assert frames.folder.parent.name == "frames" and frames.folder.name.startswith("arena-FourRooms-v0_")
    before = (frames.folder / "observation.npy").stat().st_mtime_ns
    assert collect(ROOMS, **options).digest == frames.digest
    assert (frames.folder / "observation.npy").stat().st_mtime_ns == before
    with pytest.raises(ArenaError, match="holds other frames: their seed differ; choose another folder"):
        collect(ROOMS, **options, seed=1, out=frames.folder)


def test_native_lanes_are_the_single_environments(tmp_path):
    arguments = {"n": 200, "horizon": 15, "labels": BOTH, "env_options": PIXELS}
    native = collect(ROOMS, **arguments, out=tmp_path / "native")
    wrapped = collect(ROOMS, **arguments, out=tmp_path / "single", wrappers=["RecordEpisodeStatistics"])
    for name in ("observation", "action", "begin"):
        assert np.array_equal(getattr(native, name), getattr(wrapped, name))
    assert all(np.array_equal(native.labels[name], wrapped.labels[name]) for name in BOTH)


def test_memory_does_not_grow_with_the_set(tmp_path, monkeypatch):
    monkeypatch.setattr("arena.frames.collecting.CHUNK_BYTES", 2**18)
    options = {"env_options": {"observation": "pixels", "tile_size": 4}, "labels": BOTH}
    collect(ROOMS, n=100, out=tmp_path / "small", **options)
    tracemalloc.start()
    try:
        frames = collect(ROOMS, n=2000, out=tmp_path / "large", **options)
        assert frames.observation.nbytes > 16e6
        assert tracemalloc.get_traced_memory()[1] < 2e6
    finally:
        tracemalloc.stop()
    whole = monkeypatch.setattr("arena.frames.collecting.CHUNK_BYTES", 2**30) or collect(
        ROOMS, n=2000, out=tmp_path / "whole", **options
    )
    assert whole.digest == frames.digest


def test_anyone_s_environment_and_its_infos(tmp_path):
    kinds = {"parity": gym.spaces.Box(-(2**63), 2**63 - 1, (), np.int64), "even": gym.spaces.Discrete(2)}
    frames = collect(counter, n=60, num_envs=2, labels=["place", *kinds], out=tmp_path / "set")
    place = [(episode, step) for episode in range(1, 20) for step in range(episode + 1)][:30]
    assert frames.observation.dtype == np.float32
    assert frames.observation.tolist() == 2 * [list(map(float, pair)) for pair in place]
    assert frames.labels["place"].tolist() == 2 * [list(pair) for pair in place]
    assert frames.labels["parity"].tolist() == 2 * [step % 2 for _, step in place]
    assert frames.labels["even"].tolist() == 2 * [step % 2 == 0 for _, step in place]
    assert frames.begin.tolist() == 2 * [step == 0 for _, step in place]
    assert {name: frames.label_spaces[name] for name in kinds} == kinds
    assert frames.action_space == gym.spaces.MultiDiscrete([3, 2])
    taken = frames.action[~frames.begin]
    assert set(map(tuple, taken.tolist())) == {(a, b) for a in range(3) for b in range(2)}


def test_rendered_frames_go_with_their_labels(tmp_path):
    frames = collect(rendering, n=40, num_envs=2, labels=["place"], frames="render", out=tmp_path / "set")
    assert frames.observation_space == gym.spaces.Box(0, 255, (4, 6, 3), np.uint8)
    expected = frames.labels["place"] @ [10, 1]
    assert np.array_equal(frames.observation, np.broadcast_to(expected[:, None, None, None], (40, 4, 6, 3)))


def rendering(render_mode: str | None = None) -> gym.Env:
    return Counter()


def growing(render_mode: str | None = None) -> gym.Env:
    env = Counter()
    env.render = lambda: np.zeros((5 + env.steps, 6, 3), np.uint8)
    return env


def uneven() -> gym.Env:
    env = Counter()
    env.step = lambda action: (np.zeros(3), 0.0, False, False, {})
    return env


def blind(render_mode: str | None = None) -> gym.Env:
    env = Counter()
    env.render = lambda: None
    return env


@pytest.mark.parametrize(
    ("env", "arguments", "said"),
    [
        (
            ROOMS,
            {},
            r"gives Discrete\(169\), but frames must be arrays .*choose an observation of pixels or numbers",
        ),
        (ROOMS, {"env_options": PIXELS, "labels": ["depth"]}, "labels.*'depth', which is not 'semantic' or"),
        (ROOMS, {"labels": "state"}, r"labels is 'state'; give a list of names, such as \('state',\)"),
        ("CartPole-v1", {"labels": ["state"]}, "CartPole-v1 gives no label 'state' in info; leave it out"),
        (
            counter,
            {"labels": ["plaice"]},
            "gives no label 'plaice' in info; choose from: even, huge, parity",
        ),
        (counter, {"labels": ["text"]}, "the label text of .*counter is str, not a number"),
        (counter, {"labels": ["place"], "env_options": {"forgets": 3}}, "gives no label 'place' in info"),
        (
            counter,
            {"env_options": {"breaks": 3}, "labels": ["even"]},
            "counter in environment 0 raised ValueError: two lines; see",
        ),
        (counter, {}, "the label huge has 256, which is not a valid uint8; fix it with a wrapper"),
        (
            growing,
            {"frames": "render", "labels": ()},
            r"of shape \(6, 6, 3\) and type uint8, not \(5, 6, 3\)",
        ),
        (uneven, {"labels": ()}, "gave the observation of shape .* and type float64, not .*fix it"),
        (blind, {"frames": "render"}, "does not render an rgb_array; use frames='observation'"),
        (ROOMS, {"frames": "pixels"}, "frames is 'pixels'; give 'observation' or 'render'"),
        (ROOMS, {"n": 0}, "n is 0, which is not a whole number from 1"),
        (ROOMS, {"seed": 0.5}, "seed is 0.5, which is not a whole number"),
        (ROOMS, {"policy": "randum"}, "no policy is 'randum'; give random or a run folder"),
        (ROOMS, {"policy": {"random": -1}}, r"weights are \[-1\]; give numbers of at least 0"),
        (ROOMS, {"policy": {}}, r"weights are \[\]"),
        ("Taxi-v5", {}, "no environment is called 'Taxi-v5'"),
    ],
)
def test_what_cannot_be_collected(tmp_path, env, arguments, said):
    with pytest.raises(ArenaError, match=said) as caught:
        collect(env, out=tmp_path / "set", **{"n": 100, **arguments})
    assert caught.value.remedy and "\n" not in str(caught.value)
    assert not (tmp_path / "set").exists()
