"""What the tests of arena_autoencoder share: data, small encoders, and a plain training loop."""

import functools

import gymnasium as gym
import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from arena.encoders.base import Batch

DIGITS = gym.spaces.Box(0, 16, (8, 8, 1), np.uint8)
LINEAR = {"hidden_sizes": (), "channels": ()}


@pytest.fixture(autouse=True)
def alone():
    """One thread, and a seed."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(threads)


@functools.cache
def digits():
    """1,797 images of 8 × 8 pixels with 17 levels, and their digits."""
    images, targets = load_digits(return_X_y=True)
    return torch.from_numpy(images.astype(np.uint8)).reshape(-1, 8, 8, 1), torch.from_numpy(targets)


def numbers_of_digits():
    """The same as scikit-learn takes them: float64 from 0 to 1, shape (1797, 64)."""
    return digits()[0].double().flatten(1).numpy() / 16


def vectors(size):
    return gym.spaces.Box(-np.inf, np.inf, (size,), np.float32)


def make(cls, space, labels=None, **options):
    """An encoder in float64."""
    return cls(space, cls.Config(**options), labels).double()


def adam(model, x, steps, learning_rate, labels=None, batch=None):
    """Adam on all of x, or on random batches, its step size falling to zero on a cosine."""
    optimiser = torch.optim.Adam(model.parameters(), lr=learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    labels = labels or {}
    for _ in range(steps):
        row = slice(None) if batch is None else torch.randint(len(x), (batch,))
        loss = model.loss(Batch(x[row], {name: label[row] for name, label in labels.items()}))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    return model


def newton(model, x, *, seed=None, iterations=500):
    """L-BFGS to convergence; with a seed every evaluation draws the same noise."""
    optimiser = torch.optim.LBFGS(
        model.parameters(),
        max_iter=iterations,
        line_search_fn="strong_wolfe",
        tolerance_grad=1e-10,
        tolerance_change=1e-15,
        history_size=50,
    )

    def closure():
        if seed is not None:
            torch.manual_seed(seed)
        optimiser.zero_grad()
        loss = model.loss(Batch(x))
        loss.backward()
        return loss

    optimiser.step(closure)
    return model
