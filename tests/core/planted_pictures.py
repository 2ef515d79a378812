"""An environment that shows itself, and others with a defect each."""

import numpy as np
from planted_environments import Honest

from arena.environments.rendering import Controls


class Strip:
    """A row of cells, the walker's dark."""

    rows, columns = 1, 5
    moves = np.array([[-1, 0], [1, 0]])

    def fit(self, width, height):
        side = max(1, min(width // 5, height))
        return 5 * side, side

    def paint(self, scene, width, height, *, before=None, share=1.0):
        place = scene[0] if before is None else before[0] + share * (scene[0] - before[0])
        frame = np.full((height, width, 3), 255, np.uint8)
        frame[:, round(place * height) : round((place + 1) * height)] = 0
        return frame

    def cell(self, scene):
        return int(scene[0])

    def walker(self, scene, *, before=None, share=1.0):
        return 0.0, float(scene[0])

    def states(self, scene):
        return np.arange(5)

    def observe(self, states):
        return states


class Shown(Honest):
    """Sound."""

    painter = Strip()
    controls = Controls({"left": 0, "right": 1}, ("left", "right"))

    def scene(self):
        return self._lane.lanes["state"].copy()


class SharesItsScene(Shown):
    def scene(self):
        return self._lane.lanes["state"]


class Floats(Strip):
    def paint(self, *scene, **share):
        return super().paint(*scene, **share) / 255


class PaintsFloats(Shown):
    painter = Floats()


class Late(Strip):
    def paint(self, scene, width, height, *, before=None, share=1.0):
        return super().paint(before if before is not None else scene, width, height)


class NeverArrives(Shown):
    painter = Late()


class Mirror(Strip):
    def observe(self, states):
        return 4 - states


class ObservesAnother(Shown):
    painter = Mirror()


class SteersOutside(Shown):
    controls = Controls({"left": 0, "right": 2})


class NamesOne(Shown):
    controls = Controls({"left": 0}, ("left",))


class IdlesOutside(Shown):
    controls = Controls({"left": 0}, idle=7)
