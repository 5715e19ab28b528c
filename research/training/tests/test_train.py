"""A run that was interrupted ends as one that was not."""

from dataclasses import replace

import pytest
import torch
from data import Digits, augment
from train import Settings, Trainer

SETTINGS = Settings(steps=6, networks=4, images=8, hid=16, layers=1, warmup=2)


@pytest.fixture
def digits():
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(10, (64,), generator=generator)
    return Digits(torch.randn(64, 1, 28, 28, generator=generator) + labels[:, None, None, None], labels)


def test_resumes_to_the_same_weights(digits, tmp_path):
    whole = Trainer(SETTINGS, digits)
    for _ in range(4):
        whole.step()
    first = Trainer(SETTINGS, digits)
    for _ in range(2):
        first.step()
    first.save(tmp_path / "checkpoint.pt")
    second = Trainer(SETTINGS, digits)
    second.load(tmp_path / "checkpoint.pt")
    for _ in range(2):
        second.step()
    assert second.step_number == 4
    for name, value in whole.average.state_dict().items():
        assert torch.allclose(value, second.average.state_dict()[name], atol=1e-5), name


def test_learns(digits):
    trainer = Trainer(replace(SETTINGS, steps=1000, warmup=5, learning_rate=3e-3), digits)
    losses = [trainer.step()[0] for _ in range(40)]
    assert sum(losses[-10:]) < sum(losses[:10])


def test_learning_rate_warms_up_stays_and_falls_to_zero():
    settings = Settings(steps=1000, warmup=10, decay=0.5, learning_rate=1.0)
    assert settings.rate(0) == pytest.approx(0.1)
    assert settings.rate(10) == settings.rate(500) == 1.0
    assert settings.rate(750) == pytest.approx(0.5)
    assert settings.rate(999) < 0.01


def test_augmented_images_keep_shape_and_background():
    blank = torch.full((3, 1, 28, 28), -0.4242)
    moved = augment(blank, torch.Generator().manual_seed(1))
    assert moved.shape == blank.shape and torch.allclose(moved, blank, atol=1e-3)
