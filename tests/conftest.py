"""What all tests share."""

from collections.abc import Generator
from pathlib import Path

import pytest

from renderer.common import tuning

tuning.prepare()  # as the program does, before torch is imported

SHARED_WEIGHTS = Path(__file__).resolve().parents[2] / "shared" / "weights"
UNTESTED = "whether trained networks of torchvision load, and know what they see"
"""What is not tested where the weights are missing, as in a fork without the maintainers' folder."""


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
        pytest.skip(f"there is no {path}; not tested: {UNTESTED}")
    return path


@pytest.hookimpl(wrapper=True, tryfirst=True)  # around pytest's own summary, to come after it
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> Generator[None, None, None]:
    """Say how many tests were skipped for want of the weights, so that this is seen where skipping passes."""
    yield
    reasons = [str(report.longrepr) for report in terminalreporter.getreports("skipped")]
    if count := sum(UNTESTED in reason for reason in reasons):
        tests = "1 test was" if count == 1 else f"{count} tests were"
        terminalreporter.write_line(f"{tests} skipped for want of weights in {SHARED_WEIGHTS}.")
        terminalreporter.write_line(f"Not tested: {UNTESTED}.")
