"""An encoder's surprise as a bonus: its size, that it wears off, and that it goes on exactly."""

import math
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

import arena
from arena.agents.base import Needs
from arena.api import train_experiment
from arena.encoders.base import Encoder
from arena.encoders.novelty import NoveltyStream
from arena.encoders.novelty_options import NoveltyOptions
from arena.encoders.observed_environment import ObservedEnvironment
from arena.environments.factory import EnvironmentFactory
from arena.errors import ArenaError
from arena.experiments.experiment import Experiment
from arena.frames.fits import resolve_fit
from arena.runs.resolve import resolve_experiment

ENV = "arena/FourRooms-v0"
PIXELS = {"observation": "pixels", "tile_size": 1}
NEEDS = Needs(observations=("box",))
SMALL = {
    "learning_starts": 32,
    "train_frequency": 16,
    "gradient_steps": 1,
    "hidden_sizes": [8],
    "batch_size": 8,
}


class Bell(Encoder):
    """A Gaussian of unit variance whose mean it learns."""

    bound = "exact"

    def __init__(self, space, config, labels=None):
        super().__init__(space, config, labels)
        self.mean = nn.Parameter(torch.zeros(space.shape))

    def log_prob(self, x, *, given=None):
        spread = (x.float() - self.mean).flatten(1)
        return -0.5 * (spread.square() + math.log(2 * math.pi)).sum(1)

    def loss(self, batch):
        return -self.log_prob(batch.observation).mean()


def stream_of(lanes=2, place="CartPole-v1", **options):
    factory = EnvironmentFactory.resolve(place)
    encoder = Bell(factory.properties.observation_space, Bell.Config())
    around = partial(NoveltyStream, encoder=encoder, options=NoveltyOptions(**options), device="cpu")
    return ObservedEnvironment(factory).open_stream(
        lanes, NEEDS, lambda lane, episode: 100 * lane + episode, wrap=around
    )


def test_the_bonus_is_the_surprise_in_deviations_from_what_is_usual():
    stream, random, before = stream_of(scale=0.5, learning_rate=0), np.random.default_rng(0), []
    for _ in range(50):
        seen = stream.step(random.integers(2, size=2))
        novel = 0.5 * (seen.next_observation.astype(np.float64) ** 2 + math.log(2 * math.pi)).sum(1)
        expected = [0, 0]
        if before:
            expected = 0.5 * np.maximum(0, (novel - np.mean(before)) / np.std(before))
        np.testing.assert_allclose(seen.bonus, expected, rtol=1e-3, atol=1e-4)
        assert (seen.reward == 1).all()
        before += novel.tolist()
    assert not stream.encoder.mean.any()


def test_it_learns_from_each_observation_once():
    stream, random, seen = stream_of(lanes=3, batch_size=4, learning_rate=0.01), np.random.default_rng(0), []
    alone = Bell(stream.observation_space, Bell.Config())
    adam = torch.optim.Adam(alone.parameters(), 0.01)
    for _ in range(21):
        seen.append(stream.step(random.integers(2, size=3)).next_observation.copy())
    for batch in np.concatenate(seen)[:60].reshape(15, 4, 4):
        adam.zero_grad()
        (-alone.log_prob(torch.from_numpy(batch)).mean()).backward()
        adam.step()
    torch.testing.assert_close(stream.encoder.mean, alone.mean)


def test_a_stream_goes_on_exactly():
    random = np.random.default_rng(0)
    stream = stream_of(batch_size=8)
    for _ in range(19):
        stream.step(random.integers(2, size=2))
    state, rest = stream.state_dict(), random.integers(2, size=(40, 2))
    bonus = [stream.step(action).bonus.copy() for action in rest]
    other = stream_of(batch_size=8)
    other.load_state_dict(state)
    np.testing.assert_array_equal(bonus, [other.step(action).bonus.copy() for action in rest])
    assert stream.take_log() == other.take_log()
    assert other.take_log()["bonus"] is None


def experiment(**changes):
    settings = {"steps": 200, "num_envs": 2, "episodes": 2, "horizon": 20, "seeds": 1}
    settings |= {"evaluate_every": 50, "log_every": 10, "agent_options": SMALL, "env_options": PIXELS}
    settings |= {"novelty": "vae", "novelty_options": {"latent": 3, "hidden_sizes": [8], "batch_size": 16}}
    agent = changes.pop("agent", "dqn")
    if agent != "dqn":
        settings["agent_options"] = {}
    return resolve_experiment(agent, changes.pop("env", ENV), **{**settings, **changes})


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    """The folder of a fit of principal components."""
    out = tmp_path_factory.mktemp("fit")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(out)
        fit = resolve_fit("pca", ENV, env_options=PIXELS, frames=300, steps=20, encoder_options={"latent": 4})
        return train_experiment(fit, out=out, progress=False).runs[0]["path"]


@pytest.mark.parametrize("lens", [False, True])
def test_runs_with_a_bonus_go_on_exactly(fitted, lens, tmp_path):
    """By name and with a lens, which the bonus does not see through."""
    make = partial(experiment, **({"encoder": fitted} if lens else {}))
    train_experiment(make(), out=tmp_path / "whole", progress=False)
    train_experiment(make(steps=100), out=tmp_path / "part", progress=False)
    train_experiment(make(), out=tmp_path / "part", progress=False)
    [one], [other] = ((tmp_path / name).iterdir() for name in ("whole", "part"))
    for name in ("metrics.jsonl", "result.json"):
        assert (one / name).read_bytes() == (other / name).read_bytes()
    assert '"bonus": ' in (one / "metrics.jsonl").read_text()


@pytest.mark.parametrize("agent", ["drqn", "ppo", "actor-critic", "reinforce"])
def test_agents_that_learn_from_a_bonus_take_one(agent, fitted, tmp_path):
    """A fit's encoder, which absorbs; the run keeps a copy of it."""
    run = train_experiment(
        experiment(agent=agent, novelty=fitted, novelty_options={"scale": 1.0}), out=tmp_path, progress=False
    ).runs[0]["path"]
    loaded = arena.load(run)
    assert (loaded.run.novelty / "state.json").exists()
    again = Experiment.from_dict(loaded.run.spec.to_dict())
    assert again.id(0) == loaded.run.spec.id(0) != experiment(agent=agent).id(0)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"novelty": None}, "novelty.latent is given, but no novelty; add --novelty RUN"),
        ({"novelty": "vea"}, "no encoder or run is called 'vea'"),
        ({"novelty_options": {"scale": 0}}, "scale"),
        ({"novelty": "random-cnn", "novelty_options": {}}, "random-cnn neither scores nor decodes"),
        (
            {"env": "arena/CliffWalk-v0", "agent": "q-learning", "env_options": {}},
            "q-learning does not learn from a bonus; choose dqn, ppo",
        ),
        ({"agent": "sb3-dqn"}, "sb3-dqn does not learn from a bonus; choose dqn"),
    ],
)
def test_mistakes_are_named(settings, message):
    with pytest.raises(ArenaError, match=message):
        experiment(**settings)
