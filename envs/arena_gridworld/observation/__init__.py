"""Observations of gridworlds, and perception labels of their states.

Both depend only on a `Scene` (the position of the walker and the layout of the map in each state) and on the table of
tiles; a new kind of tile needs only a style in `arena_gridworld.observation.styles`.
"""

from __future__ import annotations

from arena.errors import unknown_name
from arena_gridworld.observation.labeling import CLASSES, StateLabeler
from arena_gridworld.observation.observers import CHANNELS, XY, CellObserver, Egocentric, OneHot, Pixels
from arena_gridworld.observation.scene import Scene

__all__ = [
    "CHANNELS",
    "CLASSES",
    "KINDS",
    "XY",
    "Egocentric",
    "OneHot",
    "Pixels",
    "Scene",
    "StateLabeler",
    "make_observer",
]

#: Kinds of observation besides the index of the state.
KINDS = ("onehot", "xy", "egocentric", "pixels")


def make_observer(kind: str, scene: Scene, view_size: int = 5, tile_size: int = 8) -> CellObserver:
    """Make an observer of the states of a scene, for `arena.environments.tabular.TableVectorEnv`.

    Args:
        kind: ``onehot`` (`OneHot`), ``xy`` (`XY`), ``egocentric`` (`Egocentric`) or ``pixels`` (`Pixels`).
        scene: the states.
        view_size: side of an egocentric view, in cells, odd.
        tile_size: side of a cell in ``pixels``, in pixels.

    Raises:
        ArenaError: an unknown kind, an even or non-positive view, a non-positive tile, or an observation of more than
            64 MiB.

    Example:
        >>> import numpy as np
        >>> still = np.zeros(4, np.int32)
        >>> layouts = np.zeros((1, 2, 2), np.uint8)
        >>> scene = Scene(rows=2, columns=2, position=np.arange(4, dtype=np.int32), layout=still, layouts=layouts)
        >>> out = np.empty((1, 2), np.float32)
        >>> make_observer("xy", scene).observe(np.array([1]), out)
        >>> out.tolist()
        [[1.0, 0.0]]
    """
    if kind == "onehot":
        return OneHot(scene)
    if kind == "xy":
        return XY(scene)
    if kind == "egocentric":
        return Egocentric(scene, view_size)
    if kind == "pixels":
        return Pixels(scene, tile_size)
    raise unknown_name("observation", kind, ("index", *KINDS))
