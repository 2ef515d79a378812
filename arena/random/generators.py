"""Named generators of a run, and the scope that lends its states to libraries with global ones.

A generator is keyed by the run's seed and its *name*, so that neither the order in which generators are asked
for nor the presence of others changes what it draws. numba's own generators (``np.random`` inside compiled
code)
are not lent: give such code a key.
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
    """A key for `names` under `seed`; other names give unrelated keys.

    Every part is hashed with its kind and length: ``("a", "bc")`` and ``("ab", "c")`` differ, as do ``1`` and
    ``"1"``. Keys are part of the runs' file format: they never change.

    Args:
        seed: the run's seed, any integer.
        names: what the key is for, from the general to the particular.
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
    """A key for `names` under `seed` as Gymnasium's `reset` takes it: an integer in [0, 2³¹)."""
    return derive(seed, *names, bits=64) % 2**31


def episode_seed(seed: int, lane: int, episode: int) -> int:
    """The seed of an episode of training.

    Args:
        seed: of the run.
        lane: which of the parallel environments.
        episode: how many episodes the lane has had before.
    """
    return reset_seed(seed, "environment", lane, episode)


class Generators:
    """All generators of one run, by name.

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
        """The NumPy generator called `name`: Philox, the same object at every call."""
        if name not in self._numpy:
            self._numpy[name] = np.random.Generator(_philox(self.seed, name))
        return self._numpy[name]

    def torch(self, name: str) -> TorchGenerator:
        """The torch CPU generator called `name`, the same object at every call; imports torch."""
        if name not in self._torch:
            import torch

            self._torch[name] = torch.Generator().manual_seed(derive(self.seed, "torch", name, bits=64))
        return self._torch[name]

    def key(self, name: str) -> int:
        """A 64-bit key in [0, 2**64) for counter-based compiled code; it has no state."""
        return derive(self.seed, "key", name, bits=64)

    @contextlib.contextmanager
    def lent(self, name: str) -> Iterator[None]:
        """Makes the process's global generators those of the run's `name` inside the scope.

        They are ``random``, ``np.random``, torch's CPU generator and, where CUDA is initialised, every
        device's. On exit, by exception too, the run's states are taken back and the globals are *exactly* as
        they were: the surrounding program draws next what it would have drawn without the scope. Scopes nest,
        under one name and with other `Generators` too: each goes on where the run's name stands.

        * Never suspend a generator function inside the scope, or the world draws from the run between two
          ``next()``: lend around each ``next()``. Other threads must not draw meanwhile.
        * Import torch and initialise CUDA *before* a scope that may use them: the scope does neither. A torch
          that appears inside starts from the system's entropy, as ever. Such a state never becomes the run's
          (the next scope starts from the seed or the checkpoint), and on exit the generator is seeded from
          entropy again, as a fresh import does. The same holds for CUDA.
        """
        run = self._lent.get(name) or self._lent.setdefault(name, self._fresh(name))
        _enter(run)
        try:
            yield
        finally:
            _leave(run)

    def state_dict(self) -> dict[str, Any]:
        """Copies of every generator's state: nested dictionaries of strings, integers and NumPy arrays.

        Names are sorted: equal states give equal bytes, whatever was asked for first and whatever PYTHONHASHSEED is.
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
        """Continues exactly where `state_dict` was taken.

        Objects that were handed out go on from the restored state; what `state` does not mention is fresh.
        Inside a scope of these generators the globals change at once.

        Raises:
            ArenaError: `state` belongs to a run with another seed.
        """
        if state["seed"] != self.seed:
            raise ArenaError(
                f"the saved generators belong to seed {state['seed']}, but this run's seed is {self.seed}",
                "load them into a run with the same seed",
            )
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
    """Who the globals belong to when no scope is open; holds the program's states while one is.

    ``torch`` has the states by device, -1 being the CPU; ``held`` are the generators last installed to.
    """

    seed: int | None = None  # where a torch generator without a state starts; None is entropy, as at import

    def __init__(self) -> None:
        self.engine: Any = _numpy_random.get_bit_generator()
        self.torch: dict[int, Tensor] = {}
        self.held = _torch_generators()
        self.take()

    def install(self) -> None:
        """Makes these states the globals'."""
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
        """Makes the globals' states these."""
        self.python = python_random.getstate()
        # The second of two legacy normals is kept beside the bit generator; only the full state shows it.
        self.normal: dict[str, Any] | None = None
        if _numpy_random.get_bit_generator() is self.engine:  # nobody put another one there
            state = _numpy_random.get_state(legacy=False)
            self.normal = state if state["has_gauss"] else None
        # Only what was held: a generator that has appeared since started from entropy.
        self.torch.update({device: generator.get_state() for device, generator in self.held.items()})


class _Run(_Outside):
    """The run under one name; its states are here whenever they are not lent."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.load_state_dict(None)

    def state_dict(self) -> dict[str, Any]:
        version, words, normal = self.python
        return {
            "python": {"version": version, "words": np.array(words, np.uint32), **_pack(normal)},
            "numpy": {**self.engine.state["state"], **_pack(self.normal["gauss"] if self.normal else None)},
            # Only what was drawn from: whether somebody else has imported torch is not to show in a checkpoint.
            "torch": {
                str(device): np.array(state.numpy())
                for device, state in sorted(self.torch.items())
                if device not in self.held or not state.equal(self._start(device))
            },
        }

    def _start(self, device: int) -> Tensor:
        """The state from which a torch generator of this run starts on a device."""
        import torch

        generator = torch.Generator(self.held[device].device)
        generator.manual_seed(derive(self.seed or 0, "torch", device, bits=64))
        return generator.get_state()

    def load_state_dict(self, state: Mapping[str, Any] | None) -> None:
        """Restores `state`; None is the state that the seed gives."""
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


# One stack for the process, which has one set of globals: the program outside, then the run of each open
# scope.
_borrowers: list[_Outside] = []


def _refresh() -> None:
    """Inside a scope the newest states are the globals'."""
    if _borrowers:
        _borrowers[-1].take()


def _enter(run: _Run) -> None:
    """Hands the globals from whoever has them to `run`."""
    _refresh()
    _borrowers.extend([run] if _borrowers else [_Outside(), run])
    try:
        run.install()
    except BaseException:  # Ctrl-C just now: nothing was drawn, so what the run has still holds
        _borrowers.pop()
        _give_back()
        raise


def _leave(run: _Run) -> None:
    """Hands the globals from `run` to whoever had them before; scopes may even close out of order."""
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
    """The global generators of torch by device, -1 being the CPU: those that exist, bringing none about."""
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
