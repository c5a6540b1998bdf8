"""The chain rule written out, and what is said beside it."""

import math
import re
import sys

import pytest
from hypothesis import given, settings
from random_graphs import graphs
from tellings import FORWARD, as_python, close, number, read

from micrograd import Value, dot, explain


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


def test_a_long_sum_is_cut_too():
    x = Value(1.0)
    out = dot([x] * 50, [2.0] * 50)
    [_, line] = str(explain(out, x)).splitlines()
    assert '… 45 more …' in line and line.endswith('= 100') and len(line) < 300
