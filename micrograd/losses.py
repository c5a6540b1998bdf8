"""Loss functions, with the names and the arithmetic of `torch.nn.functional`; `micrograd.nn` hands them on."""

from __future__ import annotations

import functools
import operator
from typing import Any

from micrograd.engine import Constant, Value

Batch = Any  # of predictions or targets: a Value or a number, or a sequence of Batches; NumPy's and torch's are as good


def mse_loss(input: Batch, target: Batch) -> Value:
    """The mean squared error, the mean of (input - target)**2; d/d(input) = 2 (input - target) / n.

    Numbers, Values, and sequences of them of one shape; ValueError where the shapes differ, or there is nothing.

    >>> mse_loss([Value(1.0), Value(2.0)], [0.0, 4.0])
    Value(data=2.5, grad=0.0)
    """
    return _mean([(p - t)**2 for p, t in _pairs(input, target)])


def hinge_loss(input: Batch, target: Batch) -> Value:
    """The max-margin loss, the mean of relu(1 - target·input), for scores and targets of -1 or 1 (else ValueError);
    d/d(input) = -target / n where the margin target·input is below 1, else 0.

    >>> hinge_loss([Value(0.5), Value(3.0)], [1, 1])
    Value(data=0.25, grad=0.0)
    """
    pairs = _pairs(input, target)
    for _, t in pairs:
        if t.data not in (-1, 1):
            raise ValueError(f'the targets of hinge_loss are -1 or 1, not {t.data}')
    return _mean([(1 - t * p).relu() for p, t in pairs])


def binary_cross_entropy_with_logits(input: Batch, target: Batch) -> Value:
    """The mean of -t·ln σ(x) - (1-t)·ln(1-σ(x)) over logits x and targets t from 0 to 1 (else ValueError);
    d/dx = (σ(x) - t) / n.

    Computed as softplus(x) - t·x, where softplus(x) = ln(1 + eˣ) = x + ln(1 + e⁻ˣ): the form that does not overflow.

    >>> round(binary_cross_entropy_with_logits(Value(0.0), 1), 6)  # ln 2
    0.693147
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

    >>> round(cross_entropy([Value(2.0), Value(1.0), Value(-1.0)], 0), 6)
    0.349012
    """
    if _many(target):
        if not _many(input) or len(input) != len(target):
            raise ValueError('predictions and targets differ in length: '
                             f'{len(input) if _many(input) else "a single one"} and {len(target)}')
        return _mean([cross_entropy(logits, index) for logits, index in zip(input, target)])
    try:
        index = operator.index(target)
    except TypeError:
        raise TypeError(f'the target of cross_entropy is the index of a class, such as 0, not {target!r}') from None
    shifted = _shifted(input)
    if not 0 <= index < len(shifted):
        raise ValueError(f'{index} is no class of {len(shifted)} logits: their classes are 0 to {len(shifted) - 1}')
    return _sum([logit.exp() for logit in shifted]).log() - shifted[index]


def softmax(input: Batch) -> list[Value]:
    """The probabilities pᵢ = e**xᵢ / (e**x₁ + … + e**xₙ) of a list of logits x; dpᵢ/dxⱼ is pᵢ (1 - pᵢ) for i = j, else
    -pᵢ pⱼ.

    ValueError where there are none. The largest logit is taken off all of them first, as in `cross_entropy`.

    >>> [round(p, 6) for p in softmax([2.0, 1.0, -1.0])]
    [0.705385, 0.259496, 0.035119]
    """
    exponentials = [logit.exp() for logit in _shifted(input)]
    total = _sum(exponentials)
    return [exponential / total for exponential in exponentials]


def _shifted(input: Batch) -> list[Value]:
    """The logits less the largest of them, a plain number, so that exp() cannot overflow."""
    if not _many(input):  # nor a set, which has no order
        raise TypeError(f'the logits are a list, with one for each class, not a {type(input).__name__}')
    logits = [_value(logit) for logit in input]
    if not logits:
        raise ValueError('there are no logits')
    largest = max(logits).data
    return [logit - largest for logit in logits]


def _many(x: Batch) -> bool:
    """Whether it is a sequence, as no set or iterator is; an array or tensor of no dimension is a number."""
    return getattr(x, 'ndim', 1) > 0 and hasattr(x, '__getitem__') and not isinstance(x, (str, dict))


def _pairs(input: Batch, target: Batch) -> list[tuple[Value, Value]]:
    """Predictions beside their targets, out of two numbers or of two sequences of one shape; else a ValueError."""
    sizes = [len(x) if _many(x) else None for x in (input, target)]
    if sizes == [None, None]:
        return [(_value(input), _value(target))]
    if sizes[0] != sizes[1]:
        for x, size in zip((input, target), sizes):
            if size is None:
                _value(x)  # which raises for what is no number either
        raise ValueError('predictions and targets differ in length: '
                         + ' and '.join('a single one' if size is None else f'{size}' for size in sizes))
    return [pair for p, t in zip(input, target) for pair in _pairs(p, t)]


def _mean(values: list[Value]) -> Value:
    if not values:
        raise ValueError('there are no predictions to take the mean of')
    return _sum(values) / len(values)


def _sum(values: list[Value]) -> Value:
    return functools.reduce(operator.add, values)


def _value(x: Any) -> Value:
    """A prediction or a target as a Value; arrays and tensors of no dimension give their number."""
    return x if isinstance(x, Value) else Constant(x.item() if getattr(x, 'ndim', None) == 0 else x)
