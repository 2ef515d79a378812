"""A fitted encoder, ready for use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from arena.encoders.functional import codes
from arena.errors import ArenaError
from arena.experiments.snapshot_reference import read_snapshot
from arena.random.generators import Generators
from arena.runs.run import Run, fit_of
from arena.runs.snapshots import LAST, fits_this_version, snapshot_folder

if TYPE_CHECKING:
    from arena.encoders.base import Encoder

__all__ = ["LoadedEncoder"]


class LoadedEncoder:
    """A fitted encoder, ready for use. It needs no frames: their spaces are in the run.

    Args:
        run: the run of a fit.
        which: ``last``, its newest checkpoint or else snapshot; ``best``, the snapshot of its best evaluation; or
            the snapshot after so many updates, such as ``2000``.

    Attributes:
        run: the run.
        fit: what it was fitted to, and how.
        encoder: in evaluation mode, on the device of the fit.
        steps: after how many updates.

    Raises:
        ArenaError: if the run is none of a fit, has fitted nothing yet, or has no such snapshot.

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
        """The mode of each observation's code.

        An observation's code has the same bits in whatever company, since all batches have one shape.

        Args:
            observations: as the environment gives them, shape (count, *space.shape).
            batch_size: of every batch.

        Returns:
            Shape (count, *latent.shape).

        Raises:
            ArenaError: it gives no codes, or these are no such observations.
        """
        given, space = np.asarray(observations), self.encoder.space
        dtype = np.dtype(space.dtype)
        if given.shape[1:] != space.shape or given.ndim == 0:
            raise ArenaError(
                f"observations have the shape {given.shape}, which is no batch of {space.shape}",
                "give a batch: of one, x[None]"
                if given.shape == space.shape
                else "give a batch of those that it was fitted to",
            )
        if not np.can_cast(given.dtype, dtype, "same_kind"):
            raise ArenaError(
                f"observations are of {given.dtype}, and are to be of {dtype}",
                "give them as the environment does",
            )
        return codes(self.encoder, given.astype(dtype, copy=False), batch_size=batch_size)

    def _restore(self, which: str) -> int:
        mine = self.run.spec.id(self.run.seed)
        loaded = (
            self.run.checkpoints.load(lambda info: bool(info.get("id") == mine)) if which == LAST else None
        )
        with fits_this_version(self.run):
            if loaded is not None:
                self.encoder.load_state_dict(loaded.state["agent"]["encoder"])
                return int(loaded.info["step"])
            folder = snapshot_folder(self.run, which)
            self.encoder.load_state_dict(read_snapshot(folder)["encoder"])
        return int(folder.name)
