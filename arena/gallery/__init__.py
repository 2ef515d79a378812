"""What an encoder makes of frames, as one picture: ``arena gallery RUN``.

Example:
    >>> from arena.gallery import gallery
    >>> drawn = gallery(arena.load("runs/vae_digits_seed0_…"))  # doctest: +SKIP
    >>> Path("vae.png").write_bytes(drawn.png)  # doctest: +SKIP
"""

from __future__ import annotations

from arena.gallery.gallery import Gallery, gallery

__all__ = ["Gallery", "gallery"]
