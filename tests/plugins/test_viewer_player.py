"""Players play what evaluations judge, keep every moment in bounded memory, and leave everything else alone."""

import random

import gymnasium as gym
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planted_worlds import BLUE, Corridor, Film, Walker, factory_of, player_of

import arena
from arena.environments.rendering import CellPainter
from arena.errors import ArenaError
from arena.runs.resolve import resolve_experiment
from arena.training.evaluation import Evaluator, evaluation_episode_seed
from arena_viewer.player import CompressedFrame, Moment, Player, open_environment
from arena_viewer.roles import Snapshots, make_players, role_from_run, roles_through_training, untrained_role
from arena_viewer.series import BoundedSeries


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A greedy tabular agent on a slippery cliff: no episode is like another."""
    results = arena.train(
        "q-learning",
        "arena/CliffWalk-v0",
        env_options={"slip": 0.2},
        seeds=[3],
        steps=3000,
        evaluate_every=1000,
        out=tmp_path_factory.mktemp("runs"),
        progress=False,
    )
    return results.runs[0]["path"]


@pytest.fixture(scope="module")
def role(run):
    return role_from_run(run)


def new(agent, env, **settings):
    return untrained_role(resolve_experiment(agent, env, seeds=[0], **settings))


def recorded_episodes(player, episode):
    player.begin(episode)
    while player.advance():
        pass
    return player.now.total


# What is seen is what was judged


@pytest.mark.parametrize("seed", [3, 4])
def test_the_kth_episode_is_the_kth_of_the_evaluation(role, seed):
    evaluator = Evaluator(role.environment, type(role.agent), role.horizon, 6, seed)
    expected = evaluator(role.agent)
    evaluator.close()
    (player,) = make_players([role], seed=seed)
    assert len(set(expected)) > 1
    assert [recorded_episodes(player, episode) for episode in range(6)] == expected.tolist()
    assert recorded_episodes(player, 5) == expected[5], "a second time too"
    assert list(player.returns) == [*expected, expected[5]]


def test_an_agent_with_memory_plays_as_it_was_judged():
    role = new("drqn", "CartPole-v1", agent_options={"hidden_sizes": [8], "memory": 8})
    evaluator = Evaluator(role.environment, type(role.agent), 40, 3, 0)
    expected = evaluator(role.agent)
    evaluator.close()
    (player,) = make_players([role], seed=0, horizon=40)
    assert [recorded_episodes(player, episode) for episode in range(3)] == expected.tolist()
    assert player.moments[0].estimates.value is None, "it says nothing, since its memory is needed"


def test_continuous_actions_reach_the_environment_as_it_takes_them():
    role = new("actor-critic", "arena/Pendulum-v0", agent_options={"hidden_sizes": [8]})
    evaluator = Evaluator(role.environment, type(role.agent), 30, 2, 0)
    expected = evaluator(role.agent)
    evaluator.close()
    (player,) = make_players([role], seed=0, horizon=30)
    assert [recorded_episodes(player, episode) for episode in range(2)] == pytest.approx(
        expected.tolist(), rel=1e-5
    )
    space = player.env.action_space
    assert isinstance(space, gym.spaces.Box)
    assert all(space.contains(moment.action) for moment in list(player.moments)[:-1])
    assert player.now.action is None and player.now.ended == "truncated"


def test_several_roles_meet_the_same_episodes_and_one_role_different_ones(role):
    def seeds(made):
        made = list(made)
        return [player.env.unwrapped.np_random_seed for player in made], made

    rivals, made = seeds(make_players([role, role, role], seed=9))
    assert set(rivals) == {evaluation_episode_seed(9, 0)}
    for player in made:
        recorded_episodes(player, 2)
    totals = [[moment.observation for moment in player.moments] for player in made]
    assert totals[0] == totals[1] == totals[2]

    alone, made = seeds(make_players([role], count=4, seed=9))
    assert alone == [evaluation_episode_seed(9, place) for place in range(4)]
    for player in made:
        player.begin(1)
    assert seeds(made)[0] == [evaluation_episode_seed(9, 4 + place) for place in range(4)]
    assert [player.name for player in made] == [f"episode {place + 1}" for place in range(4)]

    both, made = seeds(make_players([role, role], count=4, seed=9))
    assert both == [evaluation_episode_seed(9, place) for place in (0, 0, 1, 1)]
    assert [player.name for player in made] == [f"q-learning · episode {i}" for i in (1, 1, 2, 2)]


def test_players_share_an_agent_without_disturbing_each_other(role):
    alone, *_ = make_players([role], seed=1)
    expected = recorded_episodes(alone, 0)
    together = make_players([role, role], seed=1)
    while sum(player.advance() for player in together):
        pass
    assert {player.now.total for player in together} == {expected}


def test_strangers_are_not_watched_together(role):
    other = new("random", "arena/FourRooms-v0")
    with pytest.raises(ArenaError, match="different environments: arena/CliffWalk-v0 and arena/FourRooms-v0"):
        make_players([role, other])


# Moments


def test_moments_tell_the_episode_exactly():
    player = player_of(4)
    assert (player.now.step, player.now.reward, player.now.total, player.ended) == (0, 0.0, 0.0, False)
    steps = [player.advance() for _ in range(6)]
    assert steps == [True] * 4 + [False] * 2
    assert [moment.step for moment in player.moments] == [0, 1, 2, 3, 4]
    assert [moment.reward for moment in player.moments] == [0, 1, 2, 3, 4]
    assert [moment.total for moment in player.moments] == [0, 1, 3, 6, 10]
    assert [moment.action for moment in player.moments] == [1, 1, 1, 1, None]
    assert [moment.estimates.value for moment in player.moments] == [0, 1, 2, 3, None]
    assert [moment.ended for moment in player.moments] == ["", "", "", "", "terminated"]
    assert player.rewards.parts == [1, 2, 3, 4] and list(player.returns) == [10]


def test_the_longest_episode_is_cut_off():
    player = player_of(50, horizon=3)
    while player.advance():
        pass
    assert (player.now.step, player.now.ended) == (3, "truncated")


def test_an_action_from_outside_replaces_what_was_decided():
    player = player_of(actor=Walker(action=None))
    player.advance(2)
    assert [moment.action for moment in player.moments] == [2, None]


def test_a_new_episode_forgets_the_old_one_but_its_return():
    actor = Walker()
    player = player_of(3, actor=actor)
    while player.advance():
        pass
    player.begin(7)
    assert (player.episode, player.now.step, len(player.moments), player.rewards.parts) == (7, 0, 1, [])
    assert list(player.returns) == [6] and len(actor.seen) == 2
    assert player.env.unwrapped.seeds == [evaluation_episode_seed(0, 0), evaluation_episode_seed(0, 7)]


def test_returns_of_all_episodes_are_kept():
    player = player_of(1)
    for episode in range(1200):
        player.begin(episode)
        player.advance()
    assert player.returns == [1.0] * 1200 and isinstance(player.returns, list)


@pytest.mark.parametrize("budget", [1, 5000, 20_000, 1 << 20])
def test_a_budget_drops_the_oldest_moments_first(budget):
    player, whole = player_of(60, budget=budget), player_of(60)
    while player.advance():
        whole.advance()
        assert player.first == player.moments[0].step and player.now.step == whole.now.step
        assert [m.step for m in player.moments] == list(range(player.first, player.now.step + 1))
        assert len(player.moments) <= 2 or sum(m.nbytes for m in player.moments) <= budget
    assert (player.first == 0) == (budget == 1 << 20)
    assert budget > 1 or len(player.moments) == 2, "the present one and the one before are always there"
    assert player.now.total == sum(range(61)) and sum(player.rewards.parts) == sum(range(61))
    for step in (-3, 0, player.first, player.first + 1, 60, 99):
        assert player.at(step).step == min(max(step, player.first), 60)
    player.begin(1)
    assert player.first == 0


def test_moments_know_how_large_they_are():
    observation = {"a": np.zeros(1000), "b": (np.zeros(10, np.uint8), "text", 3)}
    assert Moment(0, None, observation, 0, 0).nbytes - Moment(0, None, 0, 0, 0).nbytes == 8010


# What is seen of it


@settings(deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 2**32 - 1), st.booleans())
def test_a_squeezed_frame_comes_back(height, width, seed, plain):
    frame = np.random.default_rng(seed).integers(256, size=(height, width, 3), dtype=np.uint8)
    frame = np.full_like(frame, 7) if plain else frame
    for each in (frame, frame[::-1], frame[:, ::-1]):
        squeezed = CompressedFrame(each)
        assert np.array_equal(squeezed.frame(), each)
        assert squeezed.proportion == width / height
    assert not plain or squeezed.nbytes < 100


def test_a_painted_world_keeps_scenes_and_counts_visits(role):
    (player,) = make_players([role])
    assert isinstance(player.painter, CellPainter) and player.env.render_mode is None
    while player.advance():
        pass
    cells = [player.painter.cell(moment.scene) for moment in player.moments]
    assert np.array_equal(player.visits, np.bincount(cells, minlength=48))
    player.begin(1)
    assert player.visits.sum() == len(cells) + 1, "they are counted from the first episode on"


def test_a_world_without_a_painter_keeps_its_frames():
    (player,) = make_players([new("random", "CartPole-v1")])
    for _ in range(4):
        player.advance()
    first, *_, second = (moment.scene for moment in player.moments)
    assert player.painter is None and player.env.render_mode == "rgb_array"
    assert first.frame().shape == (400, 600, 3) and first.proportion == 1.5
    assert not np.array_equal(first.frame(), second.frame())
    assert first.nbytes < 20_000
    film = player_of(kind=Film)
    film.advance()
    assert (film.now.scene.frame()[:, 1] == BLUE).all()


def test_a_world_without_a_picture_keeps_none():
    player = player_of()
    player.advance()
    assert [moment.scene for moment in player.moments] == [None, None] and player.visits.size == 0


def test_frames_that_are_no_pictures_are_left_out(monkeypatch):
    for odd in (None, [1, 2], np.zeros((3, 3)), np.zeros((3, 3, 3))):
        monkeypatch.setattr(Film, "render", lambda self, odd=odd: odd)
        assert player_of(kind=Film).now.scene is None


def test_a_world_is_made_once_more_only_to_render():
    made = []
    factory = factory_of(Film)
    make = factory.make
    factory.make = lambda *args, **options: made.append(make(*args, **options)) or made[-1]
    closed = []
    for kind in (Film, Corridor):
        kind.close = lambda self: closed.append(self)
    try:
        env, painter = open_environment(factory, 10)
    finally:
        for kind in (Film, Corridor):
            del kind.close
    assert painter is None and env is made[1] and closed == [made[0].unwrapped]


# What goes wrong, and what is left alone


def test_what_an_environment_raises_is_one_line():
    player = player_of(fault=2)
    player.advance()
    player.advance()
    with pytest.raises(ArenaError) as caught:
        player.advance()
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("Corridor-v0 raised RuntimeError in episode 0: the floor gave way")
    assert isinstance(caught.value.__cause__, RuntimeError)


def test_the_global_generators_are_left_as_they_were():
    random.seed(1)
    np.random.seed(1)
    before = random.getstate(), np.random.get_state()[1].tolist()
    player = player_of()
    while player.advance():
        pass
    player.begin(1)
    assert (random.getstate(), np.random.get_state()[1].tolist()) == before


def test_equal_seeds_give_equal_episodes_whatever_else_draws():
    def observations(disturb):
        player, seen = player_of(), []
        while player.advance():
            seen.append(player.now.observation.tolist())
            for _ in range(disturb):
                random.random(), np.random.random()
        return seen

    assert observations(0) == observations(3)


# Rewards in bounded memory


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(-9, 9), max_size=300), st.sampled_from([2, 4, 8, 16]))
def test_a_history_keeps_the_means_of_equal_parts(numbers, most):
    history = BoundedSeries(most)
    for number in numbers:
        history.append(number)
    length = history.length
    parts = [numbers[i : i + length] for i in range(0, len(numbers), length)]
    assert history.parts == pytest.approx([sum(part) / len(part) for part in parts])
    assert len(history.parts) <= most and length & (length - 1) == 0
    assert length == 1 or len(numbers) >= most * length / 2, "no coarser than it has to be"


# Agents of runs


def test_a_runs_snapshots_are_agents_that_one_can_go_to(role, run):
    actor = role.actor(0)
    snapshots = Snapshots(role, [actor])
    assert snapshots.steps == [1000, 2000, 3000] and snapshots.place == 2 and snapshots.unit == "step"
    assert list(role.curve.steps) == snapshots.steps and role.curve.at == 3000

    def table(agent):
        return actor_of(agent).action_values(np.arange(48))

    def actor_of(agent):
        return agent if hasattr(agent, "version") else agent.actor(0)

    tables = [table(each) for each in roles_through_training(run, 3)]
    assert not np.array_equal(tables[0], tables[2])
    for place in (0, 1, 2):
        snapshots.go(place)
        assert np.array_equal(table(actor), tables[place])
        assert (role.curve.at, snapshots.place, actor.version) == (1000 * (place + 1), place, place + 1)


@pytest.mark.parametrize(("most", "chosen"), [(2, [1, 3]), (3, [1, 2, 3]), (9, [1, 2, 3])])
def test_side_by_side_the_first_and_the_last_are_there(run, most, chosen):
    assert [role.name for role in roles_through_training(run, most)] == [
        f"after {k},000 steps" for k in chosen
    ]


def test_an_agent_that_learned_nothing_can_be_watched_too():
    role = new("q-learning", "arena/CliffWalk-v0")
    player = Player(role.factory, role.actor(0), explore=True, horizon=5)
    while player.advance():
        pass
    assert player.now.step == 5 and player.moments[0].estimates.action_values.shape == (4,)
    assert player.actor.agent is role.agent
