"""The 'javascript' backend: a program as the text of one JavaScript function, for a page or for Node.

Plain ES2020, without a library. V8 takes a function of some hundred operations to machine code in a moment, and one of
tens of thousands never; so a long program is cut into functions, which hand on in an array what later ones need. And
where the weights of a large one form matrices, loops over that array take the place of thousands of operations.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from typing import NoReturn

from micrograd.compiler.layers import Product, layers_of
from micrograd.compiler.pieces import Copy, Pieces, Place, Sink, Statement
from micrograd.compiler.python import PYTHON, Form, Writer
from micrograd.graph.javascript import IN_JAVASCRIPT
from micrograd.graph.program import Program, Step

FORMS = {**PYTHON, **{name: Form(f'{name}({{}})') for name in IN_JAVASCRIPT}}
LARGE = 4_000  # operands, some 700 parameters, from which loops take the place of layers: less text, and soon compiled
WORDS = IN_JAVASCRIPT | {  # what a text may name; to JavaScript's ** alone, 1 ** NaN and 1 ** Infinity are NaN
    'pow': '(a, b) => a === 1 || a === -1 && Math.abs(b) === Infinity ? 1 : a ** b', 'inf': 'Infinity', 'nan': 'NaN'}
# The loops of layers, by name. The vectors x and d begin at some place in the inputs or in t, the memory.
LOOPS = {'run_product': '''\
function run_product(p, first, row, column, x, start, step, t, out, rows, columns, more) {
  for (let r = 0; r < rows; r++) {
    let sum = more ? t[out + r] : -0;
    for (let c = 0, w = first + r * row; c < columns; c++, w += column) sum += p[w] * x[start + c * step];
    t[out + r] = sum;
  }
}
''', 'run_outer': '''\
function run_outer(d, row, x, column, g, first, stride, rows, columns) {
  for (let r = 0; r < rows; r++)
    for (let c = 0, w = first + r * stride; c < columns; c++) g[w + c] += d[row + r] * x[column + c];
}
'''}


class JavascriptWriter(Writer):
    """A program as the statements of one function, or as functions and loops that `run` calls in turn."""

    forms = FORMS

    def __init__(self, program: Program) -> None:
        super().__init__(program)
        self.plan = Pieces(program, layers_of(program, LARGE))
        self.inlined -= self.plan.homes.keys()
        self.outside = {number: f'x[{number}]' if number < program.inputs else f'p[{number - program.inputs}]'
                        for number in range(program.first)}
        self.outside |= {variable: f'run_t[{self.plan.slot(variable)}]' for variable in self.plan.homes}
        self.output = 'const output' if len(self.plan.pieces) == 1 else f'run_t[{self.plan.size}]'

    def source(self) -> str:
        """The text of `run(x, p, g)`: from arrays of the inputs' and the parameters' numbers to the output; each
        parameter's gradient is added to its place in the array g. What else is in the text begins with `run_`."""
        first, *others = self.plan.pieces
        text = self._several() if others or not isinstance(first, list) else _function(
            'run', [*self._body(first), 'return output;'])
        text = ''.join(loop for name, loop in LOOPS.items() if name in text) + text
        named = set(re.findall(r'\b[a-z]\w*', text))
        return ''.join(f'const {word} = {meaning};\n' for word, meaning in WORDS.items() if word in named) + text

    def _several(self) -> str:
        """The memory, a function for each piece that has statements, and `run`, which calls these and the loops."""
        plan, count = self.plan, self.program.params
        parts, calls = [f'const run_t = new Float64Array({plan.size + 1});\n'], list[str]()
        if plan.outers:  # which add to gradients term by term: not to those that are there already
            parts.append(f'const run_g = new Float64Array({count});\n')
            calls.append('run_g.fill(0);')
        g = 'run_g' if plan.outers else 'g'
        for number, piece in enumerate(plan.pieces):
            if isinstance(piece, list):
                parts.append(_function(f'run_{number}', self._body(piece)))
                calls.append(f'run_{number}(x, p, {g});')
            elif isinstance(piece, Product):
                calls += self._product(piece)
            else:
                calls += [f'run_outer({_at(plan.place(d))}, {_at(plan.place(x))}, {g}, {piece.first}, {piece.stride}, '
                          f'{len(d)}, {len(x)});' for d, x in piece.pairs]
        if plan.outers:
            calls.append(f'for (let i = 0; i < {count}; i++) g[i] += run_g[i];')
        return ''.join([*parts, _function('run', [*calls, f'return {self.output};'])])

    def _product(self, layer: Product) -> Iterator[str]:
        x, out, more = self.plan.place(layer.inputs), self.plan.place(layer.outputs), bool(layer.before)
        for first, row, column, columns in layer.segments:
            yield (f'run_product(p, {first}, {row}, {column}, {_at(x)}, {x.step}, {_at(out)}, {len(layer.outputs)}, '
                   f'{columns}, {str(more).lower()});')
            x, more = x._replace(start=x.start + columns * x.step), True

    def step(self, variable: int) -> Step:
        return self.plan.step(variable)

    def _body(self, statements: Sequence[Statement]) -> Iterator[str]:
        self.names = dict(self.outside)
        for statement in statements:
            if isinstance(statement, Copy):
                yield f'run_t[{self.plan.slots[statement.vector] + statement.place}] = {self.text(statement.operand)};'
            elif isinstance(statement, Sink):
                output = statement.place == self.plan.last
                place = f'{self.output} =' if output else f'g[{statement.place}] +='
                yield f'{place} {self.text(statement.operand)};'
            elif (variable := statement.variable) not in self.inlined:
                name = self.names[variable] = f'v{variable}'
                yield f'const {name} = {self._expression(variable)[0]};'
                if variable in self.outside:
                    yield f'{self.outside[variable]} = {name};'


def _at(place: Place) -> str:
    """An array and a place in it."""
    return f'{"x" if place.outside else "run_t"}, {place.start}'


def _function(name: str, lines: Iterable[str]) -> str:
    return f'function {name}(x, p, g) {{\n' + ''.join(f'  {line}\n' for line in lines) + '}\n'


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
