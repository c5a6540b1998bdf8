"""Every operation of the engine once more, as text: its formula and its local gradients.

The text is arithmetic that reads the same in Python, NumPy and JavaScript, in terms of the operands a and b, of the
result `out`, and of the functions in FUNCTIONS. Whatever explains, compiles or differentiates a graph reads these rows.
"""

from __future__ import annotations

import ast
import contextlib
import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from micrograd.engine import Value


@dataclass(frozen=True)
class Formula:
    """An operation's formula, and d(out)/d(operand) for each operand, in terms of the names in `operands`."""

    formula: str
    gradients: tuple[str, ...]
    operands: tuple[str, ...] = ('a',)
    shown: tuple[str, ...] = ()  # the gradients as one writes them, where that leaves out what the edges need


AB = ('a', 'b')
FORMULAS = {
    '+': Formula('a + b', ('1', '1'), AB),
    '-': Formula('a - b', ('1', '-1'), AB),
    '*': Formula('a * b', ('b', 'a'), AB),
    '/': Formula('a / b', ('1 / b', '-a / b / b'), AB),
    '**': Formula('a ** b', ('b * a ** (b - step(abs(a) + abs(b)))', 'out * log0(a)'), AB,  # 0 at 0 ** 0
                  ('b * a ** (b - 1)', 'out * log(a)')),
    'neg': Formula('-a', ('-1',)),
    'abs': Formula('abs(a)', ('sign(a)',)),
    'exp': Formula('exp(a)', ('out',)),
    'log': Formula('log(a)', ('1 / a',)),
    'sqrt': Formula('sqrt(a)', ('1 / (2 * out)',)),
    'sin': Formula('sin(a)', ('cos(a)',)),
    'cos': Formula('cos(a)', ('-sin(a)',)),
    'tanh': Formula('tanh(a)', ('1 - out * out',)),
    'sigmoid': Formula('sigmoid(a)', ('out * (1 - out)',)),
    'relu': Formula('relu(a)', ('step(a)',)),
    # Only gradients have these, which gradients.py makes nodes of.
    'sign': Formula('sign(a)', ('0',)),
    'step': Formula('step(a)', ('0',)),
    'log0': Formula('log0(a)', ('1 / a',)),
}
FUNCTIONS: dict[str, Callable[[float], float]] = {
    'abs': abs, 'exp': math.exp, 'log': math.log, 'sqrt': math.sqrt, 'sin': math.sin, 'cos': math.cos,
    'tanh': math.tanh,
    'sigmoid': lambda a: Value(a).sigmoid().data,
    'relu': lambda a: 0.0 if a < 0 else a,
    'sign': lambda a: float((a > 0) - (a < 0)),
    'step': lambda a: float(a > 0),
    'log0': lambda a: math.log(a) if a > 0 else 0.0 if a == 0 else math.nan,  # 0 ** b does not change with b
}


def formula_of(node: Value) -> Formula | None:
    """The row of the operation that made a node; None for a leaf, and for an operation that is not the engine's."""
    op, n = node._op, len(node._prev)
    ours = Value.__module__, f'{__package__}.gradients'
    if not n or '_backward' in vars(node) or getattr(node._local_gradients, '__module__', None) not in ours:
        return None
    if op == 'dot' and n % 2 == 0:
        return _dot(n // 2)
    if n == 1 and op.startswith('**'):
        with contextlib.suppress(ValueError):
            return power(op[2:])
    row = FORMULAS.get(op)
    return row if row and len(row.operands) == n else None


@functools.lru_cache
def _dot(length: int) -> Formula:
    """w1 * x1 + w2 * x2 + …, where each factor's gradient is the other one."""
    ws, xs = [f'w{i}' for i in range(1, length + 1)], [f'x{i}' for i in range(1, length + 1)]
    products = ' + '.join(f'{w} * {x}' for w, x in zip(ws, xs))
    return Formula(products, (*xs, *ws), (*ws, *xs))


def power(exponent: str) -> Formula:
    """a ** n for a number n, whose derivative n * a ** (n - 1) is simpler for a small whole n."""
    n = float(exponent)
    lower = f'{n - 1!r}'.removesuffix('.0')
    gradient = {0.0: '0', 1.0: '1', 2.0: '2 * a'}.get(n, f'{exponent} * a ** {lower}')
    return Formula(f'a ** {exponent}', (gradient,))


Tree = Any  # of a row's text: a name, a number, or (operation, *parts)
SYMBOLS = {ast.Add: '+', ast.Sub: '-', ast.Mult: '*', ast.Div: '/', ast.Pow: '**'}


@functools.lru_cache
def parse(text: str) -> Tree:
    """A row's text as a tree: '-a / 2' is ('/', ('neg', 'a'), 2.0). ValueError for what is no arithmetic of a row."""
    def tree(node: ast.expr) -> Tree:
        match node:
            case ast.Name(id='inf' | 'nan' as number):
                return float(number)
            case ast.Name(id=name):
                return name
            case ast.Constant(value=int() | float() as number):
                return float(number)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                part = tree(operand)
                return -part if isinstance(part, float) else ('neg', part)
            case ast.BinOp(left=left, op=op, right=right) if type(op) in SYMBOLS:
                return SYMBOLS[type(op)], tree(left), tree(right)
            case ast.Call(func=ast.Name(id=function), args=[argument], keywords=[]):
                return function, tree(argument)
        raise ValueError(f'a formula has names, numbers, + - * / **, and functions of one operand, but no '
                         f'{type(node).__name__} such as {ast.unparse(node)!r}')

    return tree(ast.parse(text, mode='eval').body)
