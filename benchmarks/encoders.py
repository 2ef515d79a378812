"""Encoders: time of a training step of a VAE, compared with pythae; and time of a frozen encoder in a stream.

Both sides have the same layers, weights, batches and loss, Adam, and one thread; `compare` raises an error
otherwise. Half of the code's parameters are ln σ in ours and ln σ² in theirs.

* A step of ours, as in the runner: a batch of bytes is read from the file on disk, scaled to [0, 1], encoded, sampled,
  decoded and scored; backward pass; fused Adam; loss and metrics are recorded, and checked for finite values.
* A step of pythae, by `BaseTrainer.train`: a `DataLoader` collates a batch from a `BaseDataset`, which has all
  images as float32; then the same steps with torch's default Adam, and its callbacks. Progress bar and log are off.
  Work between epochs, such as the copy of the best model, does not count. Its layers are in a plain `nn.Sequential`.

Neither evaluates or saves meanwhile, and construction does not count. Both run in one process, so pythae also benefits
from the memory that `arena.encoders.trainer` makes glibc keep.

pythae depends on the backport `dataclasses`, which breaks newer Pythons. Install it with ``pip install --no-deps
pythae`` together with pydantic, imageio and tqdm. Without it, its rows are left out.
"""

from __future__ import annotations

import contextlib
import copy
import importlib.util
import logging
import statistics
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch
from threadpoolctl import threadpool_limits
from torch import nn

from arena.encoders.base import Batch
from arena.experiments.fit import Fit
from arena.frames.fits import resolve_fit
from arena.frames.references import open_data
from arena.random.generators import Generators
from arena.runs.resolve import resolve_experiment
from arena.runs.run import Run
from arena.streams.base import Stream
from arena.training.agent import set_up as set_up_agent
from arena.training.encoder import set_up as set_up_fit
from arena.training.runner import execute
from benchmarks.measure import Row, Seconds, interleaved, row

REPEATS = 5
FRAMES = 2560
LATENT = 16

ROOMS = "arena/FourRooms-v0"
PIXELS = {"observation": "pixels", "tile_size": 2}
LANES = 64
LOOKS = 100


@dataclass(frozen=True)
class Case:
    """A VAE and its training data.

    Attributes:
        name: name in the table.
        shape: shape of the images, which are random bytes.
        steps: number of training steps of one repetition.
        channels: channels of the convolutions.
        hidden_sizes: units of the fully connected layers.
    """

    name: str
    shape: tuple[int, ...]
    steps: int
    channels: tuple[int, ...] = ()
    hidden_sizes: tuple[int, ...] = (128,)


CASES = (
    Case("MLP, 8 × 8", (8, 8), 400),
    Case("MLP, 28 × 28", (28, 28), 300),
    Case("convolutions, 32 × 32 × 3", (32, 32, 3), 50, (16, 32, 64)),
)
#: pythae's names of likelihoods. Its Gaussian has σ = 1.
LOSSES = {"bernoulli": "bce", "gaussian": "mse"}


def measure() -> list[Row]:
    """Every row of the suite."""
    torch.set_num_threads(1)
    threadpool_limits(1)
    rows = []
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):  # frames are put there
        for case in CASES:
            for batch in (64, 128):
                for likelihood in LOSSES:
                    rows += training(Path(folder), case, likelihood, batch)
        for name, channels in (("MLP", ()), ("convolutions", (16, 32))):
            rows += looking(Path(folder) / name, name, channels)
    return rows


def training(folder: Path, case: Case, likelihood: str, batch: int) -> list[Row]:
    """Rows for a training step of both sides."""
    fit = fit_of(folder, case, likelihood, batch)
    sides: dict[str, Callable[[], float]] = {"ours": partial(ours, fit)}
    if importlib.util.find_spec("pythae"):
        compare(fit)
        sides["pythae"] = partial(theirs, fit)
    found = interleaved(sides, REPEATS)
    what = f"{case.name}, {likelihood}, batches of {batch}"
    rows = [row(f"{what}: {side}", [1e3 * s for s in found[side]], "CPU-ms/step") for side in found]
    if "pythae" in found:
        mine, its = (statistics.median(found[side]) for side in ("ours", "pythae"))
        rows.append(Row("  ours to pythae's", mine / its, "times", 0.8, at_least=False))
    return rows


def fit_of(folder: Path, case: Case, likelihood: str, batch: int) -> Fit:
    """Fit of a VAE to random images."""
    path = folder / f"{'x'.join(map(str, case.shape))}.npz"
    if not path.exists():
        images = np.random.default_rng(0).integers(256, size=(FRAMES, *case.shape))
        np.savez(path, x=images.astype(np.uint8))
    options = {"likelihood": likelihood, "sigma": 1.0, "latent": LATENT}
    layers = {"hidden_sizes": case.hidden_sizes, "channels": case.channels}
    return resolve_fit(
        "vae",
        str(path),
        steps=case.steps,
        batch_size=batch,
        encoder_options=options | layers,
        trackers=[],
    )


def ours(fit: Fit) -> float:
    """CPU seconds of one of our steps."""
    generators = Generators(0)
    setup = set_up_fit(fit, 0, generators)
    source: Any = setup.source
    source.boundary = fit.steps
    turns = setup.learner.train(source)
    with generators.lent("agent"):
        before = Seconds.now()
        while source.steps < fit.steps:
            next(turns)
        return before.passed().cpu / source.steps


def theirs(fit: Fit) -> float:
    """CPU seconds of one of pythae's steps."""
    from pythae.data.datasets import BaseDataset
    from pythae.trainers import BaseTrainer, BaseTrainerConfig

    encoder, size = fit.build_encoder(), fit.fitting["batch_size"]
    frames = torch.from_numpy(np.array(open_data(fit.data).observation))
    count = len(frames) * 9 // 10 // size * size  # ours holds a tenth out; every batch is full
    data = encoder.preprocess(frames[:count]).contiguous()
    clock = clock_of()
    with (
        tempfile.TemporaryDirectory() as out,
        mock.patch("pythae.trainers.training_callbacks.tqdm", mock.MagicMock()),
        silence(),
    ):
        config = BaseTrainerConfig(
            output_dir=out,
            num_epochs=-(-fit.steps // (count // size)),
            per_device_train_batch_size=size,
            learning_rate=fit.fitting["learning_rate"],
            no_cuda=True,
        )
        labels = torch.zeros(count)
        trainer = BaseTrainer(
            peer_of(encoder), BaseDataset(data, labels), training_config=config, callbacks=[clock]
        )
        trainer.train()
    return clock.cpu / clock.steps


def compare(fit: Fit) -> None:
    """Check that both sides have equal losses and gradients for equal weights, noise and images."""
    frames = torch.from_numpy(np.array(open_data(fit.data).observation[: fit.fitting["batch_size"]]))
    mine = fit.build_encoder()
    its = peer_of(mine)
    torch.manual_seed(0)
    loss = mine.loss(Batch(frames))
    if fit.options["likelihood"] == "gaussian":  # theirs leaves out the density's constant
        loss = loss - np.prod(mine.numbers.shape) * np.log(2 * np.pi) / 2
    torch.manual_seed(0)
    other = its({"data": mine.preprocess(frames)}).loss
    torch.testing.assert_close(loss, other, rtol=1e-5, atol=1e-4)
    loss.backward()
    other.backward()
    for left, right in ((mine.analysis, its.encoder.layers), (mine.synthesis, its.decoder.layers)):
        for one, another in zip(left.parameters(), right.parameters(), strict=False):  # a sigmoid has none
            torch.testing.assert_close(one.grad, another.grad, rtol=1e-3, atol=1e-4)


def peer_of(encoder: Any) -> nn.Module:
    """Pythae's VAE of the same layers, with the same weights."""
    from pythae.models import VAE, VAEConfig
    from pythae.models.base.base_utils import ModelOutput
    from pythae.models.nn import BaseDecoder, BaseEncoder

    class Encoder(BaseEncoder):
        def __init__(self) -> None:
            super().__init__()
            self.layers, self.head = plain(encoder.analysis), copy.deepcopy(encoder.posterior.head)
            with torch.no_grad():  # ln σ to ln σ²
                self.head.weight[LATENT:] *= 2
                self.head.bias[LATENT:] *= 2

        def forward(self, x: torch.Tensor) -> Any:
            mean, log_variance = self.head(self.layers(x)).chunk(2, -1)
            return ModelOutput(embedding=mean, log_covariance=log_variance)

    class Decoder(BaseDecoder):
        def __init__(self) -> None:
            super().__init__()
            self.layers = plain(encoder.synthesis)
            if loss == "bce":
                self.layers.append(nn.Sigmoid())

        def forward(self, z: torch.Tensor) -> Any:
            return ModelOutput(reconstruction=self.layers(z))

    loss = LOSSES[encoder.config.likelihood]
    config = VAEConfig(input_dim=encoder.numbers.shape, latent_dim=LATENT, reconstruction_loss=loss)
    return VAE(config, encoder=Encoder(), decoder=Decoder())


def plain(layers: nn.Sequential) -> nn.Sequential:
    """Copies of torch's layers, without what ours adds to lay memory out."""
    return nn.Sequential(
        *(
            nn.Unflatten(1, layer.unflattened_size)
            if isinstance(layer, nn.Unflatten)
            else copy.deepcopy(layer)
            for layer in layers
        )
    )


def clock_of() -> Any:
    """A callback that counts steps, and the CPU seconds from the first to the last of each epoch."""
    from pythae.trainers.training_callbacks import TrainingCallback

    class Clock(TrainingCallback):
        cpu, steps = 0.0, 0

        def on_train_step_begin(self, training_config: Any, **_: Any) -> None:  # once an epoch
            self.before = Seconds.now()

        def on_train_step_end(self, training_config: Any, **_: Any) -> None:
            self.steps += 1
            self.passed = self.before.passed().cpu

        def on_epoch_end(self, training_config: Any, **_: Any) -> None:
            self.cpu += self.passed

    return Clock()


@contextlib.contextmanager
def silence() -> Iterator[None]:
    """No log lines."""
    logging.disable(logging.INFO)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)


def looking(folder: Path, name: str, channels: tuple[int, ...]) -> list[Row]:
    """Rows for the extra time of a stream with a frozen encoder, and for the encoder's forward pass."""
    fit = resolve_fit(
        "vae",
        ROOMS,
        env_options=PIXELS,
        frames=500,
        steps=10,
        encoder_options={"latent": LATENT, "hidden_sizes": (128,), "channels": channels},
        trackers=[],
    )
    run = Run.prepare(fit, 0, folder)
    execute(run)
    bare, seen = (stream_of(folder, encoder) for encoder in (None, run.folder))
    frames, encoder = torch.from_numpy(bare.observation.copy()), fit.build_encoder().eval()
    sides = {
        "bare": partial(steps, bare),
        "seen": partial(steps, seen),
        "pass": partial(passes, encoder, frames),
    }
    found = interleaved(sides, REPEATS)
    for stream in (bare, seen):
        stream.close()
    without, looked, forward = (1e6 * statistics.median(found[side]) for side in sides)
    what = f"a look by {LANES} lanes of {ROOMS}, tile=2, {name}"
    return [
        Row(f"{what}: a bare step", without, "CPU-µs"),
        Row("  what it takes longer with a frozen encoder", looked - without, "CPU-µs"),
        Row("  the network's pass forward alone", forward, "CPU-µs"),
        Row("  ratio of the two", (looked - without) / forward, "times", 1.25, at_least=False),
    ]


def stream_of(folder: Path, encoder: Path | None) -> Stream:
    """Stream of a run, as its agent uses it."""
    experiment = resolve_experiment(
        "actor-critic", ROOMS, env_options=PIXELS, num_envs=LANES, encoder=encoder, trackers=[]
    )
    run = Run.prepare(experiment, 0, folder / "runs")
    stream: Any = set_up_agent(experiment, run, Generators(0), fresh=True).source
    return stream


def steps(stream: Stream) -> float:
    """CPU seconds of a vector step."""
    actions = np.random.default_rng(0).integers(stream.action_space.n, size=(LOOKS, LANES))
    before = Seconds.now()
    for action in actions:
        stream.step(action)
    return before.passed().cpu / LOOKS


@torch.inference_mode()
def passes(encoder: Any, frames: torch.Tensor) -> float:
    """CPU seconds of encoding them."""
    before = Seconds.now()
    for _ in range(LOOKS):
        _ = encoder.encode(frames).mode
    return before.passed().cpu / LOOKS
