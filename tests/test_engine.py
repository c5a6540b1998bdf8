"""The engine against PyTorch, SymPy and finite differences; its graphs, its errors, its memory."""

import ast
import copy
import functools
import gc
import itertools
import math
import operator
import pickle
import re
import shutil
import subprocess
import sys
import weakref
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
import sympy
import torch
from hypothesis import given, settings
from random_graphs import DOMAINS, METHODS, SYMPY, evaluate, graphs, tensor

import micrograd.engine
from micrograd import Value, dot
from micrograd.nn import MLP

every_operation = pytest.mark.parametrize('text', DOMAINS)


def differentiated(text, point, make=Value):
    """The result of an operation at a point, and its gradients."""
    leaves = {letter: make(number) for letter, number in zip('abcd', point, strict=False)}
    out = evaluate(text, leaves)
    out.backward()
    return out.item(), [getattr(leaf.grad, 'item', lambda g=leaf.grad: g)() for leaf in leaves.values()]


def points(text, kinks=False):
    """The points of its domain; 0, where abs and relu have their kink, only if asked for."""
    kinked = text in ('abs(a)', 'relu(a)') and not kinks
    return [point for point in itertools.product(*DOMAINS[text]) if not (kinked and 0.0 in point)]


def close(expected, rel=1e-12, at_zero=1e-15):
    return pytest.approx(expected, rel=rel, abs=at_zero)


@pytest.fixture
def no_gc():
    """Reference counting alone frees what is freed."""
    gc.disable()
    yield
    gc.enable()


# Numbers and derivatives

@every_operation
def test_operation_against_torch(text):
    for point in points(text, kinks=True):
        data, grads = differentiated(text, point)
        assert (data, grads) == tuple(map(close, differentiated(text, point, tensor))), point


@every_operation
def test_operation_against_sympy(text):
    symbols = sympy.symbols('a b c d', real=True)[:len(DOMAINS[text])]
    formula = evaluate(text, {symbol.name: symbol for symbol in symbols}, SYMPY)
    oracle = sympy.lambdify(symbols, [formula, *(sympy.diff(formula, symbol) for symbol in symbols)], 'mpmath')
    for point in points(text):
        data, grads = differentiated(text, point)
        assert [data, *grads] == close([float(number) for number in oracle(*point)]), point


@every_operation
def test_operation_against_finite_differences(text):
    for point in points(text):
        slopes = []
        for i, x in enumerate(point):
            h = 1e-6 * max(1, abs(x))
            above, below = (differentiated(text, (*point[:i], x + step, *point[i + 1:]))[0] for step in (h, -h))
            slopes.append((above - below) / (2 * h))
        assert differentiated(text, point)[1] == close(slopes, 1e-5, 1e-6), point


@pytest.mark.parametrize(('text', 'point'), [
    *(('a ** b', (0.0, exponent)) for exponent in (0.0, 1.0, 2.0, 2.5)),
    *((f'{name}(a)', (x,)) for name in ('tanh', 'sigmoid') for x in (1e-3, 1000.0, -1000.0, math.inf, -math.inf)),
])
def test_edge_of_the_domain_against_torch(text, point):
    data, grads = differentiated(text, point)
    assert (data, grads) == tuple(map(close, differentiated(text, point, tensor)))


@pytest.mark.parametrize('text', ['relu(a)', 'abs(a)', 'tanh(a)', 'sigmoid(a)', 'sin(a)', 'a * 0', 'exp(a)', 'log(a)'])
def test_nan_stays_nan(text):
    assert math.isnan(evaluate(text, {'a': Value(math.nan)}).data)


@settings(max_examples=300, deadline=None)
@given(graphs())
def test_random_graphs_against_torch(graph):
    values, tensors, by_hand = graph.values(), graph.tensors(), graph.values()
    values[graph.root].backward()
    tensors[graph.root].backward()
    by_hand[graph.root].grad = 1.0
    for node in reversed(by_hand[graph.root].topological_order()):
        node._backward()
    for name, value in values.items():
        assert value.data == close(tensors[name].item(), 1e-9, 1e-12), name
        assert value.grad == close(tensors[name].grad.item(), 1e-9, 1e-12), name
        assert by_hand[name].grad == value.grad, name


@settings(max_examples=300, deadline=None)
@given(graphs())
def test_second_backward_doubles_leaves_exactly_and_resets_results(graph):
    values = graph.values()
    values[graph.root].backward()
    first = {name: value.grad for name, value in values.items()}
    values[graph.root].backward()
    for name, value in values.items():
        assert value.grad == first[name] * (2 if name in graph.leaves else 1), name


def test_dot_adds_from_left_to_right():
    """As the sum written out does, to the last bit, where a compensated or a pairwise sum would not."""
    ws, xs = [1.0, 1e100, 1.0, -1e100, 0.1, 0.2, 0.3], [1.0, 1.0, 1.0, 1.0, 0.7, 0.9, -1.1]
    assert dot(ws[:4], xs[:4]).data == 0.0
    assert dot(ws, map(Value, xs)).data == functools.reduce(operator.add, map(operator.mul, map(Value, ws), xs)).data
    assert [repr(dot(zeros, [1.0] * len(zeros)).data) for zeros in ([], [0.0], [-0.0])] == ['0.0', '0.0', '-0.0']
    with pytest.raises(ValueError, match='of 1 and 2'):
        dot([Value(1)], [1, 2])


# Graphs

@pytest.mark.parametrize(('text', 'operands', 'op'), [
    ('a + b', 'ab', '+'), ('a - b', 'ab', '-'), ('a * b', 'ab', '*'), ('a / b', 'ab', '/'), ('a ** b', 'ab', '**'),
    ('b - a', 'ba', '-'), ('a * a', 'aa', '*'), ('-a', 'a', 'neg'), ('abs(a)', 'a', 'abs'), ('a ** 2', 'a', '**2'),
    ('a ** -1', 'a', '**-1'), ('a ** 0.5', 'a', '**0.5'), *((f'{name}(a)', 'a', name) for name in METHODS),
    ('dot([a, b], [c, a])', 'abca', 'dot'), ('dot([2], [a])', '2a', 'dot'), ('0.0 + a', '0a', '+'),
    ('a + 0', 'a0', '+'), ('3 + a', '3a', '+'), ('3 - a', '3a', '-'), ('a - 3', 'a3', '-'), ('3 * a', '3a', '*'),
    ('3 / a', '3a', '/'), ('3 ** a', '3a', '**'),
])
def test_operands_in_order_and_symbol(text, operands, op):
    leaves = {letter: Value(1.5) for letter in 'abc'}
    out = evaluate(text, leaves)
    assert (out._op, out.label, out.grad, len(out._prev)) == (op, '', 0.0, len(operands))
    for operand, letter in zip(out._prev, operands, strict=True):
        assert operand is leaves[letter] if letter in leaves else (operand.data, operand._prev) == (float(letter), ())


def test_zero_plus_value_is_the_value():
    """So that sum(), which starts from the int 0, adds no node."""
    a, b = Value(1.0), Value(2.0)
    assert 0 + a is a
    assert sum([a, b]).topological_order()[:-1] == [a, b]


def test_squared_error_is_six_values():
    w, x, y = Value(1, label='w'), Value(1, label='x'), Value(2, label='y')
    order = ((w * x - y)**2).topological_order()
    assert [(v.label, v._op) for v in order] == [('w', ''), ('x', ''), ('', '*'), ('y', ''), ('', '-'), ('', '**2')]


@settings(deadline=None)
@given(graphs())
def test_topological_order_is_each_node_once_after_its_operands(graph):
    values = graph.values()
    order = values[graph.root].topological_order()
    place = {node: i for i, node in enumerate(order)}
    assert len(order) == len(place) and set(order) >= set(values.values()) and order[-1] is values[graph.root]
    assert all(place[operand] < place[node] for node in order for operand in node._prev)


def test_both_uses_are_complete_before_the_walk_goes_on():
    a = Value(3.0)
    b = a + a
    c = b + b
    c.backward()
    assert (a.grad, b.grad, c.grad) == (4.0, 2.0, 1.0)


def test_backward_from_a_leaf_and_from_an_inner_node():
    a = Value(3.0)
    a.backward()
    a.backward()
    assert (a.topological_order(), a.grad) == ([a], 2.0)
    b = a * a
    c = b * 5
    b.backward()
    assert (a.grad, b.grad, c.grad) == (8.0, 1.0, 0.0)


# The lessons

def test_lesson_1():
    w, x, y = Value(1.0), Value(1.0), Value(2.0)
    y_hat = w * x
    s = y_hat - y
    loss = s**2
    assert (y_hat.data, s.data, loss.data) == (1, -1, 1)
    loss.backward()
    assert (loss.grad, s.grad, y_hat.grad, w.grad, x.grad, y.grad) == (1, -2, -2, -2, -2, 2)
    assert differentiated('(a*b - c) ** 2', (1.0, 1.0, 2.0)) == (1, [-2, -2, 2])


def pass_of_lesson_2(w, predict=dot):
    """The prediction, the loss, the gradient after it, and w after the update; as the lesson prints them."""
    y_hat = predict(w, [2.0, 3.0, 1.0])
    loss = (y_hat - 3)**2
    loss.backward()
    for wi in w:
        wi.data -= 0.01 * wi.grad
    return [round(number, 4) for number in (y_hat.data, loss.data, *(v.grad for v in w), *(v.data for v in w))]


@pytest.mark.parametrize('predict', [dot, lambda w, x: sum(wi * xi for wi, xi in zip(w, x, strict=True))])
def test_lesson_2_accumulates(predict):
    w = [Value(1), Value(1), Value(2)]
    assert pass_of_lesson_2(w, predict) == [7, 16, 16, 24, 8, 0.84, 0.76, 1.92]
    assert pass_of_lesson_2(w, predict) == [5.88, 8.2944, 27.52, 41.28, 13.76, 0.5648, 0.3472, 1.7824]
    assert pass_of_lesson_2(w, predict) == [3.9536, 0.9094, 31.3344, 47.0016, 15.6672, 0.2515, -0.1228, 1.6257]
    assert pass_of_lesson_2(w, predict)[:2] == [1.7602, 1.5371]


def test_lesson_2_zeroed():
    w = [Value(1), Value(1), Value(2)]
    pass_of_lesson_2(w)
    for wi in w:
        wi.grad = 0.0
    assert pass_of_lesson_2(w)[2:5] == [11.52, 17.28, 5.76]


def test_lesson_5_runs_unchanged_with_arrays():
    xs, ys, w = np.arange(20) * 0.3, np.arange(20) * 2.2, Value(0.0)

    def forward_pass(x):
        return w*x

    def loss(y, y_preds):
        return ((y_preds-y)**2).mean()

    seen = []
    for _ in range(5):
        error = loss(ys, forward_pass(xs))
        error.backward()
        w.data, w.grad = w.data - 0.01 * w.grad, 0.0
        seen.append((round(error.data, 2), round(w.data, 3)))
    assert seen == [(597.74, 1.63), (361.52, 2.898), (218.66, 3.884), (132.25, 4.651), (79.99, 5.247)]


# NumPy

@pytest.mark.parametrize('text', ['a * X', 'X * a', 'a + X', 'X + a', 'a - X', 'X - a', 'a / X', 'X / a', 'X ** a'])
@pytest.mark.parametrize('dtype', [np.float64, np.float32, np.int64])
def test_arrays_and_their_scalars(text, dtype):
    a, twin, numbers = Value(1.5), tensor(1.5), np.array([1, 2, 3], dtype)
    out = evaluate(text, {'a': a, 'X': numbers})
    expected = evaluate(text, {'a': twin, 'X': torch.tensor(numbers.tolist(), dtype=torch.float64)})
    assert [v.data for v in out] == close(expected.tolist())
    out.sum().backward()
    expected.sum().backward()
    assert a.grad == close(twin.grad.item())
    scalar = evaluate(text, {'a': a, 'X': numbers[1]})
    assert (type(scalar), type(scalar.data), scalar.data) == (Value, float, out[1].data)


@pytest.mark.parametrize('name', ['exp', 'log', 'sqrt', 'sin', 'cos', 'tanh'])
def test_numpy_functions_reach_the_methods(name):
    values = np.array([Value(0.5), Value(2.0)])
    out = getattr(np, name)(values)
    assert [v._op for v in out] == [name, name]
    assert [v.data for v in out] == close(getattr(np, name)([0.5, 2.0]).tolist())


# Operations of one's own

def classroom_tanh(self):
    t = math.tanh(self.data)
    out = Value(t, (self,), 'tanh')

    def _backward():
        self.grad += (1 - t**2) * out.grad
    out._backward = _backward
    return out


@pytest.mark.parametrize('name', ['tanh', 'classroom_tanh'])
def test_hand_written_operation_mixes_with_ours(monkeypatch, name):
    monkeypatch.setattr(Value, name, classroom_tanh, raising=False)
    a, twin = Value(0.3), tensor(0.3)
    hidden = getattr(a * 2, name)()
    (getattr(hidden.exp() + a, name)() * hidden).backward()
    twin_hidden = (twin * 2).tanh()
    ((twin_hidden.exp() + twin).tanh() * twin_hidden).backward()
    assert a.grad == close(twin.grad.item())


def test_lecture_steps_by_hand():
    x, w, b = Value(2.0), Value(-3.0), Value(6.5)
    xw = x * w
    n = xw + b
    o = classroom_tanh(n)
    o.grad = 1.0
    for node in (o, n, b, xw, x, w):
        node._backward()
    slope = 1 - math.tanh(0.5)**2
    assert (n.grad, b.grad, xw.grad, x.grad, w.grad) == close((slope, slope, slope, -3 * slope, 2 * slope))


def test_custom_local_gradients():
    def cube_times(a, b):
        return Value(a.data**3 * b.data, [a, b], 'a³b', 'y', lambda: (3 * a.data**2 * b.data, a.data**3))
    a, b = Value(2.0), Value(5.0)
    out = cube_times(a, b)
    assert (out._prev, out._op, out.label) == ((a, b), 'a³b', 'y')
    (out * out).backward()
    assert (a.grad, b.grad) == (2 * 40 * 60, 2 * 40 * 8)


def torn(a, b):
    out = Value(1, (a, b), 'mine')
    out._backward = lambda: 1 / 0
    return out


@pytest.mark.parametrize(('make', 'error', 'words'), [
    (lambda a, b: a.sqrt(), ZeroDivisionError, ['local gradients of sqrt(rate = 0.0)', 'no finite']),
    (lambda a, b: a**0.5, ValueError, ['local gradients of **0.5(rate = 0.0)', 'no finite']),
    (lambda a, b: b**Value(2), ValueError, ['local gradients of **(base = -8.0, 2.0)', 'no finite']),
    (lambda a, b: Value(1, (a, b), 'mine', 'made'), TypeError, ['made', '2 operands', '0 local']),
    (lambda a, b: Value(1, (a, b), 'few', '', lambda: (1.0,)), TypeError, ['few', '2 operands', '1 local']),
    (lambda a, b: Value(1, (a,), 'many', '', lambda: (1.0, 2.0)), TypeError, ['many', '1 operands', '2 local']),
    (lambda a, b: Value(1, (a, b), 'broken', '', lambda: {}['gone']), KeyError, ['gone']),
    (torn, ZeroDivisionError, []),
])
def test_failing_backward_says_where_and_changes_no_gradient(make, error, words):
    a, b = Value(0.0, label='rate'), Value(-8.0, label='base')
    failing = make(a, b)  # the last to step, when others have
    root = failing * b + a
    nodes = [a, b, failing, root._prev[0], root]
    for i, node in enumerate(nodes):
        node.grad = i + 0.5
    for backward in (root.backward, failing._backward):
        with pytest.raises(error) as caught:
            backward()
        assert all(word in str(caught.value) for word in words), caught.value
        assert [node.grad for node in nodes] == [0.5, 1.5, 2.5, 3.5, 4.5]


# Outside the domain

@pytest.mark.parametrize(('text', 'number', 'error', 'call'), [
    ('log(a)', -1.0, ValueError, 'log(rate = -1.0): '), ('log(a)', 0.0, ValueError, 'log(rate = 0.0): '),
    ('sqrt(a)', -1.0, ValueError, 'sqrt(rate = -1.0): '), ('exp(a)', 1000.0, OverflowError, 'exp(rate = 1000.0): '),
    ('sin(a)', math.inf, ValueError, 'sin(rate = inf): '), ('cos(a)', -math.inf, ValueError, 'cos(rate = -inf): '),
    ('1 / a', 0.0, ZeroDivisionError, 'div(1.0, rate = 0.0): '),
    ('a / 0', 1.0, ZeroDivisionError, 'div(rate = 1.0, 0.0): '),
    ('a ** (1/3)', -8.0, ValueError, 'pow(rate = -8.0, 0.3333333333333333): '),
    ('a ** third', -8.0, ValueError, 'pow(rate = -8.0, third = 0.3333333333333333): '),
    ('(-8) ** a', 0.5, ValueError, 'pow(-8.0, rate = 0.5): '), ('a ** -1', 0.0, ValueError, 'pow(rate = 0.0, -1.0): '),
    ('a ** 400', 10.0, OverflowError, 'pow(rate = 10.0, 400.0): '),
    ('10.0 ** a', 400.0, OverflowError, 'pow(10.0, rate = 400.0): '),
])
def test_outside_the_domain(text, number, error, call):
    with pytest.raises(error, match=rf'^\w*{re.escape(call)}[^;]+; it takes [^;]+$') as caught:
        evaluate(text, {'a': Value(number, label='rate'), 'third': Value(1 / 3, label='third')})
    assert type(caught.value) is error


@pytest.mark.parametrize('data', [Value(2), '2', [2.0], 2j, None, np.array([1.0, 2.0]), torch.tensor(2.0), Decimal(2)])
def test_constructor_takes_real_numbers_alone(data):
    with pytest.raises(TypeError, match=rf'rate.* {type(data).__name__}: write ') as caught:
        Value(data, label='rate')
    for instead in ('v.data', 'x.item()', '[Value(x) for x in xs]'):
        assert instead in str(caught.value)


@pytest.mark.parametrize('data', [True, 3, Fraction(1, 4), np.float32(0.1), np.float64(2.5), np.int64(7)])
def test_real_numbers_are_stored_as_floats(data):
    assert type(Value(data).data) is float
    assert Value(data).data == data


@pytest.mark.parametrize('make', [lambda: Value(10**400, label='rate'), lambda: Value(1, label='rate') * 10**400])
def test_whole_number_beyond_floats(make):
    with pytest.raises(OverflowError, match=r'Value .* float'):
        make()


@pytest.mark.parametrize('other', [None, 2j, Decimal('0.5'), {}], ids=repr)
@pytest.mark.parametrize('op', [operator.add, operator.sub, operator.mul, operator.truediv, operator.pow])
def test_unknown_operand_names_both_types(op, other):
    for operands in ((Value(1), other), (other, Value(1))):
        with pytest.raises(TypeError) as caught:
            op(*operands)
        assert 'Value' in str(caught.value) and type(other).__name__ in str(caught.value)


def test_typo_in_an_attribute():
    v = Value(1.0)
    for node in (v, v * 2, (v * 2)._prev[1]):
        with pytest.raises(AttributeError, match='gard'):
            node.gard = 0


@pytest.mark.parametrize('function', [float, math.exp, math.sqrt, math.tanh, complex])
def test_no_silent_float(function):
    with pytest.raises(TypeError, match=re.escape('v.exp()')):
        function(Value(1.0))


# As a number and as an object

@pytest.mark.parametrize('op', [operator.lt, operator.le, operator.gt, operator.ge])
@pytest.mark.parametrize(('a', 'b'), [(1.0, 2.0), (2.0, 2.0), (2.0, 1.0), (-1.0, math.nan)])
def test_comparison_is_by_number(op, a, b):
    assert op(Value(a), Value(b)) is op(Value(a), b) is op(a, Value(b)) is op(a, b)


def test_objects_are_ordered_by_number_and_equal_by_identity():
    a, b, c = Value(2.0), Value(-5.0), Value(2.0)
    assert max([b, a]) is a
    assert sorted([a, b]) == [b, a]
    assert a == a and a != c and a != 2.0
    assert {a: 'a', c: 'c'}[a] == 'a'


def test_item_repr_and_format():
    v = Value(2, label='v')
    assert repr(v) == 'Value(data=2.0, grad=0.0)'
    v.grad = -0.5
    assert (v.item(), f'{v}', str(v), f'{v:.3f}', f'{v:>6}') == (
        2.0, 'Value(data=2.0, grad=-0.5)', 'Value(data=2.0, grad=-0.5)', '2.000', '   2.0')
    assert type(v.item()) is float


@pytest.mark.parametrize('clone', [copy.copy, copy.deepcopy, lambda v: pickle.loads(pickle.dumps(v))])
def test_leaf_can_be_copied(clone):
    v = Value(2.0, label='v')
    v.grad = 3.0
    twin = clone(v)
    assert (twin is v, type(twin), twin.data, twin.grad, twin.label, twin._prev) == (False, Value, 2.0, 3.0, 'v', ())
    (twin * twin).backward()
    assert (twin.grad, v.grad) == (7.0, 3.0)


@pytest.mark.parametrize('clone', [copy.copy, copy.deepcopy, pickle.dumps])
def test_result_cannot_be_copied(clone):
    out = Value(2.0) * 3
    for label, name in (('', r"'\*'"), ('y_hat', "'y_hat'")):
        out.label = label
        with pytest.raises(TypeError, match=f'the result {name} cannot be copied'):
            clone(out)


# Memory and depth

@every_operation
def test_result_is_freed_with_its_last_name(no_gc, text):
    leaves = {letter: Value(1.5) for letter in 'abcd'}
    out = evaluate(text, leaves)
    out.backward()
    out._backward()
    ghost = weakref.ref(out)
    del out
    assert ghost() is None


def test_training_step_leaves_no_garbage(no_gc):
    model = MLP(2, [4, 4, 1], 'tanh')

    def live_values():
        return sum(issubclass(type(thing), Value) for thing in gc.get_objects())

    before = live_values()
    loss = sum((model([x, 1.0]) - x)**2 for x in (-1.0, 0.5, 2.0)) / 3
    loss.backward()
    model.zero_grad()
    during = live_values()
    del loss
    assert live_values() == before < during


def test_a_million_deep(no_gc):
    a = Value(1.0)
    out, middle = a, None
    for i in range(10**6):
        out = out * a
        if i == 5 * 10**5:
            middle = weakref.ref(out)
    out.backward()
    assert (a.grad, middle().grad) == (10**6 + 1, 1.0)
    del out
    assert middle() is None


# The file by itself

def test_imports_nothing_but_the_standard_library():
    with open(micrograd.engine.__file__, encoding='utf-8') as file:
        tree = ast.parse(file.read())
    imported = [name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names]
    imported += ['.' * n.level + (n.module or '') for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)]
    assert imported and {name.split('.')[0] for name in imported} <= sys.stdlib_module_names


def output_of(code, *options, cwd=None):
    run = subprocess.run([sys.executable, *options, '-c', code], capture_output=True, text=True, cwd=cwd, check=False)
    assert (run.returncode, run.stderr) == (0, '')
    return run.stdout.split()


def test_works_copied_alone(tmp_path):
    shutil.copy(micrograd.engine.__file__, tmp_path / 'engine.py')
    code = ('import sys; sys.path.insert(0, "."); from engine import Value; w = Value(3); (w * w).backward(); '
            'print(w.grad, "micrograd" in sys.modules)')
    assert output_of(code, '-I', '-S', cwd=tmp_path) == ['6.0', 'False']


def test_importing_needs_nothing_big():
    code = 'import sys, micrograd.engine, micrograd.nn; print(*{"graphviz", "numpy", "torch"} & sys.modules.keys())'
    assert output_of(code) == []
