"""Memory of torch modules, checked while they are built: each tensor before it is allocated."""

from __future__ import annotations

import contextlib
import functools
import math
import sys
from collections.abc import Callable
from typing import Any

from arena.storage.memory import reserve

__all__ = ["counted_tensors"]

#: Numbers for each weight during training: the weight, its gradient, and the two moments of Adam.
TRAINED = 4

#: Tensors below this number of bytes are not counted.
SMALL = 1 << 16


def counted_tensors(device: str = "cpu") -> contextlib.AbstractContextManager[Any]:
    """Reserve the memory of tensors that are created inside the ``with`` block (`arena.storage.memory.reserve`).

    Args:
        device: device of the training; only on the CPU do gradients and moments take memory of this machine.
    """
    if "torch" not in sys.modules:  # an agent without networks
        return contextlib.nullcontext()
    context: contextlib.AbstractContextManager[Any] = _mode()(TRAINED if device == "cpu" else 1)
    return context


@functools.cache
def _mode() -> Callable[[int], Any]:
    import torch
    from torch.overrides import TorchFunctionMode

    factories = (torch.empty, torch.zeros, torch.ones, torch.full, torch.rand, torch.randn)

    class CountedTensors(TorchFunctionMode):
        def __init__(self, copies: int) -> None:
            super().__init__()
            self._copies = copies

        def __torch_function__(
            self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
        ) -> Any:
            options = kwargs or {}
            if func in factories:
                dtype = options.get("dtype") or torch.get_default_dtype()
                size = _numel(args, options) * dtype.itemsize
                if size >= SMALL:
                    # Modules make their weights with `torch.empty`.
                    copies = self._copies if func is torch.empty else 1
                    remedy = "use smaller networks, such as fewer hidden units or smaller images"
                    reserve(size * copies, "networks with their gradients and optimizer", remedy)
            return func(*args, **options)

    return CountedTensors


def _numel(args: tuple[Any, ...], options: dict[str, Any]) -> int:
    """Number of elements of the tensor that a call such as ``torch.empty(3, 4)`` or ``torch.empty((3, 4))`` makes."""
    size = options.get("size", args)
    if size and isinstance(size[0], (list, tuple)):
        size = size[0]
    return math.prod(int(n) for n in size if isinstance(n, int) and n >= 0)
