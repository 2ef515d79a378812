"""Principal components of a stream of batches, in constant memory."""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["StreamingPCA"]


class StreamingPCA(nn.Module):
    """Mean, total variance and largest `rank` principal components of all rows so far.

    Of n rows with mean m and kept scatter VᵀS²V, and a batch of b rows X with mean x̄, the new scatter is that of

        [ S V ;  X − x̄ ;  √(n b / (n + b)) (m − x̄) ],

    whose singular value decomposition is truncated to `rank` again. It is exact as long as `rank` is no less than the
    rank of the data; otherwise truncation loses variance, so keep more components than needed. Memory between batches
    is rank × size, whatever their number. All state is in buffers, so a saved stream continues exactly.

    Source: Ross, Lim, Lin & Yang 2008, "Incremental learning for robust visual tracking", section 3.1 (after Levy &
    Lindenbaum 2000); the total variance by Chan, Golub & LeVeque 1983.

    Args:
        size: length of a row.
        rank: number of components that are kept, at most `size`.

    Attributes:
        count: number of rows so far.
        mean: shape (size,).
        total: the sum of squared distances to the mean.
        singular: singular values in descending order, zero where there are none yet: shape (rank,).
        basis: right singular vectors, of unit length: shape (rank, size).
    """

    count: Tensor
    mean: Tensor
    total: Tensor
    singular: Tensor
    basis: Tensor

    def __init__(self, size: int, rank: int) -> None:
        super().__init__()
        self.register_buffer("count", torch.zeros((), dtype=torch.int64))
        for name, shape in (
            ("mean", (size,)),
            ("total", ()),
            ("singular", (rank,)),
            ("basis", (rank, size)),
        ):
            self.register_buffer(name, torch.zeros(shape, dtype=torch.float64))

    @torch.no_grad()
    def update(self, rows: Tensor) -> None:
        """Update with a batch of rows: shape (batch, size)."""
        rows = rows.to(self.mean)
        seen, new = int(self.count), len(rows)
        middle = rows.mean(0)
        apart = (seen * new / (seen + new)) ** 0.5 * (self.mean - middle)
        centred = rows - middle
        stack = torch.cat([self.singular[:, None] * self.basis, centred, apart[None]])
        # The singular value decomposition by way of R Rᵀ of stackᵀ = Q R: small, and certain to converge.
        q, r = torch.linalg.qr(stack.T)
        square, turn = torch.linalg.eigh(r @ r.T)
        kept = len(self.singular)
        self.singular.copy_(square.flip(0)[:kept].clamp(min=0).sqrt())
        self.basis.copy_((q @ turn).T.flip(0)[:kept])
        self.total += centred.square().sum() + apart.square().sum()
        self.mean += (middle - self.mean) * (new / (seen + new))
        self.count += new

    def components(self, count: int) -> tuple[Tensor, Tensor, Tensor]:
        """Largest components, with unbiased variances (divided by n − 1).

        Args:
            count: number of components, at most `rank`.

        Returns:
            The directions, shape (count, size), each with the sign that makes its greatest entry positive; the
            variances along them, shape (count,); and the mean variance along all other directions, a scalar, 0 where
            there are none.
        """
        freedom = max(1, int(self.count) - 1)
        basis, variance = self.basis[:count], self.singular[:count].square() / freedom
        others = self.mean.numel() - count
        rest = (self.total / freedom - variance.sum()).clamp(min=0) / max(1, others)
        greatest = basis.gather(1, basis.abs().argmax(dim=1, keepdim=True))
        return basis * torch.where(greatest < 0, -1.0, 1.0), variance, rest
