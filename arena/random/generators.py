"""Named random generators of a run, and a scope in which the process's global generators are the run's.

A generator is keyed by the run's seed and its *name*, so its numbers depend neither on the order in which generators
are created nor on which others exist. The scope does not cover numba's generators: give compiled code a key.
"""

from __future__ import annotations

import contextlib
import operator
import random as python_random
import sys
from collections.abc import Iterator, Mapping
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import numpy as np

from arena.errors import ArenaError

if TYPE_CHECKING:
    from torch import Generator as TorchGenerator
    from torch import Tensor

__all__ = ["Generators", "derive", "episode_seed", "reset_seed"]

_numpy_random: Any = np.random  # NumPy's stubs leave out get_bit_generator and set_bit_generator


def derive(seed: int, *names: str | int, bits: int = 128) -> int:
    """Derive a random key from a seed and names; other names give unrelated keys.

    Every part is hashed with its type and length: ``("a", "bc")`` and ``("ab", "c")`` differ, as do ``1`` and
    ``"1"``. Keys are part of the runs' file format: they never change.

    Args:
        seed: the run's seed, any integer.
        names: purpose of the key, from the general to the particular.
        bits: size of the key, a multiple of 8 from 8 to 512.

    Returns:
        An integer in [0, 2**bits).

    Source: BLAKE2b, RFC 7693.
    """
    if bits % 8 or not 8 <= bits <= 512:
        raise ValueError(f"bits is {bits}, which is not a multiple of 8 from 8 to 512")
    digest = blake2b(digest_size=bits // 8, person=b"arena.random")
    for part in (seed, *names):
        kind, text = (b"s", part) if isinstance(part, str) else (b"i", str(operator.index(part)))
        payload = text.encode("utf-8")
        digest.update(kind + len(payload).to_bytes(8, "little") + payload)
    return int.from_bytes(digest.digest(), "little")


def reset_seed(seed: int, *names: str | int) -> int:
    """Derive a seed for Gymnasium's `reset`: an integer in [0, 2³¹)."""
    return derive(seed, *names, bits=64) % 2**31


def episode_seed(seed: int, lane: int, episode: int) -> int:
    """Seed of a training episode, from the run's seed, the lane, and the number of the lane's earlier episodes."""
    return reset_seed(seed, "environment", lane, episode)


class Generators:
    """Random generators of one run, by name.

    Args:
        seed: the run's seed, any integer.

    Example:
        >>> generators = Generators(seed=0)
        >>> generators.numpy("stream") is generators.numpy("stream")
        True
        >>> with generators.lent("agent"):
        ...     noise = np.random.normal()
    """

    def __init__(self, seed: int) -> None:
        self.seed = operator.index(seed)
        self._numpy: dict[str, np.random.Generator] = {}
        self._torch: dict[str, TorchGenerator] = {}
        self._lent: dict[str, _Run] = {}

    def numpy(self, name: str) -> np.random.Generator:
        """NumPy generator (Philox) of a name; every call returns the same object."""
        if name not in self._numpy:
            self._numpy[name] = np.random.Generator(_philox(self.seed, name))
        return self._numpy[name]

    def torch(self, name: str) -> TorchGenerator:
        """Torch CPU generator of a name; every call returns the same object. Imports torch."""
        if name not in self._torch:
            import torch

            self._torch[name] = torch.Generator().manual_seed(derive(self.seed, "torch", name, bits=64))
        return self._torch[name]

    def key(self, name: str) -> int:
        """64-bit key in [0, 2**64) for counter-based generators in compiled code; it has no state."""
        return derive(self.seed, "key", name, bits=64)

    @contextlib.contextmanager
    def lent(self, name: str) -> Iterator[None]:
        """Replace the process's global random generators by the run's generators of a name, inside a ``with`` block.

        The global generators are ``random``, ``np.random``, torch's CPU generator and, where CUDA is initialized,
        that of every device. On exit, also by an exception, the run's states are saved and the globals are
        *exactly* as before: the surrounding program draws the same numbers as without the scope. Scopes may be
        nested, under one name and with other `Generators` too: each continues from its own state.

        * Never suspend a generator function inside the scope, or the rest of the program draws from the run
          between two ``next()``: open a scope around each ``next()``. Other threads must not draw meanwhile.
        * Import torch and initialize CUDA *before* a scope that may use them: the scope does neither. If torch is
          imported inside, its generator starts from the system's entropy, as usual. Such a state never becomes the
          run's (the next scope starts from the seed or the checkpoint), and on exit the generator is seeded from
          entropy again, as after a new import. The same applies to CUDA.
        """
        run = self._lent.get(name) or self._lent.setdefault(name, self._fresh(name))
        _enter(run)
        try:
            yield
        finally:
            _leave(run)

    def state_dict(self) -> dict[str, Any]:
        """State of every generator, copied: nested dictionaries of strings, integers and NumPy arrays.

        Names are sorted, so that equal states give equal bytes for any order of creation and any PYTHONHASHSEED.
        """
        _refresh()
        return {
            "seed": self.seed,
            "numpy": {name: generator.bit_generator.state for name, generator in sorted(self._numpy.items())},
            "torch": {
                name: np.array(generator.get_state().numpy())
                for name, generator in sorted(self._torch.items())
            },
            "lent": {name: run.state_dict() for name, run in sorted(self._lent.items())},
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore every generator's state from `state_dict`.

        Existing generator objects continue from the restored state; generators that `state` does not contain start
        from the seed. Inside a scope of these generators the globals change at once.

        Raises:
            ArenaError: `state` belongs to a run with another seed.
        """
        if state["seed"] != self.seed:
            problem = f"the saved generators are of seed {state['seed']}, but this run's seed is {self.seed}"
            raise ArenaError(problem, "load them into a run with the same seed")
        _refresh()
        for name in sorted({*self._numpy, *state["numpy"]}):
            self.numpy(name).bit_generator.state = state["numpy"].get(name) or _philox(self.seed, name).state
        for name in sorted({*self._torch, *state["torch"]}):
            self.torch(name).manual_seed(derive(self.seed, "torch", name, bits=64))
            if name in state["torch"]:
                self.torch(name).set_state(_tensor(state["torch"][name]))
        open_runs = {name: run for name, run in self._lent.items() if run in _borrowers}
        self._lent = {
            name: open_runs.get(name) or self._fresh(name) for name in sorted({*open_runs, *state["lent"]})
        }
        for name, run in self._lent.items():
            run.load_state_dict(state["lent"].get(name))
        if _borrowers and _borrowers[-1] in self._lent.values():
            _borrowers[-1].install()

    def _fresh(self, name: str) -> _Run:
        return _Run(derive(self.seed, "lent", name))


class _Outside:
    """The program's own global states, stored here while a scope is open.

    ``torch`` has the states by device, -1 being the CPU; ``held`` are the generators that were last installed.
    """

    seed: int | None = None  # seed of a torch generator without a state; None is entropy, as at import

    def __init__(self) -> None:
        self.engine: Any = _numpy_random.get_bit_generator()
        self.torch: dict[int, Tensor] = {}
        self.held = _torch_generators()
        self.take()

    def install(self) -> None:
        """Write these states to the global generators."""
        python_random.setstate(self.python)
        _numpy_random.set_bit_generator(self.engine)  # 0.3 µs, a state 30 µs; forgets `normal`
        if self.normal is not None:
            _numpy_random.set_state(self.normal)
        self.held = _torch_generators()
        for device, generator in self.held.items():
            if device in self.torch:
                generator.set_state(self.torch[device])
            elif self.seed is None:
                generator.seed()
            else:
                generator.manual_seed(derive(self.seed, "torch", device, bits=64))

    def take(self) -> None:
        """Read these states from the global generators."""
        self.python = python_random.getstate()
        # The second of two legacy normals is stored beside the bit generator; only the full state contains it.
        self.normal: dict[str, Any] | None = None
        if _numpy_random.get_bit_generator() is self.engine:  # it was not replaced
            state = _numpy_random.get_state(legacy=False)
            self.normal = state if state["has_gauss"] else None
        # Only the installed ones: a generator that has appeared since started from entropy.
        self.torch.update({device: generator.get_state() for device, generator in self.held.items()})


class _Run(_Outside):
    """A run's states of one name, stored here while its scope is closed."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.load_state_dict(None)

    def state_dict(self) -> dict[str, Any]:
        version, words, normal = self.python
        return {
            "python": {"version": version, "words": np.array(words, np.uint32), **_pack(normal)},
            "numpy": {**self.engine.state["state"], **_pack(self.normal["gauss"] if self.normal else None)},
            # Only generators that were used: a checkpoint must not depend on whether other code imported torch.
            "torch": {
                str(device): np.array(state.numpy())
                for device, state in sorted(self.torch.items())
                if device not in self.held or not state.equal(self._start(device))
            },
        }

    def _start(self, device: int) -> Tensor:
        """Initial state of this run's torch generator on a device."""
        import torch

        generator = torch.Generator(self.held[device].device)
        generator.manual_seed(derive(self.seed or 0, "torch", device, bits=64))
        return generator.get_state()

    def load_state_dict(self, state: Mapping[str, Any] | None) -> None:
        """Restore `state`; None is the state that the seed gives."""
        self.engine = np.random.MT19937(derive(self.seed or 0, "numpy"))
        self.normal = None
        self.held = {}
        if state is None:
            self.python = python_random.Random(derive(self.seed or 0, "python")).getstate()
            self.torch = {}
            return
        python, numpy = state["python"], state["numpy"]
        normal = float(python["gauss"][0]) if python["has_gauss"] else None
        self.python = (int(python["version"]), tuple(map(int, python["words"])), normal)
        twister = {"key": np.array(numpy["key"], np.uint32), "pos": int(numpy["pos"])}
        self.engine.state = {"bit_generator": "MT19937", "state": twister}
        if numpy["has_gauss"]:
            self.normal = {**self.engine.state, "has_gauss": 1, "gauss": float(numpy["gauss"][0])}
        self.torch = {int(device): _tensor(saved) for device, saved in state["torch"].items()}


# One stack for the process, which has one set of globals: first the program's, then the run of each open scope.
_borrowers: list[_Outside] = []


def _refresh() -> None:
    """Update the innermost scope's states from the globals, if a scope is open."""
    if _borrowers:
        _borrowers[-1].take()


def _enter(run: _Run) -> None:
    """Save the states of the current owner of the globals, and install those of `run`."""
    _refresh()
    _borrowers.extend([run] if _borrowers else [_Outside(), run])
    try:
        run.install()
    except BaseException:  # Ctrl-C at this moment: nothing was drawn, so the run's states are still valid
        _borrowers.pop()
        _give_back()
        raise


def _leave(run: _Run) -> None:
    """Save the states of `run`, and install those of the previous owner; scopes may close out of order."""
    on_top = _borrowers[-1] is run
    del _borrowers[len(_borrowers) - 1 - _borrowers[::-1].index(run)]
    if on_top:
        try:
            run.take()
        finally:
            _give_back()


def _give_back() -> None:
    _borrowers[-1].install()
    if len(_borrowers) == 1:
        _borrowers.clear()


def _torch_generators() -> dict[int, TorchGenerator]:
    """The existing global generators of torch by device, -1 being the CPU; none is created."""
    torch = sys.modules.get("torch")
    if torch is None or not hasattr(torch, "default_generator"):  # absent, or only half imported
        return {}
    devices = enumerate(torch.cuda.default_generators) if torch.cuda.is_initialized() else ()
    return {-1: torch.default_generator, **dict(devices)}


def _pack(normal: float | None) -> dict[str, Any]:
    return {"has_gauss": int(normal is not None), "gauss": np.array([normal or 0.0])}


def _philox(seed: int, name: str) -> np.random.Philox:
    return np.random.Philox(key=derive(seed, "numpy", name))


def _tensor(saved: Any) -> Tensor:
    import torch

    return torch.from_numpy(np.array(saved, np.uint8))
