"""Lending of the global generators: a scope has its own state and leaves no trace."""

from __future__ import annotations

import contextlib
import random

import numpy as np
import pytest
import torch
from global_generators import draw, draw_lent, global_states, through_json, unusual_globals  # noqa: F401

from arena.random.generators import Generators


def test_lent_leaves_no_trace():
    generators, before = Generators(0), global_states()
    twin = Generators(0)
    draws = draw_lent(generators, times=3)
    assert global_states() == before
    with twin.lent("agent"):
        assert [draw(), draw(), draw()] == draws, "three scopes go on as one"
    assert global_states() == before
    outside = draw()
    random.seed(11), np.random.seed(12), torch.manual_seed(13), draw()
    assert draw() == outside


def test_lent_leaves_no_trace_of_an_exception_nor_of_reseeding():
    generators, before = Generators(0), global_states()
    with contextlib.suppress(KeyError), generators.lent("agent"):
        draw()
        raise KeyError
    assert global_states() == before
    assert draw_lent(generators) == [draw_lent(Generators(0), times=2)[1]], "the failed scope's draws count"

    with generators.lent("sb3"):
        random.seed(0), np.random.seed(0), torch.manual_seed(0)
    with generators.lent("sb3"):
        inside = draw()
    assert global_states() == before
    random.seed(0), np.random.seed(0), torch.manual_seed(0)
    assert inside == draw(), "a library's own seeding holds for its name"


def test_lent_survives_a_foreign_bit_generator():
    before = global_states()
    generators = Generators(0)
    with generators.lent("a"):
        np.random.set_bit_generator(np.random.PCG64(1))
        np.random.randn()
    assert global_states() == before
    draw_lent(generators, "a")
    ours = np.random.get_bit_generator()
    np.random.set_bit_generator(np.random.PCG64(1))
    try:
        np.random.randn()
        state = np.random.get_state(legacy=False)
        draw_lent(generators, "a")
        assert np.random.get_state(legacy=False) == state
    finally:
        np.random.set_bit_generator(ours)


@pytest.mark.parametrize("names", ["ab", "aa", "aba"])
def test_nested_scopes(names):
    """Each name is one stream, however its scopes nest; the globals come back layer by layer."""
    generators, before, draws = Generators(0), global_states(), {"a": [], "b": []}

    def nest(rest):
        if not rest:
            return
        with generators.lent(rest[0]):
            draws[rest[0]].append(draw())
            with Generators(9).lent("another run"):
                draw()
            nest(rest[1:])
            draws[rest[0]].append(draw())

    nest(names)
    assert global_states() == before
    for name, drawn in draws.items():
        assert drawn == draw_lent(Generators(0), name, times=len(drawn))


def test_out_of_order_exit_restores_in_the_end():
    generators, before = Generators(0), global_states()
    first, second = generators.lent("a"), generators.lent("b")
    first.__enter__(), second.__enter__()
    first.__exit__(None, None, None)
    draw()
    second.__exit__(None, None, None)
    assert global_states() == before


def test_state_inside_a_scope_is_the_newest():
    generators, before = Generators(0), global_states()
    with generators.lent("a"):
        draw()
        state = through_json(generators.state_dict())
        expected = draw()
        generators.load_state_dict(state)
        assert draw() == expected
    assert global_states() == before
    generators.load_state_dict(state)
    assert draw_lent(generators, "a") == [expected]
    with generators.lent("a"):
        draw()
        generators.load_state_dict(Generators(0).state_dict())
    assert draw_lent(generators, "a") == draw_lent(Generators(0), "a")


def test_interrupted_entry(monkeypatch):
    generators, before = Generators(0), global_states()
    calls = iter([False, KeyboardInterrupt, False])

    def once():
        answer = next(calls)
        if answer:
            raise answer
        return False

    monkeypatch.setattr(torch.cuda, "is_initialized", once)
    with pytest.raises(KeyboardInterrupt), generators.lent("a"):
        pytest.fail("never entered")
    monkeypatch.undo()
    assert global_states() == before
    assert draw_lent(generators, "a") == draw_lent(Generators(0), "a")


def test_cuda_devices_are_lent_once_initialised(monkeypatch):
    """With stand-ins for the devices: the order of lending is ours, the state's format is torch's."""
    devices = tuple(torch.Generator().manual_seed(seed) for seed in (1, 2))
    monkeypatch.setattr(torch.cuda, "default_generators", devices)
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    before = [device.get_state().tolist() for device in devices]
    generators = Generators(0)

    def on_devices():
        with generators.lent("a"):
            return [torch.rand(2, generator=device).tolist() for device in devices]

    first = on_devices()
    assert first[0] != first[1]
    state = through_json(generators.state_dict())
    second = on_devices()
    assert first != second
    generators.load_state_dict(state)
    assert on_devices() == second
    assert [device.get_state().tolist() for device in devices] == before

    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: False)
    generators.load_state_dict(Generators(0).state_dict())
    with generators.lent("a"):
        monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
        torch.rand(2, generator=devices[0])
    assert on_devices() == first, "what was initialised inside a scope never becomes the run's"


def test_torch_modes_do_not_matter():
    generators, before = Generators(0), global_states()
    with generators.lent("a"), torch.inference_mode():
        draws = draw_lent(generators, "b")
    with torch.device("meta"), generators.lent("b"), Generators(0).lent("c"):
        pass
    with torch.no_grad():
        draw_lent(generators, "b")
    assert global_states() == before
    assert draws == draw_lent(Generators(0), "b")


def test_an_agent_that_draws_from_the_globals_is_caught():
    """The planted defect: what every agent's law compares is the global states before and after a call."""

    def careless():
        return np.random.randint(4)

    before = global_states()
    careless()
    assert global_states() != before
    before = global_states()
    with Generators(0).lent("agent"):
        careless()
    assert global_states() == before
