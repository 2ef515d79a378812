"""Batches: every frame once an episode of learning, none on both sides of the split, and resumed to the byte."""

import itertools

import gymnasium as gym
import numpy as np
import pytest
import torch

from arena.errors import ArenaError
from arena.frames import Batches, Column, Writer
from arena.storage.codec import decode, encode

LENGTHS = [7, 1, 12, 5, 9, 3, 8, 6, 4, 10]
COUNT = sum(LENGTHS)


@pytest.fixture(scope="module")
def frames(tmp_path_factory):
    return made(tmp_path_factory.mktemp("frames") / "set")


@pytest.fixture(scope="module")
def unordered(tmp_path_factory):
    return made(tmp_path_factory.mktemp("frames") / "set", lengths=None)


def made(folder, lengths=LENGTHS):
    """Frames that show their own number; in episodes of these lengths, or without order."""
    number = np.arange(COUNT)
    rows = {"observation": np.stack([number, number], axis=1).astype(np.uint8), "label.number": number}
    columns = [
        Column("observation", gym.spaces.Box(0, 255, (2,), np.uint8)),
        Column("label.number", gym.spaces.Discrete(COUNT)),
    ]
    if lengths is not None:
        columns += [Column("action", gym.spaces.Box(-1, COUNT, (1,))), Column("begin", None)]
        rows["begin"] = np.isin(number, np.cumsum([0, *lengths[:-1]]))
        rows["action"] = np.where(rows["begin"], 0, number)[:, None].astype(np.float32)
    with Writer(folder, columns, {}, [COUNT]) as writer:
        writer.write(rows)
        return writer.finish()


def numbers(batches, count):
    return [batch.labels["number"] for batch in itertools.islice(batches, count)]


def test_what_a_batch_is(frames):
    batch = next(Batches(frames, 6))
    assert batch.observation.shape == (6, 2) and batch.observation.dtype == torch.uint8
    assert batch.labels["number"].dtype == torch.int64 and batch.action is batch.begin is None
    assert torch.equal(batch.observation[:, 0].long(), batch.labels["number"])
    batch.observation[0] = 0  # a copy: the file is read-only


@pytest.mark.parametrize("size", [1, 7, COUNT, 3 * COUNT + 1])
def test_every_epoch_has_each_frame_once(frames, size):
    batches = Batches(frames, size, part="all", seed=3)
    stream = torch.cat(numbers(batches, -(-3 * COUNT // size))).tolist()
    epochs = [stream[start : start + COUNT] for start in (0, COUNT, 2 * COUNT)]
    assert all(sorted(epoch) == list(range(COUNT)) for epoch in epochs)
    assert len(set(map(tuple, epochs))) == 3
    assert batches.epoch == batches.given * size / COUNT


def test_order_depends_on_the_seed_and_not_on_the_size_of_batches(frames):
    one, other = (torch.cat(numbers(Batches(frames, size, seed=1), 100 // size)) for size in (4, 10))
    assert torch.equal(one, other)
    assert not torch.equal(one, torch.cat(numbers(Batches(frames, 4, seed=2), 25)))


@pytest.mark.parametrize("holdout", [0.01, 0.3, 0.99])
def test_an_episode_is_on_one_side_of_the_split(frames, holdout):
    episode = np.repeat(np.arange(len(LENGTHS)), LENGTHS)
    sides = {}
    for part in ("train", "validation"):
        rows = torch.cat(
            [batch.labels["number"] for batch in Batches(frames, 8, part=part, holdout=holdout).once()]
        )
        assert rows.tolist() == sorted(rows.tolist())
        sides[part] = set(episode[rows.numpy()].tolist())
        assert np.isin(episode, list(sides[part])).sum() == len(rows)
    assert sides["train"] | sides["validation"] == set(range(len(LENGTHS)))
    assert not sides["train"] & sides["validation"]
    assert len(sides["validation"]) == max(1, int(holdout * 10))


def test_the_split_depends_on_the_seed(frames):
    held = {
        tuple(torch.cat(numbers(Batches(frames, 5, part="validation", seed=s).once(), 9))) for s in range(20)
    }
    assert len(held) > 3


def test_frames_without_order_are_split_one_by_one(unordered):
    sizes = {
        part: Batches(unordered, 4, part=part, holdout=0.2).count for part in ("train", "validation", "all")
    }
    assert sizes == {"train": COUNT - 13, "validation": 13, "all": COUNT}


@pytest.mark.parametrize("length", [None, 3])
def test_resumed_is_uninterrupted(frames, length):
    def fresh():
        return Batches(frames, 11, seed=4, length=length)

    batches = fresh()
    for _ in range(9):
        next(batches)
    state = decode(encode(batches.state_dict()))
    again = fresh()
    next(again)
    again.load_state_dict(state)
    for one, other in itertools.islice(zip(batches, again, strict=True), 20):
        assert torch.equal(one.observation, other.observation)
        assert torch.equal(one.labels["number"], other.labels["number"])
        if length:
            assert torch.equal(one.action, other.action) and torch.equal(one.begin, other.begin)


@pytest.mark.parametrize(
    ("others", "said"),
    [
        ({"seed": 5}, "seed"),
        ({"holdout": 0.5}, "holdout"),
        ({"part": "all"}, "part"),
        ({"length": 2}, "length"),
    ],
)
def test_a_state_of_other_batches_is_refused(frames, others, said):
    state = Batches(frames, 4).state_dict()
    with pytest.raises(ArenaError, match=f"do not match .* as it is read here: {said} differ; continue with"):
        Batches(frames, 4, **others).load_state_dict(state)


def test_a_state_of_other_frames_is_refused(frames, unordered):
    with pytest.raises(ArenaError, match="as it is read here: frames"):
        Batches(unordered, 4).load_state_dict(Batches(frames, 4).state_dict())


@pytest.mark.parametrize("part", ["train", "validation", "all"])
@pytest.mark.parametrize("length", [1, 4, 6])
def test_windows_follow_one_another(frames, part, length):
    batches = Batches(frames, 5, part=part, holdout=0.3, seed=2).sequences(length)
    for batch in itertools.islice(batches, 30):
        number = batch.labels["number"]
        assert number.shape == (length, 5) and batch.observation.shape == (length, 5, 2)
        assert batch.action.shape == (length, 5, 1) and batch.begin.dtype == torch.bool
        follows = number[1:] == number[:-1] + 1
        assert (follows | batch.begin[1:]).all()
        assert torch.equal(batch.action[..., 0], torch.where(batch.begin, 0, number).float())
        starts = torch.as_tensor(frames.starts)
        assert torch.equal(batch.begin, torch.isin(number, starts))


def test_windows_of_an_epoch_do_not_overlap_and_cuts_vary(frames):
    batches = Batches(frames, 1, part="all", seed=1).sequences(9)
    assert batches.count == COUNT // 9
    cuts = set()
    for _ in range(12):
        windows = [batch.labels["number"][:, 0] for batch in itertools.islice(batches, batches.count)]
        seen = torch.cat(windows)
        assert len(seen.unique()) == len(seen) == batches.count * 9
        cuts.add(int(seen.min()))
    assert len(cuts) > 1
    assert len(list(batches.once())) == batches.count


def test_once_changes_nothing(frames):
    batches, other = Batches(frames, 4), Batches(frames, 4)
    for one in (batches, other):
        next(one)
    assert sum(len(batch.observation) for batch in batches.once()) == batches.count
    assert torch.equal(next(batches).observation, next(other).observation)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"batch_size": 0}, "batch_size is 0"),
        ({"part": "test"}, "part is 'test'; give"),
        ({"holdout": 1}, "holdout is 1, which is not in"),
        ({"length": 0}, "length is 0"),
        ({"length": 99}, "frames are fewer than a window of 99; use a shorter window"),
    ],
)
def test_batches_that_cannot_be(frames, arguments, said):
    with pytest.raises(ArenaError, match=said):
        Batches(frames, **{"batch_size": 4, **arguments})


def test_what_cannot_be_split_or_cut(tmp_path, unordered):
    with pytest.raises(ArenaError, match="have no order; collect frames from an environment"):
        Batches(unordered, 4).sequences(3)
    lone = made(tmp_path / "lone", [COUNT])
    with pytest.raises(
        ArenaError, match="has one episode, which cannot be split; collect more, or use part='all'"
    ):
        Batches(lone, 4)
    assert Batches(lone, 4, part="all").count == COUNT
