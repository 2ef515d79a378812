"""Generators: named, restorable, and lent without a trace."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap

import numpy as np
import pytest
import torch
from global_generators import draw, draw_lent, global_states, through_json, unusual_globals  # noqa: F401

from arena.errors import ArenaError
from arena.random.generators import Generators, derive
from arena.storage.codec import encode


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
