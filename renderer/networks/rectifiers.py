"""Another backward pass for the rectifiers of a network, whatever way the network calls them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode


def redirected(slope: float) -> AbstractContextManager[object]:
    """Within this context, a rectifier lets the gradient through where it is off; what it gives stays as it is.

    A picture that no unit of a layer answers to has no gradient, and so can never be changed until one does. lucid
    calls the cure "redirected ReLU" (Olah et al. 2017, "Feature Visualization"). It holds for what is computed within
    the context, wherever `backward` is called later, and for modules, functions and methods alike, in place or not.

    Args:
        slope: Share of the gradient that passes where the unit is off; 0 changes nothing, 1 ignores the rectifier.
    """
    return _Redirection(slope)


@dataclass(frozen=True)
class _Rectifier:
    """A function of each element by itself, and the gradient of its input.

    Attributes:
        forward: The function.
        backward: From the gradient of its output, what is kept of the forward pass, and the slope where it is off.
        keeps: What is kept of the forward pass. Outputs cost nothing, and do where they tell what is off.
    """

    forward: Callable[..., Tensor]
    backward: Callable[..., Tensor]
    keeps: Literal["inputs", "outputs"]


class _Redirection(TorchFunctionMode):
    def __init__(self, slope: float) -> None:
        super().__init__()
        self._slope = slope

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        options = dict(kwargs or {})
        if func not in _RECTIFIERS:
            return func(*args, **options)
        inputs = args[0] if args else options.pop("input")
        options["inplace"] = options.get("inplace", False) or func in _IN_PLACE
        return _Redirected.apply(inputs, _RECTIFIERS[func], options, self._slope)


class _Redirected(torch.autograd.Function):
    """A rectifier's own values, and a gradient that does not end where it is off."""

    @staticmethod
    def forward(ctx: Any, inputs: Tensor, rectifier: _Rectifier, options: Mapping[str, Any], slope: float) -> Tensor:
        limits = {name: value for name, value in options.items() if name != "inplace"}
        ctx.backward_of = partial(rectifier.backward, slope=slope, **limits)
        kept = inputs.clone() if options["inplace"] and rectifier.keeps == "inputs" else inputs
        outputs = rectifier.forward(inputs, **options)
        if options["inplace"]:
            ctx.mark_dirty(inputs)
        ctx.save_for_backward(kept if rectifier.keeps == "inputs" else outputs)
        return outputs

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        (kept,) = ctx.saved_tensors
        return ctx.backward_of(gradient, kept), None, None, None


def _relu_backward(gradient: Tensor, outputs: Tensor, *, slope: float) -> Tensor:
    passed: Tensor = torch.ops.aten.leaky_relu_backward(gradient, outputs, slope, self_is_result=True)
    return passed


def _hardtanh_backward(
    gradient: Tensor, outputs: Tensor, *, slope: float, min_val: float = -1.0, max_val: float = 1.0
) -> Tensor:
    plain = torch.ops.aten.hardtanh_backward(gradient, outputs, min_val, max_val)
    return torch.lerp(plain, gradient, slope)


def _relu6_backward(gradient: Tensor, outputs: Tensor, *, slope: float) -> Tensor:
    return _hardtanh_backward(gradient, outputs, slope=slope, min_val=0.0, max_val=6.0)


def _hardsigmoid_backward(gradient: Tensor, inputs: Tensor, *, slope: float) -> Tensor:
    return torch.where(inputs.abs() < 3, gradient / 6, slope * gradient)


def _hardswish_backward(gradient: Tensor, inputs: Tensor, *, slope: float) -> Tensor:
    return torch.where(inputs > -3, torch.ops.aten.hardswish_backward(gradient, inputs), slope * gradient)


_RELU = _Rectifier(functional.relu, _relu_backward, "outputs")
_HARDTANH = _Rectifier(functional.hardtanh, _hardtanh_backward, "outputs")
_RECTIFIERS: Mapping[Callable[..., Any], _Rectifier] = {
    functional.relu: _RELU,
    torch.relu: _RELU,
    torch.relu_: _RELU,
    Tensor.relu: _RELU,
    Tensor.relu_: _RELU,
    functional.relu6: _Rectifier(functional.relu6, _relu6_backward, "outputs"),
    functional.hardtanh: _HARDTANH,
    functional.hardtanh_: _HARDTANH,
    functional.hardsigmoid: _Rectifier(functional.hardsigmoid, _hardsigmoid_backward, "inputs"),
    functional.hardswish: _Rectifier(functional.hardswish, _hardswish_backward, "inputs"),
}
_IN_PLACE = frozenset({torch.relu_, Tensor.relu_, functional.hardtanh_})
