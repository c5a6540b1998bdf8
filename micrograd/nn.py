"""Neurons, layers and multi-layer perceptrons out of `Value`s, with the names and the habits of `torch.nn`."""

from __future__ import annotations

import functools
import math
import operator
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from numbers import Real
from typing import Any

from micrograd.engine import Constant, Value, dot

ACTIVATIONS = ('relu', 'tanh', 'sigmoid', None)
Batch = Any  # of predictions or targets: a Value or a number, or a sequence of Batches


class Module:
    """Anything with parameters: the leaf Values found in its attributes, in lists there, and in modules there."""

    def named_parameters(self) -> Iterator[tuple[str, Value]]:
        """Each parameter once, with its path, such as ('layers.0.neurons.3.w.1', Value), in order of assignment."""
        seen: set[int] = set()

        def walk(name: str, thing: object) -> Iterator[tuple[str, Value]]:
            if id(thing) in seen:
                return
            if isinstance(thing, Value):
                if not thing._prev:
                    seen.add(id(thing))
                    yield name, thing
                return
            if isinstance(thing, Module):
                children: Iterable[tuple[object, object]] = vars(thing).items()
            elif isinstance(thing, (list, tuple)):
                children = enumerate(thing)
            elif isinstance(thing, dict):
                children = thing.items()
            else:
                return
            seen.add(id(thing))
            for key, child in children:
                yield from walk(f'{name}.{key}' if name else f'{key}', child)

        return walk('', self)

    def parameters(self) -> list[Value]:
        """The parameters, in the order of `named_parameters()`."""
        return [parameter for _, parameter in self.named_parameters()]

    def zero_grad(self) -> None:
        """Set every parameter's gradient to zero. Inner nodes need it not: each `backward()` starts them afresh."""
        for parameter in self.parameters():
            parameter.grad = 0.0

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
            raise ValueError(f'this state_dict is not one of {self}; missing: {_some(missing)}; '
                             f'unexpected: {_some(unexpected)}')
        for name in parameters:
            number = state_dict[name]
            if not isinstance(number, Real):
                raise TypeError(f'{name} takes a real number, not {type(number).__name__}: write .item() after a '
                                'tensor, or .data after a Value')
            if not math.isfinite(number):
                raise ValueError(f'{name} takes a finite number, not {number}')
        for name, parameter in parameters.items():
            parameter.data = float(state_dict[name])


class Neuron(Module):
    """activation(w·x + b): w drawn by random.uniform(-1, 1), b = 0.

    nin: how many inputs it takes. activation: 'relu', 'tanh', 'sigmoid' or None; nonlin=False is None, too.
    """

    def __init__(self, nin: int, nonlin: bool = True, activation: str | None = 'relu') -> None:
        if activation not in ACTIVATIONS:
            raise ValueError(f'activation is one of {ACTIVATIONS}, not {activation!r}')
        self.w = [Value(random.uniform(-1, 1)) for _ in range(_width(nin, 'nin'))]
        self.b = Value(0.0)
        self.activation = activation if nonlin else None

    def __call__(self, x: Sequence[Value | float]) -> Value:
        """The neuron's output, for as many inputs as it has weights; ValueError for another number of them."""
        if len(x) != len(self.w):
            raise ValueError(f'{self} takes {len(self.w)} inputs, not {len(x)}')
        out = dot(self.w, x) + self.b
        return out if self.activation is None else getattr(out, self.activation)()

    def __repr__(self) -> str:
        return f'Neuron({len(self.w)}, activation={self.activation!r})'


class Layer(Module):
    """nout neurons side by side, each taking the same nin inputs. Takes what `Neuron` takes besides."""

    def __init__(self, nin: int, nout: int, nonlin: bool = True, activation: str | None = 'relu') -> None:
        self.neurons = [Neuron(nin, nonlin, activation) for _ in range(_width(nout, 'nout'))]

    def __call__(self, x: Sequence[Value | float] | Value | float) -> Value | list[Value]:
        """The neurons' outputs, as a list; of a single neuron, its output. ValueError for a wrong number of inputs."""
        # What a layer of a single neuron returns is input enough for the next one.
        xs: Sequence[Value | float] = [x] if isinstance(x, (Value, Real)) else x  # type: ignore[assignment]
        if len(xs) != len(self.neurons[0].w):
            raise ValueError(f'{self} takes {len(self.neurons[0].w)} inputs, not {len(xs)}; for many samples, '
                             'call it once for each: [model(x) for x in xs]')
        inputs = [xi if isinstance(xi, Value) else Constant(xi) for xi in xs]  # one node each, shared by the neurons
        out = [neuron(inputs) for neuron in self.neurons]
        return out[0] if len(out) == 1 else out

    def __repr__(self) -> str:
        first = self.neurons[0]
        return f'Layer({len(first.w)}, {len(self.neurons)}, activation={first.activation!r})'


class MLP(Module):
    """A multi-layer perceptron: nin inputs, then a layer for each width in nouts.

    activation is that of every layer but the last, which has final_activation: none unless asked for.
    """

    def __init__(self, nin: int, nouts: Sequence[int], activation: str | None = 'relu',
                 final_activation: str | None = None) -> None:
        if isinstance(nouts, int) or not nouts:
            raise ValueError(f'nouts is a list of layer widths, such as [16, 16, 1], not {nouts!r}')
        widths = [nin, *nouts]
        activations = [activation] * (len(nouts) - 1) + [final_activation]
        self.layers = [Layer(n, m, activation=a) for n, m, a in zip(widths, nouts, activations)]

    def __call__(self, x: Sequence[Value | float] | Value | float) -> Value | list[Value]:
        """The last layer's outputs, as a list; of a single one, that Value. ValueError for a wrong number of inputs."""
        out = self.layers[0](x)
        for layer in self.layers[1:]:
            out = layer(out)
        return out

    def __repr__(self) -> str:
        return f'MLP of {self.layers}'


def mse_loss(input: Batch, target: Batch) -> Value:
    """The mean squared error, the mean of (input - target)**2; d/d(input) = 2 (input - target) / n."""
    return _mean([(p - t)**2 for p, t in _pairs(input, target)])


def hinge_loss(input: Batch, target: Batch) -> Value:
    """The max-margin loss, the mean of relu(1 - target·input), for scores and targets of -1 or 1 (else ValueError);
    d/d(input) = -target / n where the margin target·input is below 1, else 0."""
    pairs = _pairs(input, target)
    for _, t in pairs:
        if t.data not in (-1, 1):
            raise ValueError(f'the targets of hinge_loss are -1 or 1, not {t.data}')
    return _mean([(1 - t * p).relu() for p, t in pairs])


def binary_cross_entropy_with_logits(input: Batch, target: Batch) -> Value:
    """The mean of -t·ln σ(x) - (1-t)·ln(1-σ(x)) over logits x and targets t from 0 to 1 (else ValueError);
    d/dx = (σ(x) - t) / n.

    Computed as softplus(x) - t·x, where softplus(x) = ln(1 + eˣ) = x + ln(1 + e⁻ˣ): the form that does not overflow.
    """
    losses = []
    for x, t in _pairs(input, target):
        if not 0 <= t.data <= 1:
            raise ValueError(f'the targets of binary_cross_entropy_with_logits are from 0 to 1, not {t.data}')
        softplus = x + (1 + (-x).exp()).log() if x > 0 else (1 + x.exp()).log()
        losses.append(softplus - t * x)
    return _mean(losses)


def cross_entropy(input: Batch, target: Batch) -> Value:
    """-ln softmax(input)[target], for one sample's list of logits and the index of its class, or the mean of that over
    lists of both; d/d(logit i) = softmax(input)[i] - (1 if i is the target else 0), by the number of samples.

    ValueError for different numbers of samples, or an index that is no class; TypeError for one that is no integer. The
    largest logit is taken off all of them first, which changes nothing but keeps exp() from overflowing.
    """
    if hasattr(target, '__len__'):
        if len(input) != len(target):
            raise ValueError(f'predictions and targets differ in length: {len(input)} and {len(target)}')
        return _mean([cross_entropy(logits, index) for logits, index in zip(input, target, strict=True)])
    index, logits = operator.index(target), [_value(logit) for logit in input]
    if not 0 <= index < len(logits):
        raise ValueError(f'{index} is no class of {len(logits)} logits: their classes are 0 to {len(logits) - 1}')
    largest = max(logits).data
    shifted = [logit - largest for logit in logits]
    return _sum([logit.exp() for logit in shifted]).log() - shifted[index]


def _pairs(input: Batch, target: Batch) -> list[tuple[Value, Value]]:
    """Predictions beside their targets, out of two numbers or of two sequences of one shape; else a ValueError."""
    sizes = [len(x) if hasattr(x, '__len__') and not isinstance(x, str) else None for x in (input, target)]
    if sizes == [None, None]:
        return [(_value(input), _value(target))]
    if None in sizes or sizes[0] != sizes[1]:
        raise ValueError('predictions and targets differ in length: '
                         + ' and '.join('a single one' if size is None else f'{size}' for size in sizes))
    return [pair for p, t in zip(input, target, strict=True) for pair in _pairs(p, t)]


def _mean(values: list[Value]) -> Value:
    if not values:
        raise ValueError('there are no predictions to take the mean of')
    return _sum(values) / len(values)


def _sum(values: list[Value]) -> Value:
    return functools.reduce(operator.add, values)


def _value(x: Value | float) -> Value:
    return x if isinstance(x, Value) else Constant(x)


def _width(width: int, name: str) -> int:
    """A number of neurons or inputs, which is at least 1."""
    if not isinstance(width, int) or width < 1:
        raise ValueError(f'{name} is a whole number of at least 1, not {width!r}')
    return width


def _some(names: Sequence[str]) -> str:
    """The first few of the names, for a message."""
    return ', '.join(names[:4]) + (f' and {len(names) - 4} more' if len(names) > 4 else '') or 'none'
