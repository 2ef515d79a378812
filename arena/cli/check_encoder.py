"""The checks of an encoder: that it is one, what it can do, and every law of `arena.testing`."""

from __future__ import annotations

from collections.abc import Iterator

from arena.cli.checks import Check, Finding, findings, of_verdict
from arena.errors import ArenaError
from arena.plugins.specs import EncoderSpec

__all__ = ["encoder_findings"]


def encoder_findings(spec: EncoderSpec) -> Iterator[Finding]:
    """Everything that arena asks of an encoder."""
    from arena.testing import check_encoder

    [first] = findings([Check("is an Encoder", lambda: _is_encoder(spec))])
    yield first
    if first.mark != "✓":
        return
    [second] = findings([Check("takes frames", lambda: _taken(spec))])
    yield second
    if second.mark == "✓":
        yield from map(of_verdict, check_encoder(spec.name))


def _is_encoder(spec: EncoderSpec) -> str:
    from arena.encoders.compatibility import encoder_class_of

    encoder = encoder_class_of(spec)
    missing = ", ".join(sorted(encoder.__abstractmethods__))
    if missing:
        raise ArenaError(
            f"{spec.target} does not define {missing}", "define them; see arena.encoders.base.Encoder"
        )
    return spec.target


def _taken(spec: EncoderSpec) -> str:
    from arena.testing.encoder_cases import FRAMES, taken

    found = taken(spec.name)
    if not found:
        raise ArenaError(f"it takes none of {', '.join(FRAMES)}", "see arena.testing.FRAMES")
    return ", ".join(found)
