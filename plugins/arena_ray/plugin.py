"""Contributions of the plugin `arena_ray`; does not import Ray."""

from __future__ import annotations

from collections.abc import Iterable

from arena.plugins.hookspecs import hookimpl
from arena.plugins.specs import LauncherSpec


@hookimpl
def arena_launchers() -> Iterable[LauncherSpec]:
    """Contributes the launcher ``ray``."""
    yield LauncherSpec(
        name="ray",
        summary="Workers of Ray, on this machine or on a cluster that shares its files",
        reference="Moritz et al. 2018, Ray: A Distributed Framework for Emerging AI Applications",
        target="arena_ray.launcher:Ray",
    )
