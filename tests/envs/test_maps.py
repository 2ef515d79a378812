"""The law of maps: a text either becomes a grid, or one line that says where and what to do."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from arena.errors import ArenaError
from arena_gridworld import Grid, GridMap, GridOptions, Rules, build_model, load_map, parse_map
from arena_gridworld import maps as maps_module

GOOD = "S..#\n C..\nL..G"


def error(source) -> str:
    with pytest.raises(ArenaError) as caught:
        load_map(source)
    message = str(caught.value)
    assert "\n" not in message
    assert caught.value.remedy
    return message


def test_every_character_has_its_tile():
    grid = parse_map(GOOD)
    assert grid.cells.tolist() == [[2, 0, 0, 1], [0, 4, 0, 0], [5, 0, 0, 3]]
    assert (grid.rows, grid.columns) == (3, 4)
    assert grid.starts.tolist() == [0]
    assert grid.goals.tolist() == [11]
    assert not grid.cells.flags.writeable
    assert grid.text == GOOD.replace(" ", ".")


@pytest.mark.parametrize(
    "text",
    ["\n\n" + GOOD, GOOD + "\n", GOOD.replace("\n", "\r\n"), GOOD + "\r\n\r\n", GOOD.replace(" ", ".")],
)
def test_line_breaks_and_spaces_do_not_matter(text):
    assert parse_map(text).text == parse_map(GOOD).text


def test_one_line_of_map_characters_is_text():
    assert load_map("S..G").cells.shape == (1, 4)


@pytest.mark.parametrize("kind", [str, Path])
def test_anything_else_is_a_path(tmp_path, kind):
    path = tmp_path / "maze.txt"
    path.write_bytes(b"\xef\xbb\xbfS..\r\n..G\r\n")
    assert load_map(kind(path)).text == "S..\n..G"


def test_a_home_folder_is_expanded(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "m.txt").write_text("SG\n")
    assert load_map("~/m.txt").text == "SG"


@pytest.mark.parametrize("text", ["", "\n", "  \n  ", "\r\n"])
def test_empty(text):
    assert "the map is empty; draw it with: . or space floor, # wall" in error(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("S..\n..\n..G", "line 2 of the map has 2 cells, but line 1 has 3"),
        ("S.\n\n.G", "line 2 of the map has 0 cells, but line 1 has 2"),
        ("\n\nS.\n.....\n.G", "line 4 of the map has 5 cells, but line 3 has 2"),
        ("SG\n.", "line 2 of the map has 1 cell, but line 1 has 2"),
        ("S..\n.x.\n..G", "the map has 'x' at line 2, column 2, which is no tile; use: . or space floor"),
        ("\nS..\n..é", "the map has 'é' at line 3, column 3"),
        ("Sx\n.G", "the map has 'x' at line 1, column 2"),
        ("S.\n.\t.G", "the map has a tab at line 2, column 2; use one character a cell"),
        ("S.\x00G", "the map has the control character U+0000 at line 1, column 3"),
        ("S.\r.G\n", "the map has the control character U+000D at line 1, column 3"),
        ("S.\n.\x1b[1mG", "the map has the control character U+001B at line 2, column 2"),
        ("S.\n\udc80G", "the map has the control character U+DC80 at line 2, column 1"),
        ("...\n..G", "the map has no start; put an S"),
        ("S..\n...", "the map has no goal; put a G"),
        ("....", "the map has no start"),
        ("S1.\n..G", "the map has the teleport 1 once, first at line 1, column 2; put it in two cells"),
        ("S.\n22\n2G", "the map has the teleport 2 3 times, first at line 2, column 1"),
        (
            "\nSG\na.\n.B",
            "the map has the door B at line 4, column 2 and no key for it; put a key b somewhere",
        ),
    ],
)
def test_what_is_wrong_and_where(text, expected):
    assert expected in error(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "\nS.#.\n..#G",
            "no goal of the map can be reached from a start; the one at line 3, column 4 is cut off",
        ),
        ("SCG", "the one at line 1, column 3 is cut off"),
        ("SLG", "the one at line 1, column 3 is cut off"),
        ("#S\nG#", "the one at line 2, column 1 is cut off"),  # a walk does not wrap around the edge
        ("#G\nS#", "the one at line 1, column 2 is cut off"),
        ("S#\n#G", "the one at line 2, column 2 is cut off"),
        ("aAG\n###\nS..", "the one at line 1, column 3 is cut off"),  # the key lies behind a wall
        ("S~~~C\n...G.\n.###.", None),
        ("SAG\n.Ba\n###\n.b.", "the one at line 1, column 3 is cut off"),  # walls around the key b
        ("S.Ba\nbAAG", None),
    ],
)
def test_whether_a_goal_can_be_reached(text, expected):
    if expected is None:
        assert Grid(map=text).model.num_states
        return
    with pytest.raises(ArenaError) as caught:
        Grid(map=text)
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_goal_of_several_is_enough():
    model = Grid(map="S.G#G").model
    assert model.num_states == 5
    assert parse_map("S#SG").starts.tolist() == [0, 2]


@pytest.mark.parametrize(
    ("text", "is_map"), [("SG", True), ("....", True), ("bad", False), ("abed.Ad", False), ("S1a1AG", True)]
)
def test_a_single_row_is_a_map_if_it_has_a_start_or_goal_or_no_letter(text, is_map):
    if text == "....":
        assert "has no start" in error(text)
    elif is_map:
        assert load_map(text).rows == 1
    else:
        assert "there is no map file" in error(text)


def test_no_such_file():
    message = error("mazes/none.txt")
    assert "there is no map file 'mazes/none.txt'; give the path of a text file, or a map as text" in message


def test_a_directory(tmp_path):
    assert "is a directory; give the path of a text file" in error(str(tmp_path) + "/")


def test_a_file_that_cannot_be_read(tmp_path, monkeypatch):
    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(maps_module, "open_regular", refuse)
    assert "the map 'locked.txt' cannot be read: Permission denied" in error("locked.txt")


def test_a_name_that_no_file_can_have():
    message = error("maze/" + "x" * 5000)
    assert "cannot be read: File name too long" in message
    assert len(message) < 200


def test_a_binary_file(tmp_path):
    path = tmp_path / "picture.png"
    path.write_bytes(b"S.\n.\x89PNG\r\n\x1a\n")
    assert f"the map {str(path)!r} is not text: byte 0x89 at line 2, column 2" in error(path)
    path.write_bytes(b"S.\n\x00\x01")
    assert "has the control character U+0000 at line 2, column 1" in error(path)


def test_too_large(tmp_path, monkeypatch):
    monkeypatch.setattr(maps_module, "LARGEST", 1000)
    path = tmp_path / "large.txt"
    path.write_text("." * 1001)
    assert "has more than 1,000 bytes; give a smaller map" in error(path)
    assert "the map has more than 1,000 characters" in error("." * 1001)


def test_an_endless_file_is_not_read():
    assert "'/dev/zero' cannot be read: zero is not a regular file" in error("/dev/zero")


def test_errors_in_a_file_name_it(tmp_path):
    path = tmp_path / "m.txt"
    path.write_text("S..\n..")
    assert f"line 2 of the map {str(path)!r} has 2 cells" in error(path)


def test_canonical_options_hold_the_text(tmp_path):
    path = tmp_path / "m.txt"
    path.write_text("S. \r\n..G\r\n")
    options = GridOptions(map=str(path), slip=0.1)
    assert options.canonical() == GridOptions(map="S..\n..G", slip=0.1)
    assert options.canonical().canonical() == options.canonical()


def test_cliff_and_starts_that_would_fill_the_memory():
    cells = np.full((2, 20_000), 2)
    cells[1], cells[0, 0] = 4, 3
    with pytest.raises(ArenaError, match="19,999 starts"):
        build_model(GridMap(cells), Rules())


def maps(symbols: str = ".#SGCL", side: int = 6) -> st.SearchStrategy[str]:
    """Texts of any size, most of them solvable: a start and a goal side by side, and anything around them."""

    def rows(width: int) -> st.SearchStrategy[list[str]]:
        line = st.text(symbols, min_size=width, max_size=width)
        return st.lists(line, min_size=1, max_size=side).map(lambda lines: ["SG" + "." * (width - 2), *lines])

    return st.integers(2, side).flatmap(rows).flatmap(st.permutations).map("\n".join)


@given(maps())
def test_text_and_cells_round_trip(text):
    grid = parse_map(text)
    assert grid.text == text
    assert np.array_equal(parse_map(grid.text).cells, grid.cells)


@given(st.text(max_size=30) | st.text(".#SGCL \n\r\tx", max_size=60))
def test_any_text_is_a_map_or_an_error_of_one_line(text):
    grid, refusal = None, ""
    try:
        grid = parse_map(text)
    except ArenaError as raised:
        refusal = str(raised)
    assert "\n" not in refusal
    assert bool(refusal) == (grid is None)
    assert grid is None or (len(grid.starts) and len(grid.goals))


@given(maps())
@example("CCCCLC\nCCCLSL\nCCCCLC\nSG....\nCCCCCC\nCCCCCC")  # from one start every way leads into lava
def test_episodes_act_wherever_they_come_and_nowhere_else(text):
    grid = parse_map(text)
    model = build_model(grid, Rules(slip=0.1, step_reward=-1.0, lava_reward=-2.0))
    met, new = set(), set(np.flatnonzero(model.initial).tolist())
    while new:
        met |= new
        new = {int(s) for r in new for a in range(4) for s in model.successor[model.row(r, a)]} - met
    acting = {int(s) for s in np.flatnonzero((model.expected_reward() != 0).any(axis=1))}
    assert acting == {s for s in met if not grid.cells_with("ends")[s]}
