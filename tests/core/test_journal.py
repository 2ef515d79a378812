"""The journal's law: it is a deque of rows, whatever is appended; and a state that an agent may keep."""

from __future__ import annotations

import subprocess
import sys
from collections import deque
from typing import Any, ClassVar

import numpy as np
import planted
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import arena
from arena import testing
from arena.errors import ArenaError
from arena.storage import segments
from arena.storage.codec import Encoded, decode, encode
from arena.storage.journal import Journal
from arena.testing.trial import difference

FIELDS = {"observation": ((2, 3), "float32"), "action": ((), "int64"), "done": ((), "bool")}


def rows(start: int, stop: int) -> dict[str, np.ndarray[Any, Any]]:
    """Rows that tell their numbers."""
    number = np.arange(start, stop)
    return {
        "observation": np.broadcast_to(number[:, None, None], (len(number), 2, 3)).astype(np.float32) + 0.5,
        "action": number,
        "done": number % 3 == 0,
    }


def grown(capacity: int, *sizes: int) -> Journal:
    journal = Journal(capacity, FIELDS)
    for size in sizes:
        journal.append(**rows(journal.total, journal.total + size))
    return journal


@settings(max_examples=200)
@given(capacity=st.integers(1, 12), sizes=st.lists(st.integers(0, 40), max_size=12))
def test_it_is_a_deque_of_rows(capacity: int, sizes: list[int]) -> None:
    journal, alive = Journal(capacity, FIELDS), deque[int](maxlen=capacity)
    for size in sizes:
        journal.append(**rows(journal.total, journal.total + size))
        alive.extend(range(journal.total - size, journal.total))
        assert journal.total == journal.first + len(journal)
        assert (len(journal), [*range(journal.first, journal.total)]) == (len(alive), [*alive])
        for name, column in rows(journal.first, journal.total).items():
            assert np.array_equal(journal.rows(journal.first, journal.total)[name], column)
            slots = [number % capacity for number in alive]
            assert sorted(slots) == [*range(len(journal))]
            assert np.array_equal(journal[name][slots], column)
            assert journal[name].shape == (capacity, *column.shape[1:])
            assert not journal[name][len(journal) :].any()


@settings(max_examples=100)
@given(capacity=st.integers(1, 9), sizes=st.lists(st.integers(0, 9), max_size=9))
def test_equal_journals_give_equal_bytes_whatever_their_history(capacity: int, sizes: list[int]) -> None:
    one, other = grown(capacity, *sizes), grown(capacity, sum(sizes))
    encoded = encode({"replay": one})
    assert encode({"replay": other}) == encoded
    back = decode(encoded)["replay"]
    assert (back.capacity, back.total, back.fields) == (one.capacity, one.total, one.fields)
    for name in FIELDS:
        assert back[name].tobytes() == one[name].tobytes()
    for journal in (one, back):  # it goes on as the original does
        journal.append(**rows(journal.total, journal.total + 4))
    assert encode({"replay": back}) == encode({"replay": one}) != encoded


def test_an_alias_stays_one_and_equals_stay_two() -> None:
    one, other = grown(3, 5), grown(3, 5)
    state = decode(encode({"a": one, "b": [one, other], "c": np.arange(3)}))
    assert state["a"] is state["b"][0]
    assert state["a"] is not state["b"][1]
    assert encode(state) == encode({"a": one, "b": [one, other], "c": np.arange(3)})


def test_journals_may_be_put_aside() -> None:
    one, other = grown(3, 5), grown(2, 1)
    aside: list[Journal] = []
    encoded = encode({"a": one, "b": {"c": (other, one)}}, aside)
    assert [id(journal) for journal in aside] == [id(one), id(other)]
    assert len(encoded.arrays) < 50  # no rows
    state = decode(encoded, aside)
    assert state["a"] is state["b"]["c"][1] is one
    assert state["b"]["c"][0] is other
    with pytest.raises(ArenaError, match="refers to journal 1, which is missing"):
        decode(encoded, aside[:1])


TREE = '{"format":1,"state":{"dict":[["r",{"journal":%s}]]}}'


@pytest.mark.parametrize(
    "body",
    ["0", "-1", "true", "[]", "{}", '"a"', '[1,1,{"dict":[]}]', '[0,0,{"dict":[]}]', '[2,3,{"array":["r.x","int64"]}]']
    + [f'[{two},{{"dict":[["x",{{"array":["r.x","int64"]}}]]}}]' for two in ("3,3", "2,1", "2,2.0", '"2",3', "9e99,3")]
    + [f'[2,3,{{"dict":[["{name}",{{"array":["r.x","int64"]}}]]}}]' for name in ("", "a b", "__metadata__")],
)  # fmt: skip
def test_hostile_journals(body: str) -> None:
    journal = Journal(2, {"x": ((), "int64")})
    journal.append(x=np.arange(3))
    encoded, good = encode({"r": journal}), '[2,3,{"dict":[["x",{"array":["r.x","int64"]}]]}]'
    assert encoded.tree.decode() == TREE % good
    with pytest.raises(ArenaError) as error:
        decode(Encoded(encoded.arrays, (TREE % body).encode()))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"done": None}, "rows of action, observation do not fit a journal of action, done, observation"),
        ({"extra": np.zeros(2)}, "rows of action, done, extra, observation do not fit"),
        ({"action": np.zeros(3, np.int64)}, r"takes .*\[3\], not .*\[2\]|takes .*\[2\], not .*\[3\]"),
        ({"action": np.zeros(2, np.int32)}, r"'action' takes int64\[2\], not int32\[2\]"),
        ({"observation": np.zeros((2, 3, 2), np.float32)}, r"'observation' takes float32\[2, 2, 3\], not"),
        (
            {"observation": np.zeros((), np.float32)},
            r"'observation' takes float32\[2, 2, 3\], not float32\[\]",
        ),
    ],
)
def test_rows_that_do_not_fit_are_refused_whole(change: dict[str, Any], message: str) -> None:
    journal = grown(5, 3)
    before = encode({"replay": journal})
    columns = {name: column for name, column in {**rows(3, 5), **change}.items() if column is not None}
    with pytest.raises(ArenaError, match=message) as error:
        journal.append(**columns)
    assert error.value.remedy
    assert encode({"replay": journal}) == before


@pytest.mark.parametrize(
    ("capacity", "fields"),
    [
        (0, FIELDS), (-1, FIELDS), (2.0, FIELDS), (1, {}), (1, {"a": ((), "object")}), (1, {"a": ((), "U3")}),
        (1, {"a": ((), "complex64")}), (1, {"a": ((), ">i4")}), (1, {"a": ((0,), "int8")}),
        (1, {"a": ((-1,), "int8")}), (1, {"a.b": ((), "int8")}), (1, {"__metadata__": ((), "int8")}),
    ],
)  # fmt: skip
def test_what_is_no_journal(capacity: int, fields: Any) -> None:
    with pytest.raises(ArenaError) as error:
        Journal(capacity, fields)
    assert error.value.remedy


def test_rows_are_final_and_the_dead_are_gone() -> None:
    journal = grown(3, 5)
    with pytest.raises(ValueError, match="read-only"):
        journal["action"][0] = 1
    for start, stop in ((1, 4), (3, 6), (4, 3)):
        with pytest.raises(ArenaError, match="give rows from 2 to 5"):
            journal.rows(start, stop)
    copied = journal.rows(2, 5)
    copied["action"][:] = -1
    assert sorted(journal["action"]) == [2, 3, 4]
    assert repr(journal) == "Journal(3 of 3 rows, 5 in all: observation, action, done)"
    assert arena.Journal is Journal


def test_a_field_may_be_called_anything() -> None:
    journal = Journal(2, {"self": ((), "int8"), "total": ((), "int8")})
    journal.append(**{"self": np.ones(1, np.int8), "total": np.zeros(1, np.int8)})
    assert decode(encode({"journal": journal}))["journal"]["self"].tolist() == [1, 0]


EMPTY = """
import resource, sys
from arena.storage.journal import Journal
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
journal = Journal(200_000, {"frame": ((84, 84), "uint8")})
assert "torch" not in sys.modules
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="its unit of ru_maxrss")
def test_room_for_a_gigabyte_costs_nothing_while_empty() -> None:
    done = subprocess.run([sys.executable, "-c", EMPTY], check=True, capture_output=True, text=True)
    assert int(done.stdout) < 50_000  # KiB


def test_the_laws_compare_what_journals_hold() -> None:
    one, same, other, shorter = grown(3, 5), grown(3, 2, 3), Journal(3, FIELDS), grown(3, 4)
    other.append(**{name: column[::-1] for name, column in rows(0, 5).items()})
    assert difference({"replay": one}, {"replay": same}) is None
    assert "['replay']['observation'] differs" in str(difference({"replay": one}, {"replay": other}))
    assert "['replay']['total'] is 4, not 5" in str(difference({"replay": one}, {"replay": shorter}))


class Replays(planted.Sound):
    """Q-learning from minibatches of what it remembers."""

    SEGMENT_BYTES: ClassVar[int] = 400
    CAPACITY: ClassVar[int] = 60
    forgets: ClassVar[bool] = False

    def __init__(self, problem, config):
        super().__init__(problem, config)
        # Also in a process that is killed: a few hundred rows make many files.
        segments.SEGMENT_BYTES = self.SEGMENT_BYTES
        place, number = ((), "int64"), ((), "float64")
        fields = {"observation": place, "action": place, "reward": number, "next": place}
        self.replay = Journal(self.CAPACITY, {**fields, "terminated": ((), "bool")})
        self.draws = problem.generators.numpy("replay")

    def once(self, stream):
        t = stream.step(self.choose(stream.observation))
        self.replay.append(
            observation=t.observation,
            action=t.action,
            reward=t.reward,
            next=t.next_observation,
            terminated=t.terminated,
        )
        self.updates += 1
        for slot in self.draws.integers(len(self.replay), size=4):
            row = {name: self.replay[name][slot] for name in self.replay.fields}
            future = 0.0 if row["terminated"] else self.q[row["next"]].max()
            cell = row["observation"], row["action"]
            self.q[cell] += 0.1 * (row["reward"] + self.config.discount * future - self.q[cell])

    def state_dict(self):
        return {**super().state_dict(), **({} if self.forgets else {"replay": self.replay})}

    def load_state_dict(self, state):
        super().load_state_dict(state)
        self.replay = state.get("replay", self.replay)

    def snapshot(self):
        return super().state_dict()

    def load_snapshot(self, state):
        super().load_state_dict(state)


class ForgetsReplay(Replays):
    forgets = True


@pytest.fixture
def small_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segments, "SEGMENT_BYTES", Replays.SEGMENT_BYTES)  # and back, after the agents' own


@pytest.mark.usefixtures("small_segments")
@pytest.mark.parametrize("env", ["arena/CliffWalk-v0", "Blackjack-v1"])
@pytest.mark.parametrize("num_envs", [1, 3])
def test_an_agent_with_replay_resumes_exactly(env: str, num_envs: int) -> None:
    plans = ((1, 1, 1, 1), (2, 7, 11, 50), (100, 1, 30))
    testing.resumes_exactly(Replays, env, num_envs=num_envs, plans=plans)


@pytest.mark.usefixtures("small_segments")
def test_an_agent_with_replay_survives_kills() -> None:
    testing.survives_kills(Replays, "arena/CliffWalk-v0", steps=150, kills=1)


@pytest.mark.usefixtures("small_segments")
@pytest.mark.parametrize(
    "check", [testing.state_round_trips, testing.same_seed_same_bytes, testing.boundaries_change_nothing]
)
def test_an_agent_with_replay_keeps_the_other_laws(check: Any) -> None:
    check(Replays, "arena/CliffWalk-v0")


@pytest.mark.usefixtures("small_segments")
def test_forgotten_replay_is_caught() -> None:
    with pytest.raises(testing.LawError, match="differs from an uninterrupted run"):
        testing.resumes_exactly(ForgetsReplay, "arena/CliffWalk-v0")


def test_more_than_memory_holds_is_refused():
    with pytest.raises(
        ArenaError, match=r"memory are needed \(replay buffers .*; use a smaller --agent.buffer_size"
    ):
        Journal(10**12, {"frame": ((1000, 1000), np.uint8)})
