"""Data sets from a folder of images, whose sub-folders are classes."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import gymnasium as gym
import numpy as np
import numpy.typing as npt

from arena.errors import ArenaError
from arena.frames.columns import LABEL, OBSERVATION, Column
from arena.frames.store import Frames
from arena.frames.writer import CHUNK_BYTES, Writer, open_existing, output_folder
from arena.storage.files import open_regular

if TYPE_CHECKING:
    from io import BufferedReader

__all__ = ["is_image", "pictures"]

#: File name extensions of images.
ENDINGS = (".png", ".jpg", ".jpeg")

#: Formats that Pillow may recognize in these files; others would start further programs, as for PostScript.
FORMATS = ("PNG", "JPEG")

#: Grey and colour modes of Pillow with eight bits; its other modes have more bits.
GREY, COLOURED = ("1", "L", "LA"), ("P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "HSV", "LAB")


def is_image(name: str) -> bool:
    """Return whether a file name is that of an image."""
    return name.lower().endswith(ENDINGS) and not name.startswith(".")


def pictures(
    folder: str | Path, out: str | Path | None = None, *, size: int | tuple[int, int] | None = None
) -> Frames:
    """Convert a folder of PNG and JPEG files to a data set, in the order of their paths; needs Pillow.

    Images become bytes of shape (height, width, 3), or (height, width, 1) if all are grey; transparency is dropped. If
    all images are in sub-folders, the label ``class`` is the index of the sub-folder in alphabetical order; the names
    are in ``source["classes"]``.

    Args:
        folder: folder of images, in sub-folders at any depth; links to folders are not followed.
        out: a new folder; by default a folder under ``frames/`` that is named by the content.
        size: height and width that images are resized to, in pixels, or one number for both.
            Without it, all images must have one size.

    Raises:
        ArenaError: no images, images of different sizes, a damaged image, or images beside sub-folders of images.
    """
    folder = Path(folder)
    paths = _found(folder)
    classes = _classes(folder, paths)
    shape = _shape(paths, _sides(size))
    source: dict[str, Any] = {
        "kind": "images",
        "content": _content(folder, paths),
        "count": len(paths),
        "shape": list(shape),
        "classes": classes,
    }
    place_out = output_folder(out, folder.resolve().name, source)
    found = open_existing(place_out, source)
    if found is not None:
        return found
    columns = [Column(OBSERVATION, gym.spaces.Box(0, 255, shape, np.uint8))]
    if classes is not None:
        columns.append(Column(f"{LABEL}class", gym.spaces.Discrete(len(classes))))
    rows = max(1, CHUNK_BYTES // columns[0].row_bytes)
    with Writer(place_out, columns, source, [len(paths)]) as writer:
        for start in range(0, len(paths), rows):
            some = paths[start : start + rows]
            chunk: dict[str, npt.NDArray[Any]] = {
                OBSERVATION: np.stack([_read(path, shape) for path in some])
            }
            if classes is not None:
                chunk[f"{LABEL}class"] = np.array([classes.index(_class(folder, path)) for path in some])
            writer.write(chunk)
        return writer.finish()


def _found(folder: Path) -> list[Path]:
    found = []
    for place_in, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [Path(place_in, name) for name in names if is_image(name)]
    if not found:
        raise ArenaError(f"{folder} has no pictures", f"give a folder of {', '.join(ENDINGS)} files")
    return sorted(found, key=lambda path: path.relative_to(folder).parts)


def _classes(folder: Path, paths: list[Path]) -> list[str] | None:
    beside = [path for path in paths if path.parent == folder]
    if not beside:
        return sorted({_class(folder, path) for path in paths})
    if len(beside) < len(paths):
        problem = f"{folder} has pictures such as {beside[0].name} beside the sub-folders of others"
        raise ArenaError(problem, "move them into a sub-folder of their own")
    return None


def _class(folder: Path, path: Path) -> str:
    return path.relative_to(folder).parts[0]


def _sides(size: int | tuple[int, int] | None) -> tuple[int, int] | None:
    if size is None:
        return None
    sides = (size, size) if isinstance(size, int) else tuple(size)
    if len(sides) != 2 or not all(type(side) is int and 0 < side <= 2**14 for side in sides):
        raise ArenaError(f"size is {size!r}", "give height and width in pixels, or one number for both")
    return sides[0], sides[1]


def _shape(paths: list[Path], sides: tuple[int, int] | None) -> tuple[int, int, int]:
    """Shape of every frame; only the images' headers are read."""
    grey = True
    first: tuple[Path, tuple[int, int]] | None = None
    for path in paths:
        with _opened(path) as image:
            if image.mode not in GREY + COLOURED:
                raise ArenaError(
                    f"{path} has pixels of mode {image.mode}, not of eight bits", "convert it to eight bits"
                )
            grey = grey and image.mode in GREY
            found = (image.height, image.width)
        if first is None:
            first = path, found
        if sides is None and found != first[1]:
            here, there = (" × ".join(map(str, pair)) for pair in (found, first[1]))
            raise ArenaError(
                f"{path} is {here} pixels high and wide, and {first[0]} {there}", "give a size to resize to"
            )
    assert first is not None
    return (*(sides or first[1]), 1 if grey else 3)


def _read(path: Path, shape: tuple[int, int, int]) -> npt.NDArray[np.uint8]:
    try:
        with _opened(path) as image:
            image = image.convert("L" if shape[2] == 1 else "RGB")
            if (image.height, image.width) != shape[:2]:
                image = image.resize((shape[1], shape[0]))
            return np.asarray(image, dtype=np.uint8).reshape(shape)
    except ArenaError:
        raise
    except Exception as error:  # Pillow raises whatever its decoders do
        raise ArenaError(f"{path} is damaged: {error}", "replace or remove it") from error


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Any]:
    try:
        from PIL import Image  # type: ignore[import-not-found,unused-ignore]
    except ImportError as error:
        raise ArenaError(
            "reading images needs Pillow, which is not installed", "pip install 'arena-rl[data]'"
        ) from error
    try:
        file = open_regular(path)
    except OSError as error:
        raise ArenaError(f"{path} is not an image: {error.strerror}", "replace or remove it") from error
    with file:
        try:
            image = Image.open(file, formats=FORMATS)
        except Exception as error:
            problem = f"{path} is not an image: {' '.join(str(error).split())}"
            raise ArenaError(problem, "replace or remove it") from error
        with image:
            yield image


def _content(folder: Path, paths: list[Path]) -> str:
    """SHA-256 digest of all names and contents."""
    digest = hashlib.sha256()
    for path in paths:
        try:
            with open_regular(path) as file:
                inner = hashlib.file_digest(cast("BufferedReader", file), "sha256").hexdigest()
        except OSError as error:
            raise ArenaError(f"cannot read {path}: {error.strerror}", "make it readable") from error
        digest.update(f"{path.relative_to(folder).as_posix()}\0{inner}\0".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()
