"""What an agent sees of a gridworld, and the labels that say what is there.

Everything here depends on a scene's states alone (where the walker is, and how the map then looks) and on the table
of tiles; a new kind of tile needs no more than a look in `arena_gridworld.observation.looks`.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from arena.environments.tabular import Observer
from arena.errors import unknown
from arena_gridworld.observation.labelling import CLASSES, Labeller
from arena_gridworld.observation.observers import CHANNELS, XY, Egocentric, OneHot, Pixels
from arena_gridworld.observation.scene import Scene

__all__ = [
    "CHANNELS",
    "CLASSES",
    "KINDS",
    "LABELS",
    "XY",
    "Egocentric",
    "Labeller",
    "OneHot",
    "Pixels",
    "Scene",
    "labels",
    "observer",
]

#: The kinds of observation.
KINDS = ("index", "onehot", "xy", "egocentric", "pixels")

#: The names of the labels.
LABELS = Labeller.KNOWN


def observer(
    kind: str,
    *,
    rows: int,
    columns: int,
    position: npt.NDArray[np.int32],
    layout: npt.NDArray[np.int32],
    layouts: npt.NDArray[np.uint8],
    view: int = 5,
    tile: int = 8,
) -> Observer | None:
    """How the states of a scene look to an agent.

    Args:
        kind: ``index`` (none needed), ``onehot`` (`OneHot`), ``xy`` (`XY`), ``egocentric`` (`Egocentric`) or
            ``pixels`` (`Pixels`).
        rows: the map's height in cells.
        columns: its width in cells.
        position: int32, shape (num_states,): the walker's cell, ``row * columns + column``.
        layout: int32, shape (num_states,): an index into ``layouts``.
        layouts: uint8, shape (num_layouts, rows, columns): codes into `arena_gridworld.tiles.TILES`.
        view: the side of an egocentric view, in cells, odd.
        tile: the side of a cell in ``pixels``, in pixels.

    Returns:
        An observer for `arena.environments.tabular.TableVectorEnv`, or None for ``index``.

    Raises:
        ArenaError: no such kind, an even or non-positive view, a non-positive tile, or an observation of more than
            64 MiB.
        ValueError: the arrays do not fit together.

    Example:
        >>> import numpy as np
        >>> place, still = np.arange(4, dtype=np.int32), np.zeros(4, np.int32)
        >>> see = observer("xy", rows=2, columns=2, position=place, layout=still, layouts=np.zeros((1, 2, 2), np.uint8))
        >>> out = np.empty((1, 2), np.float32)
        >>> see.observe(np.array([1]), out)
        >>> out.tolist()
        [[1.0, 0.0]]
    """
    if kind not in KINDS:
        raise unknown("observation", kind, KINDS)
    if kind == "index":
        return None
    scene = Scene(rows=rows, columns=columns, position=position, layout=layout, layouts=layouts)
    if kind == "onehot":
        return OneHot(scene)
    if kind == "xy":
        return XY(scene)
    return Egocentric(scene, view) if kind == "egocentric" else Pixels(scene, tile)


def labels(
    names: Iterable[str],
    *,
    rows: int,
    columns: int,
    position: npt.NDArray[np.int32],
    layout: npt.NDArray[np.int32],
    layouts: npt.NDArray[np.uint8],
    tile: int = 1,
) -> Labeller:
    """The labels of a scene's states: ``labels(names, …)(states)`` is a dictionary of arrays, a row a state.

    Args:
        names: any of ``semantic`` and ``state``.
        rows: as `observer`'s, as are the arrays that follow.
        columns: the map's width in cells.
        position: int32, shape (num_states,).
        layout: int32, shape (num_states,).
        layouts: uint8, shape (num_layouts, rows, columns).
        tile: the side of a cell in ``semantic``, in pixels.

    Raises:
        ArenaError: no such label, a non-positive tile, or a label of more than 64 MiB.
        ValueError: the arrays do not fit together.
    """
    scene = Scene(rows=rows, columns=columns, position=position, layout=layout, layouts=layouts)
    return Labeller(names, scene, tile)
