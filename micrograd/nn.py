"""Neurons, layers and multi-layer perceptrons out of `Value`s, with the names and the habits of `torch.nn`."""

from __future__ import annotations

import itertools
import math
import operator
import random
import sys
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from micrograd.engine import NUMBER, Constant, Value, dot
from micrograd.losses import binary_cross_entropy_with_logits, cross_entropy, hinge_loss, mse_loss, softmax

__all__ = ['ACTIVATIONS', 'MLP', 'Layer', 'Module', 'Neuron', 'binary_cross_entropy_with_logits', 'cross_entropy',
           'hinge_loss', 'mse_loss', 'softmax']

ACTIVATIONS = ('relu', 'tanh', 'sigmoid', None)


class Module:
    """Anything with parameters: the leaf Values in its attributes, in modules there, and in lists, tuples, deques,
    dicts and NumPy's arrays of objects there. A derived class has a `forward`, which calling the module calls.

    >>> class Line(Module):
    ...     def __init__(self):
    ...         self.w, self.b = Value(2.0), Value(0.0)
    ...     def forward(self, x):
    ...         return self.w * x + self.b
    >>> Line()(3.0)
    Value(data=6.0, grad=0.0)
    >>> dict(Line().named_parameters())
    {'w': Value(data=2.0, grad=0.0), 'b': Value(data=0.0, grad=0.0)}
    """

    forward: Callable[..., Any]
    _looked_through = False  # for weights that would never be trained, once

    def __call__(self, *inputs: Any, **named: Any) -> Any:
        """What `forward` makes of the inputs."""
        if not self._looked_through:
            self.parameters()
        return self.forward(*inputs, **named)

    def named_parameters(self) -> Iterator[tuple[str, Value]]:
        """Each parameter once, with its path, such as ('layers.0.neurons.3.w.1', Value), in order of assignment.

        TypeError for a set of Values or modules, which has no order. A UserWarning, once for a module, for a weight
        that is the result of an operation on no parameter: optimizers move leaves.
        """
        found: dict[int, Any] = {}  # by identity; kept, so that no other thing can come to have one of these
        results: list[tuple[str, Value]] = []
        stack: list[tuple[str, Any]] = [('', self)]
        while stack:
            name, thing = stack.pop()
            if id(thing) in found:
                continue
            if isinstance(thing, Value) and thing._prev:
                results.append((name, thing))
            elif isinstance(thing, Value):
                found[id(thing)] = thing
                yield name, thing
            elif (children := _children(name, thing)) is not None:
                found[id(thing)] = thing
                stack += [(f'{name}.{key}' if name else f'{key}', child) for key, child in children][::-1]
        for name, result in () if self._looked_through else results:
            if not any(id(node) in found for node in result.topological_order()):
                user = next(i for i in itertools.count(1) if sys._getframe(i).f_globals is not globals())
                warnings.warn(f'{name} of {self} is the result of an operation, not a leaf, and so no parameter: write '
                              '.detach() after it to train it', stacklevel=user)
        self._looked_through = True

    def parameters(self) -> list[Value]:
        """The parameters, in the order of `named_parameters()`. To move them write `p.data -= lr * p.grad` for each:
        `p -= lr * p.grad` makes a new Value, which it calls p, and leaves the parameter as it is."""
        return [parameter for _, parameter in self.named_parameters()]

    def zero_grad(self, set_to_none: bool = False) -> None:
        """Set every parameter's gradient to zero, or None. Results need none of it: `backward()` starts them afresh."""
        for parameter in self.parameters():
            parameter.grad = None if set_to_none else 0.0  # type: ignore[assignment]

    def state_dict(self) -> dict[str, float]:
        """The number of every parameter, by name."""
        return {name: parameter.data for name, parameter in self.named_parameters()}

    def load_state_dict(self, state_dict: Mapping[str, float]) -> None:
        """Take the number of every parameter from a mapping such as `state_dict()` returns.

        ValueError for missing or unexpected names and for numbers that are not finite, TypeError for what is no real
        number; then no parameter has changed.
        """
        parameters = dict(self.named_parameters())
        missing = [name for name in parameters if name not in state_dict]
        unexpected = [name for name in state_dict if name not in parameters]
        if missing or unexpected:
            raise ValueError(f'this state_dict is not one of {self}; missing: {_some(missing)}; unexpected: '
                             f'{_some(unexpected)}')
        for name in parameters:
            number = state_dict[name]
            if not isinstance(number, NUMBER):
                raise TypeError(f'{name} takes a real number, not {type(number).__name__}: write .item() after a '
                                'tensor, or .data after a Value')
            if not math.isfinite(number):
                raise ValueError(f'{name} takes a finite number, not {number}')
        for name, parameter in parameters.items():
            parameter.data = float(state_dict[name])


class Neuron(Module):
    """activation(w·x + b): w drawn by random.uniform(-1, 1), b = 0.

    nin: how many inputs it takes. activation: 'relu', 'tanh', 'sigmoid' or None; nonlin=False is None, too.

    >>> neuron = Neuron(2)
    >>> neuron.w = [Value(1.0), Value(-2.0)]
    >>> neuron([5.0, 1.0])  # relu(1·5 - 2·1 + 0)
    Value(data=3.0, grad=0.0)
    """

    def __init__(self, nin: int, nonlin: bool = True, activation: str | None = 'relu') -> None:
        if isinstance(nonlin, str):
            raise TypeError(f'nonlin is True or False: write activation={nonlin!r}')
        self.w = [Value(random.uniform(-1, 1)) for _ in range(_width(nin, 'nin'))]
        self.b = Value(0.0)
        self.activation = self._given = _known(activation)
        if not nonlin:
            self.nonlin = False

    @property
    def nonlin(self) -> bool:
        """Whether there is an activation. False takes it away; True gives it back, or relu where it had none."""
        return self.activation is not None

    @nonlin.setter
    def nonlin(self, nonlin: bool) -> None:
        self._given = self.activation or self._given
        self.activation = (self._given or 'relu') if nonlin else None

    def forward(self, x: Sequence[Value | float] | Value | float) -> Value:
        """The neuron's output, for as many inputs as it has weights; ValueError for another number of them."""
        out = dot(self.w, _inputs(self, x, len(self.w))) + self.b
        return out if self.activation is None else getattr(out, self.activation)()

    def __repr__(self) -> str:
        return f'Neuron({len(self.w)}, activation={self.activation!r})'


class Layer(Module):
    """nout neurons side by side, each taking the same nin inputs. Takes what `Neuron` takes besides.

    >>> len(Layer(2, 3, activation='tanh')([0.5, -1.0]))
    3
    """

    def __init__(self, nin: int, nout: int, nonlin: bool = True, activation: str | None = 'relu') -> None:
        self.neurons = [Neuron(nin, nonlin, activation) for _ in range(_width(nout, 'nout'))]

    def forward(self, x: Sequence[Value | float] | Value | float) -> Value | list[Value]:
        """The neurons' outputs, as a list; of a single neuron, its output. ValueError for a wrong number of inputs."""
        inputs = _inputs(self, x, len(self.neurons[0].w))
        out = [neuron(inputs) for neuron in self.neurons]
        return out[0] if len(out) == 1 else out

    def __repr__(self) -> str:
        first = self.neurons[0]
        return f'Layer({len(first.w)}, {len(self.neurons)}, activation={first.activation!r})'


class MLP(Module):
    """A multi-layer perceptron: nin inputs, then a layer for each width in nouts.

    activation is that of every layer but the last, which has final_activation: none unless asked for.

    >>> model = MLP(2, [4, 1], activation='tanh')
    >>> loss = (model([0.5, -1.0]) - 1)**2
    >>> len(model.parameters())  # (2 + 1) · 4 + (4 + 1) · 1
    17
    """

    def __init__(self, nin: int, nouts: Sequence[int], activation: str | None = 'relu',
                 final_activation: str | None = None) -> None:
        widths = [nin, *nouts] if isinstance(nouts, Iterable) else [nin]
        if len(widths) < 2:
            raise ValueError(f'nouts is a list of layer widths, such as [16, 16, 1], not {nouts!r}')
        activations = [_known(activation)] * (len(widths) - 2) + [final_activation]
        self.layers = [Layer(n, m, activation=a) for n, m, a in zip(widths, widths[1:], activations)]

    def forward(self, x: Sequence[Value | float] | Value | float) -> Value | list[Value]:
        """The last layer's outputs, as a list; of a single one, that Value. ValueError for a wrong number of inputs."""
        out: Any = x
        for layer in self.layers:
            out = layer(out)
        return out  # type: ignore[no-any-return]

    def __repr__(self) -> str:
        return f'MLP of {self.layers}'


def _children(name: str, thing: Any) -> Iterable[tuple[object, Any]] | None:
    """What a module or a container holds, with its names there; None for anything else."""
    if isinstance(thing, Module):
        return vars(thing).items()
    if isinstance(thing, dict):
        return thing.items()
    if isinstance(thing, (list, tuple, deque)):
        return enumerate(thing)
    if getattr(getattr(thing, 'dtype', None), 'kind', '') == 'O':  # NumPy's arrays of objects
        return enumerate(thing.tolist() if thing.ndim else [thing.item()])
    if isinstance(thing, (set, frozenset)) and any(isinstance(item, (Value, Module)) for item in thing):
        raise TypeError(f'{name} is a set of parameters, which has no order for them: make it a list')
    return None


def _inputs(module: Module, x: Any, nin: int) -> list[Value]:
    """The inputs as Values, one node each, which all neurons share; an error that says what to write for anything else.

    A single Value or number is input enough for one: it is what a layer of a single neuron returns.
    """
    if type(x) is list:  # as mostly, and asking the next question takes longer than all the rest
        pass
    elif isinstance(x, (Value, NUMBER)):
        x = [x]
    elif not hasattr(x, '__getitem__'):  # an iterator, or a set, which has no order
        raise TypeError(f'{module} takes a list of {nin} inputs, not a {type(x).__name__}: write list(…) around it')
    rows = ''
    try:
        values = [xi if isinstance(xi, Value) else Constant(xi) for xi in x]
    except TypeError:
        if not any(isinstance(xi, (list, tuple)) or getattr(xi, 'ndim', 0) for xi in x):
            raise
        rows = ' rows of them'
    if rows or len(values) != nin:
        raise ValueError(f'{module} takes {nin} inputs, not {len(x)}{rows}; for many samples, call it once for each: '
                         '[model(x) for x in xs]')
    return values


def _known(activation: str | None) -> str | None:
    """The name of an activation, or the ValueError that there is none of that name."""
    if activation not in ACTIVATIONS:
        raise ValueError(f'activation is one of {ACTIVATIONS}, not {activation!r}')
    return activation


def _width(width: int, name: str) -> int:
    """A number of neurons or inputs, which is at least 1; NumPy's whole numbers are as good."""
    try:
        whole = operator.index(width)
    except TypeError:
        whole = 0
    if whole < 1:
        raise ValueError(f'{name} is a whole number of at least 1, not {width!r}')
    return whole


def _some(names: Sequence[str]) -> str:
    """The first few of the names, for a message."""
    return ', '.join(names[:4]) + (f' and {len(names) - 4} more' if len(names) > 4 else '') or 'none'
