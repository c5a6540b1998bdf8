"""The two passes as text: every row against the engine, every formula read back."""

import re

import pytest
from hypothesis import given, settings
from random_graphs import OPERATIONS, evaluate, graphs

import micrograd.expression
from micrograd import Value, dot
from micrograd.engine import Constant
from micrograd.explain import tables

FORWARD, LOCAL, BACKWARD = 'forward pass', 'local gradients', 'gradients, by the chain rule'


def read(text: str) -> dict[str, list[tuple[str, ...]]]:
    """The rows of each table by its title, each row cut at its equals signs."""
    found: dict[str, list[tuple[str, ...]]] = {}
    for table in text.split('\n\n'):
        title, *lines = table.splitlines()
        found[title] = [tuple(cell.strip() for cell in line.split('=')) for line in lines]
    return found


def close(number: float) -> object:
    """Equal in the digits that the tables show."""
    return pytest.approx(number, rel=1e-5, nan_ok=True)


def lesson() -> Value:
    """Lesson 1, after its backward pass."""
    w, x, y = Value(1, label='w'), Value(1, label='x'), Value(2, label='y')
    y_hat = w * x
    y_hat.label = 'ŷ'
    s = y_hat - y
    s.label = 's'
    loss = s ** 2
    loss.label = 'L'
    loss.backward()
    return loss


def test_lesson_1():
    assert read(tables(lesson())) == {
        FORWARD: [('w', '1'), ('x', '1'), ('ŷ', 'w * x', '1'), ('y', '2'), ('s', 'ŷ - y', '-1'), ('L', 's**2', '1')],
        LOCAL: [('∂L/∂s', '2·s', '-2'), ('∂s/∂ŷ', '1'), ('∂s/∂y', '-1'), ('∂ŷ/∂w', 'x', '1'), ('∂ŷ/∂x', 'w', '1')],
        BACKWARD: [('∂L/∂L', '1'), ('∂L/∂s', '-2'), ('∂L/∂y', '2'), ('∂L/∂ŷ', '-2'), ('∂L/∂x', '-2'), ('∂L/∂w', '-2')],
    }


def test_columns_are_aligned():
    x = Value(-0.0123, label='a_long_name')
    output = (x * 1e-7 + 3).exp() / x
    output.backward()
    for table in tables(output).split('\n\n'):
        title, *lines = table.splitlines()
        assert len({len(line) for line in lines}) == 1, title
        assert len({line.rindex('=') for line in lines}) == 1, title


@pytest.mark.parametrize(('labels', 'invented'), [
    (('', '', ''), ['v1', 'v2', 'v3']),
    (('v1', '', ''), ['v1', 'v2', 'v3']),
    (('v2', '', ''), ['v2', 'v1', 'v3']),
    (('', '', 'v1'), ['v2', 'v3', 'v1']),
    (('', 'w', ''), ['v1', 'w', 'v2']),
    (('v1', 'v3', ''), ['v1', 'v3', 'v2']),
])
def test_invented_names_avoid_labels(labels: tuple[str, str, str], invented: list[str]):
    a, b, c = (Value(i, label=label) for i, label in enumerate(labels))
    product = dot([a, b], [c, c])
    names = [row[0] for row in read(tables(product))[FORWARD]]
    assert names[:3] == invented
    assert len(set(names)) == 4


def test_constants_are_called_by_their_numbers():
    x = Value(3, label='x')
    output = dot([x, 0.25], [2.5, x]) - 7
    output.backward()
    found = read(tables(output))
    assert found[FORWARD] == [
        ('x', '3'), ('v1', 'dot([x, 0.25], [2.5, x])', '8.25'), ('v2', 'v1 - 7', '1.25')]
    assert found[LOCAL] == [('∂v2/∂v1', '1'), ('∂v1/∂x', '2.5'), ('∂v1/∂x', '0.25')]
    assert found[BACKWARD] == [('∂v2/∂v2', '1'), ('∂v2/∂v1', '1'), ('∂v2/∂x', '2.75')]


def test_each_use_of_an_operand_is_a_row():
    a = Value(3, label='a')
    square = a * a
    square.label = 'p'
    square.backward()
    found = read(tables(square))
    assert found[LOCAL] == [('∂p/∂a', 'a', '3'), ('∂p/∂a', 'a', '3')]
    assert found[BACKWARD] == [('∂p/∂p', '1'), ('∂p/∂a', '6')]


def test_a_leaf_has_no_local_gradients():
    x = Value(4, label='x')
    x.backward()
    assert read(tables(x)) == {FORWARD: [('x', '4')], BACKWARD: [('∂x/∂x', '1')]}


@pytest.mark.parametrize('text', OPERATIONS)
def test_formula_reads_back(text: str):
    numbers = {'a': 0.75, 'b': 1.5, 'c': -0.625, 'd': 3.0}
    leaves = {name: Value(number, label=name) for name, number in numbers.items()}
    output = evaluate(text, {**leaves, 'n': 2.5})
    output.backward()
    rows = read(tables(output))[FORWARD]
    *_, (_, formula, number) = rows
    used = {row[0]: float(row[-1]) for row in rows[:-1]}
    again = micrograd.expression.evaluate(formula, used)
    assert again._op == output._op
    assert again.data == close(output.data)
    assert float(number) == close(output.data)
    for name in used:
        [leaf] = (node for node in again.topological_order() if node.label == name)
        assert leaf.grad == close(leaves[name].grad)


@settings(max_examples=100, deadline=None)
@given(graph=graphs())
def test_rows_are_the_engines_numbers(graph):
    nodes = graph.values()
    for name, node in nodes.items():
        node.label = name
    root = nodes[graph.root]
    root.backward()
    found = read(tables(root))
    order = [node for node in root.topological_order() if not isinstance(node, Constant)]

    assert [(row[0], float(row[-1])) for row in found[FORWARD]] == [(node.label, close(node.data)) for node in order]
    assert [(name, float(number)) for name, number in found[BACKWARD]] == [
        (f'∂{root.label}/∂{node.label}', close(node.grad)) for node in reversed(order)]
    assert [(row[0], float(row[-1])) for row in found.get(LOCAL, [])] == [
        (f'∂{node.label}/∂{operand.label}', close(local)) for node in reversed(order)
        for operand, local in zip(node._prev, node._local_gradients(), strict=True)
        if not isinstance(operand, Constant)]
    for row in found[FORWARD]:
        if len(row) == 3:
            operands = set(re.findall(r'v\d+', row[1]))
            assert operands == {node.label for node in nodes[row[0]]._prev if not isinstance(node, Constant)}


def test_chain_rule_gives_the_gradients():
    a = Value(0.5, label='a')
    b = a.tanh() * 3 + a
    c = b.exp() * b - a / b
    c.backward()
    found = read(tables(c))
    names = [row[0] for row in found[FORWARD]]
    grads = dict.fromkeys(names, 0.0)
    grads[names[-1]] = 1.0
    for quotient, *_, local in found[LOCAL]:  # from the output down, so that each gradient is complete when used
        node, operand = re.findall(r'∂(\w+)', quotient)
        grads[operand] += grads[node] * float(local)
    assert {name: pytest.approx(float(number), rel=1e-4) for name, number in found[BACKWARD]} == {
        f'∂{names[-1]}/∂{name}': grad for name, grad in grads.items()}


def test_operation_by_hand_shows_question_marks():
    x = Value(2, label='x')
    out = Value(8, (x,), 'cube', label='c')

    def step() -> None:
        x.grad += 12 * out.grad

    out._backward = step
    out.backward()
    assert read(tables(out)) == {
        FORWARD: [('x', '2'), ('c', 'cube(x)', '8')],
        LOCAL: [('∂c/∂x', '?')],
        BACKWARD: [('∂c/∂c', '1'), ('∂c/∂x', '12')],
    }
