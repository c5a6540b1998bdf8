"""The engine's gradients against finite differences, and against PyTorch's, in one table."""

from __future__ import annotations

import html
import inspect
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from micrograd.engine import Value
from micrograd.graph.gradients import engine_gradients


class Checked(NamedTuple):
    """What was found for one input; `pytorch` only where PyTorch was asked."""

    input: str
    engine: float
    finite_difference: float
    difference: float
    pytorch: float | None = None

    def cells(self) -> list[str]:
        numbers = [(self.engine, '.10g'), (self.finite_difference, '.10g'), (self.difference, '.1e')]
        numbers += [] if self.pytorch is None else [(self.pytorch, '.10g')]
        return [self.input, *('undefined' if math.isnan(number) else f'{number:{form}}' for number, form in numbers)]


@dataclass
class GradCheck:
    """What `gradcheck` found: true where all gradients agree; its text, and its HTML in a notebook, is the table."""

    agree: bool
    rows: list[Checked]
    notes: list[str] = field(default_factory=list)  # on rows in which something is not defined

    def __bool__(self) -> bool:
        return self.agree

    def __repr__(self) -> str:
        rows = self._table()
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = ['  '.join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
        return '\n'.join([*lines, self._verdict(), *self.notes])

    def _repr_html_(self) -> str:
        def row(tag: str, cells: Sequence[str]) -> str:
            return '<tr>' + ''.join(f'<{tag}>{html.escape(cell)}</{tag}>' for cell in cells) + '</tr>'
        head, *body = self._table()
        return (f'<table><thead>{row("th", head)}</thead><tbody>{"".join(row("td", cells) for cells in body)}</tbody>'
                f'</table><p>{"<br>".join(map(html.escape, [self._verdict(), *self.notes]))}</p>')

    def _table(self) -> list[list[str]]:
        """The head and the rows, as text."""
        cells = [row.cells() for row in self.rows]
        return [['input', 'engine', 'finite difference', 'difference', 'PyTorch'][:len(cells[0])], *cells]

    def _verdict(self) -> str:
        return 'the gradients agree' if self.agree else 'the gradients DIFFER'


def gradcheck(f: Callable[..., Value], *inputs: Any, torch: Callable[..., Any] | Literal[False] | None = None,
              eps: float = 1e-6, atol: float = 1e-8, rtol: float = 1e-5) -> GradCheck:
    """Compare the gradients of f's output, as `backward()` gives them, with central differences.

    f: takes Values and returns one. inputs: a number, a Value, or a list of those, for each argument of f. Values are
    used themselves, so f may as well reach them some other way, as a model's parameters; they end as they were.
    torch: the same function over tensors, whose gradients in float64 are a further column. By default that is the graph
    of f's output, converted by `bridge.to_torch`, and the column is left out where PyTorch is not installed, or where
    an operation was written by hand and so has no formula to convert. False leaves it out in any case.
    eps: how far each input is moved, times its size where that is above 1. Two gradients agree where they differ by at
    most atol + rtol times the difference quotient, and 1e-8 of the output, whose rounding the quotient magnifies; those
    of PyTorch must agree to 1e-9.

    Returns a `GradCheck`, true where all agree; print it, or show it in a notebook, for the table. A gradient that is
    not a number, and a difference for which f would have to be computed outside its domain, are called undefined there,
    and a note says why; they do not count. What f raises at the inputs themselves passes through; TypeError where f
    returns no Value, ValueError where there are no inputs.

    >>> gradcheck(lambda w: (w * 1 - 2)**2, 1.0, torch=False)  # doctest: +ELLIPSIS +NORMALIZE_WHITESPACE
    input  engine  finite difference  difference
        w      -2  ...
    the gradients agree

    It cannot see a wrong forward pass: a tanh that computes a sine, with the sine's derivative, agrees with its own
    differences. And at a kink, such as relu at 0, the difference quotient is the mean of the two slopes.
    """
    arguments = [_as_values(argument) for argument in inputs]
    names, leaves = [], []
    for name, argument in zip(_names(f, len(inputs)), arguments, strict=True):
        for path, leaf in _leaves(name, argument):
            names.append(path)
            leaves.append(leaf)
    if not leaves:
        raise ValueError('gradcheck needs the inputs of f, as in gradcheck(f, 1.0, 2.0)')
    output = _output(f, arguments)
    analytic = engine_gradients(output, leaves)
    numeric = [_difference_quotient(f, arguments, leaf, eps) for leaf in leaves]
    noise = 1e-8 * abs(output.data)
    rows = [Checked(name, a, n, _distance(a, n)) for name, a, n in zip(names, analytic, numeric, strict=True)]
    agree = all(math.isnan(row.difference) or row.difference == 0
                or row.difference <= atol + noise + rtol * abs(row.finite_difference) < math.inf for row in rows)
    reference = None
    if torch is None:
        reference = _converted_gradients(output, leaves)
    elif torch is not False:
        reference = _torch_gradients(torch, arguments)
    if reference is not None:
        agree = agree and all(_distance(a, r) <= 1e-9 * max(1.0, abs(r)) < math.inf or _distance(a, r) == 0
                              or (math.isnan(a) and math.isnan(r)) for a, r in zip(analytic, reference, strict=True))
        rows = [row._replace(pytorch=r) for row, r in zip(rows, reference, strict=True)]
    return GradCheck(agree, rows, [
        f'{row.input}: no derivative exists at {leaf.data}' if math.isnan(row.engine) else
        f'{row.input}: f is not defined on both sides of {leaf.data}, at a distance of {_step(leaf.data, eps):g}'
        for row, leaf in zip(rows, leaves, strict=True) if math.isnan(row.difference)])


def _difference_quotient(f: Callable[..., Value], arguments: list[Any], value: Value, eps: float) -> float:
    """(f(x + h) - f(x - h)) / 2h, for one input; its error falls with h². NaN where f is not defined at one of them."""
    x = value.data
    h = _step(x, eps)
    try:
        value.data = x + h
        above = _output(f, arguments).data
        value.data = x - h
        below = _output(f, arguments).data
    except (ArithmeticError, ValueError):
        return math.nan
    finally:
        value.data = x
    return (above - below) / ((x + h) - (x - h))


def _distance(a: float, b: float) -> float:
    """How far apart two numbers are; two infinities of one sign are one."""
    return 0.0 if a == b else abs(a - b)


def _step(x: float, eps: float) -> float:
    """How far an input is moved."""
    return eps * max(1.0, abs(x))


def _output(f: Callable[..., Value], arguments: list[Any]) -> Value:
    output = f(*arguments)
    if not isinstance(output, Value):
        raise TypeError(f'f returns a Value to be checked, not {type(output).__name__}')
    return output


def _torch_gradients(f: Callable[..., Any], arguments: list[Any]) -> list[float]:
    """PyTorch's gradients of the same function at the same inputs."""
    import torch
    tensors: list[Any] = []

    def tensor(argument: Any) -> Any:
        if not isinstance(argument, Value):
            return [tensor(item) for item in argument]
        tensors.append(torch.tensor(argument.data, dtype=torch.float64, requires_grad=True))
        return tensors[-1]

    f(*map(tensor, arguments)).backward()
    return [0.0 if t.grad is None else t.grad.item() for t in tensors]


def _converted_gradients(output: Value, leaves: list[Value]) -> list[float] | None:
    """PyTorch's gradients of the graph itself; None where there is no PyTorch, or the graph cannot be converted."""
    from micrograd.bridge import to_torch
    params = list(dict.fromkeys(leaves))  # each once, though an input may be given twice
    try:
        module = to_torch(output, params=params)
    except (ImportError, ValueError):
        return None
    result = module()
    if result.requires_grad:  # it does not where the output depends on no input
        result.backward()
    gradients = {leaf: 0.0 if p.grad is None else p.grad.item() for leaf, p in zip(params, module.parameters())}
    return [gradients[leaf] for leaf in leaves]


def _as_values(argument: Any) -> Any:
    if isinstance(argument, Value):
        return argument
    many = hasattr(argument, '__iter__') and not isinstance(argument, (str, bytes, Mapping))
    return [_as_values(item) for item in argument] if many else Value(argument)


def _leaves(name: str, argument: Any) -> Iterator[tuple[str, Value]]:
    """The Values in an argument, with their names."""
    if isinstance(argument, Value):
        if argument._prev:
            raise ValueError(f'{name} is the result of an operation: give the leaves that it was computed from')
        yield argument.label or name, argument
    else:
        for i, item in enumerate(argument):
            yield from _leaves(f'{name}[{i}]', item)


def _names(f: Callable[..., Value], n: int) -> list[str]:
    """What f calls its first n arguments."""
    names: list[str] = []
    try:
        parameters: Iterable[inspect.Parameter] = inspect.signature(f).parameters.values()
    except ValueError:  # a builtin may have no signature
        parameters = ()
    for parameter in parameters:
        if parameter.kind is parameter.VAR_POSITIONAL:
            return names + [f'{parameter.name}[{i}]' for i in range(n - len(names))]
        names.append(parameter.name)
    return [*names, *(f'input {i}' for i in range(len(names), n))][:n]

