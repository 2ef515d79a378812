"""Picture of docs/gallery.md: ``python -m docs.gallery_pictures`` fits an encoder and draws its gallery.

The script takes about twenty seconds. Pillow and scikit-learn come with the extra ``data``.
"""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path

import arena
from arena.api import train_experiment
from arena.frames.fits import resolve_fit
from arena.runs.loaded_encoder import LoadedEncoder
from arena_gallery import gallery

HERE = Path(__file__).resolve().parent / "pictures"


def main() -> None:
    """Fit the encoder and draw its gallery."""
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):  # frames and run go with it
        fit = resolve_fit("vae", "digits", encoder_options={"latent": 6}, steps=4000, trackers=())
        results = train_experiment(fit, out="runs", progress=False)
        loaded = arena.load(results.runs[0]["path"])
        assert isinstance(loaded, LoadedEncoder)
        (HERE / "gallery.png").write_bytes(gallery(loaded).png)


if __name__ == "__main__":
    main()
