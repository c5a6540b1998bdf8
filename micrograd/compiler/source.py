"""A graph as Python to read: the forward and the backward pass of one sample, as a student would write them."""

from __future__ import annotations

import contextlib
import functools
import keyword
import math
import re
import threading
import traceback
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from micrograd.compiler.python import ATOM, PRODUCT, PYTHON, Form, form_of
from micrograd.engine import Value
from micrograd.graph.formulas import FUNCTIONS
from micrograd.graph.gradients import Arithmetic, applied, chain_rule
from micrograd.graph.naming import numbered_names
from micrograd.graph.program import is_number

CALL = r'(?<![\w.])(\w+)(?=\()'
MAIN = 'forward_and_backward'
LINE_WIDTH = 100  # characters in a line
MOST_NESTED = 500  # operations in an expression: Python's limit is about 2,900
# The functions that Python's math module has not, as the source defines them.
DEFINITIONS = {
    'relu': 'return 0.0 if a < 0 else a',
    'step': 'return 1.0 if a > 0 else 0.0',
    'sign': 'return float((a > 0) - (a < 0))',
    'sigmoid': 'small = exp(-abs(a))  # at most 1, so nothing overflows\n'
               '    return (1.0 if a >= 0 else small) / (1.0 + small)',
    'log0': 'return log(a) if a > 0 else 0.0 if a == 0 else nan',
}
FORMS = {**PYTHON, 'relu': Form('relu({})'), 'step': Form('step({})')}


class Text(NamedTuple):
    """A piece of source, how tightly it holds together, and how many operations are in it."""

    text: str
    holds: int = ATOM
    size: int = 0


class Source:
    """The source of the graph in this topological order; Values are called by the names given, made identifiers."""

    def __init__(self, order: Sequence[Value], inputs: Sequence[Value], params: Sequence[Value],
                 names: Mapping[Value, str], backward: bool = True) -> None:
        self.order, self.inputs, self.params, self.backward, self.given = order, inputs, params, backward, names
        self.writing, self.written = threading.RLock(), ''
        self.taken: dict[str, int] = dict.fromkeys([*FUNCTIONS, 'pow', 'inf', 'nan', 'float', MAIN], 1)
        self.found: dict[Value, str] = {}
        self.complete = False

    @property
    def names(self) -> Mapping[Value, str]:
        """What each input, parameter and result is called, found out when it is first asked for."""
        with self.writing:
            if not self.complete:
                everything = [*self.order, *self.inputs, *self.params]
                self._call([*self.inputs, *self.params, *(node for node in self.order if node._prev)],
                           numbered_names(everything, self.given))  # with the numbers that explain() gives
                self.complete = True
            return self.found

    @property
    def arguments(self) -> list[str]:
        """What the inputs are called; where all of them have names, there is no need to look at the others."""
        given = {value: self.given[value] for value in self.inputs if value in self.given}
        with self.writing:
            if len(given) < len(self.inputs):
                return [self.names[value] for value in self.inputs]
            self._call(self.inputs, numbered_names(self.inputs, given))
            return [self.found[value] for value in self.inputs]

    def _call(self, values: Iterable[Value], called: Mapping[Value, str]) -> None:
        for value in values:
            if value not in self.found:
                self.found[value] = self._free(identifier(called[value]))

    @property
    def text(self) -> str:
        """The source, written when it is first asked for."""
        with self.writing:
            if not self.written:
                self.written = self._write()
            return self.written

    def _write(self) -> str:
        self.lines: list[str] = []
        arithmetic: Arithmetic[Text | float] = Arithmetic(self._written)
        nodes: dict[Value, Text | float] = {node: float(node.data) for node in self.order}
        nodes |= {value: Text(self.names[value]) for value in (*self.inputs, *self.params)}
        for node in self.order:
            if node._prev and not is_number(node, nodes):
                self._assign(self.names[node], applied(node, nodes, arithmetic))
                nodes[node] = Text(self.names[node])
        result = self._text(nodes[self.order[-1]])
        if self.params and self.backward:
            self.lines.append('')
            self.lines.append(f'    # backward pass: d_v is the derivative of {result} by v')
            found = chain_rule(self.order, self.params, nodes, arithmetic, named=self._gradient)
            gradients = [self._text(found.get(value, 0.0)) for value in self.params]
            result += f', [{", ".join(gradients)}]'
        arguments = ', '.join(self.names[value] for value in (*self.inputs, *self.params))
        body = [*wrapped(f'def {MAIN}({arguments}):', ', '), '    # forward pass', *self.lines,
                *wrapped(f'    return {result}', ', ')]
        return '\n'.join([*self._prologue('\n'.join(body)), *body]) + '\n'

    def located(self, error: Exception, samples: Iterable[Sequence[float]], params: Sequence[float]) -> Exception:
        """The same error, with the line of the source and the first sample that raise it."""
        namespace: dict[str, Any] = {}
        exec(compile(self.text, '<source>', 'exec'), namespace)
        lines = self.text.splitlines()
        for number, sample in enumerate(samples):
            try:
                namespace[MAIN](*sample, *map(float, params))
            except (ArithmeticError, ValueError) as again:
                frames = [(frame, line) for frame, line in traceback.walk_tb(again.__traceback__)
                          if frame.f_code.co_name == MAIN]
                frame, line = frames[-1]
                names = dict.fromkeys(re.findall(r'\w+', lines[line - 1]))
                used = [f'{name} = {frame.f_locals[name]}' for name in names if name in frame.f_locals]
                return rebuilt(error, f'{error}, in {lines[line - 1].strip()!r} with {", ".join(used[:5])}, '
                                      f'sample {number}')
        return error

    def _free(self, name: str) -> str:
        """The name, or, where it is taken, the name with a number."""
        count = self.taken[name] = self.taken.get(name, 0) + 1
        return name if count == 1 else self._free(f'{name}_{count}')

    def _gradient(self, node: Value, gradient: Text | float) -> Text | float:
        """A line for a gradient that is complete; but none to say that d(output)/d(output) is 1."""
        if node is self.order[-1] and gradient == 1.0:
            return gradient
        name = self._free(f'd_{self.names[node]}')
        self._assign(name, gradient)
        return Text(name)

    def _assign(self, name: str, value: Text | float) -> None:
        text = repr(value) if isinstance(value, float) else self._text(value)  # 2.0: ints would not be rounded
        self.lines += wrapped(f'    {name} = {text}', ' + ')

    def _written(self, op: str, operands: Sequence[Text | float]) -> Text:
        """An operation as source, in lines of their own where it is too long for one expression."""
        if op == 'dot':
            half = len(operands) // 2
            products = [self._written('*', pair) for pair in zip(operands[:half], operands[half:], strict=True)]
            return functools.reduce(lambda total, product: self._written('+', (total, product)), products)
        form = form_of(op, operands, FORMS)
        text = form.text.format(*map(self._text, operands, form.needs))
        size = 1 + sum(operand.size for operand in operands if isinstance(operand, Text))
        if size < MOST_NESTED:
            return Text(text, form.holds, size)
        name = self._free('t')
        self._assign(name, Text(text))
        return Text(name)

    def _text(self, operand: Text | float, needs: int = 0) -> str:
        text, holds, _ = operand if isinstance(operand, Text) else Text(
            number(operand), PRODUCT if math.copysign(1, operand) < 0 else ATOM)
        return text if holds >= needs else f'({text})'

    def _prologue(self, body: str) -> list[str]:
        """The imports and the definitions of the functions that the body calls."""
        called = set(re.findall(CALL, body))
        definitions = [line for name in DEFINITIONS if name in called
                       for line in (f'def {name}(a):', f'    {DEFINITIONS[name]}', '', '')]
        everything = '\n'.join([body, *definitions])
        called |= {*re.findall(CALL, everything), *re.findall(r'(?<![\w.])(?:inf|nan)\b', everything)}
        imports = sorted(called & vars(math).keys())
        return [*([f'from math import {", ".join(imports)}', '', ''] if imports else []), *definitions]


def rebuilt(error: Exception, message: str) -> Exception:
    """An error of the same type with another message, or of the nearest base that is made of a message alone."""
    for kind in type(error).__mro__:
        with contextlib.suppress(TypeError):
            return kind(message)  # type: ignore[no-any-return]
    return error


def identifier(label: str) -> str:
    """A label as a Python identifier, as near to it as can be: 'w₁' is w1, 'learning rate' learning_rate."""
    name = re.sub(r'\W', '_', unicodedata.normalize('NFKC', label))
    if not name.isidentifier():
        name = f'v_{name}'
    if not name.isidentifier():  # a character that counts as part of a word, but not of a name
        name = ''.join(c if f'v{c}'.isidentifier() else '_' for c in name)
    return f'{name}_' if keyword.iskeyword(name) or name == '__debug__' else unicodedata.normalize('NFKC', name)


def number(x: float) -> str:
    """A number as one writes it: 2 rather than 2.0."""
    return f'{x:.0f}' if x.is_integer() and abs(x) < 1e15 and (x or math.copysign(1, x) > 0) else repr(x)


def wrapped(line: str, separator: str) -> list[str]:
    """A line, broken at its separators where it is too long: inside its brackets, or else new ones after its `=`."""
    if len(line) <= LINE_WIDTH or separator not in line:
        return [line]
    added = separator != ', '
    start = line.index('=') + 2 if added else line.index('(' if line.endswith('):') else '[') + 1
    ahead, behind = ('+ ', '') if added else ('', ',')
    indent = ' ' * (len(line) - len(line.lstrip()) + 4)
    lines, current = [], ''
    for piece in line[start:].split(separator):
        if current and len(f'{indent}{current}{separator}{piece}{behind}') >= LINE_WIDTH:
            lines.append(indent + current + behind)
            current = ahead + piece
        else:
            current = f'{current}{separator}{piece}' if current else piece
    return [line[:start] + '(' * added, *lines, indent + current + ')' * added]
