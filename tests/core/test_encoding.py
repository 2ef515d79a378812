"""Encoders between environments and agents: frozen in the stream, or trained inside the agent."""

import shutil
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
import torch

import arena
from arena.api import train_experiment
from arena.encoders.base import Batch
from arena.encoders.encoded_stream import ROWS, ObservationEncoder
from arena.encoders.features_extractor import Features
from arena.environments.factory import EnvironmentFactory
from arena.errors import ArenaError
from arena.experiments.experiment import Experiment
from arena.frames.fits import resolve_fit
from arena.runs.resolve import resolve_experiment
from arena.runs.run import Run
from arena.training.runner import execute

ENV = "arena/FourRooms-v0"
PIXELS = {"observation": "pixels", "tile_size": 1}
SMALL = {
    "learning_starts": 32,
    "train_frequency": 16,
    "gradient_steps": 1,
    "hidden_sizes": [8],
    "batch_size": 8,
}


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    """The folder of a small VAE's fit to a gridworld's frames."""
    out = tmp_path_factory.mktemp("fit")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(out)
        fit = resolve_fit(
            "vae",
            ENV,
            env_options=PIXELS,
            frames=300,
            steps=20,
            encoder_options={"latent": 4, "hidden_sizes": [16]},
        )
        return Path(train_experiment(fit, out=out, progress=False).runs[0]["path"])


def experiment(fitted, mode="frozen", agent="dqn", **further):
    settings = {
        "env_options": PIXELS,
        "steps": 200,
        "num_envs": 2,
        "episodes": 2,
        "horizon": 20,
        "seeds": 1,
        "evaluate_every": 100,
        **further,
    }
    options = SMALL if agent == "dqn" else {}
    return resolve_experiment(
        agent, ENV, encoder=fitted, encoder_options={"mode": mode}, agent_options=options, **settings
    )


def space():
    return EnvironmentFactory.resolve(ENV, PIXELS).properties.observation_space


def frames(count, seed=0):
    return np.random.default_rng(seed).integers(256, size=(count, *space().shape)).astype(np.uint8)


def test_a_code_does_not_depend_on_how_many_are_asked_for(fitted):
    encoder = ObservationEncoder(arena.load(fitted).encoder, space(), "cpu")
    seen = frames(2 * ROWS + 3)
    together = encoder.encode(seen)
    assert together.shape == (len(seen), 4)
    for rows in (slice(0, 1), slice(5, 12), slice(ROWS, 2 * ROWS), slice(40, 67)):
        np.testing.assert_allclose(encoder.encode(seen[rows]), together[rows], rtol=1e-5, atol=1e-6)


def test_a_code_has_the_same_bits_whatever_is_seen_beside_it(fitted):
    encoder = ObservationEncoder(arena.load(fitted).encoder, space(), "cpu")
    for count in (1, 3, ROWS, ROWS + 5):
        one, other = frames(count), frames(count, seed=1)
        other[0] = one[0]
        np.testing.assert_array_equal(encoder.encode(one)[0], encoder.encode(other)[0])


def test_a_frozen_encoder_s_codes_are_what_the_agent_sees(fitted, tmp_path):
    results = train_experiment(experiment(fitted), out=tmp_path, progress=False)
    loaded = arena.load(results.runs[0]["path"])
    env = gym.make(ENV, **PIXELS)
    observation, _ = env.reset(seed=0)
    code = loaded.environment.encoder.encode(observation[None])
    assert loaded.agent.problem.observation_space.shape == (4,)
    assert loaded.act(observation) == loaded.agent.action_values(code).argmax()


@pytest.mark.parametrize("mode", ["frozen", "finetune", "joint"])
def test_a_run_stands_alone_and_goes_on_exactly(fitted, mode, tmp_path):
    """Stopped on the way, copied, its fit deleted: the same bytes as of a run that nothing happened to."""
    mine = shutil.copytree(fitted, tmp_path / "fit")
    whole = train_experiment(experiment(mine, mode), out=tmp_path / "whole", progress=False)
    train_experiment(experiment(mine, mode, steps=90), out=tmp_path / "part", progress=False)
    shutil.rmtree(mine)
    [part] = (tmp_path / "part").iterdir()
    run = Run.open(part)
    run = Run.prepare(run.spec.replaced(steps=200), 0, tmp_path / "part")
    execute(run)
    [other] = (tmp_path / "whole").iterdir()
    assert part.name == other.name
    ours, theirs = (
        Run.open(folder).checkpoints.load(lambda info: True).state["agent"] for folder in (part, other)
    )
    assert torch.equal(ours["adam"]["first"], theirs["adam"]["first"])
    assert all(torch.equal(value, theirs["online"][name]) for name, value in ours["online"].items())
    assert whole.runs[0]["evaluation"]["returns"] == arena.load(part).run.result()["evaluation"]["returns"]


def test_joint_training_adds_the_gradient_of_the_encoder_s_own_loss(fitted):
    encoder, x = arena.load(fitted).encoder.train(), torch.from_numpy(frames(6))
    head = torch.nn.Linear(4, 1)

    def gradients(weight, separately):
        encoder.zero_grad(), head.zero_grad()
        torch.manual_seed(0)
        features = Features(encoder, weight)
        loss, auxiliary = head(features(x)).sum(), features.auxiliary_loss()
        (loss if auxiliary is None else loss + auxiliary).backward()
        assert features.auxiliary_loss() is None
        if separately is not None:
            torch.manual_seed(0)
            (separately * encoder.loss(Batch(x))).backward()
        return {name: p.grad for name, p in encoder.named_parameters() if p.grad is not None}

    along, apart = gradients(0.5, None), gradients(None, 0.5)
    assert along.keys() == apart.keys()
    for name, gradient in along.items():
        torch.testing.assert_close(gradient, apart[name], rtol=1e-4, atol=1e-5)


def test_fine_tuning_leaves_what_the_agent_does_not_use(fitted, tmp_path):
    def trained(mode):
        results = train_experiment(experiment(fitted, mode), out=tmp_path, progress=False)
        return arena.load(results.runs[0]["path"]).agent.problem.features.encoder.state_dict()

    before = arena.load(fitted).encoder.state_dict()
    tuned, joint = trained("finetune"), trained("joint")
    changed = [
        {name for name in before if not torch.equal(before[name], after[name])} for after in (tuned, joint)
    ]
    assert changed[0] and changed[0] < changed[1]


def test_an_encoder_by_name_is_trained_with_the_agent(tmp_path):
    results = arena.train(
        "ppo",
        ENV,
        env_options=PIXELS,
        encoder="vae",
        encoder_options={"mode": "joint", "latent": 3},
        steps=200,
        seeds=1,
        num_envs=2,
        out=tmp_path,
        agent_options={"num_minibatches": 1, "n_epochs": 1},
        episodes=1,
        horizon=5,
    )
    assert arena.load(results.runs[0]["path"]).agent.problem.features.width == 3


def test_ids_know_the_encoder_by_content_and_its_use(fitted, tmp_path):
    copy = shutil.copytree(fitted, tmp_path / "fit")
    ids = {experiment(folder, mode).id(0) for folder in (fitted, copy) for mode in ("frozen", "finetune")}
    assert len(ids) == 2
    again = Experiment.from_dict(experiment(fitted).to_dict())
    assert again.id(0) == experiment(fitted).id(0)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"encoder": "vae"},
            "vae is not fitted yet, and a frozen encoder does not learn; run `arena fit vae ENV` first",
        ),
        ({"encoder": "vea"}, "no encoder or run is called 'vea'"),
        ({"encoder_options": {"mode": "joint"}}, "encoder.mode is given, but no encoder; add --encoder RUN"),
    ],
)
def test_mistakes_are_named(settings, message):
    with pytest.raises(ArenaError, match=message):
        resolve_experiment("dqn", ENV, env_options=PIXELS, **settings)


def test_misfits_are_named(fitted, tmp_path):
    with pytest.raises(ArenaError, match="q-learning takes discrete observations"):
        experiment(fitted, agent="q-learning")
    with pytest.raises(ArenaError, match="random cannot train an encoder"):
        experiment(fitted, "finetune", agent="random")
    with pytest.raises(ArenaError, match="encodes .*and the environment gives"):
        resolve_experiment("dqn", "CartPole-v1", encoder=fitted)
    with pytest.raises(ArenaError, match="latent is fixed by the fit"):
        resolve_experiment("dqn", ENV, env_options=PIXELS, encoder=fitted, encoder_options={"latent": 3})
    agent = arena.train("q-learning", "arena/CliffWalk-v0", steps=10, seeds=1, out=tmp_path).runs[0]["path"]
    with pytest.raises(
        ArenaError, match="trained the agent q-learning, not an encoder; give a run of `arena fit`"
    ):
        resolve_experiment("dqn", ENV, env_options=PIXELS, encoder=agent)
