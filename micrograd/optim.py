"""Optimizers: how parameters follow their gradients downhill, with the names and the arithmetic of `torch.optim`."""

from __future__ import annotations

import math
from collections.abc import Iterable

from micrograd.engine import NUMBER, Value


class Optimizer:
    """What the optimizers share: the parameters, the learning rate `lr`, which may be changed between steps, and L2.

    ValueError for no parameters, one given twice, one that is no leaf, or a number out of its range; TypeError for
    parameters that are no Values, or a setting that is no number.
    """

    def __init__(self, params: Iterable[Value], lr: float, weight_decay: float) -> None:
        if not isinstance(params, Iterable):
            raise TypeError(f'params is a list of Values, such as model.parameters(), not {params!r}')
        self.params = list(params)
        if not self.params:
            raise ValueError('there are no parameters to optimize: give model.parameters(), or a list of Values')
        for parameter in self.params:
            if not isinstance(parameter, Value):
                raise TypeError(f'params holds Values, not {type(parameter).__name__}: give model.parameters()')
            if parameter._prev:
                raise ValueError(f'{parameter.label or parameter._op!r} is the result of an operation: optimize the '
                                 'leaves that it was computed from')
        if len(set(self.params)) < len(self.params):
            raise ValueError('a parameter is given twice, and would be moved twice')
        self.lr = _at_least_0('lr', lr)
        self.weight_decay = _at_least_0('weight_decay', weight_decay)

    def zero_grad(self, set_to_none: bool = False) -> None:
        """Set every parameter's gradient to zero, or None, so that the next `backward()` starts afresh."""
        for parameter in self.params:
            parameter.grad = None if set_to_none else 0.0  # type: ignore[assignment]

    def step(self) -> None:
        """Move every parameter once; one whose gradient is None stays as it is, and so does what is known of it.

        ValueError or TypeError for an `lr`, or a gradient, that is no finite number: then no parameter has moved.
        """
        self.lr = _at_least_0('lr', self.lr)  # which may have been changed
        moves = [(i, p, p.grad) for i, p in enumerate(self.params) if p.grad is not None]
        for i, p, grad in moves:
            if not isinstance(grad, NUMBER) or not math.isfinite(grad):
                raise ValueError(f'the gradient of {p.label or f"parameter {i}"} is {grad}, by which nothing moves')
        for move in moves:
            self._move(*move)

    def _move(self, i: int, p: Value, grad: float) -> None:
        """Move the parameter p, the one with the number i, by its gradient."""
        raise NotImplementedError


class SGD(Optimizer):
    """Gradient descent: p ← p - lr·v, where v ← momentum·v + grad + weight_decay·p.

    >>> w = Value(1.0)
    >>> optimizer = SGD([w], lr=0.1)
    >>> ((w - 3)**2).backward()
    >>> optimizer.step()
    >>> w.data  # 1 - 0.1 · 2 (1 - 3)
    1.4
    """

    def __init__(self, params: Iterable[Value], lr: float, momentum: float = 0.0, weight_decay: float = 0.0) -> None:
        super().__init__(params, lr, weight_decay)
        self.momentum = _at_least_0('momentum', momentum)
        self.velocities = [0.0] * len(self.params)

    def _move(self, i: int, p: Value, grad: float) -> None:
        self.velocities[i] = self.momentum * self.velocities[i] + (grad + self.weight_decay * p.data)
        p.data -= self.lr * self.velocities[i]


class Adam(Optimizer):
    """Adam: steps of about lr, however large the gradients are, from running means of the gradient and of its square.

    m ← β₁m + (1-β₁)g, v ← β₂v + (1-β₂)g², p ← p - lr·m̂ / (√v̂ + eps), where m̂ = m/(1-β₁ᵗ), v̂ = v/(1-β₂ᵗ) and
    g = grad + weight_decay·p. Source: Kingma and Ba, Adam: A Method for Stochastic Optimization, 2015, algorithm 1.

    >>> w = Value(1.0)
    >>> optimizer = Adam([w], lr=0.1)
    >>> ((w - 3)**2).backward()
    >>> optimizer.step()
    >>> round(w, 6)  # the first step is of lr, whatever the gradient
    1.1
    """

    def __init__(self, params: Iterable[Value], lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999),
                 eps: float = 1e-8, weight_decay: float = 0.0) -> None:
        super().__init__(params, lr, weight_decay)
        rates = list(betas) if isinstance(betas, Iterable) else []
        if len(rates) != 2 or not all(isinstance(beta, NUMBER) and 0 <= beta < 1 for beta in rates):
            raise ValueError(f'betas are two numbers from 0 to below 1, such as (0.9, 0.999), not {betas!r}')
        self.betas = rates[0], rates[1]
        self.eps = _at_least_0('eps', eps)
        self.steps = [0] * len(self.params)
        self.means = [0.0] * len(self.params)
        self.squares = [0.0] * len(self.params)

    def _move(self, i: int, p: Value, grad: float) -> None:
        self._adapt(i, p, grad + self.weight_decay * p.data)

    def _adapt(self, i: int, p: Value, g: float) -> None:
        """The step of the algorithm, for the gradient g."""
        self.steps[i] += 1
        beta1, beta2 = self.betas
        self.means[i] += (1 - beta1) * (g - self.means[i])
        self.squares[i] = beta2 * self.squares[i] + (1 - beta2) * g * g
        root = math.sqrt(self.squares[i]) / math.sqrt(1 - beta2**self.steps[i])
        p.data -= self.lr / (1 - beta1**self.steps[i]) * self.means[i] / (root + self.eps)


class AdamW(Adam):
    """Adam whose weight decay acts on the parameter itself, p ← p - lr·weight_decay·p, and not through the means.

    Source: Loshchilov and Hutter, Decoupled Weight Decay Regularization, 2019, algorithm 2.

    >>> w = Value(1.0)
    >>> AdamW([w], lr=0.1, weight_decay=0.5).step()
    >>> w.data  # no gradient: only the decay, 1 - 0.1 · 0.5 · 1
    0.95
    """

    def __init__(self, params: Iterable[Value], lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999),
                 eps: float = 1e-8, weight_decay: float = 1e-2) -> None:
        super().__init__(params, lr, betas, eps, weight_decay)

    def _move(self, i: int, p: Value, grad: float) -> None:
        p.data -= self.lr * self.weight_decay * p.data
        self._adapt(i, p, grad)


def _at_least_0(name: str, number: float) -> float:
    if not isinstance(number, NUMBER):
        raise TypeError(f'{name} is a plain number, not {type(number).__name__}')
    if not (math.isfinite(number) and number >= 0):
        raise ValueError(f'{name} is a finite number not below 0, not {number}')
    return number
