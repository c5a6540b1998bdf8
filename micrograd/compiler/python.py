"""The 'python' and the 'numpy' backend: a program as the text of one function, compiled by Python itself.

Python's own function loops over the samples of a batch, with every number in a local variable; NumPy's works on whole
arrays. What is used once is written where it is used, and the name of a variable is used again as soon as it is free:
fewer numbers alive at a time stay in the processor's caches, which halves the time.
"""

from __future__ import annotations

import math
import threading
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import repeat
from typing import Any, NamedTuple

from micrograd.engine import Value
from micrograd.graph.formulas import FUNCTIONS
from micrograd.graph.program import Operand, Program, Step, variables

CONDITION, SUM, PRODUCT, ATOM = range(4)  # how tightly a text holds together
MOST_INLINED = 40  # operations in one expression: Python nests parentheses no deeper than 200
ADDING = threading.RLock()  # of whoever adds to gradients: steps in several threads may share parameters
TERMS = 500  # of a dot product in one statement: Python's limit is about 2,900


class Form(NamedTuple):
    """How an operation is written, how tightly that holds together, and how tightly its operands must."""

    text: str
    holds: int = ATOM
    needs: tuple[int, int] = (CONDITION, CONDITION)
    repeats: bool = False  # its operand, which must be a name then


PYTHON = {
    '+': Form('{} + {}', SUM, (SUM, PRODUCT)), '-': Form('{} - {}', SUM, (SUM, PRODUCT)),
    '*': Form('{} * {}', PRODUCT, (PRODUCT, ATOM)), '/': Form('{} / {}', PRODUCT, (PRODUCT, ATOM)),
    'neg': Form('-{}', PRODUCT, (ATOM, ATOM)), '**': Form('pow({}, {})'),
    'relu': Form('0.0 if {0} < 0 else {0}', CONDITION, repeats=True),
    'step': Form('1.0 if {} > 0 else 0.0', CONDITION, (SUM, SUM)),
    **{name: Form(f'{name}({{}})') for name in FUNCTIONS if name not in ('relu', 'step')},
}
NUMPY = {**PYTHON, 'relu': Form('maximum({}, zero)'), 'step': Form('multiply({} > zero, one)', needs=(SUM, SUM))}


def form_of(op: str, operands: Sequence[object], forms: Mapping[str, Form]) -> Form:
    """How an operation on these operands is written: a power with a whole exponent as `**`, which is never complex."""
    whole = op == '**' and isinstance(operands[1], float) and operands[1].is_integer()
    return Form('{} ** {}', PRODUCT, (ATOM, CONDITION)) if whole else forms[op]


class Statement(NamedTuple):
    """What a line is for: a variable, the 'output', or the 'gradient' with a number; and where that comes from."""

    target: str
    number: int
    operand: Operand


class Writer:
    """A program's operations as the lines of a function, in their order."""

    forms: Mapping[str, Form] = PYTHON

    def __init__(self, program: Program) -> None:
        self.program = program
        self.names = {number: f'x{number}' if number < program.inputs else f'p{number - program.inputs}'
                      for number in range(program.first)}
        self.inlined = self._inlined()

    def source(self) -> str:
        """The text of `run(params, samples)`, which returns the sum of the outputs and that of each gradient; without
        gradients, the list of outputs."""
        program = self.program
        inputs = ''.join(f'x{number}, ' for number in range(program.inputs)) or '()'
        params = ''.join(f'p{number}, ' for number in range(program.params))
        sums = ', '.join(f'g{number}' for number in range(program.params))
        return '\n'.join([
            'def run(params, samples):',
            *([f'    {params} = params'] if params else []),
            *(['    total = -0.0', f'    {sums.replace(",", " =")} = 0.0'] if program.gradients else
              ['    outputs = []']),
            f'    for {inputs} in samples:',
            *(f'        {line}' for line in self.lines()),
            f'    return total, [{sums}]' if program.gradients else '    return outputs'])

    def lines(self) -> Iterator[str]:
        """The statements as text; a name is free again after the last use of its variable."""
        statements = list(self._statements())
        used = [list(self._used(statement)) for statement in statements]
        last = {variable: place for place, variables in enumerate(used) for variable in variables}
        free: list[str] = []
        count = 0
        for place, statement in enumerate(statements):
            texts = self._assigned(statement) if statement.target == 'variable' else [self.sink(statement)]
            dying = [self.names.pop(variable) for variable in dict.fromkeys(used[place])
                     if last[variable] == place and variable >= self.program.first]
            if len(texts) == 1:  # else the first text must not overwrite what the second one reads
                free += dying
            if statement.target == 'variable':
                if not free:
                    free.append(f't{count}')
                    count += 1
                name = self.names[statement.number] = free.pop()
                texts = [f'{name} = {text.format(name)}' for text in texts]
            if len(texts) > 1:
                free += dying
            yield from texts

    def step(self, variable: int) -> Step:
        return self.program.step(variable)

    def sink(self, statement: Statement) -> str:
        """The line that adds the output or a gradient to its sum."""
        text = self.text(statement.operand)
        if statement.target == 'gradient':
            return f'g{statement.number} += {text}'
        return f'total += {text}' if self.program.gradients else f'outputs.append({text})'

    def text(self, operand: Operand, needs: int = CONDITION) -> str:
        """An operand as it is written where it has to hold together so tightly."""
        if isinstance(operand, float):
            text, holds = repr(operand), PRODUCT if math.copysign(1, operand) < 0 else ATOM  # inf and nan are names
        elif operand in self.inlined:
            text, holds = self._expression(operand)
        else:
            return self.names[operand]
        return text if holds >= needs else f'({text})'

    def _assigned(self, statement: Statement) -> list[str]:
        """What is assigned to a variable; for a long dot product in pieces, where {} is what it has come to."""
        op, operands = self.step(statement.number)
        if op != 'dot':
            return [self._expression(statement.number)[0]]
        products = self._products(operands)
        return [('{} + ' if i else '') + ' + '.join(products[i:i + TERMS]) for i in range(0, len(products), TERMS)]

    def _expression(self, variable: int) -> tuple[str, int]:
        """A step, written, and how tightly that holds together."""
        op, operands = self.step(variable)
        if op == 'dot':
            return ' + '.join(self._products(operands)), SUM
        form = form_of(op, operands, self.forms)
        return form.text.format(*map(self.text, operands, form.needs)), form.holds

    def _products(self, operands: Sequence[Operand]) -> list[str]:
        """The products in a dot product, behind what they are added to, if there is one operand more."""
        odd, half = len(operands) % 2, len(operands) // 2
        return [self.text(total) for total in operands[:odd]] + [
            f'{self.text(w, PRODUCT)} * {self.text(x, ATOM)}'
            for w, x in zip(operands[odd:odd + half], operands[odd + half:], strict=True)]

    def _inlined(self) -> set[int]:
        """The variables that are written where they are used: used once, and not too long."""
        program = self.program
        uses = Counter(variables(operand for step in program.steps for operand in step.operands))
        uses.update(variables([program.output, *program.gradients]))
        named = {step.operands[0] for step in program.steps if step.op in self.forms and self.forms[step.op].repeats}
        inlined: set[int] = set()
        sizes: dict[int, int] = {}
        for variable, step in enumerate(program.steps, program.first):
            size = max(1, len(step.operands) - 1) + sum(sizes.get(variable, 0) for variable in variables(step.operands))
            if uses[variable] == 1 and variable not in named and size <= MOST_INLINED:
                inlined.add(variable)
                sizes[variable] = size
        return inlined

    def _statements(self) -> Iterator[Statement]:
        """Each variable that has a name, and the output and the gradients as soon as they are known."""
        program = self.program
        sinks: dict[Operand, list[Statement]] = {}
        for target, operands in ('output', [program.output]), ('gradient', program.gradients):
            for number, operand in enumerate(operands):
                sinks.setdefault(operand, []).append(Statement(target, number, operand))
        for variable in range(program.first, program.first + len(program.steps)):
            if variable not in self.inlined:
                yield Statement('variable', variable, variable)
            yield from sinks.pop(variable, ())
        for statements in sinks.values():
            yield from statements

    def _used(self, statement: Statement) -> Iterator[int]:
        """The variables whose names a statement has in it."""
        stack = list(variables(self.program.step(statement.number).operands if statement.target == 'variable'
                               else [statement.operand]))
        while stack:
            variable = stack.pop()
            if variable in self.inlined:
                stack += variables(self.program.step(variable).operands)
            else:
                yield variable


class NumpyWriter(Writer):
    """The same on arrays: each input is one, of all samples. A parameter is an array of no dimension, which NumPy takes
    half as long to multiply with as a float."""

    forms = NUMPY

    def __init__(self, program: Program) -> None:
        super().__init__(program)
        self.varies = set(range(program.inputs))  # from sample to sample, as what is computed from the inputs does
        for variable, step in enumerate(program.steps, program.first):
            if not self.varies.isdisjoint(variables(step.operands)):
                self.varies.add(variable)

    def source(self) -> str:
        """The text of `run(params, samples, ones)`, which returns the outputs and the sum of each gradient; ones is an
        array of as many ones as there are samples."""
        inputs = ''.join(f'x{number}, ' for number in range(self.program.inputs))
        params = ''.join(f'p{number}, ' for number in range(self.program.params))
        return '\n'.join([
            'def run(params, samples, ones):',
            *([f'    {inputs} = samples'] if inputs else []), *([f'    {params} = params'] if params else []),
            *(f'    {line}' for line in self.lines()),
            f'    return outputs, [{", ".join(f"g{number}" for number in range(len(self.program.gradients)))}]'])

    def sink(self, statement: Statement) -> str:
        operand = statement.operand
        if statement.target == 'output':
            return f'outputs = {self.text(operand)}'
        target = f'g{statement.number} ='
        if isinstance(operand, float) or operand not in self.varies:
            return f'{target} len(ones) * {self.text(operand, ATOM)}'
        if operand in self.inlined and operand >= self.program.first:
            op, operands = self.program.step(operand)
            if op == '*' and self.varies.issuperset(variables(operands)) and len(list(variables(operands))) == 2:
                return f'{target} dot({self.text(operands[0])}, {self.text(operands[1])})'
        return f'{target} dot({self.text(operand)}, ones)'


class Backend:
    """What the two have in common."""

    def accumulate(self, values: Sequence[Value], columns: Sequence[Any], count: int) -> float:
        """The mean of the output; the Values' gradients gain the means of theirs."""
        mean, gradients = self.means([value.data for value in values], columns, count)
        with ADDING:
            for value, gradient in zip(values, gradients.tolist(), strict=True):
                value.grad = (0.0 if value.grad is None else value.grad) + gradient
        return mean

    def means(self, params: Sequence[float], columns: Sequence[Any], count: int) -> tuple[float, Any]:
        """The mean over the samples of the output, and of each parameter's gradient."""
        raise NotImplementedError


class PythonBackend(Backend):
    """Python's own arithmetic, sample by sample: to the last bit what the engine computes."""

    name = 'python'

    def __init__(self, program: Program) -> None:
        self.run = _function(Writer(program).source(), {**FUNCTIONS, 'pow': math.pow})

    def means(self, params: Sequence[float], columns: Sequence[Any], count: int) -> tuple[float, Any]:
        """The mean over the samples of the output, and of each parameter's gradient."""
        total, gradients = self.run(array('d', params), _samples(columns, count))
        return total / count, array('d', [gradient / count for gradient in gradients])

    def outputs(self, params: Sequence[float], columns: Sequence[Any], count: int) -> list[float]:
        """The output for each sample."""
        outputs: list[float] = self.run(array('d', params), _samples(columns, count))
        return outputs


class NumpyBackend(Backend):
    """NumPy's arithmetic, each operation on all samples at once; NaN and infinity pass through."""

    name = 'numpy'

    def __init__(self, program: Program) -> None:
        import numpy
        self.numpy = numpy
        names = ('abs', 'exp', 'log', 'sqrt', 'sin', 'cos', 'tanh', 'maximum', 'multiply', 'dot')
        self.run = _function(NumpyWriter(program).source(), {
            **{name: getattr(numpy, name) for name in names}, 'pow': numpy.power, 'log0': self._log0,
            'sign': self._sign, 'sigmoid': self._sigmoid, 'zero': numpy.array(0.0), 'one': numpy.array(1.0)})

    def means(self, params: Sequence[float], columns: Sequence[Any], count: int) -> tuple[float, Any]:
        """The mean over the samples of the output, and of each parameter's gradient."""
        outputs, gradients = self._run(params, columns, count)
        return float(outputs.mean()), self.numpy.array(gradients) / count

    def outputs(self, params: Sequence[float], columns: Sequence[Any], count: int) -> Any:
        """The output for each sample."""
        return self._run(params, columns, count)[0].copy()  # it may be an input

    def _run(self, params: Sequence[float], columns: Sequence[Any], count: int) -> tuple[Any, list[Any]]:
        theta = self.numpy.array(params, dtype=float)
        full, ones = self.numpy.full, self.numpy.ones(count)
        samples = [full(count, column) if isinstance(column, float) else self.numpy.asarray(column)
                   for column in columns]
        with self.numpy.errstate(all='ignore'):
            outputs, gradients = self.run([theta[i, ...] for i in range(len(theta))], samples, ones)
        return self.numpy.broadcast_to(outputs, count), gradients

    def _log0(self, a: Any) -> Any:
        return self.numpy.where(a == 0, 0.0, self.numpy.log(a))

    def _sign(self, a: Any) -> Any:
        return self.numpy.where(a == a, self.numpy.sign(a), 0.0)  # NumPy's own is NaN at NaN

    def _sigmoid(self, a: Any) -> Any:
        small = self.numpy.exp(-abs(a))
        return self.numpy.where(a >= 0, 1.0, small) / (1.0 + small)


def _samples(columns: Sequence[Any], count: int) -> Iterable[tuple[float, ...]]:
    """The columns, row by row; a column that is a number is that number in each row."""
    rows = [repeat(column, count) if isinstance(column, float) else column.tolist() for column in columns]
    return zip(*rows, strict=True) if rows else [()] * count


def _function(source: str, names: Mapping[str, object]) -> Callable[..., Any]:
    """The function `run` of a source text, with what its names stand for."""
    namespace = {'inf': math.inf, 'nan': math.nan, **names}
    exec(compile(source, '<compiled graph>', 'exec'), namespace)
    return namespace['run']  # type: ignore[return-value]
