"""What the nodes of a graph are called where it is shown: by expressions and by numbers, the same everywhere."""

import json
import re

import pytest
from hypothesis import given, settings
from random_graphs import graphs

from micrograd import Value, compile, dot, draw_dot, explain
from micrograd.engine import Constant
from micrograd.graph.naming import node_names, numbered_names
from micrograd.show.names import LONGEST_EXPRESSION, Names, names_of, uses
from micrograd.show.notation import LATEX, PLAIN
from micrograd.show.player import play


def names(output, **variables):
    return names_of(output.topological_order(), variables, depth=0)


def test_a_result_is_called_by_its_expression_where_that_is_short():
    w, x, b, y = Value(1.0), Value(2.0), Value(3.0), Value(4.0)
    out = ((w * x + b).tanh() - y) ** 2
    assert list(names(out, w=w, x=x, b=b, y=y).values()) == [
        'w', 'x', 'w·x', 'b', 'w·x + b', 'tanh(w·x + b)', 'y', 'v4', 'v5']
    assert list(names(out, w=w, x=x, b=b, y=y, out=out).values())[-2:] == ['v4', 'out']


@pytest.mark.parametrize(('build', 'name'), [
    (lambda a, b: a * -3, 'a·(−3)'), (lambda a, b: -a, '−a'), (lambda a, b: abs(a), '|a|'),
    (lambda a, b: dot([a, b], [2.0, a]), 'a·2 + b·a'), (lambda a, b: a - (b - a), 'a − (b − a)'),
    (lambda a, b: (a / b) ** 2, '(a/b)²'), (lambda a, b: a ** b, 'a^b'), (lambda a, b: (a + b).log(), 'ln(a + b)'),
    (lambda a, b: Value(8.0, (a,), 'cube', local_gradients=lambda: (12.0,)), 'cube(a)'),
    (lambda a, b: Value(8.0, (a,), '???', local_gradients=lambda: (12.0,)), 'v1'),
    (lambda a, b: a * 0.123456789, 'a·0.123457'), (lambda a, b: a * 1.23456e-70, 'v1'),
])
def test_expressions(build, name):
    a, b = Value(2.0), Value(3.0)
    out = build(a, b)
    assert names(out, a=a, b=b)[out] == name


def test_an_expression_names_one_node_and_its_operands_are_clear():
    a, unnamed = Value(2.0), Value(3.0)
    first, second = a * 2, a * 2
    assert list(names(first + second, a=a).values()) == ['a', '2', 'a·2', '2', 'v2', 'v3']
    assert names(a + unnamed, a=a)[unnamed] == 'v1'
    assert list(names(a + unnamed, a=a).values()) == ['a', 'v1', 'v2']
    same, name = Value(1.0, label='x'), Value(2.0, label='x')
    assert list(names(same * name).values()) == ['x', 'x', 'v1']
    taken = Value(1.0, label='a·2')
    assert list(names(a * 2 + taken, a=a).values())[2] == 'v1'
    chain = a
    for _ in range(50):
        chain = chain + 1
    found = list(names(chain, a=a).values())
    assert found[2::2][:4] == ['a + 1', 'a + 1 + 1', 'a + 1 + 1 + 1', 'v4'] and found[-1] == 'v50'


def test_numbers_are_the_same_in_the_explanation_the_picture_the_player_and_the_source():
    x, w = Value(2.0), Value(3.0)
    hidden = [(w * x + i).tanh() for i in (1000.25, 2000.25)]
    out = (hidden[0] * hidden[1] + 1).exp()
    scope = {'x': x, 'w': w, 'out': out}
    order = out.topological_order()
    called = names_of(order, scope, depth=0)
    unnamed = {node: name for node, name in called.items() if re.fullmatch(r'v\d+', name)}
    assert len(unnamed) >= 3
    source = compile(out, [x], [w], 'python', names=scope).source
    page = play(out, names=scope).html
    [data] = re.findall(r'\{"nodes": .*\}', page)
    played = [node['name'] for node in json.loads(data)['nodes']]
    assert [name for name in played if re.fullmatch(r'v\d+', name)] == list(unnamed.values())
    text, picture = str(explain(out, names=scope)), draw_dot(out, names=scope).source
    namespace: dict = {}
    exec(source.replace('    return ', '    everything.update(locals())\n    return '), namespace)
    namespace['everything'] = {}
    namespace['forward_and_backward'](x.data, w.data)
    for node, name in unnamed.items():
        assert f'  {name} ' in text
        assert f'{name} = {called.formula(node).text}' in picture  # a tooltip
        assert namespace['everything'][name] == node.data


@settings(max_examples=100, deadline=None)
@given(graph=graphs())
def test_names_of_results_are_short_and_tell_them_apart(graph):
    nodes = graph.values()
    order = nodes[graph.root].topological_order()
    called = names_of(order, False, depth=0)
    results = [called[node] for node in order if node._prev]
    assert len(set(results)) == len(results)
    assert all(len(name) <= LONGEST_EXPRESSION for name in results)
    assert set(called) == set(order)
    numbered = numbered_names(order, node_names(order, False, depth=0))
    assert all(called[node] == numbered[node] for node in order
               if node not in called.expressions and not isinstance(node, Constant))


def test_names_as_parts_of_formulas():
    w, x = Value(1.0), Value(2.0)
    product = w * x
    called = Names([*(product * 3).topological_order()], {w: 'w', x: 'x_1'})
    assert called.atom(product) == '(w·x_1)'
    assert called.atom(product, LATEX) == r'\left(w \cdot \mathrm{x\_1}\right)'
    assert called.derivative(product, w) == '∂(w·x_1)/∂w'
    assert called.derivative(product, w, PLAIN, use=2) == '∂(w·x_1)/∂w₍₂₎'
    assert called.derivative(product, x, LATEX, use=1) == (
        r'\frac{\partial \left(w \cdot \mathrm{x\_1}\right)}{\partial {\mathrm{x\_1}}_{(1)}}')


def test_uses_of_operands_are_counted():
    a, b = Value(1.0), Value(2.0)
    assert uses(a * b) == [0, 0]
    assert uses(a * a) == [1, 2]
    assert uses(dot([a, b, a], [b, 3.0, a])) == [1, 1, 2, 2, 0, 3]
    assert uses(a) == []


def test_a_long_dot_is_cut_in_the_middle():
    ws = [Value(1.0, label=f'w{i}') for i in range(100)]
    out = dot(ws, [2.0] * 100)
    assert names(out).formula(out).text == 'w0·2 + w1·2 + … + w99·2'
    assert names(out).formula(out, LATEX).text == (
        r'w_{0} \cdot 2 + w_{1} \cdot 2 + \cdots + w_{99} \cdot 2')
    by_hand = Value(1.0, ws, 'mean', local_gradients=lambda: [0.01] * 100)
    assert names(by_hand).formula(by_hand).text == 'mean(w0, w1, …, w99)'


def test_the_picture_tells_the_uses_of_an_operand_apart_too():
    x = Value(3.0)
    out = x * x
    picture = draw_dot(out).source
    assert '∂out/∂x₍₁₎ = 3' in picture and '∂out/∂x₍₂₎ = 3' in picture


def test_a_label_that_reads_like_an_expression_is_one_piece():
    x, w = Value(2.0, label='x1'), Value(-3.0, label='w1')
    product = x * w
    product.label = 'x1*w1'
    total = product + x
    total.label = 'x1*w1+x1'
    output = total * product
    names = Names(output.topological_order(), {node: node.label for node in (x, w, product, total)})
    assert names.derivative(total, product) == '∂(x1*w1+x1)/∂(x1*w1)'
    assert names.derivative(product, x, LATEX) == r'\frac{\partial \left(\mathrm{x1*w1}\right)}{\partial x_{1}}'
    assert names.formula(total).text == 'x1*w1 + x1'
    assert names.formula(output).text == '(x1*w1+x1)·(x1*w1)'
    for plain in ('y_hat', 'layers.0.w[3]', 'x²', '-1', 'a, b', '__neg__', '→'):
        x.label = plain
        assert Names([x], {x: plain}).atom(x) == plain
