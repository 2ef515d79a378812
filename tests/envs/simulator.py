"""A gridworld in plain Python, one step at a time, written from the rules' description and not from the engine."""

from arena_gridworld.engine import MOVES

WINDS = {"^": (-1, 0), ">": (0, 1), "v": (1, 0), "<": (0, -1)}
KEYS = "abdefh"


class Walk:
    """A walk through a map: `outcomes` gives what a step from (row, column, keys) may lead to.

    Args:
        text: the map.
        moves: (down, right) of each action.
        slip: the probability of the two perpendicular directions together.
        wind: upward strength of each column.
        gust: strength of the wind tiles.
        stochastic: whether wind is one weaker or stronger with a third each.
        rewards: of entering a tile, by character; the others have ``rewards["."]``.
    """

    def __init__(self, text, moves=MOVES, slip=0.0, wind=None, gust=1, stochastic=False, rewards=None):
        self.cells = {(r, c): t for r, row in enumerate(text.split("\n")) for c, t in enumerate(row)}
        self.starts = sorted(place for place, tile in self.cells.items() if tile == "S")
        self.moves, self.slip, self.wind, self.gust, self.stochastic = moves, slip, wind, gust, stochastic
        self.rewards = {".": 0.0, "G": 1.0, "C": -100.0, "L": 0.0, **(rewards or {})}

    def free(self, place, keys):
        tile = self.cells.get(place, "#")
        return tile != "#" and not (tile.lower() in KEYS and tile.isupper() and tile.lower() not in keys)

    def outcomes(self, row, column, keys, action):
        """A list of (probability, (row, column, keys), reward, terminated)."""
        found = []
        for chance, (down, right) in self.directions(action):
            for share, strength in self.strengths(row, column):
                for last, *rest in self.step(row, column, keys, down, right, strength):
                    found.append((chance * share * last, *rest))
        return found

    def directions(self, action):
        down, right = self.moves[action]
        if not self.slip or not (down or right):
            return [(1.0, (down, right))]
        sides = [(self.slip / 2, (-right, down)), (self.slip / 2, (right, -down))]
        return [*sides, (1 - self.slip, (down, right))]

    def force(self, row, column):
        tile = self.cells[row, column]
        if tile in WINDS:
            return WINDS[tile], self.gust
        strength = self.wind[column] if self.wind else 0
        return (-1 if strength > 0 else 1, 0), abs(strength)

    def strengths(self, row, column):
        _, strength = self.force(row, column)
        if self.stochastic and strength:
            return [(1 / 3, strength + more) for more in (-1, 0, 1)]
        return [(1.0, strength)]

    def step(self, row, column, keys, down, right, strength):
        place = (row, column)
        if (down or right) and self.free((row + down, column + right), keys):
            place = (row + down, column + right)
            while self.cells[place] == "~" and self.free((place[0] + down, place[1] + right), keys):
                place = (place[0] + down, place[1] + right)
        (down, right), _ = self.force(row, column)
        for _ in range(strength):
            if self.free((place[0] + down, place[1] + right), keys):
                place = (place[0] + down, place[1] + right)
        tile = self.cells[place]
        if tile.isdigit() and place != (row, column):
            (place,) = (other for other, kind in self.cells.items() if kind == tile and other != place)
        reward = self.rewards.get(tile, self.rewards["."])
        if tile in KEYS:
            keys = keys | {tile}
        if tile == "C":
            return [(1 / len(self.starts), (*start, keys), reward, False) for start in self.starts]
        return [(1.0, (*place, keys), reward, tile in "GL")]
