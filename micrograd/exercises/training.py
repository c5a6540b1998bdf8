"""Steps 8 to 10 of *build it yourself*: training on a line, a network with a hidden layer, and another engine."""

from __future__ import annotations

import math
import runpy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from micrograd.exercises.engines import EQUALS, SIGN, backward, data, difference, functions, grad, made, order, result
from micrograd.exercises.verdict import NotYetError, attempt, close, described, expect, number_in, sequence_of_numbers

X = [0.3 * i for i in range(20)]
Y = [2.2 * i for i in range(20)]
EPOCHS = 20
XS = [-1 + 2 * i / 7 for i in range(8)]
START = (-0.1, 0.0, -0.1, 0.0)  # of the hidden unit's weight and bias, and of the output unit's
DIFFERENT = (0.7, 0.2, -0.3, 0.1)  # where no two weights are the same, so that none can stand for another
QUANTITIES = ['loss', 'dL/d hidden weight', 'dL/d hidden bias', 'dL/d output weight', 'dL/d output bias']


def loop(thing: object) -> str:
    """Step 8: twenty epochs on a line through the origin, as pairs (w after the update, loss before it)."""
    came = attempt('your function', thing, hint='it is called without operands, as in train()') if callable(
        thing) else thing
    if came is None or isinstance(came, str) or not hasattr(came, '__len__'):
        raise NotYetError('the history', 'a list of pairs (w, loss)', described(came),
                          'a return, or an append, is missing')
    if len(came) < EPOCHS:
        raise NotYetError('the history', f'{EPOCHS} pairs (w, loss)', f'{len(came)}')
    pairs = attempt('the history', list, came)[:EPOCHS]
    if number_in(pairs[0]) is not None:
        raise NotYetError('the history', 'a list of pairs (w, loss)', f'a list of {described(pairs[0])}',
                          'both numbers of each epoch: (w.data, loss.data)')
    history = [sequence_of_numbers(f'epoch {epoch}', pair, ['w', 'loss']) for epoch, pair in enumerate(pairs, start=1)]
    for epoch, (found, right) in enumerate(zip(history, _descent()), start=1):
        for what, number, expected, digits in zip(('w', 'loss'), found, right, (3, 4)):
            if not close(number, expected, 0.51 * 10**-digits):
                raise NotYetError(f'{what} in epoch {epoch}', f'{expected:.{digits}f}', f'{number:.{digits}f}',
                             _which_loop(history))
    return 'w goes 1.630, 2.898, … 6.740, … 7.285, and the loss 597.7400, … 0.0424'


def _descent(rate: float = 0.01, share: float = 1 / 20, factor: float = 2.0, accumulates: bool = False,
             before: bool = False) -> list[tuple[float, float]]:
    """The loop in plain numbers, with the usual mistakes to choose from."""
    w, gradient, history = 0.0, 0.0, []
    for _ in range(EPOCHS):
        loss = sum((w * x - y)**2 for x, y in zip(X, Y)) / len(X)
        gradient = accumulates * gradient + share * sum(factor * (w * x - y) * x for x, y in zip(X, Y))
        history.append((w if before else w - rate * gradient, loss))
        w -= rate * gradient
    return history


def _which_loop(history: Sequence[Sequence[float]]) -> str:
    """The mistake whose first three epochs these are."""
    for cause, wrong in {
        'the gradient is never set back to 0: it accumulates from epoch to epoch': _descent(accumulates=True),
        'the gradient of the sum over the points; divide by their number': _descent(share=1.0),
        'the learning rate is 0.01': _descent(rate=0.001),
        f'{SIGN}: descent subtracts the gradient': _descent(rate=-0.01),
        'a forgotten factor 2': _descent(factor=1.0),
        'write down w after its update': _descent(before=True),
    }.items():
        if all(close(a, b, 1e-3) for pair, other in zip(history[:3], wrong) for a, b in zip(pair, other)):
            return cause
    right = _descent()
    if all(close(a, b, 1e-3) for pair, other in zip(history[:3], right) for a, b in zip(pair, other[::-1])):
        return 'w and the loss changed places'
    if len({w for w, _ in history}) == 1:
        if close(history[0][0], right[-1][0], 1e-3):
            return 'twenty times the last w: write down its number at the time, w.data'
        return 'w does not move: is it w.data that is changed, and is backward() called?'
    if all(close(found, expected, 1e-3) for (found, _), (expected, _) in zip(history, right)):
        return 'the weight is right, so it is the loss: the mean over the points, before the update'
    return ''


def network(thing: object) -> str:
    """Step 9: a network of one hidden sigmoid unit and one linear output unit, on eight points of y = x."""
    came = attempt('your function', thing, *START, hint='it takes four numbers: w1, b1, w2, b2') if callable(
        thing) else thing
    _compare(came, START)
    if callable(thing):  # where both weights are -0.1, the wrong one shows nothing
        _compare(attempt('your function', thing, *DIFFERENT), DIFFERENT)
    return 'the loss is 0.4289326, its gradients 0.0213347, 0.0024973, -0.0286384 and -0.1'


def _compare(came: object, parameters: tuple[float, float, float, float]) -> None:
    """That five numbers are the network's loss and gradients for these parameters."""
    where = 'at w1 = {:g}, b1 = {:g}, w2 = {:g}, b2 = {:g}'.format(*parameters)
    numbers = sequence_of_numbers(f'the network {where}', came, QUANTITIES)
    wrong = {
        'a forgotten factor 2: the derivative of (y_hat - y)**2 is 2*(y_hat - y)': _by_hand(*parameters, factor=1.0),
        'a sum over the points in place of their mean': _by_hand(*parameters, n=1),
        'the hidden unit gets its gradient through the output weight, not through its own':
            _by_hand(*parameters, through_hidden=True),
        'the derivative of the sigmoid, z*(1 - z), is left out': _by_hand(*parameters, squashed=False),
        SIGN: [-number for number in _by_hand(*parameters)],
        f'only the last point counts; {EQUALS}': _by_hand(*parameters, points=XS[-1:], n=8),
    }
    for place, expected in enumerate(_by_hand(*parameters)):
        expect(f'{QUANTITIES[place]} {where}', numbers[place], expected,
               [(numbers[place], cause) for cause, other in wrong.items()
                if all(close(a, b, 1e-6) for a, b in zip(numbers[1:], other[1:]))], within=1e-6)


def _by_hand(w1: float, b1: float, w2: float, b2: float, factor: float = 2.0, n: int = 8, points: Sequence[float] = XS,
             through_hidden: bool = False, squashed: bool = True) -> list[float]:
    """The loss and the four gradients in plain numbers, with the usual mistakes to choose from."""
    loss = dw1 = db1 = dw2 = db2 = 0.0
    for x in points:
        z = 1 / (1 + math.exp(-(w1 * x + b1)))
        miss = w2 * z + b2 - x
        loss += miss**2 / n
        d = factor * miss / n
        dw2, db2 = dw2 + d * z, db2 + d
        d *= (w1 if through_hidden else w2) * (z * (1 - z) if squashed else 1)
        dw1, db1 = dw1 + d * x, db1 + d
    return [loss, dw1, db1, dw2, db2]


def swapped(thing: object) -> str:
    """Step 10: any engine's class, or the file with it, on all the numbers of the steps before."""
    if isinstance(thing, str) and thing.endswith('.py'):
        thing = _written_in(thing)
    order(thing)
    difference(thing)
    functions(thing)
    loop(_trained(thing))
    network(lambda *parameters: _propagated(thing, *parameters))
    return f'{getattr(thing, "__module__", "")}.{getattr(thing, "__name__", "")} gives the same numbers in every step'


def _written_in(file: str) -> object:
    """The class Value that a file of Python makes."""
    names = attempt(file, lambda: runpy.run_path(file, run_name=Path(file).stem), hint='the file itself has to run')
    if 'Value' not in names:
        raise NotYetError(file, 'a class Value', 'none of that name', 'class Value: is missing, or has another name')
    return names['Value']


def _trained(engine: object) -> list[tuple[object, object]]:
    """The loop of step 8 on somebody's engine."""
    w: Any = made(engine, 0.0)
    history: list[tuple[object, object]] = []
    for _ in range(EPOCHS):
        total = _sum([(w * made(engine, x) - made(engine, y))**2 for x, y in zip(X, Y)])
        loss = result('loss', lambda a, b: a * b, total, made(engine, 1 / len(X)))
        w.grad = 0.0
        backward(loss, 'loss.backward()')
        w.data -= 0.01 * grad(w, 'w')
        history.append((w.data, data(loss, 'loss')))
    return history


def _propagated(engine: object, *parameters: float) -> list[object]:
    """The network of step 9 on somebody's engine; 1/(1 + e**-a) is (tanh(a/2) + 1)/2."""
    w1, b1, w2, b2 = values = [made(engine, number) for number in parameters]
    half = made(engine, 0.5)
    errors = []
    for x in XS:
        a = w1 * made(engine, x) + b1
        z = (a * half).tanh() * half + half
        errors.append((w2 * z + b2 - made(engine, x))**2)
    loss = _sum(errors) * made(engine, 1 / len(XS))
    backward(loss, 'loss.backward()')
    return [data(loss, 'loss'), *(grad(value, 'a parameter') for value in values)]


def _sum(values: list[Any]) -> Any:
    total = values[0]
    for value in values[1:]:
        total = total + value
    return total
