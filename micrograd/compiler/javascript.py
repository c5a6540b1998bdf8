"""The 'javascript' backend: a program as the text of one JavaScript function, for a page or for Node.

Plain ES2020, without a library. V8 takes a function of some hundred operations to machine code in a moment, and one of
tens of thousands never; so a long program is cut into functions, which hand on in an array what later ones need.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence
from typing import NoReturn

from micrograd.compiler.python import ATOM, PRODUCT, PYTHON, Form, Statement, Writer
from micrograd.graph.javascript import IN_JAVASCRIPT
from micrograd.graph.program import Program

FORMS = {**PYTHON, **{name: Form(f'{name}({{}})') for name in IN_JAVASCRIPT},
         '**': Form('{} ** {}', PRODUCT, (ATOM, ATOM))}
WORDS = IN_JAVASCRIPT | {'inf': 'Infinity', 'nan': 'NaN'}  # what a text may name
MOST_STEPS = 500  # operations in one function


class JavascriptWriter(Writer):
    """A program's operations as the statements of one function, or of several that `run` calls in turn."""

    forms = FORMS

    def __init__(self, program: Program) -> None:
        super().__init__(program)
        self.outside = {number: f'x[{number}]' if number < program.inputs else f'p[{number - program.inputs}]'
                        for number in range(program.first)}
        self.kept: set[int] = set()  # the variables that a later function needs

    def source(self) -> str:
        """The text of `run(x, p, g)`: from arrays of the inputs' and the parameters' numbers to the output; each
        parameter's gradient is added to its place in the array g. What else is in the text begins with `run_`."""
        chunks = self._chunks()
        made = {statement.number: number for number, chunk in enumerate(chunks) for statement in chunk
                if statement.target == 'variable'}
        self.kept = {variable for number, chunk in enumerate(chunks) for statement in chunk
                     for variable in self._used(statement) if made.get(variable, number) != number}
        self.outside |= {variable: f'run_t[{place}]' for place, variable in enumerate(sorted(self.kept))}
        bodies = [''.join(f'  {line}\n' for line in self._body(chunk)) for chunk in chunks]
        if len(bodies) == 1:
            text = _function('run', bodies[0] + '  return output;\n')
        else:
            place = len(self.kept)
            bodies = [body.replace('const output = ', f'run_t[{place}] = ') for body in bodies]
            text = f'const run_t = new Float64Array({place + 1});\n' + ''.join(
                _function(f'run_{number}', body) for number, body in enumerate(bodies)) + _function(
                'run', ''.join(f'  run_{number}(x, p, g);\n' for number in range(len(bodies)))
                + f'  return run_t[{place}];\n')
        named = set(re.findall(r'\b[a-z]\w*', text))
        return ''.join(f'const {word} = {meaning};\n' for word, meaning in WORDS.items() if word in named) + text

    def _chunks(self) -> list[list[Statement]]:
        """The statements, in lists of no more operations than one function has."""
        chunks: list[list[Statement]] = [[]]
        total = 0
        for statement in self._statements():
            size = self._size(statement)
            if total + size > MOST_STEPS and chunks[-1]:
                chunks.append([])
                total = 0
            chunks[-1].append(statement)
            total += size
        return chunks

    def _size(self, statement: Statement) -> int:
        """How many operations a statement writes."""
        made = statement.operand if statement.target == 'variable' else None
        size, stack = 1, [statement.operand]
        while stack:
            variable = stack.pop()
            if isinstance(variable, int) and (variable in self.inlined or variable == made):
                operands = self.program.step(variable).operands
                size += max(1, len(operands) - 1)
                stack += operands
        return size

    def _body(self, chunk: Sequence[Statement]) -> Iterator[str]:
        self.names = dict(self.outside)
        for statement in chunk:
            if statement.target == 'variable':
                yield from self._variable(statement)
            elif statement.target == 'gradient':
                yield f'g[{statement.number}] += {self.text(statement.operand)};'
            else:
                yield f'const output = {self.text(statement.operand)};'

    def _variable(self, statement: Statement) -> Iterator[str]:
        texts = self._assigned(statement)
        name = self.names[statement.number] = f'v{statement.number}'
        if len(texts) == 1:
            yield f'const {name} = {texts[0]};'
        else:
            yield f'let {name} = {texts[0]};'
            yield from (f'{name} = {text.format(name)};' for text in texts[1:])
        if statement.number in self.kept:
            yield f'{self.outside[statement.number]} = {name};'


def _function(name: str, body: str) -> str:
    return f'function {name}(x, p, g) {{\n{body}}}\n'


class JavascriptBackend:
    """The text alone: Python does not call it."""

    name = 'javascript'

    def __init__(self, program: Program) -> None:
        self.text = JavascriptWriter(program).source()

    def source(self, inputs: Sequence[str], params: Sequence[str]) -> str:
        """The text, below a list of what stands where in its arrays."""
        listed = [f'{array}[{place}] is {name}' for array, names in (('x', inputs), ('p', params))
                  for place, name in enumerate(names)]
        return ''.join(f'// {line}\n' for line in textwrap.wrap(', '.join(listed), 100)) + self.text

    def outputs(self, *_: object) -> NoReturn:
        raise TypeError('a step compiled as JavaScript is not called from Python: write its .source to a page or a '
                        "file, or compile with backend='python', 'numpy' or 'native'")

    means = accumulate = outputs
