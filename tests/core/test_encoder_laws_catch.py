"""Each law of encoders is proven by planted defects that it catches, and by sound ones that it lets pass."""

from __future__ import annotations

import contextlib

import planted_encoders as planted
import planted_models as models
import pytest

from arena import testing
from arena.errors import ArenaError
from arena.plugins.specs import Preset
from arena.testing import DoesNotApply, LawError

DEFECTS = [
    # The law, the defect, what the error says.
    (testing.encoder_options_have_help, planted.NoHelp, "the option 'height' has no help"),
    (
        testing.rejects_invalid_options,
        planted.ChokesOnOptions,
        "width=-1 its constructor raises RuntimeError",
    ),
    (testing.rejects_unsupported_spaces, planted.ChokesOnSpaces, "Discrete.* its constructor raises"),
    (testing.rejects_unsupported_spaces, planted.FailsLater, "it accepts .* and then raises AssertionError"),
    (testing.loss_is_a_scalar, planted.LossOfShape, "no scalar tensor"),
    (testing.loss_is_a_scalar, planted.InfiniteLoss, "the loss is inf"),
    (testing.loss_is_a_scalar, planted.LossOfGlobals, "equal random numbers give different losses"),
    (testing.loss_is_a_scalar, planted.IdleParameter, "has no gradient for idle.weight"),
    (testing.loss_is_a_scalar, planted.ForgottenParameter, "no optimization group has down.weight"),
    (testing.loss_is_a_scalar, planted.DetachedLoss, "the loss of 'model' has no gradient"),
    (testing.loss_is_a_scalar, planted.LiveMetrics, "the metric 'cost' is .* no scalar without gradient"),
    (testing.loss_decreases, planted.ClimbsInstead, "30 updates took the loss from"),
    (
        testing.training_continues_exactly,
        planted.FlagOutside,
        "after loading, training continues differently",
    ),
    (testing.same_seed_same_weights, planted.Seeded, "another seed changes nothing"),
    (testing.same_seed_same_weights, planted.ByEntropy, "two fits of one seed differ"),
    (testing.loading_preserves_codes, planted.NotSaved, "what was loaded gives different codes"),
    (testing.encoding_changes_nothing, planted.DrawsToLook, "changed the global generator of torch"),
    (testing.encoding_changes_nothing, planted.LearnsToLook, r"encoding changed the encoder: \['offset'\]"),
    (testing.encoding_changes_nothing, planted.StaysInEval, "left a module in another mode"),
    (testing.encoding_changes_nothing, planted.SetsThreads, "settings of torch went from"),
    (testing.registers_its_tensors, planted.LooseTensor, "the attribute shift is a tensor"),
    (testing.registers_its_tensors, planted.MadeElsewhere, "it mixes devices"),
    (testing.codes_are_independent, planted.DrawsToLook, "the code is not deterministic"),
    (
        testing.codes_are_independent,
        planted.CentresTheBatch,
        "the code depends on the other rows of the batch",
    ),
    (testing.codes_are_independent, planted.WrongLatent, r"the shape \(6, 4\), not \(6, 3\)"),
    (testing.codes_are_independent, planted.NoEvent, r"event_shape \(\), not \(4,\)"),
    (
        testing.decodes_into_the_space,
        planted.DecodesFloats,
        "the mode of .* is torch.float32, not torch.uint8",
    ),
    (testing.decodes_into_the_space, planted.DecodesFlat, "has the event_shape"),
    (testing.predictions_are_independent, planted.TellsLogits, r"the label 'class' has the shape \(6, 3\)"),
    (
        testing.predictions_are_independent,
        planted.TellsTooLittle,
        "needs the label state and does not predict it",
    ),
    (
        testing.predictions_are_independent,
        planted.TellsTheBatch,
        "'state' depends on the other rows of the batch",
    ),
    (testing.samples_from_its_generator, models.SamplesByGlobals, "sampling .* changed the global generator"),
    (testing.samples_from_its_generator, models.SamplesTheSame, "another seed gives equal samples"),
    (testing.samples_from_its_generator, models.SamplesOutside, "the sample is not in Box"),
    (testing.scores_are_independent, models.UnknownBound, "its bound is 'upper'"),
    (testing.scores_are_independent, models.ScoresTheMean, "differs in a batch of one"),
    (testing.scores_are_independent, models.ScoresPixels, r"has the shape \(6, 2\), not \(6,\)"),
    (testing.scores_are_independent, models.EstimatesExactly, "is not deterministic"),
    (testing.densities_sum_to_one, models.ForgetsAConstant, r"sums to 1\.105.*, not to 1"),
    (testing.densities_sum_to_one, models.BoundAbove, r"sums to 1\.105.* lower bound"),
    (testing.densities_sum_to_one, models.BitsWithLogits, r"over Box\(0, 1, \(2, 2, 1\).*, not to 1"),
    (testing.inverts_exactly, models.WrongWay, "and autograd's Jacobian has"),
    (testing.inverts_exactly, models.InvertsInPart, r"inverse\(transform\(x\)\) is not x"),
    (testing.steps_equal_unroll, models.StepsOtherwise, "the full pass and its steps give different codes"),
    (
        testing.steps_equal_unroll,
        models.OverlooksBeginnings,
        "the full pass and its steps give different codes",
    ),
    (testing.steps_equal_unroll, models.RemembersInside, "repeated steps gave different codes"),
    (testing.steps_equal_unroll, models.MixesLanes, "a sequence has different codes alone and in a batch"),
    (testing.partial_fit_takes_one_epoch, models.AddsAtTheEnd, "repeated `finalize` changed the encoder"),
    (
        testing.partial_fit_takes_one_epoch,
        models.FitsTheLast,
        "a second epoch took the loss|an epoch took the loss",
    ),
    (testing.partial_fit_takes_one_epoch, models.NeverFits, "an epoch took the loss from"),
]


@pytest.mark.parametrize(("law", "encoder", "message"), DEFECTS, ids=lambda x: getattr(x, "__name__", ""))
def test_a_defect_is_caught(law, encoder, message):
    with pytest.raises(LawError, match=message) as caught:
        law(encoder)
    assert encoder.__name__ in caught.value.problem


def test_every_law_is_proven():
    presets = testing.encoder_options_round_trip  # see below
    assert {law for law, _, _ in DEFECTS} | {presets} == {*testing.ENCODER_LAWS}


def test_presets_are_held_to_the_options():
    with testing.registered(planted.Sound, presets={"Lake*": Preset(options={"with": 5})}) as name:
        with pytest.raises(LawError, match="encoder_options_round_trip raised UnknownNameError: .*with"):
            testing.encoder_options_round_trip(name)


@pytest.mark.parametrize("law", testing.ENCODER_LAWS, ids=lambda law: law.__name__)
@pytest.mark.parametrize("encoder", [planted.Sound, models.Gaussian, models.Bits, models.Average])
def test_sound_ones_keep_every_law(law, encoder):
    with contextlib.suppress(DoesNotApply):
        law(encoder)


def test_one_that_remembers_keeps_its_laws():
    for law in (testing.steps_equal_unroll, testing.loss_is_a_scalar, testing.loss_decreases):
        law(models.Recurrent)


def test_what_an_encoder_cannot_do_is_not_asked():
    for law in (
        testing.samples_from_its_generator,
        testing.inverts_exactly,
        testing.partial_fit_takes_one_epoch,
    ):
        with pytest.raises(DoesNotApply):
            law(planted.Sound)


def test_verdicts_tell_what_held_and_what_was_broken():
    with testing.registered(planted.NoHelp) as name:
        verdicts = {verdict.law: verdict for verdict in testing.check_encoder(name)}
    assert verdicts.keys() == {law.__name__ for law in testing.ENCODER_LAWS}
    broken = {law for law, verdict in verdicts.items() if verdict.status == "broken"}
    assert broken == {"encoder_options_have_help"}
    assert all(verdict.says.endswith(".") for verdict in verdicts.values())
    with pytest.raises(ArenaError, match="no encoder is called"):
        list(testing.check_encoder("nobody"))
