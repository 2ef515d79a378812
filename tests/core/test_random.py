"""Generators: named, restorable, and lent without a trace."""

from __future__ import annotations

import contextlib
import json
import random
import subprocess
import sys
import textwrap

import numpy as np
import pytest
import torch

from arena.errors import ArenaError
from arena.random.generators import Generators, derive
from arena.storage.codec import encode


def global_states():
    kind, key, *rest = np.random.get_state()
    torch_state = torch.get_rng_state().numpy().tobytes()
    engine = id(np.random.get_bit_generator())
    return random.getstate(), (kind, key.tobytes(), *rest), engine, torch_state, torch.initial_seed()


def draw():
    """An odd number of normals, so that both Python's and NumPy's legacy generators keep a half-used pair."""
    return [random.random(), random.gauss(0, 1), np.random.randn(), torch.randn(3).tolist(), np.random.rand()]


def draw_lent(generators, name="agent", times=1):
    draws = []
    for _ in range(times):
        with generators.lent(name):
            draws.append(draw())
    return draws


@pytest.fixture(autouse=True)
def unusual_globals():
    """The world outside is anywhere in its streams, in the middle of a pair of normals."""
    random.seed(11)
    np.random.seed(12)
    torch.manual_seed(13)
    draw()


def test_derive_is_unambiguous_and_pinned():
    parts = [
        ("a", "bc"),
        ("ab", "c"),
        ("abc",),
        (1,),
        ("1",),
        (),
        ("",),
        ("a", "b", "c"),
        (-1,),
        ("-1",),
        (1, 1),
        (11,),
    ]
    keys = {derive(seed, *names) for names in parts for seed in (0, 1, -1, 2**70)}
    assert len(keys) == 4 * len(parts)
    assert derive(1) != derive(0, 1)
    assert derive(np.int64(3), "a") == derive(3, "a")
    assert all(0 <= derive(s, "x", bits=64) < 2**64 for s in range(50))
    # The file format: a change here makes every saved run unrepeatable.
    assert derive(0, "agent", 3) == PINNED
    with pytest.raises(ValueError, match="multiple of 8"):
        derive(0, bits=12)
    with pytest.raises(TypeError):
        derive(0, 1.5)


PINNED = 10544769715175633811525365497371950513


def test_order_and_company_do_not_matter():
    one, two = Generators(5), Generators(5)
    numbers = one.numpy("a").random(3).tolist(), torch.rand(3, generator=one.torch("a")).tolist()
    lent = draw_lent(one, "a")
    for name in "cba":
        two.numpy(name), two.torch(name), two.key(name)
        draw_lent(two, name * 2)
    assert (two.numpy("a").random(3).tolist(), torch.rand(3, generator=two.torch("a")).tolist()) == numbers
    assert draw_lent(two, "a") == lent
    assert draw_lent(Generators(6), "a") != lent
    assert one.key("a") == two.key("a") != one.key("b")
    assert one.numpy("a") is one.numpy("a")
    assert one.torch("a") is one.torch("a")


def through_json(state):
    """The state as a codec would carry it: arrays as bytes, the rest as JSON; arrays come back read-only."""
    arrays = []

    def pack(value):
        if isinstance(value, np.ndarray):
            arrays.append(value)
            return {"array": len(arrays) - 1}
        assert type(value) in (dict, int, str), value
        return {k: pack(v) for k, v in value.items()} if isinstance(value, dict) else value

    def unpack(value):
        if isinstance(value, dict) and value.keys() == {"array"}:
            array = arrays[value["array"]]
            return np.frombuffer(array.tobytes(), array.dtype).reshape(array.shape)
        return {k: unpack(v) for k, v in value.items()} if isinstance(value, dict) else value

    return unpack(json.loads(json.dumps(pack(state))))


def everything(generators):
    numpy = (
        generators.numpy("a").random(3).tolist(),
        generators.numpy("a").integers(9, size=3, dtype=np.uint32).tolist(),
    )
    return (
        numpy,
        torch.randn(3, generator=generators.torch("a")).tolist(),
        draw_lent(generators, "a", times=2),
    )


def test_state_round_trip_continues_identically():
    saved = Generators(2**80)
    everything(saved)
    state = through_json(saved.state_dict())
    expected = everything(saved)
    assert everything(saved) != expected

    fresh = Generators(2**80)
    fresh.load_state_dict(state)
    assert everything(fresh) == expected

    handed_out = fresh.numpy("a"), fresh.torch("a")
    other = fresh.numpy("other")
    first = other.random()
    draw_lent(fresh, "other")
    fresh.load_state_dict(state)
    assert everything(fresh) == expected, "objects go on in place"
    assert handed_out == (fresh.numpy("a"), fresh.torch("a"))
    assert other is fresh.numpy("other")
    assert other.random() == first, "what the state does not mention is fresh"
    assert draw_lent(fresh, "other") == draw_lent(Generators(2**80), "other")


def test_state_is_a_copy_and_seeds_must_agree():
    generators = Generators(1)
    draw_lent(generators)
    state = generators.state_dict()
    before = json.dumps(state, default=lambda a: a.tolist())
    draw_lent(generators)
    assert json.dumps(state, default=lambda a: a.tolist()) == before
    with pytest.raises(ArenaError, match="seed 1, but this run's seed is 2"):
        Generators(2).load_state_dict(state)


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


def run_fresh(code):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(code)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_without_torch():
    run_fresh("""
        import random, sys
        import numpy as np
        from arena.random.generators import Generators
        generators = Generators(0)
        before = random.getstate(), np.random.get_state()[1].tolist()
        with generators.lent("a"):
            first = random.random(), np.random.randn()
        state = generators.state_dict()
        again = Generators(0)
        again.load_state_dict(state)
        assert (random.getstate(), np.random.get_state()[1].tolist()) == before
        assert generators.key("a") and generators.numpy("a").random()
        assert state["lent"]["a"]["torch"] == {}
        assert "torch" not in sys.modules
    """)


def test_torch_imported_inside_the_scope():
    run_fresh("""
        import sys
        from arena.random.generators import Generators
        generators = Generators(0)
        with generators.lent("a"):
            with generators.lent("b"):
                import torch
                inside = torch.initial_seed()
            outer = torch.initial_seed()
            assert outer != inside
        outside = torch.initial_seed()
        assert outside not in (inside, outer)
        assert generators.state_dict()["lent"]["b"]["torch"] == {}
        state = torch.get_rng_state()
        other = Generators(0)
        draws = []
        for each in generators, other:
            with each.lent("a"):
                draws.append(torch.rand(3).tolist())
        assert draws[0] == draws[1]
        assert torch.equal(torch.get_rng_state(), state)
    """)


def test_equal_states_have_equal_bytes_whatever_came_first():
    def asked(names):
        generators = Generators(1)
        for name in names:
            generators.numpy(name).random()
            generators.torch(name)
            with generators.lent(name):
                pass
        return generators

    names = ["policy", "explore", "replay", "augment", "noise"]
    one, other = asked(names), asked(names[::-1])
    resumed = Generators(1)
    resumed.load_state_dict(one.state_dict())
    first, *rest = (encode(g.state_dict()) for g in (one, other, resumed))
    assert all(state == first for state in rest)


def test_whether_torch_is_imported_does_not_show_in_a_state():
    code = (
        "import sys, hashlib\n"
        "if sys.argv[1] == 'torch': import torch\n"
        "from arena.storage.codec import encode\n"
        "from arena.random.generators import Generators\n"
        "generators = Generators(3)\n"
        "with generators.lent('agent'): pass\n"
        "encoded = encode(generators.state_dict())\n"
        "print(hashlib.sha256(encoded.arrays + encoded.tree).hexdigest())\n"
    )
    digests = {
        subprocess.run([sys.executable, "-c", code, which], capture_output=True, text=True, check=True).stdout
        for which in ("torch", "no")
    }
    assert len(digests) == 1


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_real_gpu_is_lent():
    torch.cuda.init()
    before = torch.cuda.get_rng_state_all()
    draws = []
    for _ in range(2):
        generators = Generators(5)
        with generators.lent("agent"):
            first = torch.rand(8, device="cuda").cpu()
        saved = generators.state_dict()
        with generators.lent("agent"):
            second = torch.rand(8, device="cuda").cpu()
        resumed = Generators(5)
        resumed.load_state_dict(saved)
        with resumed.lent("agent"):
            assert torch.equal(torch.rand(8, device="cuda").cpu(), second)
        draws.append(first)
        assert not torch.equal(first, second)
    assert torch.equal(*draws)
    assert all(torch.equal(a, b) for a, b in zip(before, torch.cuda.get_rng_state_all(), strict=True))
