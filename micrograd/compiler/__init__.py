"""From a graph to code: `compile` turns a finished graph into a function of its inputs and parameters."""

from __future__ import annotations

import importlib.util
import math
import sys
import warnings
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from numbers import Real
from typing import Any

from micrograd.compiler.collector import held_back
from micrograd.compiler.javascript import JavascriptBackend
from micrograd.compiler.source import Source
from micrograd.engine import Constant, Value
from micrograd.graph.formulas import formula_of
from micrograd.graph.gradients import engine_gradients
from micrograd.graph.naming import node_names
from micrograd.graph.program import Program

BACKENDS = ('python', 'numpy', 'native', 'javascript')


def compile(output: Value, inputs: Iterable[Value] = (), params: Iterable[Value] = (), backend: str | None = None, *,
            names: Mapping[str, object] | bool = True, threads: int = 1) -> Compiled:
    """Turn the graph of an output into code that computes it, and its gradients, again and again, and much faster.

    inputs: the leaves whose numbers are given at each call. params: the leaves to differentiate by, whose numbers are
    read from their `.data` at each call. Every other leaf is a constant. Without params there is only a forward pass,
    which reads the numbers of all leaves at each call: it follows a network's weights as they are trained. (But
    JavaScript has them as they are now.)

    backend: 'python', which is always there and computes what the engine computes to the last bit; 'numpy', on whole
    arrays; 'native', machine code by llvmlite (`pip install llvmlite numpy`). None is native where llvmlite is
    installed, else Python. Where a backend is not to be had, a RuntimeWarning says why, and Python's is taken.
    'javascript' is not called from Python: its `source` is a function for a page or for Node.

    names: what Values without a label are called in the source, as in `draw_dot`. threads: how many compute a large
    batch on the native backend, two at most; its numbers are the same with one.

    What was decided while the graph was built stays as it was: a Python `if` on some `.data`, the number of turns of a
    loop, the form that a loss chose by its input. `Compiled.check` finds out.

    The python backend raises where the engine would for what the parameters need; in the others, NaN and infinity pass
    through as IEEE 754 has it.

    TypeError for what is no Value. ValueError for an input or parameter that is no leaf, or listed twice, for an
    operation without a row in `formulas.py`, for an unknown backend, and for less than one thread; a UserWarning for an
    input without influence, or if no parameter has any.

    >>> x, w = Value(0.0), Value(3.0)
    >>> step = compile((w * x - 1)**2, [x], [w], 'python')
    >>> step([1.0, 2.0])  # the mean of (3·1 − 1)² and (3·2 − 1)²
    14.5
    >>> w.grad
    12.0
    """
    if backend not in (None, *BACKENDS):
        raise ValueError(f'backend is one of {BACKENDS}, or None, not {backend!r}')
    if not isinstance(output, Value):
        raise TypeError(f'compile takes the output of a graph, a Value, not {type(output).__name__}')
    if not isinstance(threads, int) or threads < 1:
        raise ValueError(f'threads is a whole number of at least 1, not {threads!r}')
    inputs, params = _leaves(inputs, 'inputs'), _leaves(params, 'params')
    with held_back():
        order = output.topological_order()
        weights = params if params or backend == 'javascript' else _read(order, inputs)
        source = Source(order, inputs, weights, node_names([*order, *inputs, *params], names, depth=1), bool(params))
        seen: set[Value] = set()
        for value in (*inputs, *params):
            if value in seen:
                raise ValueError(f'{source.names[value]} is listed twice among inputs and params: once is enough')
            seen.add(value)
        known = set(order)
        for value in (value for value in inputs if value not in known):
            warnings.warn(f'the output does not depend on the input {source.names[value]}', stacklevel=2)
        if params and known.isdisjoint(params):
            warnings.warn('the output depends on none of the params: give those that it was computed from',
                          stacklevel=2)
        return Compiled(output, inputs, params, weights, source, backend, threads)


class Compiled:
    """A graph as code; `compile` makes it.

    Called with numbers, or with sequences of one length, a batch, for its inputs, by position or by label, it returns
    the output. With parameters it returns the mean over the batch and adds the mean gradients to the parameters'
    `.grad`, as `backward()` would; without, the output for each sample. A number beside sequences is that number for
    every sample. To read the parameters and to add to their `.grad` takes some 0.1 µs each: from about 2,000 on that is
    most of a step, and `value_and_grad` on arrays the faster way.

    source: the same as plain Python for one sample, to read; from the javascript backend as JavaScript, `run(x, p, g)`,
    which takes arrays of the inputs' and the parameters' numbers, returns the output, and adds the gradients to the
    array g. backend: the name of the backend that it runs on.
    TypeError for wrong inputs, ValueError for lengths that differ or an empty batch; then no gradient has changed.
    """

    def __init__(self, output: Value, inputs: Sequence[Value], params: Sequence[Value], weights: Sequence[Value],
                 source: Source, backend: str | None, threads: int) -> None:
        self._params, self._weights, self._source = params, weights, source
        self._inputs = source.arguments
        self._labels: dict[str, str] = {}
        for value, name in zip(inputs, self._inputs, strict=True):
            self._labels.setdefault(value.label, name)
        self._backend = _backend(backend, output, inputs, weights, bool(params), threads)
        fast = params and hasattr(self._backend, 'fast')
        self._fast = self._backend.fast if fast else _never
        self._fast_accumulate = self._backend.fast_accumulate if fast else _never

    @property
    def backend(self) -> str:
        name: str = self._backend.name
        return name

    @property
    def source(self) -> str:
        if isinstance(self._backend, JavascriptBackend):
            return self._backend.source(self._inputs, [self._source.names[value] for value in self._params])
        return self._source.text

    def __call__(self, /, *inputs: Any, **by_label: Any) -> Any:
        if not by_label and (mean := self._fast_accumulate(self._params, inputs)) is not None:
            return mean
        columns, count = self._columns(inputs, by_label)
        if not self._params:
            outputs = [] if count == 0 else self._guarded(self._backend.outputs, self._now(), columns, count)
            if count is None:
                return float(outputs[0])
            arrays = any(hasattr(x, 'ndim') for x in (*inputs, *by_label.values()))
            return _like_arrays(outputs) if arrays else list(map(float, outputs))
        return self._guarded(self._backend.accumulate, self._params, columns, count)

    def value_and_grad(self, theta: Any, /, *inputs: Any, **by_label: Any) -> tuple[float, Any]:
        """The mean output and its gradient at the parameters theta, a sequence of as many numbers as there are params.

        No Value is read or changed. The gradient is an array where theta is one, else a list. SciPy's
        `minimize(step.value_and_grad, step.params, args=(xs, ys), jac=True)` takes it as it is.
        """
        if not by_label and (found := self._fast(theta, inputs)):
            return found  # type: ignore[no-any-return]
        if not self._params:
            raise ValueError('there is nothing to differentiate by: give compile(…, params=…)')
        columns, count = self._columns(inputs, by_label)
        mean, gradients = self._guarded(self._backend.means, self._theta(theta), columns, count)
        return mean, _like_arrays(gradients) if hasattr(theta, 'ndim') else gradients.tolist()

    @property
    def params(self) -> Any:
        """The parameters' numbers: an array where NumPy is installed, else a list."""
        numbers = [parameter.data for parameter in self._params]
        return _like_arrays(numbers) if importlib.util.find_spec('numpy') else numbers

    def store(self, theta: Sequence[float]) -> None:
        """Set the parameters' numbers. ValueError for too few, too many or one not finite; then none is set."""
        numbers = [float(number) for number in self._theta(theta)]
        for parameter, number in zip(self._params, numbers, strict=True):
            if not math.isfinite(number):
                raise ValueError(f'{self._source.names[parameter]} takes a finite number, not {number}')
        for parameter, number in zip(self._params, numbers, strict=True):
            parameter.data = number

    def check(self, samples: Iterable[Sequence[float]], rebuild: Callable[..., Value], rtol: float = 1e-9) -> None:
        """Compare this code with a function that builds the graph anew, on samples of the inputs.

        rebuild: takes a Value for each input and returns the output, using the same parameters. ValueError where output
        or gradients differ by more than rtol, relative to the largest gradient: then something was frozen, such as a
        Python `if`.
        """
        for number, sample in enumerate(samples):
            if not isinstance(sample, Sequence) and not hasattr(sample, 'ndim'):
                raise TypeError(f'a sample is a sequence of the numbers for {", ".join(self._inputs)}, not '
                                f'{type(sample).__name__}')
            columns, _ = self._columns(sample, {})
            output = rebuild(*map(Value, sample))
            if not isinstance(output, Value):
                raise TypeError(f'rebuild returns the output, a Value, not {type(output).__name__}')
            if not self._params:
                pairs = [('the output', float(self._backend.outputs(self._now(), columns, 1)[0]), output.data)]
            else:
                mean, gradients = self._backend.means([parameter.data for parameter in self._params], columns, 1)
                pairs = [('the output', mean, output.data), *zip(
                    [f'the gradient for {self._source.names[parameter]}' for parameter in self._params],
                    gradients.tolist(), engine_gradients(output, self._params), strict=True)]
            scale = max(abs(rebuilt) for _, _, rebuilt in pairs)
            for what, ours, rebuilt in pairs:
                same = ours == rebuilt or (math.isnan(ours) and math.isnan(rebuilt))
                if not same and not abs(ours - rebuilt) <= rtol * max(scale, 1e-300):
                    raise ValueError(f'{what} is {ours} here, but {rebuilt} in the graph built anew, on sample {number}'
                                     f', {tuple(sample)}: compiling froze a choice or a loop that depended on inputs')

    def __repr__(self) -> str:
        return f'<compiled graph of {len(self._inputs)} inputs and {len(self._params)} params, {self.backend}>'

    def _now(self) -> list[float]:
        """The weights' numbers of now."""
        return [weight.data for weight in self._weights]

    def _theta(self, theta: Any) -> Any:
        """The parameters' numbers, as many as there are."""
        numbers = _numbers(theta, 'theta')
        found = 'a number' if isinstance(numbers, float) else len(numbers)
        if found != len(self._params):
            raise ValueError(f'theta has one number for each of the {len(self._params)} params, not {found}')
        return numbers

    def _columns(self, inputs: Sequence[Any], by_label: Mapping[str, Any]) -> tuple[list[Any], int | None]:
        """The inputs as floats and sequences of floats, and how long these are; None if there are only numbers."""
        if by_label or len(inputs) != len(self._inputs):
            inputs = self._in_order(inputs, by_label)
        count: int | None = None
        columns: list[Any] = []
        for name, x in zip(self._inputs, inputs):
            column = x if type(x) is float else _numbers(x, name)
            if not isinstance(column, float):
                if count is None:
                    count = len(column)
                elif len(column) != count:
                    lengths = ', '.join(f'{n} has {len(c)}' for n, c in zip(self._inputs, [*columns, column])
                                        if not isinstance(c, float))
                    raise ValueError(f'the inputs of one batch are equally long, but {lengths}')
            columns.append(column)
        if count == 0 and self._params:
            raise ValueError('an empty batch has no mean')
        return columns, count

    def _in_order(self, inputs: Sequence[Any], by_label: Mapping[str, Any]) -> list[Any]:
        """The inputs, some of them given by label, in their order."""
        given = dict(zip(self._inputs, inputs))
        for label, x in by_label.items():
            name = self._labels.get(label, label)
            if name not in self._inputs or name in given:
                raise TypeError(f'{label!r} is ' + ('given twice' if name in given else 'no input')
                                + f': the inputs are {", ".join(self._inputs)}')
            given[name] = x
        if len(given) != len(self._inputs) or len(inputs) > len(self._inputs):
            raise TypeError(f'the inputs are {", ".join(self._inputs) or "none"}: {len(self._inputs)}, not '
                            f'{len(inputs) + len(by_label)}')
        return [given[name] for name in self._inputs]

    def _guarded(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """What a backend computes; where it has no value, an error that says at which sample and in which line."""
        *first, columns, count = arguments
        try:
            return function(*first, columns, 1 if count is None else count)
        except (ArithmeticError, ValueError) as error:
            rows = ([c if type(c) is float else float(c[row]) for c in columns] for row in range(count or 1))
            numbers = [getattr(number, 'data', number) for number in (first[0] if first else ())]
            raise self._source.located(error, rows, numbers) from None


def _never(*_: object) -> Any:
    """The fast way of a backend that has none."""


def _backend(name: str | None, output: Value, inputs: Sequence[Value], weights: Sequence[Value], backward: bool,
             threads: int) -> Any:
    """The backend of that name, or Python's with a warning that says why."""
    if name == 'javascript':
        return JavascriptBackend(Program(output, inputs, weights))
    if name is None:
        name = 'native' if importlib.util.find_spec('llvmlite') and importlib.util.find_spec('numpy') else 'python'
    try:
        if name == 'native':
            from micrograd.compiler.native import NativeBackend
            return NativeBackend(Program(output, inputs, weights, seeded=backward, backward=backward), threads)
        if name == 'numpy':
            from micrograd.compiler.python import NumpyBackend
            return NumpyBackend(Program(output, inputs, weights, backward=backward))
    except (ImportError, NotImplementedError, RuntimeError, OSError) as error:
        hint = '; pip install llvmlite numpy' if isinstance(error, ImportError) and sys.platform != 'emscripten' else ''
        warnings.warn(f'no {name} backend, so Python computes: {error}{hint}', RuntimeWarning, stacklevel=4)
    from micrograd.compiler.python import PythonBackend
    return PythonBackend(Program(output, inputs, weights, backward=backward))


def _read(order: Sequence[Value], inputs: Sequence[Value]) -> list[Value]:
    """The leaves whose numbers a forward pass reads at each call: all but the inputs, plain numbers, and what a step
    without a formula has been made of, whose result stays what it is."""
    fixed: set[Value] = set(inputs)
    for node in reversed(order):
        if node._prev and (node in fixed or formula_of(node) is None):
            fixed.update(node._prev)
    return [node for node in order if not node._prev and node not in fixed and not isinstance(node, Constant)]


def _leaves(values: Iterable[Value], what: str) -> list[Value]:
    if not isinstance(values, Iterable):
        hint = ': write .parameters()' if hasattr(values, 'parameters') else ''
        raise TypeError(f'{what} are Values of the graph, not {type(values).__name__}{hint}')
    values = [values] if isinstance(values, Value) else list(values)
    for value in values:
        if not isinstance(value, Value):
            raise TypeError(f'{what} are Values of the graph, not {type(value).__name__}')
        if value._prev:
            raise ValueError(f'{what} are leaves, but {value.label or value!r} is the result of {value._op!r}')
    return values


def _numbers(x: Any, name: str) -> Any:
    """A float, or a sequence of floats; TypeError for anything else."""
    if hasattr(x, 'ndim'):
        import numpy
        column = x if type(x) is numpy.ndarray else numpy.asarray(x)
        if column.dtype.kind in 'fiub' and column.ndim < 2:
            return numpy.asarray(column, dtype=float) if column.ndim else float(column)
        hint = ': give its columns one by one, as step(*X.T) does' if column.ndim == 2 and name != 'theta' else ''
        raise TypeError(f'{name} takes a number or a flat sequence of numbers, not an array of shape {column.shape} '
                        f'and type {column.dtype}{hint}')
    if isinstance(x, Real):
        return float(x)
    if isinstance(x, (set, frozenset, Mapping)):
        raise TypeError(f'{name} takes a number or a sequence of numbers, not {type(x).__name__}, which has no places '
                        'in a row: give a list')
    try:
        return array('d', [b''] if isinstance(x, (bytes, bytearray)) else x)  # it would take their bits for numbers
    except TypeError:
        kinds = [type(x)]
        if isinstance(x, Sequence) and not isinstance(x, (str, bytes, bytearray)):
            kinds += [type(each) for each in x if isinstance(each, Value) or not hasattr(each, '__float__')][:1]
        found = ' with a '.join(kind.__name__ for kind in kinds)
        hint = ': write .data for a Value' if Value in kinds else ''
        raise TypeError(f'{name} takes a number or a sequence of numbers, not {found}{hint}') from None


def _like_arrays(numbers: Any) -> Any:
    import numpy
    return numpy.asarray(numbers, dtype=float)
