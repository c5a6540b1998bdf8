"""What a compiled graph takes for its inputs, what it says to anything else, and what it does without a backend."""

import array
import builtins
import fractions
import importlib.util
import math
import re
import sys
import warnings

import pytest
from needs import np, torch

import micrograd
from micrograd import Value
from micrograd.compiler.source import rebuilt
from micrograd.nn import MLP

BACKENDS = ['python', 'numpy', 'native']


def line(backend, **options):
    """(w * x + b - y)², with x and y for inputs and w and b for parameters."""
    x, y, w, b = (Value(number, label=name) for name, number in (('x', 1.0), ('y', 2.0), ('w', 3.0), ('b', 4.0)))
    return micrograd.compile((w * x + b - y)**2, [x, y], [w, b], backend=backend, **options), w, b


def product(backend):
    x, y = Value(1.0, label='x'), Value(2.0, label='y')
    return micrograd.compile(x * y - y, [x, y], backend=backend)


# Inputs of every form.

FORMS = [
    list, tuple, np.array, torch.tensor, iter, lambda x: array.array('d', x), lambda x: array.array('i', x),
    lambda x: np.array(x, dtype=np.float32), lambda x: np.array(x, dtype=np.int8), lambda x: np.array(x, dtype='>f8'),
    lambda x: np.array([v for v in x for _ in range(3)], dtype=float)[::3], lambda x: np.array(x[::-1])[::-1],
    lambda x: np.array([x, x], dtype=float).T[:, 0], lambda x: [np.float32(v) for v in x],
    lambda x: [np.array(v) for v in x], lambda x: [torch.tensor(v) for v in x],
    lambda x: [fractions.Fraction(v) for v in x],
    lambda x: torch.tensor(x, dtype=torch.float32), lambda x: torch.tensor([x, x]).T[:, 1],
    lambda x: np.array(x, dtype=object).astype(np.uint16), lambda x: memoryview(array.array('d', x)),
]


@pytest.mark.parametrize('backend', BACKENDS)
@pytest.mark.parametrize('form', FORMS)
def test_sequences_of_every_form(backend, form):
    xs, ys = [3, 1, 4, 5, 9, 2, 6, 7, 8], [2, 7, 1, 8, 3, 0, 9, 5, 4]
    step, w, b = line(backend)
    expected = step.value_and_grad([3.0, 4.0], list(map(float, xs)), list(map(float, ys)))
    assert step.value_and_grad([3.0, 4.0], form(xs), form(ys)) == expected
    assert step.value_and_grad(np.array([3, 4]), form(xs), list(ys))[0] == expected[0]
    assert (step(form(xs), form(ys)), [w.grad, b.grad]) == expected
    predict = product(backend)
    for outputs in (predict(form(xs), form(ys)), predict(xs, form(ys)), predict(form(xs), ys)):
        assert list(outputs) == [x * y - y for x, y in zip(xs, ys, strict=True)]


@pytest.mark.parametrize('backend', BACKENDS)
@pytest.mark.parametrize('number', [5, 5.0, True + 4, fractions.Fraction(5), np.float32(5), np.int8(5), np.array(5),
                                    torch.tensor(5), torch.tensor(5.0)])
def test_numbers_of_every_form(backend, number):
    predict = product(backend)
    for output in (predict(number, 2), predict(5.0, 2.0), predict(number, y=2)):
        assert type(output) is float
        assert output == 8
    assert list(predict(number, [2, 3])) == predict([5, 5], [2.0, 3.0]) == [8, 12]
    step, *_ = line(backend)
    assert step.value_and_grad([3.0, 4.0], number, [1.0, 2.0, 3.0]) == step.value_and_grad(
        [3.0, 4.0], [5.0] * 3, [1.0, 2.0, 3.0])


@pytest.mark.parametrize('backend', BACKENDS)
def test_what_comes_out_has_the_form_of_what_went_in(backend):
    predict, (step, *_) = product(backend), line(backend)
    assert type(predict(1, 2)) is float
    assert [type(output) for output in predict([1, 2], 3)] == [float, float]
    assert predict([4.0], 2.0) == [6.0]
    for x in (np.array([1.0, 2.0]), torch.tensor([1, 2])):
        outputs = predict(x, 3)
        assert (type(outputs), outputs.dtype, outputs.shape) == (np.ndarray, np.dtype(float), (2,))
    assert predict([], []) == predict([], 1.0) == []
    assert predict(np.array([]), np.array([])).shape == (0,)
    value, gradient = step.value_and_grad(np.array([3, 4]), [1.0], [2.0])
    assert (type(value), type(gradient), gradient.dtype, gradient.shape) == (float, np.ndarray, np.dtype(float), (2,))
    value, gradient = step.value_and_grad((3, 4), np.array([1.0]), 2.0)
    assert (type(value), type(gradient), [type(g) for g in gradient]) == (float, list, [float, float])


@pytest.mark.parametrize('backend', BACKENDS)
def test_large_integers_are_floats_before_they_are_multiplied(backend):
    big = 3_037_000_500  # its square is just above what 64 bits hold
    assert product(backend)(np.array([big, 2]), np.array([big, 2])).tolist() == [float(big)**2 - big, 2]
    assert product(backend)(np.array([200, 2], dtype=np.uint8), np.array([201, 3], dtype=np.uint8)).tolist() == [
        200 * 201 - 201, 3]
    assert product(backend)(np.array([True, False]), 3.0).tolist() == [0, -3]
    assert product(backend)(2**70, 3) == 3.0 * 2**70 - 3


@pytest.mark.parametrize('backend', BACKENDS)
def test_what_a_call_returns_stays_as_it_is(backend):
    predict, (step, *_) = product(backend), line(backend)
    xs = np.array([1.0, 2.0, 3.0])
    first, (_, gradient) = predict(xs, xs), step.value_and_grad(np.array([1.0, 2.0]), xs, xs)
    copies = first.copy(), gradient.copy()
    second = predict(xs + 1, xs), step.value_and_grad(np.array([5.0, 2.0]), xs + 7, xs)
    first += 100
    gradient += 100
    assert predict(xs + 1, xs).tolist() == second[0].tolist()
    assert (first - 100).tolist() == copies[0].tolist()
    assert (gradient - 100).tolist() == pytest.approx(copies[1].tolist())
    assert xs.tolist() == [1, 2, 3]


@pytest.mark.parametrize('backend', BACKENDS)
def test_inputs_by_label(backend):
    predict = product(backend)
    assert predict(2, 5) == predict(x=2, y=5) == predict(y=5, x=2) == predict(2, y=5) == 5
    assert predict(y=[5, 6], x=2) == [5, 6]
    a, b, c = Value(1.0, label='self'), Value(2.0, label='theta'), Value(3.0, label='weird label')
    step = micrograd.compile(a * b * c, [a, b], [c], backend=backend)
    assert step(self=2, theta=5) == 30
    assert step.value_and_grad([7.0], self=2, theta=5) == (70, [10])
    assert micrograd.compile(a * c, [a, c], backend=backend)(2, **{'weird label': 4}) == 8


# What is no input.

WRONG = [
    ((), {}, TypeError, r'the inputs are x, y: 2, not 0'),
    ((1.0,), {}, TypeError, r'the inputs are x, y: 2, not 1'),
    ((1.0, 2.0, 3.0), {}, TypeError, r'the inputs are x, y: 2, not 3'),
    ((1.0, 2.0), {'y': 2.0}, TypeError, r"'y' is given twice"),
    ((1.0,), {'z': 2.0}, TypeError, r"'z' is no input: the inputs are x, y"),
    (([1.0, 2.0], [1.0, 2.0, 3.0]), {}, ValueError, r'equally long, but x has 2, y has 3'),
    (([1.0], [1.0, 2.0]), {}, ValueError, r'equally long, but x has 1, y has 2'),
    ((np.ones((2, 2)), 1.0), {}, TypeError, r'x takes .* not an array of shape \(2, 2\) .*: .* as step\(\*X\.T\)'),
    ((torch.ones(2, 2), 1.0), {}, TypeError, r'x takes .* not an array of shape \(2, 2\)'),
    ((1.0, np.array(['1'])), {}, TypeError, 'y takes a number or a flat sequence of numbers'),
    ((1.0, np.array([None])), {}, TypeError, 'y takes a number or a flat sequence of numbers'),
    ((1.0, np.array([1j])), {}, TypeError, 'y takes a number or a flat sequence of numbers, .*complex'),
    ((1.0, 'abc'), {}, TypeError, 'y takes a number or a sequence of numbers, not str$'),
    ((1.0, ''), {}, TypeError, 'y takes a number or a sequence of numbers, not str'),
    ((1.0, b'12345678'), {}, TypeError, 'y takes a number or a sequence of numbers, not bytes'),
    ((1.0, bytearray(8)), {}, TypeError, 'y takes a number or a sequence of numbers, not bytearray'),
    ((1.0, ['1.0']), {}, TypeError, 'y takes a number or a sequence of numbers'),
    ((1.0, None), {}, TypeError, 'y takes a number or a sequence of numbers, not NoneType'),
    ((1.0, [2.0, np.array(1.0), None]), {}, TypeError, 'y takes a number or .*, not list with a NoneType$'),
    ((1.0, 1j), {}, TypeError, 'y takes a number or a sequence of numbers, not complex'),
    ((1.0, [1j]), {}, TypeError, 'y takes a number or a sequence of numbers'),
    ((1.0, [[1.0]]), {}, TypeError, 'y takes a number or a sequence of numbers, not list with a list$'),
    ((1.0, Value(2.0)), {}, TypeError, r'y takes a number .*: write \.data for a Value'),
    ((1.0, [Value(2.0)]), {}, TypeError, r'y takes a number .*: write \.data for a Value'),
    ((1.0, {2.0, 3.0}), {}, TypeError, 'y takes a number or a sequence of numbers, not set, .*: give a list'),
    ((1.0, frozenset([2.0])), {}, TypeError, 'y takes a number or a sequence of numbers, not frozenset'),
    ((1.0, {2.0: 3.0}), {}, TypeError, 'y takes a number or a sequence of numbers, not dict, .*: give a list'),
    ((1.0, object()), {}, TypeError, 'y takes a number or a sequence of numbers, not object'),
]


@pytest.mark.parametrize('backend', BACKENDS)
@pytest.mark.parametrize(('inputs', 'by_label', 'error', 'says'), WRONG)
def test_what_is_no_input(backend, inputs, by_label, error, says):
    predict, (step, w, b) = product(backend), line(backend)
    w.grad, b.grad = 5.0, -0.5
    for warm in (False, True):
        if warm:
            predict([1.0, 2.0], 2.0), step.value_and_grad(np.ones(2), np.ones(2), np.ones(2))
        for call in (predict, step, lambda *a, **k: step.value_and_grad([1.0, 2.0], *a, **k),
                     lambda *a, **k: step.value_and_grad(np.ones(2), *a, **k)):
            with pytest.raises(error, match=says):
                call(*inputs, **by_label)
        assert (w.grad, b.grad) == (5.0, -0.5)


@pytest.mark.parametrize('backend', BACKENDS)
def test_wrong_numbers_of_arrays_after_right_ones(backend):
    step, *_ = line(backend)
    ones = np.ones(3)
    step.value_and_grad(np.ones(2), ones, ones)
    for inputs in ((), (ones,), (ones, ones, ones)):
        with pytest.raises(TypeError, match='the inputs are x, y'):
            step.value_and_grad(np.ones(2), *inputs)
    for theta in (np.ones(1), np.ones(3), np.ones((2, 1)), np.array(1.0), np.array([1, 1j]), np.array(['1', '2'])):
        with pytest.raises((TypeError, ValueError), match='theta'):
            step.value_and_grad(theta, ones, ones)
    with pytest.raises(ValueError, match='equally long'):
        step.value_and_grad(np.ones(2), ones, np.ones(4))


@pytest.mark.parametrize('backend', BACKENDS)
def test_an_empty_batch_has_no_mean(backend):
    step, w, b = line(backend)
    for call in (step, lambda *inputs: step.value_and_grad([1.0, 2.0], *inputs)):
        for empty in ([], np.array([])):
            with pytest.raises(ValueError, match='empty batch'):
                call(empty, empty)
    assert (w.grad, b.grad) == (0, 0)


@pytest.mark.parametrize('backend', BACKENDS)
@pytest.mark.parametrize('theta', [[], [1.0], [1.0, 2.0, 3.0], 1.0, [[1.0, 2.0]], ['1', '2'], None, 'ab', [1.0, None]])
def test_what_is_no_theta(backend, theta):
    step, w, b = line(backend)
    for call in (lambda: step.value_and_grad(theta, 1.0, 2.0), lambda: step.store(theta)):
        with pytest.raises((TypeError, ValueError), match='theta'):
            call()
    assert (w.data, b.data) == (3, 4)


def test_what_cannot_be_stored():
    step, w, b = line('python')
    for bad in (math.nan, math.inf):
        with pytest.raises(ValueError, match=f'b takes a finite number, not {bad}'):
            step.store([1.0, bad])
    assert (w.data, b.data) == (3, 4)
    with pytest.raises(ValueError, match='nothing to differentiate by'):
        product('python').value_and_grad([], 1.0, 2.0)


# Where a function is not defined, Python's backend raises as the engine does.

@pytest.mark.parametrize(('build', 'xs', 'error', 'says'), [
    (lambda x, w: w * x.log(), [1.0, 2.0, 0.0, -1.0], ValueError, r"'.*log\(x\)' with x = 0\.0.*sample 2"),
    (lambda x, w: w / x, [1.0, 0.0], ZeroDivisionError, r"'.*w / x' with w = 3\.0, x = 0\.0, sample 1"),
    (lambda x, w: (w * x).exp(), [800.0], OverflowError, 'sample 0'),
    (lambda x, w: (w * x).sqrt(), [4.0, 4.0, -4.0], ValueError, 'sample 2'),
    (lambda x, w: (w * x).sqrt(), [4.0, 0.0], ZeroDivisionError, r"'d_.*sample 1"),  # has no slope at 0
    (lambda x, w: (w * x)**0.5, [4.0, 0.0], ValueError, r"'d_.*sample 1"),
    (lambda x, w: (w * x)**2, [1e200], OverflowError, 'sample 0'),
    (lambda x, w: (w * x)**-1, [1.0, 0.0], ZeroDivisionError, 'sample 1'),
])
def test_the_python_backend_names_line_and_sample(build, xs, error, says):
    x, w = Value(1.0, label='x'), Value(3.0, label='w')
    step = micrograd.compile(build(x, w), [x], [w], backend='python')
    w.grad = 7.0
    for call in (step, lambda xs: step.value_and_grad([3.0], xs), lambda xs: step(np.array(xs))):
        with pytest.raises(error, match=says):
            call(xs)
    with pytest.raises(error, match='sample 0'):
        step(xs[-1])
    assert w.grad == 7


# What cannot be compiled.

def test_what_cannot_be_compiled():
    x, w = Value(1.0, label='x'), Value(2.0, label='w')
    output = x * w
    output.label = 'z'
    with pytest.raises(TypeError, match='a Value, not list'):
        micrograd.compile([output], [x])
    with pytest.raises(TypeError, match='inputs are Values of the graph, not str'):
        micrograd.compile(output, ['x'])
    with pytest.raises(TypeError, match='inputs are Values of the graph, not NoneType'):
        micrograd.compile(output, None)
    with pytest.raises(TypeError, match=r'params are Values of the graph, not MLP: write \.parameters\(\)'):
        micrograd.compile(output, [x], MLP(2, [1]))
    with pytest.raises(TypeError, match='params are Values of the graph, not float'):
        micrograd.compile(output, [x], [2.0])
    with pytest.raises(ValueError, match=r"inputs are leaves, but 'z' is the result of '\*'"):
        micrograd.compile(output + 1, [output])
    with pytest.raises(ValueError, match=r"params are leaves, but 'z' is the result of '\*'"):
        micrograd.compile(output + 1, params=[output])
    for inputs, params in (([x, x], []), ([x], [x]), ([], [x, w, x])):
        with pytest.raises(ValueError, match='x is listed twice'):
            micrograd.compile(output, inputs, params)
    with pytest.raises(ValueError, match=r"backend is one of .*'native'.* not 'cuda'"):
        micrograd.compile(output, [x], backend='cuda')


@pytest.mark.parametrize('backend', BACKENDS)
@pytest.mark.parametrize(('build', 'number', 'error', 'says'), [
    (lambda c: c.log(), -1.0, ValueError, 'log(c = -1.0): '),
    (lambda c: (c * 2.0).exp(), 400.0, OverflowError, 'exp(800.0): '),
    (lambda c: 1.0 / c, 0.0, ZeroDivisionError, '(1.0) / (c = 0.0): '),
    (lambda c: c ** 0.5, -4.0, ValueError, '(c = -4.0) **0.5: '),
])
def test_a_constant_that_has_left_the_domain_is_named(build, number, error, says, backend):
    w, c = Value(2.0, label='w'), Value(3.0, label='c')
    loss = w * build(c)
    c.data = number
    ends = '; a constant has another number than when the graph was built'
    with pytest.raises(error, match=f'{re.escape(says)}.*(error|zero|input).*{ends}'):  # Python's words, of any version
        micrograd.compile(loss, [], [w], backend=backend)


@pytest.mark.parametrize('threads', [0, -1, 1.5, '2', None])
def test_what_is_no_number_of_threads(threads):
    with pytest.raises(ValueError, match=re.escape(f'threads is a whole number of at least 1, not {threads!r}')):
        micrograd.compile(Value(1.0) * 2.0, threads=threads)


class TwoWordsError(ArithmeticError):
    def __init__(self, first, second):
        super().__init__(f'{first} and {second}')


def test_an_error_that_takes_more_than_a_message_is_told_as_the_nearest_that_does():
    for error, kind in ((TwoWordsError('one', 'two'), ArithmeticError), (OverflowError('one'), OverflowError),
                        (UnicodeDecodeError('utf-8', b'x', 0, 1, 'one'), ValueError), (ValueError(1, 2), ValueError)):
        made = rebuilt(error, 'three')
        assert isinstance(made, kind)
        assert str(made) == 'three'


@pytest.mark.parametrize('backend', [*BACKENDS, None])
def test_an_operation_written_by_hand_is_named(backend):
    x = Value(1.0, label='x')
    by_hand = Value(3.0, (x,), 'triple', label='tripled')

    def step():
        x.grad += 3 * by_hand.grad
    by_hand._backward = step
    with pytest.raises(ValueError, match="operation 'triple', which made 'tripled',"):
        micrograd.compile(by_hand * 2, [x], backend=backend)


def test_inputs_without_influence_are_said_each():
    x, unused, also = Value(1.0, label='x'), Value(2.0, label='unused'), Value(3.0, label='also')
    with pytest.warns(UserWarning) as caught:
        step = micrograd.compile(x * 2, [unused, x, also])
    assert [str(w.message) for w in caught] == [
        f'the output does not depend on the input {name}' for name in ('unused', 'also')]
    assert {w.filename for w in caught} == {__file__}
    assert step([9, 9], [1, 2], 0) == [2, 4]
    assert 'def forward_and_backward(unused, x, also):' in step.source
    x.grad = 1.0
    step = micrograd.compile(x * 2, params=[unused, x])  # a parameter without influence has the gradient 0
    step()
    assert (unused.grad, x.grad) == (0, 3)


def test_parameters_of_another_graph_are_said():
    x, w, other = Value(1.0), Value(2.0), MLP(2, [1])
    with pytest.warns(UserWarning, match='depends on none of the params: give those') as caught:
        step = micrograd.compile(x * w, [x], other.parameters())
    assert [each.filename for each in caught] == [__file__]
    assert step(3.0) == 6


@pytest.mark.parametrize(('samples', 'rebuild', 'says'), [
    ([1.0, 2.0], lambda x, y: x * y - y, 'a sample is a sequence of the numbers for x, y, not float'),
    ([(1.0,)], lambda x, y: x * y - y, 'the inputs are x, y: 2, not 1'),
    ([(1.0, 2.0)], lambda x, y: 0.0, 'rebuild returns the output, a Value, not float')])
def test_what_cannot_be_checked(samples, rebuild, says):
    with pytest.raises(TypeError, match=says):
        product('python').check(samples, rebuild)


def test_a_graph_says_what_it_is():
    step, *_ = line('python')
    assert repr(step) == '<compiled graph of 2 inputs and 2 params, python>'
    assert step.backend == 'python'
    model = MLP(2, [1])
    assert '3 params' in repr(micrograd.compile(model([1.0, 2.0]), params=model.parameters(), backend='python'))


# Without a backend.

def hide(monkeypatch, package):
    """As if the package were not installed."""
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, 'find_spec', lambda name, *rest: None if name == package else find(name, *rest))


def test_backends_by_name():
    assert [line(backend)[0].backend for backend in (*BACKENDS, None)] == [*BACKENDS, 'native']


def test_by_default_python_computes_where_there_is_no_llvmlite(monkeypatch):
    hide(monkeypatch, 'llvmlite')
    assert line(None)[0].backend == 'python'


@pytest.mark.parametrize(('backend', 'missing'), [('native', 'llvmlite'), ('native', 'numpy'), ('numpy', 'numpy')])
def test_a_backend_that_is_not_installed_is_replaced_with_one_warning(backend, missing, monkeypatch):
    real = builtins.__import__

    def without(name, *rest, **options):
        if name.split('.')[0] == missing:
            raise ModuleNotFoundError(f'No module named {missing!r}')
        return real(name, *rest, **options)

    for name in ('native', 'machine'):
        monkeypatch.delitem(sys.modules, f'micrograd.compiler.{name}', raising=False)
    monkeypatch.setattr(builtins, '__import__', without)
    says = f'no {backend} backend, so Python computes: No module .*{missing}'
    with pytest.warns(RuntimeWarning, match=says) as caught:
        step, *_ = line(backend)
    assert (len(caught), step.backend, caught[0].filename) == (1, 'python', __file__)
    assert step.value_and_grad([3.0, 4.0], 1.0, 2.0) == (25.0, [10.0, 10.0])


@pytest.mark.parametrize('error', [NotImplementedError("no 'erf'"), OSError('no target'), RuntimeError('no cpu')])
@pytest.mark.parametrize('backend', ['native', None])
def test_a_backend_that_cannot_do_it_is_replaced_with_one_warning(error, backend, monkeypatch):
    from micrograd.compiler import native

    def fail(*_, **__):
        raise error
    monkeypatch.setattr(native, 'machine', fail)
    with pytest.warns(RuntimeWarning, match=f'no native backend, so Python computes: {error}') as caught:
        step, *_ = line(backend)
    assert (len(caught), step.backend, caught[0].filename) == (1, 'python', __file__)


def test_without_numpy_the_parameters_are_a_list(monkeypatch):
    step, *_ = line('python')
    hide(monkeypatch, 'numpy')
    assert step.params == [3.0, 4.0]
    assert type(step.params) is list
    with warnings.catch_warnings(action='error'):
        assert line(None)[0].backend == 'python'
