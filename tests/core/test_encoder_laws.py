"""The laws of encoders on everything that is registered; test_encoder_laws_catch.py proves each of them.

Networks are as small as a law can break them: small copies of all encoders are registered for this module. The true
sizes are tried where sizes matter: options, presets, and the codes of larger frames.
"""

from __future__ import annotations

import dataclasses

import pytest

from arena import testing
from arena.encoders.compatibility import encoder_class_of
from arena.plugins.discovery import Plugins, get_plugins, use_plugins
from arena.plugins.hookspecs import hookimpl
from arena.plugins.specs import Preset
from arena.testing.encoder_cases import taken

pytestmark = pytest.mark.laws

ENCODERS = list(get_plugins().encoders)

FRAMES = [name for name in testing.FRAMES if name != "32x32"]

#: Sizes of small copies, for each option of that name and type.
SMALL = (
    *(("hidden_sizes", (12,)), ("channels", (3, 4, 4)), ("channels", 4), ("width_multiplier", 1 / 16)),
    *(("prototypes", 8), ("planes", (4, 6))),
)

#: Laws of the options themselves.
OPTIONS = (testing.encoder_options_have_help, testing.encoder_options_round_trip)

#: Fewer updates than a law makes by default: one puts numbers into every optimizer, and ten lower the loss of a small
#: network.
UPDATES = {
    testing.loss_decreases: 10,
    testing.training_continues_exactly: 1,
    testing.same_seed_same_weights: 1,
}

#: What may differ with what is seen, and costs little; all others are tried on the first frames alone.
EVERYWHERE = (
    testing.loss_is_a_scalar,
    testing.loading_preserves_codes,
    testing.codes_are_independent,
    testing.decodes_into_the_space,
    testing.predictions_are_independent,
    testing.samples_from_its_generator,
    testing.scores_are_independent,
    testing.inverts_exactly,
    testing.steps_equal_unroll,
)


def small_copy(spec):
    """A spec with another name, whose options are small."""
    defaults = encoder_class_of(spec).Config()
    options = {name: value for name, value in SMALL if type(getattr(defaults, name, None)) is type(value)}
    return dataclasses.replace(spec, name=f"small-{spec.name}", presets={"*": Preset(options=options)})


class SmallCopies:
    @hookimpl
    def arena_encoders(self):
        return [small_copy(spec) for spec in Plugins().encoders.values()]


@pytest.fixture(scope="module", autouse=True)
def _small_copies():
    with use_plugins(Plugins(extra={"small copies": SmallCopies()})):
        yield


@pytest.mark.parametrize("encoder", ENCODERS)
def test_every_encoder_takes_some_frames(encoder):
    assert taken(encoder)


@pytest.mark.parametrize("encoder", ENCODERS)
@pytest.mark.parametrize("law", testing.ENCODER_LAWS, ids=lambda law: law.__name__)
def test_an_encoder_keeps_the_law(law, encoder, keeps):
    name = encoder if law in OPTIONS else f"small-{encoder}"
    for frames in taken(name, FRAMES)[: None if law in EVERYWHERE else 1]:
        keeps(law, (name, frames), **({"updates": UPDATES[law]} if law in UPDATES else {}))


@pytest.mark.parametrize("encoder", ENCODERS)
def test_larger_frames_are_encoded_as_well(encoder):
    if "32x32" in taken(encoder):
        testing.codes_are_independent(encoder, "32x32")
