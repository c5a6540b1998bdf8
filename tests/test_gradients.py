"""Gradients as graphs: against backward(), PyTorch, SymPy and differences, of high order too; and what is in them."""

import itertools
import math
import re
import time

import pytest
from hypothesis import given, settings
from needs import sympy, torch
from random_graphs import DOMAINS, SYMPY, evaluate, graphs, tensor

import micrograd
from micrograd import Value, dot, draw_dot, explain, gradcheck, gradients
from micrograd.engine import Constant
from micrograd.graph.formulas import FORMULAS, Formula


def letters(text):
    return sorted(set(re.findall(r'\b[abcd]\b', text)))


def made_by(results, graph):
    """The nodes of the results that are not in the graph."""
    known = set(graph.topological_order())
    return [node for node in dict.fromkeys(itertools.chain(*(r.topological_order() for r in results)))
            if node not in known and node._prev]


def rosenbrock(x, y):
    return (1 - x)**2 + 100 * (y - x**2)**2


@settings(max_examples=200, deadline=None)
@given(graph=graphs())
def test_first_gradients_are_what_backward_gives_to_the_last_bit(graph):
    nodes = graph.values()
    found = [gradient.data for gradient in gradients(nodes[graph.root], nodes.values())]
    assert all(node.grad == 0 for node in nodes.values())
    nodes[graph.root].backward()
    assert found == [node.grad for node in nodes.values()]


@pytest.mark.parametrize('text', DOMAINS)
def test_every_operation_to_the_second_order_is_as_in_pytorch(text):
    names = letters(text)
    assert len(names) == len(DOMAINS[text])
    for point in itertools.product(*DOMAINS[text]):
        if 0.0 in point and ('abs' in text or 'relu' in text or text == 'a ** b'):
            continue  # a kink; and PyTorch takes d(b * a ** (b - 1)) / db for 0 at b = 0, where it is 1 / a
        values = [Value(x) for x in point]
        tensors = [tensor(x) for x in point]
        ours = gradients(evaluate(text, dict(zip(names, values, strict=True))), values)
        theirs = torch.autograd.grad(evaluate(text, dict(zip(names, tensors, strict=True))), tensors, create_graph=True)
        assert [g.data for g in ours] == pytest.approx([t.item() for t in theirs], rel=1e-12, abs=1e-15)
        for mine, torchs in zip(ours, theirs, strict=True):
            if torchs.requires_grad:
                expected = torch.autograd.grad(torchs, tensors, retain_graph=True, allow_unused=True)
                expected = [0.0 if t is None else t.item() for t in expected]
            else:
                expected = [0.0] * len(values)
            assert [g.data for g in gradients(mine, values)] == pytest.approx(expected, rel=1e-11, abs=1e-14)


@settings(max_examples=100, deadline=None)
@given(graph=graphs(max_steps=8))
def test_second_gradients_of_random_graphs_are_pytorchs(graph):
    values, tensors = graph.values(), graph.tensors()
    leaves = list(graph.leaves)
    first = gradients(values[graph.root], [values[name] for name in leaves])
    total = dot(first, range(1, len(first) + 1))
    inputs = [tensors[name] for name in leaves]
    theirs = torch.autograd.grad(tensors[graph.root], inputs, create_graph=True)
    weighted = sum(k * t for k, t in enumerate(theirs, 1))
    expected = (torch.autograd.grad(weighted, inputs, allow_unused=True) if weighted.requires_grad
                else [None] * len(inputs))
    expected = [0.0 if t is None else t.item() for t in expected]
    scale = max(map(abs, expected))
    found = [g.data for g in gradients(total, [values[name] for name in leaves])]
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-9 * scale + 1e-12)


SMOOTH = ['exp(a)', 'log(a)', 'sqrt(a)', 'sin(a)', 'cos(a)', 'tanh(a)', 'sigmoid(a)', 'a ** 3', 'a ** 2.5', '3 ** a',
          'a ** -2', 'a ** a', '1 / a', 'a * a / (1 + a)', 'tanh(a * a) * exp(-a)', 'log(sigmoid(3 * a))',
          'sin(a) ** 2']


@pytest.mark.parametrize('x', [0.3, 1.7])
@pytest.mark.parametrize('text', SMOOTH)
def test_derivatives_to_the_fourth_are_sympys(text, x):
    a, symbol = Value(x), sympy.Symbol('a', positive=True)
    ours, exact = evaluate(text, {'a': a}), evaluate(text, {'a': symbol}, SYMPY)
    for _ in range(4):
        [ours], exact = gradients(ours, [a]), sympy.diff(exact, symbol)
        expected = float(exact.evalf(30, subs={symbol: sympy.Float(x, 40)}))
        assert ours.data == pytest.approx(expected, rel=1e-9, abs=1e-11)


@pytest.mark.parametrize('x', [0.3, 1.7])
@pytest.mark.parametrize('text', SMOOTH)
def test_derivatives_to_the_third_are_pytorchs(text, x):
    a, twin = Value(x), tensor(x)
    ours, theirs = evaluate(text, {'a': a}), evaluate(text, {'a': twin})
    for _ in range(3):
        [ours], [theirs] = gradients(ours, [a]), torch.autograd.grad(theirs, [twin], create_graph=True)
        assert ours.data == pytest.approx(theirs.item(), rel=1e-9, abs=1e-11)


@pytest.mark.parametrize('b', [0.0, 1.0, 2.0, 0.5])
@pytest.mark.parametrize('path', ['ab', 'ba', 'aa', 'bb'])
def test_the_second_derivatives_of_a_power_are_sympys_also_at_exponent_0(path, b):
    values = {'a': Value(1.7), 'b': Value(b)}
    a, b = symbols = sympy.symbols('a b', positive=True)
    exact = sympy.diff(a**b, *({'a': a, 'b': b}[name] for name in path))
    ours = values['a'] ** values['b']
    for name in path:
        [ours] = gradients(ours, [values[name]])
    expected = exact.subs(dict(zip(symbols, (sympy.Float(1.7, 30), values['b'].data), strict=True))).evalf(30)
    assert ours.data == pytest.approx(float(expected), rel=1e-13, abs=1e-15)


def test_an_exponent_that_is_a_number_makes_the_row_of_a_plain_one():
    x = Value(3.0)
    [slope] = gradients(x ** Constant(3.0), [x])
    assert [v._op for v in slope.topological_order() if v._prev] == ['**2', '*']


@pytest.mark.parametrize('text', ['a ** b', 'tanh(a * b) / b', 'dot([a, b], [b, exp(a)])', 'log(a + b) * sin(a * b)'])
def test_mixed_third_derivatives_are_sympys(text):
    values = {'a': Value(0.8), 'b': Value(1.9)}
    symbols = {name: sympy.Symbol(name, positive=True) for name in values}
    point = {symbols[name]: sympy.Float(value.data, 40) for name, value in values.items()}
    for path in itertools.product('ab', repeat=3):
        ours, exact = evaluate(text, values), evaluate(text, symbols, SYMPY)
        for name in path:
            [ours], exact = gradients(ours, [values[name]]), sympy.diff(exact, symbols[name])
        assert ours.data == pytest.approx(float(exact.evalf(30, subs=point)), rel=1e-10, abs=1e-12)


def test_a_hessian_is_pytorchs_and_symmetric():
    def f(a, b, c):
        return evaluate('tanh(a * b) + exp(c) / b + dot([a, c], [c, a]) * sin(b) ** 2', {'a': a, 'b': b, 'c': c})

    point = [0.4, -1.2, 0.9]
    values = [Value(x) for x in point]
    ours = [[g.data for g in gradients(row, values)] for row in gradients(f(*values), values)]
    theirs = torch.autograd.functional.hessian(f, tuple(map(tensor, point)))
    for i, j in itertools.product(range(3), repeat=2):
        assert ours[i][j] == pytest.approx(theirs[i][j].item(), rel=1e-12)
        assert ours[i][j] == pytest.approx(ours[j][i], rel=1e-13)


@pytest.mark.parametrize('backend', ['python', 'numpy', 'native'])
def test_newtons_method_on_rosenbrock_with_a_compiled_hessian(backend):
    x, y = Value(-1.2), Value(1.0)
    first = gradients(rosenbrock(x, y), [x, y])
    [[xx, xy], [yx, yy]] = [gradients(g, [x, y]) for g in first]
    terms = [micrograd.compile(term, [x, y] if {x, y} <= set(term.topological_order()) else
                               [v for v in (x, y) if v in term.topological_order()], backend=backend)
             for term in (*first, xx, xy, yx, yy)]
    needs = [[v for v in 'xy' if (x if v == 'x' else y) in t.topological_order()] for t in (*first, xx, xy, yx, yy)]
    at = {'x': -1.2, 'y': 1.0}
    for _ in range(8):
        gx, gy, a, b, c, d = (term(*[at[name] for name in need]) for term, need in zip(terms, needs, strict=True))
        assert b == c
        determinant = a * d - b * c
        at['x'] -= (d * gx - b * gy) / determinant
        at['y'] -= (a * gy - c * gx) / determinant
    assert (at['x'], at['y']) == pytest.approx((1, 1), abs=1e-14)


@pytest.mark.parametrize('text', ['tanh(a)', 'sigmoid(a) * a', 'a ** 2.5', 'log(a) / a', 'abs(sin(a))', 'relu(a) ** 3'])
def test_gradients_agree_with_differences_and_so_do_theirs(text):
    def second(a):
        [once] = gradients(evaluate(text, {'a': a}), [a])
        [twice] = gradients(once, [a])
        return once + 0.5 * twice
    assert gradcheck(second, 0.7)


def test_gradients_come_from_the_rows(monkeypatch):
    monkeypatch.setitem(FORMULAS, 'sin', Formula('sin(a)', ('7 * a',)))
    a = Value(2.0)
    assert gradients(a.sin(), [a])[0].data == 14


@settings(max_examples=100, deadline=None)
@given(graph=graphs())
def test_nothing_is_multiplied_by_1_nor_added_to_0_nor_made_twice(graph):
    nodes = graph.values()
    output = nodes[graph.root]
    first = gradients(output, [nodes[name] for name in graph.leaves])
    seen = set()
    for node in made_by(first, output):
        plain = [operand.data for operand in node._prev if isinstance(operand, Constant)]
        assert not (node._op == '*' and {1.0, -1.0}.intersection(plain)), node
        assert not (node._op == '+' and 0.0 in plain), node
        operands = [repr(v.data) if isinstance(v, Constant) else id(v) for v in node._prev]
        key = (node._op, *(sorted(map(str, operands)) if node._op in ('+', '*') else operands))
        assert key not in seen, node
        seen.add(key)


@pytest.mark.parametrize(('build', 'count'), [
    (lambda a, b: a.exp(), 0),              # the result itself
    (lambda a, b: a + b, 0),
    (lambda a, b: a - b, 0),
    (lambda a, b: a * b, 0),                # b, and a
    (lambda a, b: (a * b).exp(), 2),        # out * b, out * a
    (lambda a, b: a.tanh(), 2),             # 1 - out * out
    (lambda a, b: a.sigmoid(), 2),          # out * (1 - out)
    (lambda a, b: a.tanh() * b.tanh(), 6),  # with two products
    (lambda a, b: a**2, 1),                 # 2 * a
    (lambda a, b: dot([a, b], [b, a]), 2),  # b + b, a + a
    (lambda a, b: b * a + (a * b).exp(), 4),  # out + 1, and its products with a and b; but a * b is there twice
    (lambda a, b: 1 / a, 2),                # -1 / a / a
    (lambda a, b: a.relu() + b.relu(), 2),
    (lambda a, b: a.sqrt(), 2),             # 1 / (2 * out)
    (lambda a, b: (b * 2 + a.relu()) - b * 2, 1),  # the step of a, to which 0 is not added
])
def test_how_many_operations_gradients_make(build, count):
    a, b = Value(1.5), Value(0.5)
    output = build(a, b)
    assert len(made_by(gradients(output, [a, b]), output)) == count


def test_the_gradient_of_exp_is_its_own_node():
    a = Value(0.5)
    output = a.exp()
    assert gradients(output, [a]) == [output]
    assert gradients(gradients(output, [a])[0], [a]) == [output]


def test_inputs_of_every_kind():
    a, b, unused = Value(3.0, label='a'), Value(4.0), Value(5.0)
    c = a * b
    output = c * c + a
    assert [g.data for g in gradients(output, [c, a, a, b, unused, output])] == [24, 97, 97, 72, 0, 1]
    assert [g.data for g in gradients(output, c)] == [24]
    assert [g.data for g in gradients(output, iter([b]))] == [72]
    assert gradients(output, []) == []
    assert [g.data for g in gradients(a, [a, b])] == [1, 0]
    assert (a.grad, b.grad, c.grad, output.grad) == (0, 0, 0, 0)


def test_a_number_in_an_operation_counts_as_an_input_too():
    a = Value(3.0)
    output = a * 4.0
    assert [g.data for g in gradients(output, [output._prev[1]])] == [3]


def test_gradients_of_kinks_and_of_zero_to_a_power():
    a, b = Value(0.0), Value(2.0)
    assert [g.data for g in gradients(a.relu() + abs(a), [a])] == [0]
    power = a**b
    once = gradients(power, [a, b])
    assert [g.data for g in once] == [0, 0]
    power.backward()
    assert (a.grad, b.grad) == (0, 0)
    assert [g.data for g in gradients(abs(b) * b.relu(), [b])] == [4]
    [first] = gradients(abs(b) * b.relu(), [b])
    assert gradients(first, [b])[0].data == 2
    sign = abs(Value(-3.0))
    assert gradients(gradients(sign, sign._prev)[0], sign._prev)[0].data == 0


def test_a_gradient_is_a_graph_that_backward_goes_through():
    a = Value(0.7)
    [first] = gradients((a * a).sin(), [a])
    first.backward()
    assert a.grad == pytest.approx(2 * math.cos(0.49) - 4 * 0.49 * math.sin(0.49), rel=1e-14)


def test_gradients_are_drawn_and_explained():
    a, b = Value(1.5, label='a'), Value(-0.5, label='b')
    output = (a * b).tanh() * a.relu()**b.exp()
    first = gradients(output, [a, b])
    [second] = gradients(first[0], [b])
    for gradient in (*first, second):
        dots = draw_dot(gradient)
        assert dots.source.count('->') >= len(gradient.topological_order()) - 1
        assert str(explain(gradient, a))
        assert str(explain(gradient, b))


def test_what_is_no_value_and_what_has_no_row():
    a = Value(2.0, label='a')
    with pytest.raises(TypeError, match='not float'):
        gradients(3.0, [a])
    with pytest.raises(TypeError, match='not str'):
        gradients(a, [a, 'a'])
    by_hand = Value(a.data * 3, (a,), 'triple', label='t')

    def step():
        a.grad += 3 * by_hand.grad
    by_hand._backward = step
    with pytest.raises(ValueError, match="operation 'triple', which made 't', has no formula"):
        gradients(by_hand * 2, [a])
    b = Value(4.0)
    assert [g.data for g in gradients(by_hand * b, [b])] == [6]


@pytest.mark.parametrize(('build', 'number'), [
    (lambda a: a.sqrt(), 0.0), (lambda a: a**0.5, 0.0), (lambda a: a**Value(0.5), 0.0)])
def test_a_local_gradient_that_is_not_defined_is_named(build, number):
    a = Value(number, label='base')
    output = build(a)
    with pytest.raises((ValueError, ZeroDivisionError)) as engine:
        output.backward()
    with pytest.raises(engine.type, match=r'local gradients of .*base = 0\.0'):
        gradients(output, [a])


@pytest.mark.usefixtures('no_gc')
def test_a_deep_graph_takes_linear_time():
    def seconds(depth):
        a = Value(0.5)
        node = a
        for number in range(depth):
            node = (node.tanh() + a) * 0.9 if number % 3 else node.sin()
        start = time.process_time()
        [gradient] = gradients(node, [a])
        elapsed = time.process_time() - start
        node.backward()
        assert gradient.data == a.grad
        return elapsed
    seconds(100)
    assert seconds(8_000) < 15 * max(seconds(2_000), 0.01)
