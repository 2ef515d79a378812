"""The laws of encoders on everything that is registered; test_encoder_laws_catch.py proves each of them."""

from __future__ import annotations

import pytest

from arena import testing
from arena.plugins import get_plugins
from arena.testing.encoder_cases import taken

pytestmark = pytest.mark.laws

ENCODERS = list(get_plugins().encoders)

SMALL = [name for name in testing.FRAMES if name != "32x32"]

#: What may differ with what is seen, and costs little; all others are tried on the first frames alone.
EVERYWHERE = (
    testing.loss_is_a_scalar,
    testing.saved_codes_are_loaded,
    testing.encodes_each_by_itself,
    testing.decodes_into_the_space,
    testing.perceives_each_by_itself,
    testing.samples_by_its_generator,
    testing.scores_each_by_itself,
    testing.inverts_exactly,
    testing.steps_equal_the_pass,
)


@pytest.mark.parametrize("encoder", ENCODERS)
def test_every_encoder_takes_some_frames(encoder):
    assert taken(encoder)


@pytest.mark.parametrize("encoder", ENCODERS)
@pytest.mark.parametrize("law", testing.ENCODER_LAWS, ids=lambda law: law.__name__)
def test_an_encoder_keeps_the_law(law, encoder, keeps):
    for frames in taken(encoder, SMALL)[: None if law in EVERYWHERE else 1]:
        keeps(law, (encoder, frames))


@pytest.mark.parametrize("encoder", ENCODERS)
def test_larger_frames_are_encoded_as_well(encoder):
    if "32x32" in taken(encoder):
        testing.encodes_each_by_itself(encoder, "32x32")
