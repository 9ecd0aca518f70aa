"""Where networks come from, one module a source: the one place where a new source is named."""

from __future__ import annotations

from typing import TYPE_CHECKING

from renderer.common.section import one_of
from renderer.networks.source import NetworkSource
from renderer.networks.sources.caffe import CaffeNetwork
from renderer.networks.sources.embedded import EmbeddedNetwork
from renderer.networks.sources.exported import ExportedNetwork
from renderer.networks.sources.python import PythonNetwork
from renderer.networks.sources.timm import TimmNetwork
from renderer.networks.sources.torchvision import TorchvisionNetwork

SOURCES: tuple[type[NetworkSource], ...] = (
    EmbeddedNetwork,
    TorchvisionNetwork,
    CaffeNetwork,
    TimmNetwork,
    PythonNetwork,
    ExportedNetwork,
)

if TYPE_CHECKING:
    AnyNetwork = NetworkSource
else:
    AnyNetwork = one_of(SOURCES, "source")


def _complete() -> None:
    """A source's companions may be of any source."""
    known = {"AnyNetwork": AnyNetwork}
    NetworkSource.model_rebuild(_types_namespace=known)
    for source in SOURCES:
        source.model_rebuild(_types_namespace=known)


_complete()
