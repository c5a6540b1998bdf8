"""The engine's numbers and graphs, against PyTorch, SymPy, finite differences and the lessons."""

import functools
import itertools
import math
import operator
from fractions import Fraction

import pytest
from hypothesis import given, settings
from needs import np, sympy, torch
from random_graphs import DOMAINS, METHODS, SYMPY, evaluate, graphs, tensor

from micrograd import Value, dot

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


# Numbers and derivatives

@every_operation
def test_operation_against_torch(text):
    for point in points(text, kinks=True):
        data, grads = differentiated(text, point)
        assert (data, grads) == tuple(map(close, differentiated(text, point, tensor))), point


@every_operation
def test_local_gradients_are_floats_one_for_each_operand(text):
    for point in points(text, kinks=True):
        out = evaluate(text, dict(zip('abcd', map(Value, point), strict=False)))
        assert [type(local) for local in out._local_gradients()] == [float] * len(out._prev), point


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


def test_relu_keeps_the_sign_of_zero_as_torch():
    assert [repr(evaluate('relu(a)', {'a': make(-0.0)}).item()) for make in (Value, tensor)] == ['-0.0', '-0.0']


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


def test_the_step_that_was_set_is_the_one_that_is_read():
    out, step = Value(1.0) * 2, lambda: None
    out._backward = step
    assert out._backward is step


def test_the_local_gradients_are_numbers_for_each_operand_and_none_where_a_step_set_by_hand_keeps_them():
    a, b = Value(3.0, label='a'), Value(0.0, label='b')
    assert (a * b).local_gradients() == (0.0, 3.0)
    assert a.local_gradients() == ()
    with pytest.raises(ZeroDivisionError, match=r'local gradients of sqrt\(b = 0\.0\)'):
        b.sqrt().local_gradients()
    out = a * b
    out._backward = lambda: None
    assert out.local_gradients() is None


def test_a_step_of_ones_own_may_call_the_engines():
    class Loud(Value):
        steps = 0

        def _backward(self):
            Loud.steps += 1
            super()._backward()
    a = Value(3.0)
    out = Loud(a.data**2, (a,), 'square', lambda: (2 * a.data,))
    (out * 2).backward()
    assert (Loud.steps, a.grad, out.local_gradients()) == (1, 12.0, (6.0,))


@pytest.mark.parametrize('none', ['a', 'b', 'c', 'product', 'root'])
def test_a_gradient_of_none_counts_as_0(none):
    """As PyTorch's optimizers leave it, after zero_grad()."""
    nodes = {'a': Value(2.0), 'b': Value(3.0), 'c': Value(4.0)}
    nodes['product'] = nodes['a'] * nodes['b']
    nodes['root'] = nodes['product'] + nodes['c']
    nodes['c'].grad = 7
    nodes[none].grad = None
    nodes['root'].backward()
    assert {name: node.grad for name, node in nodes.items()} == {
        'a': 3.0, 'b': 2.0, 'c': 1.0 if none == 'c' else 8.0, 'product': 1.0, 'root': 1.0}


def test_below_base_0_the_exponent_has_no_gradient_and_the_base_has_its_own():
    base, exponent = Value(-2.0), Value(3.0)
    (base ** exponent).backward()
    assert base.grad == close(12.0)
    assert math.isnan(exponent.grad)


def test_an_undefined_gradient_of_a_plain_base_is_not_in_the_exponents_way():
    """0.0 ** v at 0 < v < 1: the base's slope is infinite, but it is a plain number, whose slope nobody asks for."""
    for base, exponent, data, slope in ((0.0, 0.5, 0.0, 0.0), (1e-300, -1.0, 1e300, 1e300 * math.log(1e-300))):
        v = Value(exponent)
        out = base ** v
        out.backward()
        assert (out.data, v.grad) == close((data, slope))
        assert math.isnan(out.local_gradients()[0])


def test_an_error_without_operands_is_an_error_too():
    with pytest.raises(ZeroDivisionError, match=r'^local gradients of \(\): '):
        Value(1.0, (), '', lambda: 1 / 0).local_gradients()


@pytest.mark.parametrize('op', [operator.add, operator.sub, operator.mul, operator.truediv, operator.pow])
def test_operands_stand_in_the_order_in_which_one_writes_them(op):
    v = Value(3.0)
    assert op(2, v)._prev[1] is v
    assert op(v, 2)._prev[0] is v and op(v, Value(2.0))._prev[0] is v


def test_a_plain_exponent_is_written_as_it_came():
    a = Value(2.0)
    exponents = {2: '**2', -1: '**-1', 2.5: '**2.5', 0.5: '**0.5', Fraction(1, 2): '**0.5', 1e-7: '**1e-07'}
    assert {n: (a**n)._op for n in exponents} == exponents
    assert [(a**n)._op for n in (True, 2.0, np.float64(0.5), np.int64(3))] == ['**1', '**2.0', '**0.5', '**3.0']


def test_custom_local_gradients():
    def cube_times(a, b):
        return Value(a.data**3 * b.data, [a, b], 'a³b', lambda: (3 * a.data**2 * b.data, a.data**3), label='y')
    a, b = Value(2.0), Value(5.0)
    out = cube_times(a, b)
    assert (out._prev, out._op, out.label) == ((a, b), 'a³b', 'y')
    (out * out).backward()
    assert (a.grad, b.grad) == (2 * 40 * 60, 2 * 40 * 8)
