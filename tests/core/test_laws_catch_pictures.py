"""The laws of pictures and controls catch planted defects, and let sound ones pass."""

import itertools

import gymnasium as gym
import planted_environments
import planted_pictures
import pytest

from arena import testing
from arena.testing import DoesNotApply, LawError

NUMBER = itertools.count()

DEFECTS = [
    (testing.painter_paints_scenes, planted_pictures.SharesItsScene, "a scene is painted differently later"),
    (testing.painter_paints_scenes, planted_pictures.PaintsFloats, "float64 of shape"),
    (testing.painter_paints_scenes, planted_pictures.NeverArrives, "the picture is not the scene's"),
    (
        testing.painter_paints_scenes,
        planted_pictures.ObservesAnother,
        "the environment's observation differs",
    ),
    (
        testing.controls_give_valid_actions,
        planted_pictures.SteersOutside,
        "'right' gives 2, which is not in Discrete",
    ),
    (testing.controls_give_valid_actions, planted_pictures.NamesOne, "1 names for 2 actions"),
    (testing.controls_give_valid_actions, planted_pictures.IdlesOutside, "idle is 7"),
]


@pytest.fixture
def environment():
    """Registers an environment with Gymnasium for one test."""
    ids = []

    def register(entry):
        ids.append(f"planted/{entry.__name__}Shown{next(NUMBER)}-v0")
        gym.register(ids[-1], entry_point=entry, max_episode_steps=1000)
        return ids[-1]

    yield register
    for env in ids:
        del gym.registry[env]


@pytest.mark.parametrize(("law", "defect", "message"), DEFECTS)
def test_a_defect_is_caught(law, defect, message, environment):
    law(environment(planted_pictures.Shown))
    with pytest.raises(LawError, match=message):
        law(environment(defect))


@pytest.mark.parametrize("law", [testing.painter_paints_scenes, testing.controls_give_valid_actions])
def test_an_environment_that_shows_nothing_breaks_nothing(law, environment):
    with pytest.raises(DoesNotApply):
        law(environment(planted_environments.Honest))
