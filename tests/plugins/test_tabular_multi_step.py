"""n-step methods and traces: the same bytes however they are driven, the one-step methods within, the laws."""

from __future__ import annotations

import contextlib
import dataclasses

import numpy as np
import pytest
from tabular_problems import (
    ONE_STEP,
    make_agent,
    make_stream,
    random_model,
    some_options,
    stepwise,
    train,
)

import arena_tabular
from arena.config.options import coerce, fields_help
from arena.errors import ArenaError
from arena.storage.codec import decode, encode
from arena.testing import AGENT_LAWS, DoesNotApply, bootstraps_through_truncation
from arena_tabular import NStepSARSA, NStepTD, QLambda, SARSALambda, TDLambda, TDPrediction
from arena_tabular.plugin import arena_agents
from arena_tabular.traces import most_traces

SPECS = {spec.name: spec for spec in arena_agents()}
AGENTS = {
    "n-step-td": NStepTD,
    "n-step-sarsa": NStepSARSA,
    "td-lambda": TDLambda,
    "sarsa-lambda": SARSALambda,
    "q-lambda": QLambda,
}
NATIVE = [f"arena/{name}-v0" for name in ("CliffWalk", "WindyGrid", "FourRooms", "FrozenLake", "RandomWalk")]

#: Every family with what else it can be, as options.
FAMILIES = [
    *((cls, {"n_steps": n}) for cls in (NStepTD, NStepSARSA) for n in (1, 4, 40)),
    *((cls, {"trace": trace}) for cls in (TDLambda, SARSALambda, QLambda) for trace in ("accumulating",)),
    *((cls, {"trace": "dutch", "trace_decay": 1.0, "discount": 1.0}) for cls in (TDLambda, SARSALambda)),
    (QLambda, {"trace": "replacing", "trace_decay": 0.6, "trace_cutoff": 0.0}),
]


def parts(cls, share=0, of=1):
    """Options that go through all behaviors and schedules, as the one-step learner's do, or a share of them."""
    base = TDPrediction if issubclass(cls, TDPrediction) else ONE_STEP[0]
    return some_options(base, share, of)


def everything(agent, stream, progress):
    encoded = encode({"agent": agent.state_dict(), "stream": stream.state_dict()})
    return encoded.arrays, encoded.tree, progress


@pytest.mark.parametrize(("cls", "family"), FAMILIES)
@pytest.mark.parametrize("other", [0, pytest.param(1, marks=pytest.mark.slow)])
@pytest.mark.parametrize("lanes", [1, 5])
def test_both_paths_are_equal_to_the_bit_also_resumed_amid_episodes(cls, family, lanes, other):
    """Compiled in one go; step by step; and compiled, through the codec after every 130 or so steps.

    Each half of the options with every other family, or number of lanes; the other halves are slow.
    """
    for options in parts(cls, FAMILIES.index((cls, family)) + lanes // 5 + other, 2):
        model, outcomes = random_model(3), []
        options = {"initial_value": 0.5, **options, **family}
        for kind, pace in ((cls, 520), (stepwise(cls), 520), (cls, 130)):
            stream, saved = make_stream(model, lanes, 7), None
            agent = make_agent(kind, stream, **options)
            for boundary in range(pace, 521, pace):
                if saved:
                    stream = make_stream(model, lanes, 7)
                    agent = make_agent(kind, stream, **options)
                    agent.load_state_dict(saved["agent"])
                    stream.load_state_dict(saved["stream"])
                progress = train(agent, stream, boundary)
                saved = decode(encode({"agent": agent.state_dict(), "stream": stream.state_dict()}))
            outcomes.append(everything(agent, stream, progress))
        assert outcomes[0] == outcomes[1] == outcomes[2]
        assert progress.episodes > 50
        assert progress.metrics["td_error"] > 0


@pytest.mark.parametrize(("cls", "family"), FAMILIES)
@pytest.mark.parametrize("limit", [None, 1, 13])
def test_resumed_after_every_step_equals_uninterrupted(cls, family, limit):
    model, saved = random_model(5), None
    stream = make_stream(model, 2, limit)
    agent = make_agent(cls, stream, **family)
    expected = everything(agent, stream, train(agent, stream, 120))
    for boundary in range(2, 121, 2):
        stream = make_stream(model, 2, limit)
        agent = make_agent(cls, stream, **family)
        if saved is not None:
            state = decode(saved)
            agent.load_state_dict(state["agent"])
            stream.load_state_dict(state["stream"])
        progress = train(agent, stream, boundary)
        saved = encode({"agent": agent.state_dict(), "stream": stream.state_dict()})
    assert everything(agent, stream, progress) == expected


@pytest.mark.parametrize(
    ("cls", "options"),
    [
        (NStepTD, {"n_steps": 1}),
        (NStepSARSA, {"n_steps": 1}),
        *((cls, {"trace_decay": 0.0, "trace": t}) for cls in (TDLambda, SARSALambda, QLambda) for t in
          ("accumulating", "replacing", "dutch") if (cls, t) != (QLambda, "dutch")),
    ],
)  # fmt: skip
@pytest.mark.parametrize("lanes", [1, 5])
@pytest.mark.parametrize("cutoff", [0.0, 0.01])
def test_within_are_the_one_step_methods_to_the_bit(cls, options, lanes, cutoff):
    for learner in parts(cls):
        outcomes = []
        for kind in (cls, cls.__bases__[1]):
            stream = make_stream(random_model(3), lanes, 6)
            more = (
                {**options, **({} if "n_steps" in options else {"trace_cutoff": cutoff})}
                if kind is cls
                else {}
            )
            agent = make_agent(kind, stream, initial_value=0.5, **learner, **more)
            progress = train(agent, stream, 520)
            state = {key: agent.state_dict()[key] for key in ("updates", "error")}
            outcomes.append((encode(agent.snapshot()).arrays, state, progress, stream.observation.tolist()))
        assert outcomes[0] == outcomes[1]


@pytest.mark.slow  # tests/core/test_laws.py tries them on smaller cases
@pytest.mark.parametrize("name", AGENTS)
@pytest.mark.parametrize("law", AGENT_LAWS)
def test_laws(law, name):
    with contextlib.suppress(DoesNotApply):
        law(name)


REACHES = [{"n_steps": 1}, {"n_steps": 2}, {"n_steps": 7}, {"trace_decay": 0.0}, {"trace_decay": 1.0},
           {"trace": "accumulating"}, {"trace": "replacing"}, {"trace": "dutch"}]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "options"),
    [
        (name, options)
        for name, cls in AGENTS.items()
        for options in REACHES
        if set(options) <= {field.name for field in dataclasses.fields(cls.Config)}
        and (name, options.get("trace")) != ("q-lambda", "dutch")
    ],
    ids=str,
)
def test_a_truncation_is_bootstrapped_however_far_back_it_reaches(name, options):
    """The two-state chain: values are exact whether it ends, goes on, or is cut off after 1, 2 or 3 steps."""
    constant = {"learning_rate": 0.3, "learning_rate_schedule": "constant"}
    bootstraps_through_truncation(name, steps=6000, options={**constant, **options})


@pytest.mark.parametrize("limit", [None, 3])
@pytest.mark.parametrize("name", ["n-step-td", "td-lambda"])
def test_values_are_those_of_the_policy(name, limit):
    model = dataclasses.replace(random_model(3), initial=np.full(12, 1 / 12))
    stream = make_stream(model, 4, limit)
    settling = {
        "learning_rate_schedule": "exponential",
        "learning_rate_final": 0.0003,
        "learning_rate_steps": 2_000_000,
    }
    agent = make_agent(AGENTS[name], stream, discount=0.8, learning_rate=0.2, **settling)
    train(agent, stream, 2_000_000)
    P, R = model.dense()
    solved = np.linalg.solve(np.eye(12) - 0.8 * P.mean(axis=1), R.mean(axis=1))
    assert agent.values(np.arange(12)) == pytest.approx(solved, abs=0.05)


def test_q_lambda_forgets_at_an_exploratory_action():
    """Every action explores: no trace outlives the next one, unless it was greedy by chance."""
    stream = make_stream(random_model(3, ends=0.0))
    agent = make_agent(
        stepwise(QLambda), stream, epsilon=1.0, trace_decay=1.0, discount=1.0, learning_rate=0.01
    )
    longest = run = 0
    for boundary in range(1, 400):
        state, table = int(stream.observation[0]), agent.q.copy()
        train(agent, stream, boundary)
        action = int(stream.transition.action[0])
        run = run + 1 if table[state, action] == table[state].max() else 1
        count = int(agent.state_dict()["traces"]["length"][0])
        assert 1 <= count <= run
        longest = max(longest, count)
    assert 3 <= longest < 12


@pytest.mark.parametrize("cutoff", [0.0, 1e-4, 0.1])
@pytest.mark.parametrize("decay", [0.0, 0.5, 0.99, 1.0])
@pytest.mark.parametrize("cls", [TDLambda, SARSALambda])
def test_traces_never_outgrow_their_room(cls, decay, cutoff):
    """A lane that outgrew its room would write into the next one's: alone or beside others, a lane does the same."""
    model = random_model(4, states=200, ends=0.0)
    stream = make_stream(model, 2, 400)
    agent = make_agent(cls, stream, trace="accumulating", trace_decay=decay, trace_cutoff=cutoff, discount=1.0,
                       learning_rate=1e-3)  # fmt: skip
    most, seen = most_traces(decay, cutoff, agent._learned.size), 0
    for boundary in range(2, 3000, 34):
        train(agent, stream, boundary)
        lengths = agent.state_dict()["traces"]["length"]
        values = agent.state_dict()["traces"]["value"]
        assert (lengths <= most).all()
        assert (values > cutoff).all()
        seen = max(seen, lengths.max())
    assert len(agent._records) == 2 * most
    assert seen <= most
    assert seen > 0 or decay <= cutoff


def test_a_trace_on_a_loop_reaches_its_bound_and_fits():
    """Every state of a long ring is visited in turn, so every trace still alive is another state's."""
    from arena.environments.mdp import TransitionModel

    ring = TransitionModel.from_rows(
        500, 1, [[(1.0, (s + 1) % 500, 0.0, False)] for s in range(500)], np.eye(500)[0]
    )
    stream = make_stream(ring)
    agent = make_agent(TDLambda, stream, trace_decay=0.9, trace_cutoff=1e-4, discount=1.0)
    train(agent, stream, 2000)
    count = int(agent.state_dict()["traces"]["length"][0])
    assert 0.9**count > 1e-4 >= 0.9 ** (count + 1)
    assert count < most_traces(0.9, 1e-4, 500) < 500


@pytest.mark.parametrize("name", AGENTS)
def test_specs_are_complete(name):
    spec = SPECS[name]
    assert spec.load() is AGENTS[name] is getattr(arena_tabular, AGENTS[name].__name__)
    assert spec.summary
    assert spec.reference
    assert set(fields_help(spec.load().Config)) == {f.name for f in dataclasses.fields(spec.load().Config)}
    for env in (*NATIVE, "Taxi-v4", "CliffWalking-v1", "FrozenLake-v1", "*"):
        preset = spec.preset(env)
        assert coerce(spec.load().Config, preset.options, where="agent")
        assert preset.steps
        assert preset.seeds == 5


@pytest.mark.parametrize(
    ("cls", "options"),
    [
        (NStepTD, {"n_steps": 0}),
        (NStepSARSA, {"n_steps": 1.5}),
        (TDLambda, {"trace_decay": 1.1}),
        (SARSALambda, {"trace": "eternal"}),
        (QLambda, {"trace": "dutch"}),
        (QLambda, {"trace_cutoff": 1.0}),
    ],
)
def test_options_out_of_range_are_refused(cls, options):
    with pytest.raises(ArenaError, match="|".join(options)):
        coerce(cls.Config, options, where="agent")


def test_a_memory_of_another_size_is_refused():
    model = random_model(1, ends=0.0)
    for cls, one, other in (
        (NStepTD, {"n_steps": 6}, {"n_steps": 3}),
        (TDLambda, {"trace_decay": 0.9}, {"trace_decay": 0.0}),
    ):
        stream = make_stream(model, 2)
        agent = make_agent(cls, stream, **one)
        train(agent, stream, 30)
        with pytest.raises(ArenaError, match="load them with the options and --envs"):
            make_agent(cls, make_stream(model, 2), **other).load_state_dict(agent.state_dict())
        with pytest.raises(ArenaError, match="--envs"):
            make_agent(cls, make_stream(model, 3), **one).load_state_dict(agent.state_dict())
        make_agent(cls, make_stream(model, 3), **other).load_snapshot(agent.snapshot())
    with pytest.raises(ArenaError, match="smaller n"):
        make_agent(NStepTD, make_stream(model), n_steps=2**40)


def test_an_observation_outside_its_space_is_refused():
    for cls in AGENTS.values():
        stream = make_stream(random_model(6, states=12), 3)
        agent = make_agent(stepwise(cls), stream)
        stream.observations = type("Off", (type(stream.observations),), {"encode": lambda self, batch: batch + 12})(
            stream.observations.inner
        )  # fmt: skip
        with pytest.raises(ArenaError, match="environment 0 gave the observation"):
            train(agent, stream, 60)
