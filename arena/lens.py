"""A frozen encoder in front of an agent: the stream gives its codes in the place of observations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch

from arena.chosen import frames_of
from arena.distributions import mode
from arena.encoder import Encoder, Encodes, Remembers
from arena.spaces import View
from arena.stream_wrapper import StreamWrapper

if TYPE_CHECKING:
    import gymnasium as gym

    from arena.codec import State
    from arena.stream import Stream, Transition

__all__ = ["Lens", "PerceivedStream"]

Array = npt.NDArray[Any]

#: Observations that are encoded in one call: always so many, so that a code does not depend on how many there are.
ROWS = 32


class Lens(View):
    """Observations as an encoder's codes: the mode of each.

    Codes are made so many at a time, however many there are, with the first ones repeated: what an observation's code
    is does not depend on when it is asked for. An encoder that remembers goes by what a lane saw before, too; the
    memory of one that does not has no numbers.

    Args:
        encoder: which `Encodes`.
        inner: the space of the environment's observations.
        device: where the encoder lives.
    """

    def __init__(self, encoder: Encoder, inner: gym.Space[Any], device: str) -> None:
        assert isinstance(encoder, Encodes), "Perception refuses others"
        self.encoder, self.inner, self.outer = encoder.eval(), inner, encoder.latent
        self._kind = frames_of(inner).dtype
        self._device = device

    def initial(self, count: int) -> Array:
        """The memory before an episode's first observation: shape (count, …)."""
        if not isinstance(self.encoder, Remembers):
            return np.zeros((count, 0), np.float32)
        memory: Array = self.encoder.initial(count).cpu().numpy()
        return memory

    def look(self, observation: Array, memory: Array, action: Array | None = None) -> tuple[Array, Array]:
        """What there is to see.

        Args:
            observation: as the environment gives them, shape (count, *inner.shape).
            memory: before them, shape (count, …).
            action: the environment's actions that led there, shape (count, …); None where episodes begin. Composite
                ones are left out.

        Returns:
            Codes of shape (count, *outer.shape), and the memory after them.
        """
        rows = np.ascontiguousarray(observation, dtype=self._kind)
        codes = np.empty((len(rows), *(self.outer.shape or ())), np.float32)
        after = np.empty_like(memory)
        for start in range(0, len(rows), ROWS):
            part = slice(start, min(start + ROWS, len(rows)))
            given = (rows, memory, action if isinstance(action, np.ndarray) else None)
            seen = self._look(*(None if array is None else self._filled(array[part]) for array in given))
            for whole, found in zip((codes, after), seen, strict=True):
                whole[part] = found[: part.stop - start].cpu().numpy()
        return codes, after

    def encode(self, batch: Any) -> Array:
        """Codes of observations with which episodes begin."""
        return self.look(batch, self.initial(len(batch)))[0]

    def decode(self, array: Array) -> Any:
        raise TypeError("a code is no observation")

    def _filled(self, array: Array) -> torch.Tensor:
        full = array if len(array) == ROWS else np.resize(array, (ROWS, *array.shape[1:]))
        return torch.from_numpy(full).to(self._device)

    @torch.no_grad()
    def _look(self, x: Any, memory: Any, action: Any) -> tuple[torch.Tensor, torch.Tensor]:
        if isinstance(self.encoder, Remembers):
            memory, code = self.encoder.step(memory, x, action)
        else:
            assert isinstance(self.encoder, Encodes)
            code = self.encoder.encode(x)
        return mode(code), memory


class PerceivedStream(StreamWrapper):
    """A stream whose observations are an encoder's codes, each made once; it keeps what the encoder remembers of lanes.

    Args:
        inner: the stream of the environment's own observations.
        lens: what they are seen through.
    """

    def __init__(self, inner: Stream, lens: Lens) -> None:
        super().__init__(inner, lens)
        self.lens = lens
        self._memory = lens.initial(inner.num_envs)
        self._look()

    def _see(self, seen: Transition, transition: Transition) -> None:
        codes, self._memory = self.lens.look(
            seen.next_observation, self._memory, self.actions.decode(seen.action)
        )
        transition.next_observation[...] = self.observation[...] = codes
        self._refuse_infinite("code", codes)
        begun = np.flatnonzero(seen.terminated | seen.truncated)
        if len(begun):
            self._open(begun)

    def _look(self) -> None:
        self._open(np.arange(self.num_envs))

    def _open(self, lanes: npt.NDArray[np.int64]) -> None:
        """An episode begins in these lanes."""
        memory = self.lens.initial(len(lanes))
        self.observation[lanes], self._memory[lanes] = self.lens.look(self.inner.observation[lanes], memory)
        self._refuse_infinite("code", self.observation)

    def _source_state(self) -> State:
        return {**super()._source_state(), "memory": self._memory.copy(), "code": self.observation.copy()}

    def _restore_source(self, state: State) -> None:
        self.inner.load_state_dict(state["inner"])
        self.notice = self.inner.notice
        self._memory, self.observation[...] = np.array(state["memory"]), state["code"]
        if self.notice is not None:  # its episodes start anew
            self._look()
