"""Each law is proven by planted defects that it catches, and by sound ones that it lets pass."""

from __future__ import annotations

import contextlib
import itertools
from types import SimpleNamespace

import gymnasium as gym
import planted
import planted_environments
import planted_numbers
import pytest

from arena import testing
from arena.errors import ArenaError
from arena.plugins.discovery import Plugins, use_plugins
from arena.plugins.hookspecs import hookimpl
from arena.plugins.specs import EnvironmentSpec, Preset
from arena.random.generators import Generators
from arena.testing import DoesNotApply, LawError

CLIFF, LAKE = "arena/CliffWalk-v0", "FrozenLake-v1"

DEFECTS = [
    # The law, the defect, the environment, what the error says.
    (testing.resumes_exactly, planted.ForgetsPending, CLIFF, "differs from an uninterrupted run: "),
    (testing.resumes_exactly, planted.CountsOutside, CLIFF, "differs from an uninterrupted run: "),
    (testing.resumes_exactly, planted.CodeBeforeTheLoop, CLIFF, "differs from an uninterrupted run: "),
    (testing.resumes_exactly, planted.ForgetsMetrics, CLIFF, "metrics"),
    (testing.resumes_exactly, planted.ForgetsPending, "Blackjack-v1", "differs from an uninterrupted run: "),
    (
        testing.boundaries_change_nothing,
        planted.MetricsOfChunks,
        CLIFF,
        r"\['metrics'\]\['chunk'\] is 1.*not 5",
    ),
    (testing.boundaries_change_nothing, planted.DecaysByYields, CLIFF, r"\['agent'\]\['q'\] differs"),
    (testing.boundaries_change_nothing, planted.NeverSteps, CLIFF, "1000 turns from step 0"),
    (
        testing.bootstraps_through_truncation,
        planted.TruncationEnds,
        None,
        "a truncation was treated as a termination",
    ),
    (testing.bootstraps_through_truncation, planted.EndsGoOn, None, "a termination was bootstrapped"),
    (testing.bootstraps_through_truncation, planted.BootstrapsFromTheReset, None, "cut off after"),
    (testing.batch_equals_singles, planted.CentresTheBatch, CLIFF, "a batch acts"),
    (testing.acts_from_its_generator, planted.ActsByGlobals, CLIFF, "gave different actions"),
    (
        testing.acts_from_its_generator,
        planted.LearnsByActing,
        CLIFF,
        r"acting changed the agent.*\['updates'\]",
    ),
    (testing.acts_in_its_space, planted.ActsOutside, CLIFF, r"which is not in Discrete\(4\)"),
    (testing.acts_in_its_space, planted.ActsForOne, CLIFF, r"gave the shape \(\), not \(1,\)"),
    (
        testing.reported_values_match_actions,
        planted_numbers.ForgetsToExplore,
        CLIFF,
        r"behavior_probabilities gives action . in .* 1\.0000, and act\(explore=True\) took it in 0\.8",
    ),
    (
        testing.reported_values_match_actions,
        planted_numbers.RatesCosts,
        CLIFF,
        "the Q of its action is by its action_values",
    ),
    (
        testing.reported_values_match_actions,
        planted_numbers.DrawsWhenAsked,
        CLIFF,
        "changed the run: .*generators",
    ),
    (testing.same_seed_same_bytes, planted.EntropySeeded, CLIFF, "two runs of one seed differ"),
    (testing.same_seed_same_bytes, planted.SeedBlind, CLIFF, "another seed changes nothing"),
    (testing.same_bytes_in_another_process, planted.HashSeeded, CLIFF, "end in different bytes"),
    (testing.survives_kills, planted.ForgetsPending, CLIFF, "killed [1-9] times and resumed"),
    (testing.state_round_trips, planted.LossyLoad, CLIFF, "load_state_dict does not restore"),
    (testing.state_round_trips, planted.HoldsASet, CLIFF, "set, which a state cannot hold"),
    (testing.state_round_trips, planted.EmptySnapshot, CLIFF, "after load_snapshot it acts differently"),
    (testing.state_round_trips, planted.CountsSnapshots, CLIFF, r"snapshot changed the run: .*\['updates'\]"),
    (testing.state_round_trips, planted.DrawsForSnapshots, CLIFF, r"snapshot changed the run: .*generators"),
    (testing.state_round_trips, planted.NoisySnapshot, CLIFF, "a second snapshot differs"),
    (testing.transfers, planted.TransfersNothing, CLIFF, "after transfer it acts differently"),
    (
        testing.changes_no_global_generator,
        planted.LendsAcrossTheYield,
        CLIFF,
        "a turn of `train` changed the global",
    ),
    (testing.compiled_equals_generic, planted.OtherFastPath, CLIFF, "the generic path differs"),
    (testing.agent_options_have_help, planted.NoHelp, CLIFF, "the option 'learning_rate' has no help"),
]


@pytest.mark.parametrize(
    ("law", "agent", "env", "message"), DEFECTS, ids=lambda x: getattr(x, "__name__", None) or None
)
def test_a_defect_is_caught(law, agent, env, message):
    settings = {"kills": 1} if law is testing.survives_kills else {}  # a process each
    with pytest.raises(LawError, match=message) as caught:
        law(agent, env, **settings)
    assert agent.__name__ in caught.value.problem
    assert caught.value.remedy


#: Laws that bring an environment of their own.
ANYWHERE = [testing.bootstraps_through_truncation]


@pytest.mark.parametrize("law", [law for law in testing.AGENT_LAWS if law not in ANYWHERE])
@pytest.mark.parametrize("env", [CLIFF, LAKE, "Blackjack-v1"])
def test_the_sound_one_keeps_every_law(law, env):
    with contextlib.suppress(DoesNotApply):
        law(planted.Sound, env)


@pytest.mark.parametrize("law", ANYWHERE)
def test_the_sound_one_keeps_every_law_of_no_environment(law):
    law(planted.Sound)


def test_only_another_process_shows_what_hash_does():
    testing.same_seed_same_bytes(planted.SeedBlind, LAKE)
    testing.resumes_exactly(planted.Sound, CLIFF)


def test_without_lending_an_agent_that_draws_from_globals_is_caught(monkeypatch):
    testing.changes_no_global_generator(planted.DrawsFromGlobals)
    testing.same_seed_same_bytes(planted.DrawsFromGlobals)
    testing.resumes_exactly(planted.DrawsFromGlobals)
    monkeypatch.setattr(Generators, "lent", lambda self, name: contextlib.nullcontext())
    with pytest.raises(LawError, match="changed the global generator of (random|numpy)"):
        testing.changes_no_global_generator(planted.DrawsFromGlobals)


def test_an_environment_that_draws_from_globals_leaves_them_alone():
    testing.changes_no_global_generator(planted.Sound, "planted_environments:DrawsFromGlobalsEnv")
    testing.same_seed_same_bytes(planted.Sound, "planted_environments:DrawsFromGlobalsEnv")
    with pytest.raises(DoesNotApply, match="cannot be resumed mid-episode: the same seed and actions gave"):
        testing.resumes_exactly(planted.Sound, "planted_environments:DrawsFromGlobalsEnv")


def test_presets_are_held_to_the_options():
    with testing.registered(planted.Sound, presets={"*": Preset(options={"discont": 0.5})}) as name:
        with pytest.raises(LawError, match="agent_options_round_trip raised UnknownNameError: .*discont"):
            testing.agent_options_round_trip(name, CLIFF)


def test_an_agent_inside_a_function_cannot_be_tried():
    class Local(planted.Sound):
        pass

    with pytest.raises(LawError, match="cannot be imported"):
        testing.acts_in_its_space(Local)


def test_a_law_says_when_it_has_nothing_to_say():
    with pytest.raises(DoesNotApply, match="no tables"):
        testing.compiled_equals_generic("random", "CartPole-v1")
    with pytest.raises(DoesNotApply, match="no transition model"):
        testing.model_matches_environment("CartPole-v1")
    with pytest.raises(DoesNotApply, match="no discount"):
        testing.bootstraps_through_truncation("random")


#: An id is never used twice: the options of an id are looked up once in a process.
NUMBER = itertools.count()


@pytest.fixture
def environment():
    """Registers an environment with Gymnasium for one test."""
    ids = []

    def register(entry, vector=None):
        ids.append(f"planted/{entry.__name__}{next(NUMBER)}-v0")
        gym.register(ids[-1], entry_point=entry, vector_entry_point=vector, max_episode_steps=1000)
        return ids[-1]

    yield register
    for env in ids:
        del gym.registry[env]


LIES = [
    (planted_environments.LiesAboutChance, "its probability in the model is"),
    (
        planted_environments.LiesAboutReward,
        "with reward 1.0 and termination happened, but the model has no such outcome",
    ),
    (planted_environments.LiesAboutTheStart, "an episode that begins in"),
]


@pytest.mark.parametrize(("entry", "message"), LIES)
def test_a_model_that_lies_is_caught(entry, message, environment):
    testing.model_matches_environment(environment(planted_environments.Honest))
    with pytest.raises(LawError, match=message):
        testing.model_matches_environment(environment(entry))


VECTORS = [
    (planted_environments.ShuffledLanes, "lane . of the vector has the (first observation|successor)"),
    (planted_environments.OtherDynamics, "lane . of the vector has the (first observation|successor)"),
    (planted_environments.ForgetsTheLimit, "lane . of the vector has the truncation False"),
]


@pytest.mark.parametrize(("vector", "message"), VECTORS)
def test_a_vector_that_differs_from_its_single_is_caught(vector, message, environment):
    testing.lane_equals_single(environment(planted_environments.Honest, planted_environments.HonestVector))
    with pytest.raises(LawError, match=message):
        testing.lane_equals_single(environment(planted_environments.Honest, vector))


def test_lanes_of_an_environment_that_ignores_its_seed_are_caught():
    with pytest.raises(LawError, match="lane . of the vector has the"):
        testing.lane_equals_single("planted_environments:DrawsFromGlobalsEnv")


def test_gymnasium_s_check_is_heard(environment):
    with pytest.raises(LawError, match="check_env says"):
        testing.passes_gymnasium(environment(planted_environments.OutsideItsSpace))


def test_an_environment_s_options_need_help(environment):
    env = environment(planted_environments.Honest)
    target = "planted_environments:HelplessOptions"

    def contributed():
        return [EnvironmentSpec(env, "A corridor", target=target, package="planted_environments")]

    plugin = SimpleNamespace(arena_environments=hookimpl(specname="arena_environments")(contributed))
    with (
        use_plugins(Plugins(extra={"helpless": plugin})),
        pytest.raises(LawError, match="'size' has no help"),
    ):
        testing.environment_options_have_help(env)


@pytest.mark.parametrize(
    "wrapper", ["NormalizeReward", "NormalizeObservation", "planted_environments:CountingAtOnce"]
)
def test_a_wrapper_with_hidden_state_is_seen_at_the_start(wrapper, tmp_path):
    with pytest.raises(DoesNotApply, match="the same seed and actions gave another"):
        testing.Uninterrupted.of("random", "CartPole-v1", tmp_path, wrappers=[wrapper])


def test_a_wrapper_whose_state_shows_late_is_seen_at_resume(tmp_path):
    whole = testing.Uninterrupted.of(
        "random", "CartPole-v1", tmp_path, steps=1500, wrappers=["planted_environments:Counting"]
    )
    with pytest.raises(DoesNotApply, match="did not repeat itself when its actions were replayed"):
        whole.check_interrupted([700])


def test_heavy_imports_are_caught():
    testing.imports_lightly("raise SystemExit(0)")
    with pytest.raises(LawError, match="imports gymnasium, numpy"):
        testing.imports_lightly("import gymnasium")
    with pytest.raises(LawError, match="another process failed: .*no module"):
        testing.imports_lightly("raise SystemExit('no module')")
    with pytest.raises(LawError, match="no plugin 'nobody'"):
        testing.plugin_imports_lightly("nobody")


def test_verdicts_tell_what_held_and_what_was_broken():
    with testing.registered(planted.NoHelp) as name:
        verdicts = {verdict.law: verdict for verdict in testing.check_agent(name, CLIFF)}
    assert verdicts.keys() == {law.__name__ for law in testing.AGENT_LAWS}
    assert {law for law, verdict in verdicts.items() if verdict.status == "broken"} == {
        "agent_options_have_help"
    }
    assert "has no help; write a docstring" in verdicts["agent_options_have_help"].reason
    assert all(verdict.says.endswith(".") for verdict in verdicts.values())
    assert [v.status for v in testing.check_environment("Blackjack-v1")][-1] == "does not apply"
    with pytest.raises(ArenaError, match="no agent is called"):
        list(testing.check_agent("nobody"))


@pytest.mark.parametrize(
    ("a", "b", "said"),
    [
        ({"x": 1}, {"x": 1.0}, r"\['x'\] is a float, not a int"),
        ({"x": 1}, {"y": 1}, "has the keys"),
        ([1], [1, 2], "2 items, not 1"),
        (b"a\nb\n", b"a\nc\n", "line 2"),
        (b"a\n", b"a\nc\n", "line 2 b'c', not None"),
    ],
)
def test_differences_are_told(a, b, said):
    assert testing.difference(a, a) is None
    with pytest.raises(AssertionError, match=said):
        raise AssertionError(testing.difference(a, b))
