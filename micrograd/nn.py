"""Neurons, layers and multi-layer perceptrons out of `Value`s, with the names and the habits of `torch.nn`."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from micrograd import plumbing
from micrograd.engine import Value, dot
from micrograd.losses import binary_cross_entropy_with_logits, cross_entropy, hinge_loss, mse_loss, softmax
from micrograd.plumbing import ACTIVATIONS

__all__ = ['ACTIVATIONS', 'MLP', 'Layer', 'Module', 'Neuron', 'binary_cross_entropy_with_logits', 'cross_entropy',
           'hinge_loss', 'mse_loss', 'softmax']


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
        values = list(plumbing.values_in(self))
        if not self._looked_through:
            plumbing.warn_of_results(self, values)
            self._looked_through = True
        return ((name, value) for name, value in values if not value._prev)

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
        for parameter, number in zip(parameters.values(), plumbing.numbers_for(self, parameters, state_dict)):
            parameter.data = number


class Neuron(Module):
    """activation(w·x + b): w drawn by random.uniform(-1, 1), b = 0.

    nin: how many inputs it takes. activation: 'relu', 'tanh', 'sigmoid' or None; nonlin=False is None, too.

    >>> neuron = Neuron(2)
    >>> neuron.w = [Value(1.0), Value(-2.0)]
    >>> neuron([5.0, 1.0])  # relu(1·5 - 2·1 + 0)
    Value(data=3.0, grad=0.0)
    """

    _given: str = 'relu'  # the last activation, which nonlin = True gives back

    def __init__(self, nin: int, nonlin: bool = True, activation: str | None = 'relu') -> None:
        if isinstance(nonlin, str):
            raise TypeError(f'nonlin is True or False: write activation={nonlin!r}')
        self.w = [Value(random.uniform(-1, 1)) for _ in range(plumbing.width(nin, 'nin'))]
        self.b = Value(0.0)
        self.activation = activation
        if not nonlin:
            self.nonlin = False

    @property
    def activation(self) -> str | None:
        """'relu', 'tanh', 'sigmoid' or None; ValueError for another."""
        return self._activation

    @activation.setter
    def activation(self, activation: str | None) -> None:
        self._activation = plumbing.activation_name(activation)
        self._given = activation or self._given

    @property
    def nonlin(self) -> bool:
        """Whether there is an activation. False takes it away; True gives it back, or relu where it had none."""
        return self.activation is not None

    @nonlin.setter
    def nonlin(self, nonlin: bool) -> None:
        self.activation = self._given if nonlin else None

    def forward(self, x: Sequence[Value | float] | Value | float) -> Value:
        """The neuron's output, for as many inputs as it has weights; ValueError for another number of them."""
        out = dot(self.w, plumbing.inputs(self, x, len(self.w))) + self.b
        return out if self._activation is None else getattr(out, self._activation)()

    def __repr__(self) -> str:
        return f'Neuron({len(self.w)}, activation={self.activation!r})'


class Layer(Module):
    """nout neurons side by side, each taking the same nin inputs. Takes what `Neuron` takes besides.

    >>> len(Layer(2, 3, activation='tanh')([0.5, -1.0]))
    3
    """

    activation, nonlin = plumbing.of_neurons('activation'), plumbing.of_neurons('nonlin')

    def __init__(self, nin: int, nout: int, nonlin: bool = True, activation: str | None = 'relu') -> None:
        self.neurons = [Neuron(nin, nonlin, activation) for _ in range(plumbing.width(nout, 'nout'))]

    def forward(self, x: Sequence[Value | float] | Value | float) -> Value | list[Value]:
        """The neurons' outputs, as a list; of a single neuron, its output. ValueError for a wrong number of inputs."""
        inputs = plumbing.inputs(self, x, len(self.neurons[0].w))
        out = [neuron(inputs) for neuron in self.neurons]
        return out[0] if len(out) == 1 else out

    def __repr__(self) -> str:
        return f'Layer({len(self.neurons[0].w)}, {len(self.neurons)}, activation={self.activation!r})'


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
        widths = [nin, *nouts] if hasattr(nouts, '__getitem__') else [nin]  # a set has no order
        if len(widths) < 2:
            raise ValueError(f'nouts is a list of layer widths, such as [16, 16, 1], not {nouts!r}')
        activations = [plumbing.activation_name(activation)] * (len(widths) - 2) + [final_activation]
        self.layers = [Layer(n, m, activation=a) for n, m, a in zip(widths, widths[1:], activations)]

    def forward(self, x: Sequence[Value | float] | Value | float) -> Value | list[Value]:
        """The last layer's outputs, as a list; of a single one, that Value. ValueError for a wrong number of inputs."""
        out: Any = x
        for layer in self.layers:
            out = layer(out)
        return out  # type: ignore[no-any-return]

    def __repr__(self) -> str:
        return f'MLP of {self.layers}'
