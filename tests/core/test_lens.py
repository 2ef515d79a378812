"""Codes in the place of observations: of whole episodes, in one lane and many, and with a memory."""

import gymnasium as gym
import numpy as np
import pytest
import torch
from torch import nn

import arena
from arena.agents.base import Needs
from arena.api import train_experiment
from arena.encoders.base import Encoder
from arena.encoders.distributions import PointMass
from arena.encoders.encoded_stream import ROWS, ObservationEncoder
from arena.encoders.observed_environment import ObservedEnvironment
from arena.environments.factory import EnvironmentFactory
from arena.errors import ArenaError
from arena.frames.fits import resolve_fit
from arena.runs.resolve import resolve_experiment

NEEDS = Needs(observations=("box",))
#: Ours, native; and Gymnasium's, which is replayed.
PLACES = ("arena/CartPole-v0", "CartPole-v1")


class Traces(Encoder):
    """A code that fades: half of the one before, and the observation; the action is added where it is known."""

    def __init__(self, space, config, labels=None):
        super().__init__(space, config, labels)
        self.latent = gym.spaces.Box(-np.inf, np.inf, space.shape, np.float32)
        self.weight = nn.Parameter(torch.tensor(0.5))

    def initial(self, batch):
        return torch.zeros(batch, *self.space.shape)

    def step(self, memory, x, action=None):
        memory = self.weight.detach() * memory + x.float()
        if action is not None:
            memory = memory + action.reshape(-1, 1)
        return memory, PointMass(memory)

    def unroll(self, memory, x, action=None, begin=None):
        raise NotImplementedError

    def encode(self, x, *, given=None):
        return self.step(self.initial(len(x)), x)[1]

    def loss(self, batch):
        return (self.weight - 1).square()


class Breaks(Traces):
    def step(self, memory, x, action=None):
        memory, code = super().step(memory, x)
        return memory, code if action is None else PointMass(memory / 0)


class Keeps(Traces):
    """Begins with a memory that it keeps as a parameter."""

    def __init__(self, space, config, labels=None):
        super().__init__(space, config, labels)
        self.first = nn.Parameter(torch.full((1, *space.shape), 7.0))

    def initial(self, batch):
        return self.first.expand(batch, *self.space.shape)


def observed(place, kind=Traces):
    factory = EnvironmentFactory.resolve(place)
    space = factory.properties.observation_space
    return ObservedEnvironment(factory, ObservationEncoder(kind(space, kind.Config()), space, "cpu"))


def stream_of(environment, lanes):
    return environment.open_stream(lanes, NEEDS, lambda lane, episode: 100 * lane + episode)


@pytest.mark.parametrize("lanes", [1, 3, ROWS + 5])
@pytest.mark.parametrize("place", PLACES)
def test_each_lane_remembers_its_own_episode(place, lanes):
    random = np.random.default_rng(0)
    stream, plain = (
        stream_of(observed(place), lanes),
        stream_of(ObservedEnvironment(EnvironmentFactory.resolve(place)), lanes),
    )
    expected = plain.observation.astype(np.float32)
    ended = 0
    for _ in range(40):
        np.testing.assert_allclose(stream.observation, expected, rtol=1e-5, atol=1e-6)
        action = random.integers(2, size=lanes)
        seen, raw = stream.step(action), plain.step(action)
        led = (0.5 * expected + raw.next_observation + action[:, None]).astype(np.float32)
        np.testing.assert_allclose(seen.next_observation, led, rtol=1e-5, atol=1e-6)
        np.testing.assert_array_equal(seen.reward, raw.reward)
        begun = raw.terminated | raw.truncated
        expected = np.where(begun[:, None], plain.observation, led).astype(np.float32)
        ended += begun.sum()
    assert ended
    assert stream.episodes == plain.episodes
    stream.close(), plain.close()


@pytest.mark.parametrize("place", PLACES)
def test_a_stream_goes_on_with_what_it_remembered(place):
    random = np.random.default_rng(0)
    stream = stream_of(observed(place), 2)
    for _ in range(7):
        stream.step(random.integers(2, size=2))
    state, rest = stream.state_dict(), random.integers(2, size=(30, 2))
    seen = [stream.step(action).next_observation.copy() for action in rest]
    other = stream_of(observed(place), 2)
    other.load_state_dict(state)
    again = [other.step(action).next_observation.copy() for action in rest]
    np.testing.assert_array_equal(seen, again)
    stream.begin()
    np.testing.assert_array_equal(stream.observation, stream_of(observed(place), 2).observation)


def test_a_code_that_is_no_number_is_refused():
    stream = stream_of(observed(PLACES[0], Breaks), 2)
    with pytest.raises(
        ArenaError, match="arena/CartPole-v0 gave a code with (inf|-inf|nan) in environment 0"
    ):
        stream.step(np.zeros(2, np.int64))


@pytest.mark.parametrize("lanes", [1, 3])
def test_a_lane_s_memory_is_its_own(lanes):
    """Also where an encoder hands out a view of its parameters."""
    environment = observed(PLACES[0], Keeps)
    stream, plain = (
        stream_of(environment, lanes),
        stream_of(ObservedEnvironment(EnvironmentFactory.resolve(PLACES[0])), lanes),
    )
    np.testing.assert_allclose(stream.observation, 3.5 + plain.observation, rtol=1e-5)
    for _ in range(5):
        stream.step(np.zeros(lanes, np.int64))
    assert (environment.encoder.encoder.first == 7).all()


@pytest.fixture(scope="module")
def remembering(tmp_path_factory):
    """A run of DQN on the codes of a recurrent autoencoder."""
    out = tmp_path_factory.mktemp("remembering")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(out)
        fit = resolve_fit(
            "recurrent-ae",
            "arena/CartPole-v0",
            env_options={"observation": "state"},
            frames=400,
            steps=10,
            encoder_options={"latent": 5, "hidden_sizes": [8]},
            batch_size=4,
            sequence_length=6,
        )
        path = train_experiment(fit, out=out, progress=False).runs[0]["path"]
    small = {
        "learning_starts": 32,
        "train_frequency": 16,
        "gradient_steps": 1,
        "hidden_sizes": [8],
        "batch_size": 8,
    }
    settings = {"steps": 200, "num_envs": 2, "episodes": 2, "horizon": 20, "seeds": 1}
    settings |= {"evaluate_every": 50, "log_every": 10}
    return path, lambda **changes: resolve_experiment(
        "dqn", "arena/CartPole-v0", encoder=path, agent_options=small, **{**settings, **changes}
    )


def test_an_agent_on_a_recurrent_encoder_acts_as_it_was_evaluated(remembering, tmp_path):
    _, experiment = remembering
    results = train_experiment(experiment(), out=tmp_path, progress=False)
    loaded = arena.load(results.runs[0]["path"])
    stream = stream_of(loaded.environment, 1)
    plain = stream_of(ObservedEnvironment(EnvironmentFactory.resolve("arena/CartPole-v0")), 1)
    for _ in range(30):
        action, _ = loaded.agent.act(stream.observation, None, explore=False, generator=None)
        assert loaded.act(plain.observation[0]) == action[0]
        ended = stream.step(action).terminated[0]
        plain.step(action)
        if ended:
            loaded.reset()


def test_more_steps_go_on_with_what_the_lanes_remembered(remembering, tmp_path):
    _, experiment = remembering
    train_experiment(experiment(), out=tmp_path / "whole", progress=False)
    train_experiment(experiment(steps=100), out=tmp_path / "part", progress=False)
    train_experiment(experiment(), out=tmp_path / "part", progress=False)
    [one], [other] = ((tmp_path / name).iterdir() for name in ("whole", "part"))
    assert one.name == other.name
    for name in ("metrics.jsonl", "result.json"):
        assert (one / name).read_bytes() == (other / name).read_bytes()


def test_it_is_trained_by_no_agent(remembering):
    _, experiment = remembering
    with pytest.raises(
        ArenaError, match="recurrent-ae is recurrent, and agents do not train encoders on sequences"
    ):
        experiment(encoder_options={"mode": "finetune"})
