"""Steps 1 to 7 of *build it yourself*: from a slope to an engine, each with the usual mistakes."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from typing import Any

from micrograd.exercises.verdict import NotYetError, attempt, described, expect, number_in, sequence_of_numbers

EQUALS = '= in place of +=: a later use wipes out what an earlier one brought'
NO_ORDER = ('recursion without order: a value goes on before all its uses have added to it, '
            'and hands on again what it has handed on before')
WRONG_OPERAND = 'the gradient of the wrong operand: in a product each operand gets the other one'
SIGN = 'a sign'
NO_START = 'nothing starts it: the gradient of the output by itself is 1'
METHODS: dict[object, str] = {operator.add: '__add__(self, other)', operator.sub: '__sub__(self, other)',
                              operator.mul: '__mul__(self, other)'}
WHERE_OPERANDS = ('operands', '_prev', '_children', 'children', 'parents', 'prev')
WHERE_LOCAL = ('local_gradients', '_local_gradients', 'local_grads', 'locals')


def slope(thing: object) -> str:
    """Step 1: a slope by nudging."""
    what = 'the slope of (w*1 - 2)**2 at w = 1'
    hint = 'slope takes f and x, in this order; what else it takes has a default, as h=1e-6'
    came = attempt('slope(f, 1.0)', thing, lambda w: (w * 1 - 2)**2, 1.0, hint=hint) if callable(thing) else thing
    expect(what, came, -2.0, [
        (2.0, 'the sign: the function falls as w grows; is it f(x + h) - f(x - h), in this order?'),
        (1.0, 'that is the function itself, not how fast it changes'),
        (-1.0, 'half of it: a nudge to one side divided by 2*h, or a forgotten factor 2'),
        (-4.0, 'twice of it: from x - h to x + h it is 2*h, not h'),
    ], within=5e-5, otherwise=_rough)
    if callable(thing):
        expect('the slope of x**3 at x = 2', attempt('slope(f, 2.0)', thing, lambda x: x**3, 2.0), 12.0, [
            (-2.0, 'it gives -2 for any function: use the f and x that it is given')], within=1e-3)
    return 'the slope is -2.0000'


def _rough(number: float) -> str:
    if abs(number) < 0.01:
        return 'a difference that was not divided by h; or an h so small that x + h is x again'
    return 'the nudge h is still too large: take a smaller one, and nudge to both sides' if -3 < number < -1 else ''


def sum_and_product(thing: object) -> str:
    """Step 2: data, + and *."""
    a, b = made(thing, 2.0), made(thing, -3.0)
    expect('Value(2.0).data', data(a, 'Value(2.0)'), 2.0)
    product = result('Value(2.0) * Value(-3.0)', operator.mul, a, b)
    expect('Value(2.0) * Value(-3.0)', product, -6.0, [(-1.0, '__mul__ adds'), (5.0, '__mul__ subtracts')])
    total = result('Value(2.0) * Value(-3.0) + Value(2.0)', operator.add, product, a)
    expect('2 * (-3) + 2', total, -4.0, [(-12.0, '__add__ multiplies'), (-8.0, '__add__ subtracts')])
    return '2 * (-3) + 2 = -4'


def arrows(thing: object) -> str:
    """Step 3: operands and local gradients."""
    a, b = made(thing, 2.0), made(thing, -3.0)
    product = result('a * b', operator.mul, a, b)
    expect('the arrow from a to a*b, at a = 2, b = -3', arrow(product, a, 'a*b'), -3.0, [(2.0, WRONG_OPERAND)])
    expect('the arrow from b to a*b, at a = 2, b = -3', arrow(product, b, 'a*b'), 2.0, [(-3.0, WRONG_OPERAND)])
    w, x, y = made(thing, 1.0), made(thing, 1.0), made(thing, 2.0)
    y_hat = result('w * x', operator.mul, w, x)
    s = result('y_hat - y', operator.sub, y_hat, y)
    expect('y_hat - y at w = 1, x = 1, y = 2', s, -1.0, [(3.0, '__sub__ adds'), (1.0, 'the operands changed places')])
    squared = result('s * s', operator.mul, s, s)
    total = result('a + b', operator.add, a, b)
    for node, name in ((a, 'a'), (b, 'b')):
        expect(f'the arrow from {name} to a + b, at a = 2, b = -3', arrow(total, node, 'a + b'), 1.0, [
            (number, 'an operand\'s number: however large it is, the sum grows as much as the operand does')
            for number in (2.0, -3.0)])
    expect('the arrow from w to y_hat = w*x', arrow(y_hat, w, 'w*x'), 1.0)
    expect('the arrow from y_hat to s = y_hat - y', arrow(s, y_hat, 'y_hat - y'), 1.0, [(-1.0, SIGN)])
    expect('the arrow from y to s = y_hat - y', arrow(s, y, 'y_hat - y'), -1.0, [
        (1.0, SIGN + ': what is subtracted pushes the result down')])
    expect('the two arrows from s to L = s*s, together', arrow(squared, s, 's*s'), -2.0, [
        (-1.0, 'only one of the two: keep the operands in a tuple or list, since a set holds s only once'),
        (2.0, SIGN)])
    return 'the arrows of lesson 1 are 1, -1 and -2'


def by_hand(thing: object) -> str:
    """Step 4: p = a*b; q = p + a; L = q*q at a = 2, b = -3, by hand."""
    came = attempt('your function', thing) if callable(thing) else thing
    if isinstance(came, dict):
        came = {name: _gradient_of(part) for name, part in came.items()}
    with_loss = 'L' in came if isinstance(came, dict) else _length(came) == 5
    names = ['L', 'q', 'p', 'a', 'b'] if with_loss else ['q', 'p', 'a', 'b']
    numbers = sequence_of_numbers('the gradients by hand', came, names)
    given = dict(zip(names, numbers, strict=True))
    if with_loss and given['L'] != 16.0:  # what came may be the number of L, or its gradient
        expect('dL/dL', given['L'], 1.0, [(0.0, NO_START)])
    expect('dL/dq', given['q'], -8.0, [(-4.0, 'q is used twice in L = q*q, and brings -4 each time: add them'),
                                       (8.0, SIGN), (16.0, 'that is L: its local gradients are q and q'),
                                       (2.0, 'both arrows added, but each is q itself, not 1')])
    expect('dL/dp', given['p'], -8.0, [(8.0, SIGN), (1.0, 'the local gradient alone: times dL/dq')])
    expect('dL/da', given['a'], 16.0, [
        (-8.0, 'only the direct use, q = p + a; a is used in p = a*b as well'),
        (24.0, f'only the use in p = a*b; or {EQUALS}'), (-24.0, WRONG_OPERAND), (-16.0, SIGN),
        (32.0, 'the two uses have different signs: -8 and 24')])
    expect('dL/db', given['b'], -16.0, [(24.0, WRONG_OPERAND), (16.0, SIGN), (2.0, 'the local gradient alone')])
    return 'L = 16; q: -8, p: -8, a: 16, b: -16'


def recursion(thing: object) -> str:
    """Step 5: backward by recursion, which is right on a tree, and wrong where a result is used twice."""
    a, b, c = made(thing, 2.0), made(thing, -3.0), made(thing, 10.0)
    output = result('a * b * c', operator.mul, result('a * b', operator.mul, a, b), c)
    backward(output, 'L.backward()')
    what = 'in p = a*b; L = p*c, at a = 2, b = -3, c = 10'
    expect(f'dL/dc {what}', grad(c, 'c'), -6.0, [(0.0, NO_START), (10.0, WRONG_OPERAND)])
    expect(f'dL/da {what}', grad(a, 'a'), -30.0, [
        (0.0, 'it does not go on from p to the operands of p'), (20.0, WRONG_OPERAND),
        (-3.0, 'the gradient of p became 1: only the output starts at 1'), (-60.0, 'something is handed on twice')])
    expect(f'dL/db {what}', grad(b, 'b'), 20.0, [(-30.0, WRONG_OPERAND)])
    found = _doubled(thing, 2)
    what = 'dc/da in b = a + a; c = b + b'
    if number_in(found) in (8.0, 6.0):
        return (f'right for a tree. But {what} comes out as {number_in(found):g}, and should be 4: b is visited twice, '
                'and each time hands on all that it has. Step 6 mends it')
    expect(what, found, 4.0, [(1.0, EQUALS), (2.0, f'one of the uses is lost; or {EQUALS}'), (0.0, NO_START)])
    return f'right for a tree, and {what} is 4 already'


def order(thing: object) -> str:
    """Step 6: topological order, and +=."""
    expect('dc/da in b = a + a; c = b + b', _doubled(thing, 2), 4.0, [
        (8.0, NO_ORDER), (6.0, NO_ORDER), (1.0, EQUALS), (-4.0, f'{SIGN}; or the output starts at -1'),
        (7.0, 'gradients that start at 1: only that of the output does, all others at 0'),
        (2.0, 'the local gradient alone, where it is times value.grad; or one of the uses is lost'),
        (0.0, f'{NO_START}; and the order is walked from the output down to the leaves, so reversed')])
    expect('the gradient after six doublings', _doubled(thing, 6), 64.0, otherwise=lambda number:
           NO_ORDER if number > 64 else 'some uses are lost: is every value in the order, once, after its operands?')
    a, b = made(thing, 2.0), made(thing, -3.0)
    p = result('a * b', operator.mul, a, b)
    q = result('p + a', operator.add, p, a)
    output = result('q * q', operator.mul, q, q)
    backward(output, 'L.backward()')
    what = 'in p = a*b; q = p + a; L = q*q, at a = 2, b = -3'
    expect(f'dL/dq {what}', grad(q, 'q'), -8.0, [
        (-4.0, EQUALS), (8.0, SIGN), (2.0, 'the local gradients are left out')])
    expect(f'dL/da {what}', grad(a, 'a'), 16.0, [(24.0, EQUALS), (-8.0, EQUALS), (-24.0, WRONG_OPERAND)],
           otherwise=lambda _: 'the order: a has two uses, in p and in q, and q comes before both')
    expect(f'dL/db {what}', grad(b, 'b'), -16.0, [(24.0, WRONG_OPERAND)])
    return 'dc/da = 4 in b = a + a; c = b + b, and 64 after six doublings'


def difference(thing: object) -> None:
    """The gradients of lesson 1's L = (w*x - y)², where x is 3 so that no two numbers are the same."""
    w, x, y = made(thing, 1.0), made(thing, 3.0), made(thing, 2.0)
    s = result('w*x - y', operator.sub, result('w * x', operator.mul, w, x), y)
    expect('w*x - y at w = 1, x = 3, y = 2', s, 1.0, [(5.0, '__sub__ adds'), (-1.0, 'the operands changed places')])
    backward(result('s * s', operator.mul, s, s), 'L.backward()')
    what = 'in s = w*x - y; L = s*s, at w = 1, x = 3, y = 2'
    expect(f'dL/dw {what}', grad(w, 'w'), 6.0, [(2.0, WRONG_OPERAND), (-6.0, SIGN), (3.0, EQUALS)])
    expect(f'dL/dy {what}', grad(y, 'y'), -2.0, [
        (2.0, f'{SIGN}: what is subtracted pushes the result down'), (-1.0, EQUALS), (0.0, 'its use in s is lost')])


def functions(thing: object) -> str:
    """Step 7: ** and tanh."""
    x = made(thing, 3.0)
    power = result('Value(3.0) ** 4', lambda v: v**4, x, method='__pow__(self, n)')
    expect('Value(3.0) ** 4', power, 81.0, [(12.0, '__pow__ multiplies'), (64.0, 'the operands changed places')])
    backward(power, '(x**4).backward()')
    expect('the gradient of x**4 at x = 3', grad(x, 'x'), 108.0, [
        (27.0, 'the factor n is forgotten: n * x**(n-1)'), (324.0, 'the exponent goes down by 1: n * x**(n-1)'),
        (81.0, 'that is x**4 itself'), (12.0, 'that is n * x: x keeps the exponent n - 1'), (-108.0, SIGN),
        (36.0, '* in place of **: x to the power of n - 1, not times'), (0.0, NO_START),
        (323.0, 'parentheses are missing: n * x**(n-1)')])
    o, weight, bias = neuron(thing)
    expect('tanh(0.5)', o, math.tanh(0.5), within=1e-6)
    backward(o, 'o.backward()')
    one = 1 - math.tanh(0.5)**2
    expect('do/dweight of o = tanh(weight*input + bias) at weight 0.5, input 2, bias -0.5', grad(weight, 'weight'),
           2 * one, [
               (one, 'the input is missing: the factor of weight*input'), (0.5 * one, WRONG_OPERAND),
               (2.0, 'the local gradient of tanh is left out'), (2 * (1 - 0.25), '1 - o**2 has the result o, not n'),
               (2 * (1 - math.tanh(0.5)), 'the square in 1 - o**2 is missing'), (-2 * one, SIGN),
               (2 * math.tanh(0.5)**2, 'the 1 in 1 - o**2 is missing'),
               (2 * math.tanh(0.5), 'that is o, not 1 - o**2')])
    expect('do/dbias', grad(bias, 'bias'), one)
    return f'tanh(0.5) = {math.tanh(0.5):.6f}, and do/dweight = {2 * one:.6f}'


def neuron(thing: object) -> tuple[Any, Any, Any]:
    """The neuron tanh(weight*input + bias) with 0.5 in its tanh: its output, weight and bias."""
    weight, given, bias = made(thing, 0.5), made(thing, 2.0), made(thing, -0.5)
    n = result('weight*input + bias', operator.add, result('weight*input', operator.mul, weight, given), bias)
    o = result('tanh()', lambda v: v.tanh(), n, method='tanh(self)')
    return o, weight, bias


def made(engine: object, number: float) -> Any:
    """A Value of somebody's engine."""
    if not callable(engine):
        raise NotYetError('what is handed in', 'the class itself, as in check(2, Value)', described(engine),
                     'an object of the class, or its result: hand in the class, without parentheses')
    return attempt(f'Value({number})', engine, number, hint='__init__ takes the number: def __init__(self, data, …)')


def data(node: object, name: str) -> Any:
    """The number of a Value."""
    return attempt(f'{name}.data', lambda: node.data, hint='__init__ keeps the number: self.data = data')  # type: ignore[attr-defined]


def grad(node: object, name: str) -> Any:
    """The gradient of a Value."""
    return attempt(f'{name}.grad', lambda: node.grad, hint='__init__ gives every Value self.grad = 0.0')  # type: ignore[attr-defined]


def backward(output: Any, what: str) -> None:
    """Run the backward pass of somebody's engine."""
    hint = 'it stumbles: are all operands Values, and all local gradients numbers?'
    attempt(what, lambda: output.backward(),
            hint=hint if hasattr(output, 'backward') else 'the class has no method backward(self)')


def result(what: str, operation: Callable[..., Any], *operands: Any, method: str = '') -> Any:
    """What an operation on Values gives, which must be a new Value."""
    before = [number_in(operand) for operand in operands]
    method = method or METHODS.get(operation, '')
    hint = ('it stumbles: the numbers are self.data and other.data, and Values do not mix with them'
            if hasattr(operands[0], method.partition('(')[0]) else f'the class has no {method}') if method else ''
    came = attempt(what, operation, *operands, hint=hint, endless='it calls itself without end: '
                   'compute with the numbers, self.data and other.data, and not with the Values')
    if came is None:
        raise NotYetError(what, 'a Value', 'None', 'the return is missing')
    if any(came is operand for operand in operands) or before != [number_in(operand) for operand in operands]:
        raise NotYetError(what, 'a new Value', 'an operand, changed', 'leave the operands as they are: return Value(…)')
    if not hasattr(came, 'data'):
        raise NotYetError(what, 'a Value', described(came), 'the bare number: return Value(…) of it')
    return came


def arrow(node: object, operand: object, name: str) -> float:
    """The local gradient of a result for an operand; the sum over its places, where it has more than one."""
    operands, numbers = _kept(node, name, WHERE_OPERANDS), _kept(node, name, WHERE_LOCAL)
    if len(operands) != len(numbers):
        raise NotYetError(f'the local gradients of {name}', f'{len(operands)}, one for each operand', f'{len(numbers)}')
    found = [number for place, number in zip(operands, numbers) if place is operand]
    if not found:
        raise NotYetError(f'the operands of {name}', 'the two Values themselves', described(operands),
                     'keep the Values, not their numbers: Value(…, (self, other), …)')
    values = [number_in(number) for number in found]
    if None in values:
        raise NotYetError(f'the local gradients of {name}', 'numbers', described(found[values.index(None)]))
    return math.fsum(value for value in values if value is not None)


def _kept(node: object, name: str, where: Sequence[str]) -> list[Any]:
    """A sequence that a Value keeps under one of some names, or gives when that is called."""
    for attribute in where:
        kept = getattr(node, attribute, None)
        if kept is not None:
            kept = attempt(f'{attribute} of {name}', kept) if callable(kept) else kept
            return list(attempt(f'{attribute} of {name}', list, kept))
    raise NotYetError(f'{where[0]} of {name}', 'a tuple', f'no attribute {where[0]}',
                      f'__init__ keeps it: self.{where[0]} = {where[0]}')


def _doubled(engine: object, times: int) -> Any:
    """The gradient of a value that has been doubled so many times, each time by adding it to itself."""
    first = made(engine, 1.0)
    value = first
    for _ in range(times):
        value = result('b + b', operator.add, value, value)
    backward(value, 'c.backward()')
    return grad(first, 'a')


def _gradient_of(part: object) -> object:
    """The gradient of a Value that was handed in as itself; anything else as it is."""
    return part if isinstance(part, (int, float)) else getattr(part, 'grad', part)


def _length(thing: object) -> int:
    try:
        return len(thing)  # type: ignore[arg-type]
    except Exception:
        return 0
