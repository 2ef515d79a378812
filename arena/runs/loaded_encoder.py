"""Fitted encoder of a run, ready for use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from arena.encoders.functional import codes
from arena.errors import ArenaError
from arena.random.generators import Generators
from arena.runs.run import Run, fit_of
from arena.runs.snapshots import LAST, fits_this_version, load_state

if TYPE_CHECKING:
    from arena.encoders.base import Encoder

__all__ = ["LoadedEncoder"]


class LoadedEncoder:
    """Fitted encoder, ready for use; it does not need the frames of the fit.

    Args:
        run: the run of a fit.
        which: ``last``, the newest checkpoint or else snapshot; ``best``, the snapshot of the best evaluation; or a
            number of updates, such as ``2000``.

    Attributes:
        run: the run.
        fit: description of the fit.
        encoder: the encoder in evaluation mode, on the device of the fit.
        steps: number of updates.

    Raises:
        ArenaError: the run is not a fit, or has no such snapshot.

    Example:
        >>> loaded = arena.load("runs/vae_digits_seed0_…")  # doctest: +SKIP
        >>> frames = arena.frames.open_data(loaded.fit.data)  # doctest: +SKIP
        >>> z = loaded.encode(frames.observation[:10])  # doctest: +SKIP
        >>> z.shape  # doctest: +SKIP
        (10, 16)
    """

    def __init__(self, run: Run, which: str = LAST) -> None:
        self.run = run
        self.fit = fit = fit_of(run)
        with Generators(run.seed).lent("agent"):  # an encoder draws its first weights
            self.encoder: Encoder = fit.build_encoder().to(fit.device)
            self.steps = self._restore(which)
        self.encoder.eval()

    def encode(self, observations: npt.ArrayLike, batch_size: int = 64) -> npt.NDArray[Any]:
        """Compute the mode of each observation's code, shape (count, *latent.shape).

        All batches have one shape, so a code does not depend on the other observations.

        Args:
            observations: observations as the environment gives them, shape (count, *space.shape).
            batch_size: number of observations in a batch.

        Raises:
            ArenaError: the encoder does not encode, or the observations have another shape or type.
        """
        given, space = np.asarray(observations), self.encoder.space
        dtype = np.dtype(space.dtype)
        if given.shape[1:] != space.shape or given.ndim == 0:
            raise ArenaError(
                f"observations have the shape {given.shape}, which is not a batch of {space.shape}",
                "give a batch, such as x[None] for one observation x"
                if given.shape == space.shape
                else "give a batch of observations like those of the fit",
            )
        if not np.can_cast(given.dtype, dtype, "same_kind"):
            raise ArenaError(
                f"observations have type {given.dtype}, not {dtype}",
                "give them as the environment does",
            )
        return codes(self.encoder, given.astype(dtype, copy=False), batch_size=batch_size)

    def _restore(self, which: str) -> int:
        with fits_this_version(self.run):
            state, steps, _ = load_state(self.run, which)
            self.encoder.load_state_dict(state["encoder"])
        return steps
