"""The two passes as text: every row against the engine, every formula read back."""

import math
import re
import sys
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from random_graphs import OPERATIONS, evaluate, graphs

import micrograd.command.expression
from micrograd import Value, dot, explain
from micrograd.engine import Constant
from micrograd.graph.formulas import FUNCTIONS
from micrograd.show.explain import Explanation, tables

FORWARD, LOCAL, BACKWARD = 'forward pass', 'local gradients', 'gradients, by the chain rule'


def read(tables: Explanation | str) -> dict[str, list[tuple[str, ...]]]:
    """The rows of each table by its title, each row cut at its equals signs."""
    found: dict[str, list[tuple[str, ...]]] = {}
    for table in str(tables).split('\n\n'):
        title, *lines = table.splitlines()
        found[title] = [tuple(cell.strip() for cell in line.split('=')) for line in lines]
    return found


def as_python(written: str) -> str:
    """What is written as mathematics, as Python writes it."""
    text = re.sub('[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+', lambda raised: '**' + raised.group().translate(
        str.maketrans('⁻⁰¹²³⁴⁵⁶⁷⁸⁹', '-0123456789')), written)
    text = re.sub(r'\|(.*?)\|', r'abs(\1)', text)
    for mark, meaning in {'·': '*', '−': '-', '^': '**', 'σ': 'sigmoid', '√': 'sqrt', 'ln': 'log'}.items():
        text = text.replace(mark, meaning)
    return text


def number(written: str) -> float:
    return float(written.replace('−', '-').replace('∞', 'inf').replace('undefined', 'nan'))


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


def test_lesson_1_is_written_out():
    w, x, y = Value(1.0), Value(1.0), Value(2.0)
    y_hat = w * x
    s = y_hat - y
    loss = s**2
    assert str(explain(loss, w)) == '\n'.join([
        '∂loss/∂w = ∂loss/∂s · ∂s/∂y_hat · ∂y_hat/∂w',
        '         = 2·s · 1 · x',
        '         = 2·(−1) · 1 · 1',
        '         = −2'])
    assert (w.grad, s.grad, loss.grad) == (0, 0, 0)


def test_paths_add_up_each_on_a_line_of_its_own():
    a = Value(3.0)
    square = a * a
    assert str(explain(square, a)).splitlines() == [
        '∂square/∂a = ∂square/∂a₍₁₎', '           + ∂square/∂a₍₂₎', '           = a', '           + a',
        '           = 3', '           + 3', '           = 6']
    b = a + a
    c = b + b
    assert [line.strip(' =+∂ca/')[:19] for line in str(explain(c, a)).splitlines()[:4]] == [
        'b₍₁₎ · ∂b/∂a₍₁₎', 'b₍₁₎ · ∂b/∂a₍₂₎', 'b₍₂₎ · ∂b/∂a₍₁₎', 'b₍₂₎ · ∂b/∂a₍₂₎']
    assert str(explain(c, a)).endswith('= 4')


def test_many_paths_are_written_node_by_node():
    a = Value(1.0, label='a')
    v = a
    for i in range(100):
        v = v + v
        v.label = f'd{i}'
    lines = str(explain(v, a)).splitlines()
    assert len(lines) == 101
    assert lines[0] == '∂d99/∂d99 = 1'
    assert lines[1] == (
        '∂d99/∂d98 = ∂d99/∂d99 · ∂d99/∂d98₍₁₎ + ∂d99/∂d99 · ∂d99/∂d98₍₂₎ = 1 · 1 + 1 · 1 = 2')
    assert lines[-1].endswith(f'= {2.0**100:.6g}')


def test_max_paths_decides_which_form():
    a = Value(2.0, label='a')
    b = a * a + a
    b.label = 'b'
    assert str(explain(b, a, max_paths=3)).startswith('∂b/∂a =')
    assert str(explain(b, a, max_paths=2)).startswith('∂b/∂b = 1\n')


def test_a_million_operations_are_cut_in_the_middle():
    a = v = Value(1.0, label='a')
    for _ in range(200_000):
        v = v * 1.0
    lines = str(explain(v, a)).splitlines()
    assert len(lines) == 201
    assert lines[100] == '… 199,801 more …'
    assert lines[-1].endswith('= 1')


@settings(max_examples=100, deadline=None)
@given(graph=graphs())
def test_every_form_ends_in_the_engines_gradient(graph):
    nodes = graph.values()
    root = nodes[graph.root]
    root.backward()
    for name, node in nodes.items():
        node.label = name
    for node in nodes.values():
        if node in set(root.topological_order()):
            for max_paths in (1, 10):
                last = str(explain(root, node, max_paths=max_paths)).partition('\nNote')[0].rpartition('= ')[2]
                assert number(last) == close(node.grad)


def test_what_it_does_not_depend_on_has_gradient_0():
    x, y, other = Value(1.0), Value(2.0), Value(3.0)
    s = x * y
    assert str(explain(s, other)) == '∂s/∂other = 0: s does not depend on other'
    assert str(explain(s, s)) == '∂s/∂s = 1'


def test_names_are_labels_else_the_callers_variables_else_numbers():
    x, y = Value(2.0, label='in'), Value(3.0)
    out = (x * y).tanh()
    assert str(explain(out, x)).startswith('∂out/∂in = ∂out/∂(in·y) · ∂(in·y)/∂in')
    assert str(explain(out, x, names=False)).startswith('∂v3/∂in = ∂v3/∂v2 · ∂v2/∂in')
    assert str(explain(out, y, names={'b': y, 'c': out})).startswith('∂c/∂b = ∂c/∂(in·b) · ∂(in·b)/∂b')
    assert str(explain(2 * y, y)).splitlines()[-1].endswith('= 2')


def test_operations_of_ones_own_show_numbers_and_those_by_hand_are_an_error():
    x = Value(2.0, label='x')
    cube = Value(8.0, (x,), 'cube', lambda: (12.0,), label='c')
    assert str(explain(cube, x)) == '∂c/∂x = 12'
    by_hand = Value(8.0, (x,), 'cube', label='c')
    by_hand._backward = lambda: None
    with pytest.raises(ValueError, match="'cube' keeps its local gradients to itself"):
        explain(by_hand, x)
    with pytest.raises(TypeError, match='not float'):
        explain(cube, 2.0)


def test_notebooks_show_mathematics_and_tables():
    y_hat, w = Value(1.0, label='y_hat'), Value(2.0)
    loss = (y_hat * w)**2
    chain = explain(loss, y_hat)
    assert chain._repr_markdown_() is None
    assert r'\frac{\partial \mathrm{loss}}{\partial \mathrm{y\_hat}} &= ' in chain._repr_latex_()
    assert chain._repr_latex_().endswith('&= 8\n\\end{aligned}$$')
    both = explain(loss)
    assert both._repr_latex_() is both._repr_markdown_() is chain._repr_html_() is None
    by_node = explain(loss, y_hat, max_paths=0)
    assert by_node._repr_latex_() is by_node._repr_html_() is None
    assert by_node._repr_markdown_() == f'```text\n{by_node}\n```'
    labelled = Value(1.0, label='``') * 2
    assert '`' * 5 in explain(labelled, labelled._prev[0], max_paths=0)._repr_markdown_()


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


def test_a_local_gradient_that_does_not_exist_is_named():
    x = Value(0.0, label='x')
    for arguments in ((x.sqrt(), x), (x.sqrt(),)):
        with pytest.raises(ZeroDivisionError, match=r'local gradients of sqrt\(x = 0.0\)'):
            explain(*arguments)


def test_names_stay_on_their_line_and_short():
    a = Value(2.0, label='a\nb')
    long = Value(3.0, label='l' * 100)
    assert str(explain(a * long, a)).startswith('∂v1/∂a b = ')
    assert ('l' * 39 + '…', '3') in read(explain(a * long))[FORWARD]


def test_small_numbers_have_one_kind_of_minus():
    w = Value(2.0)
    assert str(explain(w * 1e-5, w)).splitlines() == ['∂(w·(1e−05))/∂w = 1e−05']


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


def test_long_products_have_no_ones_and_break_between_factors():
    x = v = Value(0.5, label='x')
    for i in range(12):
        v = (v + 1).tanh()
        v.label = f'layer_{i}'
    explained = str(explain(v, x))
    symbols, formulas, numbers, total = re.split(r'\n +=', explained)
    assert all(len(line) <= 100 for line in explained.splitlines())
    assert [len(re.split(' *· *', side)) for side in (symbols, formulas, numbers)] == [24, 12, 12]
    assert all(line.startswith(' ' * len('∂layer_11/∂x = ') + '· ') for line in symbols.splitlines()[1:])
    assert math.prod(eval(as_python(factor)) for factor in re.split(r'\s*· *', numbers)) == pytest.approx(
        number(total), rel=1e-4)
    assert re.sub(r'\s+', ' ', explain(v, x)._repr_latex_()).count(r'\\ &\qquad {} \cdot') == explained.count('\n') - 3


def test_a_chain_of_three_factors_shows_its_ones():
    a = Value(2.0)
    b = a + 1
    c = b + 1
    d = c + 1
    e = d + 1
    assert '= 1 · 1 · 1' in str(explain(d, a))
    assert str(explain(e, a)).splitlines()[1:] == ['      = 1']
    for output, formulas in ((e * a, ['= a', '+ e']), (b * a, ['= a · 1', '+ b'])):
        assert [line.strip() for line in str(explain(output, a)).splitlines()[2:4]] == formulas


def test_signs_stand_once():
    x = Value(3.0)
    out = 2 * x - x * x
    assert str(explain(out, x)).splitlines()[3:] == [
        '        = 1 · 2', '        − 1 · x', '        − 1 · x', '        = 1 · 2', '        − 1 · 3',
        '        − 1 · 3', '        = −4']


def test_what_is_not_defined_is_so_called():
    a, b = Value(-2.0, label='a'), Value(2.0, label='b')
    power = Value(4.0, (a, b), '**', local_gradients=lambda: (-4.0, math.nan), label='p')
    assert str(explain(power, b)) == '∂p/∂b = undefined'
    assert r'\text{undefined}' in explain(power * power, b)._repr_latex_()
    infinite = Value(math.inf, label='i')
    assert read(explain(infinite * 1 - infinite))[FORWARD][-1] == ('i·1 − i', 'undefined')
    assert read(explain(infinite * 1))[FORWARD] == [('i', '∞'), ('i·1', '∞')]


def test_it_says_when_an_input_has_changed():
    w, x = Value(2.0), Value(3.0)
    out = (w * x).sqrt()
    assert 'Note' not in str(explain(out, w)) + str(explain(out))
    w.data = -5.0
    note = 'Note: an input was changed after the forward pass: w·x was 6 and would be −15. Compute out again.'
    explained = explain(out, w), explain(out), explain(out, w, max_paths=0)
    assert [str(each).splitlines()[-1] for each in explained] == [note] * 3
    assert explained[0]._repr_latex_().endswith(f'$$\n\n{note}')
    assert f'<p>{note}</p>' in explained[1]._repr_html_()


def test_it_says_which_gradients_are_not_of_one_pass():
    w, x, other = Value(2.0, label='w$'), Value(3.0), Value(4.0)
    out = w * x + other
    out.backward()
    assert 'Note' not in str(explain(out, w)) + str(explain(out))
    (w * w).backward()
    assert 'Note' not in str(explain(out, x))
    note = 'one backward() from out gives: that of w$ is 7, not 3. Passes add up until zero_grad().'
    assert str(explain(out, w)).endswith(note) and str(explain(out)).endswith(note)
    assert explain(out, w)._repr_latex_().endswith(note.replace('$', r'\$'))


def test_a_wide_dot_is_explained_in_linear_time():
    """Counted in lines of Python that run, and in characters."""
    def cost(n):
        ws, xs = [Value(1.0) for _ in range(n)], [Value(2.0) for _ in range(n)]
        out, lines = dot(ws, xs) + dot([ws[0]] * n, [ws[0]] * n), 0

        def count(frame, event, _):
            nonlocal lines
            lines += event == 'line' and 'micrograd' in frame.f_code.co_filename
            return count

        before = sys.gettrace()
        try:
            sys.settrace(count)
            written = [str(explain(out)), str(explain(out, xs[-1])), str(explain(out, ws[0]))]
        finally:
            sys.settrace(before)
        return lines, sum(map(len, written))

    (lines, characters), (more_lines, more_characters) = cost(400), cost(1600)
    assert more_lines < 4.4 * lines
    assert more_characters < 4.4 * characters


def test_long_tables_are_cut_in_the_middle():
    v = Value(1.0, label='a')
    for _ in range(500):
        v = v * 1.0
    title, *rows = str(explain(v)).split('\n\n')[0].splitlines()
    assert (title, len(rows), rows[100]) == (FORWARD, 201, '  … 301 more …')


def test_a_long_sum_is_cut_too():
    x = Value(1.0)
    out = dot([x] * 50, [2.0] * 50)
    [_, line] = str(explain(out, x)).splitlines()
    assert '… 45 more …' in line and line.endswith('= 100') and len(line) < 300
