"""Presets that solve their environments, five seeds each; slow."""

from __future__ import annotations

import pytest

import arena


@pytest.mark.slow
@pytest.mark.parametrize(
    ("env", "least"), [("CartPole-v1", 475.0), ("Acrobot-v1", -90.0), ("arena/FourRooms-v0", 1.0)]
)
def test_the_preset_of_dqn_solves_it(env, least, tmp_path):
    results = arena.train("dqn", env, out=tmp_path)
    means = [run["evaluation"]["mean"] for run in results.runs]
    assert len(means) == 5
    assert min(means) >= least, means
