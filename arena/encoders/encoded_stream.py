"""Frozen encoder in a stream: observations are replaced by codes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch

from arena.encoders.base import Encoder, Encodes, Remembers
from arena.encoders.distributions import mode
from arena.environments.space_json import array_space
from arena.environments.spaces import View
from arena.streams.wrapper import StreamWrapper

if TYPE_CHECKING:
    import gymnasium as gym

    from arena.encoders.standardization import CodeStandardization
    from arena.storage.codec import State
    from arena.streams.base import Stream, Transition

__all__ = ["EncodedStream", "ObservationEncoder"]

Array = npt.NDArray[Any]

#: Largest number of observations that are encoded in one call; fewer are padded to a power of two.
ROWS = 64


class ObservationEncoder(View):
    """View of observations as an encoder's codes (the mode of each).

    Codes are computed in batches of few sizes, powers of two up to 64, with padding: a code does not depend on the
    other observations. The memory of a recurrent encoder is passed explicitly; for others it is empty.

    Args:
        encoder: encoder that implements `Encodes`.
        inner: space of the environment's observations.
        device: device of the encoder.
        scale: standardization of codes; None leaves codes unchanged.
    """

    def __init__(
        self, encoder: Encoder, inner: gym.Space[Any], device: str, scale: CodeStandardization | None = None
    ) -> None:
        assert isinstance(encoder, Encodes), "EncoderUse refuses others"
        self.encoder, self.inner = encoder.eval(), inner
        self.outer = encoder.latent if scale is None else scale.space(encoder.latent)
        self._scale = None if scale is None else scale.to(device)
        self._kind = array_space(inner).dtype
        self._device = device
        # Decided once: checking a protocol takes as long as a small network.
        self._encodes: Encodes = encoder
        self._remembers = encoder if isinstance(encoder, Remembers) else None

    def initial(self, count: int) -> Array:
        """Initial memory, before an episode's first observation: shape (count, …)."""
        if self._remembers is None:
            return np.zeros((count, 0), np.float32)
        # A copy, because memories are written in place.
        return np.array(self._remembers.initial(count).detach().cpu().numpy())

    def step(self, observation: Array, memory: Array, action: Array | None = None) -> tuple[Array, Array]:
        """Encode one more observation of each episode.

        Args:
            observation: observations of the environment, shape (count, *inner.shape).
            memory: memory before the observations, shape (count, …).
            action: the environment's actions before the observations, shape (count, …); None at the start of episodes.
                Composite actions are ignored.

        Returns:
            Codes of shape (count, *outer.shape), and the new memory, shape (count, …).
        """
        rows = np.ascontiguousarray(observation, dtype=self._kind)
        codes = np.empty((len(rows), *(self.outer.shape or ())), np.float32)
        after = np.empty_like(memory)
        size = min(ROWS, 1 << (len(rows) - 1).bit_length())
        for start in range(0, len(rows), size):
            part = slice(start, min(start + size, len(rows)))
            inputs = (rows, memory, action if isinstance(action, np.ndarray) else None)
            results = self._encode_batch(
                *(None if array is None else self._padded(array[part], size) for array in inputs)
            )
            for array, result in zip((codes, after), results, strict=True):
                array[part] = result[: part.stop - start].cpu().numpy()
        return codes, after

    def encode(self, batch: Any) -> Array:
        """Codes of observations, each the first of an episode."""
        return self.step(batch, self.initial(len(batch)))[0]

    def decode(self, array: Array) -> Any:
        raise TypeError("a code cannot be converted to an observation")

    def _padded(self, array: Array, size: int) -> torch.Tensor:
        padded = array if len(array) == size else np.resize(array, (size, *array.shape[1:]))
        return torch.from_numpy(padded).to(self._device)

    @torch.inference_mode()
    def _encode_batch(self, x: Any, memory: Any, action: Any) -> tuple[torch.Tensor, torch.Tensor]:
        if self._remembers is None:
            distribution = self._encodes.encode(x)
        else:
            memory, distribution = self._remembers.step(memory, x, action)
        code = mode(distribution)
        return code if self._scale is None else self._scale.apply(code), memory


class EncodedStream(StreamWrapper):
    """Stream whose observations are an encoder's codes, with the memory of a recurrent encoder for each lane.

    Args:
        inner: stream of the environment's own observations.
        observation_encoder: view from observations to codes.
    """

    def __init__(self, inner: Stream, observation_encoder: ObservationEncoder) -> None:
        super().__init__(inner, observation_encoder)
        self.observation_encoder = observation_encoder
        self._memory = observation_encoder.initial(inner.num_envs)
        self._observe()

    def _transform(self, inner: Transition, transition: Transition) -> None:
        codes, self._memory = self.observation_encoder.step(
            inner.next_observation, self._memory, self.actions.decode(inner.action)
        )
        transition.next_observation[...] = self.observation[...] = codes
        self._refuse_infinite("code", codes)
        done = np.flatnonzero(inner.terminated | inner.truncated)
        if len(done):
            self._encode_first(done)

    def _observe(self) -> None:
        self._encode_first(np.arange(self.num_envs))

    def _encode_first(self, lanes: npt.NDArray[np.int64]) -> None:
        """Encode the first observations of episodes in these lanes."""
        memory = self.observation_encoder.initial(len(lanes))
        self.observation[lanes], self._memory[lanes] = self.observation_encoder.step(
            self.inner.observation[lanes], memory
        )
        self._refuse_infinite("code", self.observation)

    def _source_state(self) -> State:
        return {**super()._source_state(), "memory": self._memory.copy(), "code": self.observation.copy()}

    def _restore_source(self, state: State) -> None:
        self.inner.load_state_dict(state["inner"])
        self.notice = self.inner.notice
        self._memory, self.observation[...] = np.array(state["memory"]), state["code"]
        if self.notice is not None:  # its episodes were restarted
            self._observe()
