"""A graph as a module of PyTorch: what `bridge.to_torch(output, …)` returns. Importing this imports torch."""

from __future__ import annotations

import functools
import keyword
import operator
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import torch

from micrograd.graph.program import Program


def dot(*operands: Any) -> Any:
    """w₁x₁ + w₂x₂ + … of w₁…wₙ, x₁…xₙ, added from left to right."""
    half = len(operands) // 2
    return functools.reduce(operator.add, map(operator.mul, operands[:half], operands[half:]))


def quotient(a: Any, b: Any) -> Any:
    """a / b of two tensors; a number divided by a tensor is to PyTorch its product with 1 / b, which may overflow."""
    return (a if isinstance(a, torch.Tensor) else b.new_tensor(a)) / b


# What the operations of a program are among tensors, of which one operand or more is one, and the others are floats.
# PyTorch differentiates them by itself.
TENSOR_FUNCTIONS: dict[str, Callable[..., Any]] = {
    '+': operator.add, '-': operator.sub, '*': operator.mul, '/': quotient, '**': operator.pow,
    'neg': torch.neg, 'abs': torch.abs, 'exp': torch.exp, 'log': torch.log, 'sqrt': torch.sqrt, 'sin': torch.sin,
    'cos': torch.cos, 'tanh': torch.tanh, 'sigmoid': torch.sigmoid, 'relu': torch.relu, 'sign': torch.sign,
    'step': lambda a: torch.sign(a).clamp(min=0), 'log0': lambda a: torch.log(torch.where(a == 0, 1, a)), 'dot': dot,
}


class GraphModule(torch.nn.Module):
    """A graph with other numbers in its leaves; `bridge.to_torch` says what it takes and returns."""

    _like: torch.Tensor

    def __init__(self, program: Program, inputs: Sequence[str], params: Sequence[tuple[str, float]]) -> None:
        """program: of the inputs, with these labels, and then of the params, with these labels and numbers."""
        super().__init__()
        # It holds nothing but a type of numbers and a device, which .to(…) changes together with the parameters'.
        self.register_buffer('_like', torch.empty(0, dtype=torch.float64), persistent=False)
        self._program = program
        self._inputs = _names(inputs, 'x', lambda name: (
            name.isidentifier() and not keyword.iskeyword(name) and name != 'self'))
        self._params: list[str] = []
        self._params = _names([label for label, _ in params], 'p', lambda name: (
            '.' not in name and not hasattr(self, name)))
        for name, (_, number) in zip(self._params, params, strict=True):
            self.register_parameter(name, torch.nn.Parameter(torch.tensor(number, dtype=torch.float64)))

    def forward(self, /, *inputs: Any, **named: Any) -> torch.Tensor:
        """The output for these inputs, in the shape that they broadcast to."""
        tensors = self._tensors(inputs, named)
        values: list[Any] = [*tensors, *(getattr(self, name) for name in self._params)]
        for op, operands in self._program.steps:  # a flat loop: calls inside calls would end a thousand deep
            values.append(TENSOR_FUNCTIONS[op](*[values[i] if type(i) is int else i for i in operands]))
        output = self._program.output
        out = values[output] if type(output) is int else self._like.new_tensor(output)
        return torch.broadcast_tensors(out, *tensors)[0]  # type: ignore[no-untyped-call, no-any-return]

    def _tensors(self, inputs: Sequence[Any], named: dict[str, Any]) -> list[torch.Tensor]:
        """The inputs as tensors in their order; TypeError where they are not the ones that the graph takes."""
        names = self._inputs
        given = dict(zip(names, inputs)) | named
        if len(inputs) + len(named) != len(names) or given.keys() != set(names):
            raise TypeError(f'this module takes {len(names)} inputs, once each: {", ".join(names) or "none"}; not '
                            f'{len(inputs)} by position and {", ".join(named) or "none"} by name')
        return [torch.as_tensor(given[name], dtype=self._like.dtype, device=self._like.device) for name in names]

    def extra_repr(self) -> str:
        return f'inputs={self._inputs}, {len(self._program.steps)} operations'


def _names(labels: Sequence[str], letter: str, fits: Callable[[str], bool]) -> list[str]:
    """A name for each label: itself where it fits and is there once, else the letter and its place in the list."""
    count = Counter(labels)
    names = []
    for i, label in enumerate(labels):
        name = label
        if not label or count[label] > 1 or not fits(label):
            name = f'{letter}{i}'
            while name in count:
                name += '_'
        names.append(name)
    return names
