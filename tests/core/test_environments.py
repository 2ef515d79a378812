"""Environments by name, by function and by instance; wrappers; what is trusted; what a name may call."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest

from arena.agents.base import Needs
from arena.agents.compatibility import mismatch
from arena.environments.factory import EnvironmentFactory
from arena.environments.spaces import BOX, DISCRETE
from arena.errors import ArenaError

resolve = EnvironmentFactory.resolve


def make_lake(is_slippery: bool = True) -> gym.Env[np.int64, np.int64]:
    return gym.make("FrozenLake-v1", is_slippery=is_slippery)


def make_unannotated():
    return gym.make("CartPole-v1")


def unannotated():
    raise AssertionError("called")


@pytest.mark.parametrize("name", ["os:system", "subprocess:Popen", f"{__name__}:unannotated", "os:getcwd"])
def test_a_name_calls_only_what_makes_environments(name):
    """A run folder's names may be anybody's."""
    with pytest.raises(ArenaError, match="is not annotated as a function"):
        resolve(name)


@pytest.mark.parametrize("name", ["os:system", "subprocess:Popen(args='true')", "gymnasium:make"])
def test_a_wrapper_is_a_wrapper(name):
    with pytest.raises(ArenaError, match="is not a gymnasium.Wrapper"):
        resolve("CartPole-v1", {}, [name])


@pytest.mark.parametrize(
    "text", ["TimeLimit(", "TimeLimit(5)", "TimeLimit(max_episode_steps=open('x'))", "TimeLimit(*a)"]
)
def test_wrapper_arguments_are_literals(text):
    with pytest.raises(ArenaError, match="cannot be read|no wrapper"):
        resolve("CartPole-v1", {}, [text])


def test_wrappers_by_name_and_by_module():
    for name in ("TimeLimit(max_episode_steps=7)", "gymnasium.wrappers:TimeLimit(max_episode_steps=7)"):
        assert resolve("CartPole-v1", {}, [name]).properties.limit == 7
    with pytest.raises(ArenaError, match="did you mean 'TimeLimit'"):
        resolve("CartPole-v1", {}, ["TimeLimi"])


def test_functions_and_instances():
    by_function = resolve(make_lake, {"is_slippery": False})
    assert by_function.id.endswith(":make_lake")
    assert by_function.properties.model.transitions == 64
    assert resolve(by_function.id).properties.model.transitions == 152


def test_a_function_handed_over_is_known_by_its_name_from_then_on():
    factory = resolve(make_unannotated)
    assert resolve(factory.id).make_one is make_unannotated


def test_instances():
    by_instance = resolve(gym.make("FrozenLake-v1", is_slippery=False))
    assert (by_instance.id, by_instance.options) == (
        "FrozenLake-v1",
        {"is_slippery": False, "map_name": "4x4"},
    )
    with pytest.raises(ArenaError, match="no importable name"):
        resolve(lambda: gym.make("CartPole-v1"))


def test_an_instance_keeps_its_time_limit():
    for instance in (
        gym.make("CartPole-v1", max_episode_steps=5),
        gym.wrappers.TimeLimit(gym.make("CartPole-v1"), 5),
    ):
        assert resolve(instance).properties.limit == 5
    assert resolve(gym.make("CartPole-v1")).wrappers == ()


def test_an_edited_function_without_a_file_is_another():
    digests = set()
    for slippery in (True, False):
        namespace = {"gym": gym, "__name__": "nowhere"}
        exec(f"def make():\n    return gym.make('FrozenLake-v1', is_slippery={slippery})\n", namespace)
        digests.add(resolve(namespace["make"]).identity()["source"])
    assert len(digests) == 2


def test_an_environment_whose_engine_is_missing_says_so():
    gym.register("test/NoEngine-v0", entry_point="no_such_engine:Env")
    with pytest.raises(ArenaError, match="cannot be imported: No module named 'no_such_engine'; install"):
        resolve("test/NoEngine-v0")


def test_identity_tells_sources_and_options():
    assert resolve(make_lake).identity() != resolve("FrozenLake-v1").identity()
    one, other = (resolve("FrozenLake-v1", {"is_slippery": slippery}) for slippery in (True, False))
    assert one.identity() != other.identity()


@pytest.mark.parametrize(
    ("wrapper", "trusted"),
    [
        ("TimeLimit(max_episode_steps=9)", True),
        ("RecordEpisodeStatistics", True),
        ("TransformReward(func=None)", False),
    ],
)
def test_the_model_is_trusted_under_wrappers_that_change_nothing(wrapper, trusted):
    factory = resolve("FrozenLake-v1", {}, [wrapper])
    assert (factory.properties.model is not None) == trusted
    assert factory.is_native == wrapper.startswith("TimeLimit")


def test_a_fickle_passenger_acts_outside_the_tables():
    assert resolve("Taxi-v4").properties.model is not None
    assert resolve("Taxi-v4", {"fickle_passenger": True}).properties.model is None


def test_what_does_not_fit_says_why():
    tabular, numbers = Needs((DISCRETE,), (DISCRETE,)), Needs((BOX,), (BOX,))
    planner = Needs((DISCRETE,), (DISCRETE,), model=True)
    assert mismatch(tabular, resolve("Blackjack-v1")) is None
    assert "takes discrete observations" in mismatch(tabular, resolve("CartPole-v1"))
    assert "gives box actions" in mismatch(numbers, resolve("CartPole-v1"))
    assert "has none" in mismatch(planner, resolve("Blackjack-v1"))
    assert mismatch(planner, resolve("FrozenLake-v1")) is None
