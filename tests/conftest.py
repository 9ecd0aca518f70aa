"""What all tests share."""

import os
from pathlib import Path

import pytest

SHARED_WEIGHTS = Path(__file__).resolve().parents[2] / "shared" / "weights"


@pytest.fixture
def squeezenet_weights() -> Path:
    """SqueezeNet 1.1 trained on ImageNet, where the maintainers' folder is beside the checkout."""
    return _weights("squeezenet1_1_imagenet.safetensors")


@pytest.fixture
def mobilenet_weights() -> Path:
    """MobileNetV2 trained on ImageNet, likewise."""
    return _weights("mobilenet_v2_imagenet.safetensors")


def _weights(name: str) -> Path:
    path = SHARED_WEIGHTS / name
    if not path.is_file():
        message = f"needs {path}"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return path
