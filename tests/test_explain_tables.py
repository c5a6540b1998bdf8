"""The two passes as tables: every row against the engine, every formula read back."""

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from random_graphs import OPERATIONS, evaluate, graphs
from tellings import BACKWARD, FORWARD, LOCAL, as_python, close, number, read

import micrograd.command.expression
from micrograd import Value, dot, explain
from micrograd.engine import Constant
from micrograd.graph.formulas import FUNCTIONS
from micrograd.show.explain import tables


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
        FORWARD: [('w', '1'), ('x', '1'), ('ŷ', 'w·x', '1'), ('y', '2'), ('s', 'ŷ − y', '-1'), ('L', 's²', '1')],
        LOCAL: [('∂L/∂s', '2·s', '-2'), ('∂s/∂ŷ', '1'), ('∂s/∂y', '-1'), ('∂ŷ/∂w', 'x', '1'), ('∂ŷ/∂x', 'w', '1')],
        BACKWARD: [('∂L/∂L', '1'), ('∂L/∂s', '-2'), ('∂L/∂y', '2'), ('∂L/∂ŷ', '-2'), ('∂L/∂x', '-2'), ('∂L/∂w', '-2')],
    }


def test_columns_are_aligned():
    x = Value(-0.0123, label='a_long_name')
    output = (x * 1e-7 + 3).exp() / x
    output.backward()
    for table in str(tables(output)).split('\n\n'):
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
        ('x', '3'), ('x·2.5 + 0.25·x', '8.25'), ('v2', 'x·2.5 + 0.25·x − 7', '1.25')]
    assert found[LOCAL] == [
        ('∂v2/∂(x·2.5 + 0.25·x)', '1'), ('∂(x·2.5 + 0.25·x)/∂x₍₁₎', '2.5'), ('∂(x·2.5 + 0.25·x)/∂x₍₂₎', '0.25')]
    assert found[BACKWARD] == [('∂v2/∂v2', '1'), ('∂v2/∂(x·2.5 + 0.25·x)', '1'), ('∂v2/∂x', '2.75')]


def test_each_use_of_an_operand_is_a_row():
    a = Value(3, label='a')
    square = a * a
    square.label = 'p'
    square.backward()
    found = read(tables(square))
    assert found[LOCAL] == [('∂p/∂a₍₁₎', 'a', '3'), ('∂p/∂a₍₂₎', 'a', '3')]
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
    output.label = 'output'
    output.backward()
    rows = read(tables(output))[FORWARD]
    *_, (_, formula, found) = rows
    used = {row[0]: number(row[-1]) for row in rows[:-1]}
    again = micrograd.command.expression.evaluate(as_python(formula), used)
    assert again._op == output._op or output._op == 'dot'
    assert again.data == close(output.data)
    assert number(found) == close(output.data)
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

    assert [(row[0], number(row[-1])) for row in found[FORWARD]] == [(node.label, close(node.data)) for node in order]
    assert [(name, number(gradient)) for name, gradient in found[BACKWARD]] == [
        (f'∂{root.label}/∂{node.label}', close(node.grad)) for node in reversed(order)]
    assert [(re.sub('[₍₎₀₁₂₃₄₅₆₇₈₉]', '', row[0]), number(row[-1])) for row in found.get(LOCAL, [])] == [
        (f'∂{node.label}/∂{operand.label}', close(local)) for node in reversed(order)
        for operand, local in zip(node._prev, node._local_gradients(), strict=True)
        if not isinstance(operand, Constant)]
    for row in found[FORWARD]:
        if len(row) == 3:
            operands = set(re.findall(r'v\d+', row[1]))
            assert operands == {node.label for node in nodes[row[0]]._prev if not isinstance(node, Constant)}


@settings(max_examples=200, deadline=None)
@given(graph=graphs())
def test_formulas_of_rows_come_to_the_numbers_beside_them(graph):
    """Each formula is read back as arithmetic on the numbers of the nodes that it names."""
    nodes = graph.values()
    for name, node in nodes.items():
        node.label = name
    numbers = {name: node.data for name, node in nodes.items()}
    found = read(explain(nodes[graph.root], names=False))
    for name, formula, shown in (row for title in (FORWARD, LOCAL) for row in found.get(title, []) if len(row) == 3):
        try:
            meaning = eval(as_python(formula), {**FUNCTIONS, **numbers})
        except (ArithmeticError, ValueError):  # a formula of an edge, such as ln(0)
            continue
        meaning = float(meaning[0]) if isinstance(meaning, list) else meaning  # [x > 0]
        if not isinstance(meaning, complex):
            assert number(shown) == pytest.approx(meaning, rel=1e-5, abs=1e-12, nan_ok=True), (name, formula)


def test_chain_rule_gives_the_gradients():
    a = Value(0.5, label='a')
    b = a.tanh() * 3 + a
    c = b.exp() * b - a / b
    c.backward()
    found = read(tables(c))
    names = [row[0] for row in found[FORWARD]]
    grads = dict.fromkeys(names, 0.0)
    grads[names[-1]] = 1.0
    names_in = {name: name for name in names} | {f'({name})': name for name in names}
    for quotient, *_, local in found[LOCAL]:  # from the output down, so that each gradient is complete when used
        node, operand = quotient.removeprefix('∂').split('/∂')
        node, operand = names_in[node], names_in[re.sub('[₍₎₀₁₂]', '', operand)]
        grads[operand] += grads[node] * number(local)
    assert {names_in[name.removeprefix(f'∂{names[-1]}/∂')]: pytest.approx(number(gradient), rel=1e-4)
            for name, gradient in found[BACKWARD]} == grads


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


def test_tables_need_no_backward_and_show_one_pass():
    w, x = Value(3.0, label='w'), Value(2.0, label='x')
    loss = w * x
    before = read(explain(loss))
    assert before[BACKWARD][-1] == ('∂loss/∂w', '2')
    assert (w.grad, loss.grad) == (0, 0)
    loss.backward()
    assert read(explain(loss)) == before
    loss.backward()
    tables, _, note = str(explain(loss)).rpartition('\n\n')
    assert read(tables) == before
    assert note.startswith('Note: the grad kept in the graph is not what one backward() from loss gives: that of w is')
    assert w.grad == 4


def test_the_tables_as_html():
    """The same cells as in the text, with labels that stay text."""
    w, x = Value(-2.0, label='<b>w&'), Value(3.0)
    loss = (w * x).tanh() * w

    class Cells(HTMLParser):
        def __init__(self, page):
            super().__init__()
            self.rows, self.titles, self.tags = [], [], []
            self.feed(page)

        def handle_starttag(self, tag, _):
            self.tags.append(tag)
            if tag == 'tr':
                self.rows.append([])

        def handle_data(self, data):
            if self.tags[-1] == 'td':
                self.rows[-1].append(data)
            elif self.tags[-1] == 'caption':
                self.titles.append(data)

    found, text = Cells(explain(loss)._repr_html_()), read(explain(loss))
    assert found.titles == list(text)
    assert [tuple(cell.removeprefix('= ') for cell in (*row[:2], row[-1].replace('−', '-')) if cell != '=')
            for row in found.rows] == [row for rows in text.values() for row in rows]
    assert set(found.tags) == {'table', 'caption', 'tbody', 'tr', 'td'}


def test_long_tables_are_cut_in_the_middle():
    v = Value(1.0, label='a')
    for _ in range(500):
        v = v * 1.0
    title, *rows = str(explain(v)).split('\n\n')[0].splitlines()
    assert (title, len(rows), rows[100]) == (FORWARD, 201, '  … 301 more …')
