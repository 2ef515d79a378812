"""A maze that changes after a number of steps of a lane, whatever episodes they belong to."""

import numpy as np
import pytest

import arena_gridworld as ag
from arena.encoders.observed_environment import ObservedEnvironment
from arena.environments.factory import EnvironmentFactory
from arena.errors import ArenaError
from arena.experiments.build import build_agent
from arena.random.generators import Generators
from arena.runs.resolve import resolve_experiment

UP, RIGHT, DOWN, LEFT = range(4)


def test_it_changes_after_so_many_steps_and_not_before():
    env = ag.DynaMaze(change_after=20, render_mode="ansi")
    env.reset(seed=0)
    for step in range(1, 41):
        if step % 7 == 0:
            env.reset()  # episodes do not matter
        env.step(RIGHT if step % 2 else LEFT)
        barrier = env.render().split("\n")[3]
        assert barrier == ("########." if step < 20 else ".########")
    env.reset(seed=0)  # a seed sets the clock back
    assert env.render().split("\n")[3] == "########."


@pytest.mark.parametrize(("maze", "change"), [("blocking", 1000), ("shortcut", 3000)])
def test_the_books_schedule(maze, change):
    vector = ag.DynaMazeVector(2, maze=maze)
    vector.reset(seed=0)
    assert vector.world.phase_starts == (0, change)
    for _ in range(change - 1):
        vector.step(np.full(2, DOWN))
    walker = vector.world.layout[vector.lanes["state"]]
    assert walker.tolist() == [0, 0]
    vector.step(np.full(2, DOWN))
    assert vector.world.layout[vector.lanes["state"]].tolist() == [1, 1]
    assert vector.clock.tolist() == [change, change]


def test_the_way_is_open_before_and_barred_after():
    def goes_right_and_up(change_after):
        env = ag.DynaMaze(change_after=change_after)
        env.reset(seed=0)
        return sum(env.step(action)[1] for action in [RIGHT] * 5 + [UP] * 5)

    assert goes_right_and_up(1000) == 1
    assert goes_right_and_up(5) == 0


def test_a_walker_in_a_new_wall_can_leave_it():
    env = ag.DynaMaze(change_after=7)
    env.reset(seed=0)
    for action in [RIGHT] * 5 + [UP, UP]:
        observation, *_ = env.step(action)
    assert observation == 3 * 9 + 8  # the gap, now a wall
    assert env.world.layouts[1].flat[observation] == 1
    assert env.step(UP)[0] == 2 * 9 + 8
    assert env.step(DOWN)[0] == 2 * 9 + 8


def test_there_is_no_static_model_unless_it_stays():
    assert ag.DynaMaze().model is None
    assert EnvironmentFactory.resolve("arena/DynaMaze-v0").properties.model is None
    for options in ({"maze": "dyna"}, {"change_after": 0}, {"maze": "shortcut", "change_after": 0}):
        assert ag.DynaMaze(**options).model.num_states == 54
        assert ag.DynaMazeVector(2, **options).model.num_states == 54


def test_the_state_holds_the_clock():
    env, other = ag.DynaMaze(change_after=10), ag.DynaMaze(change_after=10)
    env.reset(seed=0)
    for _ in range(6):
        env.step(UP)
    other.restore(env.state())
    for _ in range(10):
        assert env.step(UP) == other.step(UP)
        assert env.state_index == other.state_index
    assert env.world.layout[env.state_index] == 1
    vector = ag.DynaMazeVector(3)
    vector.reset(seed=0)
    with pytest.raises(ArenaError, match="the state does not fit 3 environments that change"):
        vector.restore(env.state())


def test_observations_of_the_cell_do_not_tell_the_phase():
    for kind, size in (("index", None), ("onehot", (54,)), ("xy", (2,))):
        env = ag.DynaMaze(change_after=3, observation=kind)
        assert env.observation_space.shape == (size or ())
        first, _ = env.reset(seed=0)
        last = [env.step(DOWN)[0] for _ in range(6)]
        assert all(np.array_equal(first, seen) for seen in last)
    env = ag.DynaMaze(change_after=3, observation="pixels")  # a picture does
    first, _ = env.reset(seed=0)
    frames = [env.step(DOWN)[0] for _ in range(4)]
    assert [np.array_equal(first, frame) for frame in frames] == [True, True, False, False]


def test_a_bad_action_does_not_move_the_clock():
    vector = ag.DynaMazeVector(2)
    vector.reset(seed=0)
    with pytest.raises(ArenaError):
        vector.step(np.array([0, 9]))
    assert vector.clock.tolist() == [0, 0]


def test_a_learner_does_not_stop_the_clock():
    """A compiled loop over the lanes would: the maze would never change."""
    factory = EnvironmentFactory.resolve("arena/DynaMaze-v0", {"maze": "blocking", "change_after": 50})
    experiment = resolve_experiment(
        "q-learning", "arena/DynaMaze-v0", env_options={"maze": "blocking", "change_after": 50}
    )
    agent = build_agent(experiment, ObservedEnvironment(factory), Generators(0))
    stream = ObservedEnvironment(factory).open_stream(1, agent.needs, lambda lane, episode: 0)
    stream.boundary = 100
    for _ in agent.train(stream):
        if stream.steps >= 100:
            break
    assert stream.vector.clock[0] == 100
