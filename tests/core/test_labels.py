"""What experiments and runs with encoders are called, where they are told apart."""

from dataclasses import replace

from arena.cli.run_filters import Condition, flattened
from arena.experiments.encoder_use import EncoderUse
from arena.experiments.labels import labels
from arena.experiments.novelty_use import NoveltyUse
from arena.experiments.snapshot_reference import SnapshotReference
from arena.runs.resolve import resolve_experiment

BARE = resolve_experiment("dqn", "CartPole-v1")


def seeing(name="vae", mode="frozen", latent=8, fit="runs/a", weight=1.0, agent=BARE):
    start = fit and SnapshotReference(fit, 2000, fit[::-1])
    chosen = EncoderUse(name=name, options={"latent": latent}, mode=mode, loss_weight=weight, start=start)
    return replace(agent, encoder=chosen)


def named(*experiments):
    return [label.agent for label in labels(experiments)]


def test_an_encoder_stands_behind_its_agent():
    assert named(BARE, seeing(), seeing(mode="joint"), seeing("pca", latent=3)) == [
        "dqn",
        "dqn · vae",
        "dqn · vae (joint)",
        "dqn · pca",
    ]
    assert str(labels([seeing()])[0]) == "dqn · vae on CartPole-v1"


def test_what_differs_is_said_of_the_agent_and_of_the_encoder():
    other = resolve_experiment("dqn", "CartPole-v1", agent_options={"discount": 0.5})
    assert named(BARE, seeing(), seeing(latent=16, agent=other)) == [
        "dqn discount=0.99",
        "dqn discount=0.99 · vae latent=8",
        "dqn discount=0.5 · vae latent=16",
    ]


def test_fits_and_weights_are_said_where_the_use_is_the_same():
    assert named(seeing(fit="runs/a"), seeing(fit="runs/b"), seeing(mode="finetune", fit="runs/c")) == [
        "dqn · vae fit=runs/a@2000",
        "dqn · vae fit=runs/b@2000",
        "dqn · vae (finetune)",
    ]
    assert named(seeing(mode="joint", fit=None, weight=0.5), seeing(mode="joint", weight=2.0)) == [
        "dqn · vae (joint) loss_weight=0.5 fit=none",
        "dqn · vae (joint) loss_weight=2 fit=runs/a@2000",
    ]
    assert named(seeing(weight=0.5), seeing(weight=2.0)) == ["dqn · vae", "dqn · vae"]  # which nothing weighs


def test_curiosity_has_an_encoder_too():
    curious = [
        replace(seeing("pca"), novelty=NoveltyUse("vae", {"latent": 2}, scale=scale)) for scale in (0.1, 0.5)
    ]
    assert named(*curious) == ["dqn · pca · vae (novelty) scale=0.1", "dqn · pca · vae (novelty) scale=0.5"]


def test_a_run_s_fields_have_its_encoder():
    fields = flattened(seeing(mode="joint", weight=0.5).to_dict())
    assert {key: value for key, value in fields.items() if key.startswith("encoder")} == {
        "encoder": "vae",
        "encoder.mode": "joint",
        "encoder.loss_weight": 0.5,
        "encoder.standardize": True,
        "encoder.latent": 8,
        "encoder.fit": "runs/a@2000",
    }
    assert Condition.from_text("encoder=vae").holds(fields) and Condition.from_text(
        "encoder.latent<10"
    ).holds(fields)
    assert "encoder.loss_weight" not in flattened(seeing().to_dict())
    assert flattened(BARE.to_dict())["encoder"] is None
