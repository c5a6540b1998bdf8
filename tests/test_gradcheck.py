"""gradcheck: what it finds, what it prints, and that it leaves no trace."""

import math
import re
import subprocess
import sys
from xml.etree import ElementTree

import pytest
from needs import needs

from micrograd import Value, dot, gradcheck
from micrograd.nn import MLP, mse_loss


def wrong_cube(x):
    """x³ with the derivative of x²."""
    return Value(x.data**3, (x,), 'cube', local_gradients=lambda: (2 * x.data,))


def test_right_gradients_agree():
    result = gradcheck(lambda w, x: (w * x - 2).tanh() / x, 1.3, -0.4)
    assert result
    assert 'the gradients agree' in str(result)


def test_a_wrong_derivative_is_seen():
    result = gradcheck(wrong_cube, 2.0)
    assert not result
    assert 'DIFFER' in str(result)
    [row] = result.rows
    assert (row.input, row.engine) == ('x', 4.0)
    assert (row.finite_difference, row.difference) == (pytest.approx(12.0), pytest.approx(8.0))


def test_a_wrong_gradient_of_0_is_seen():
    assert not gradcheck(lambda x: Value(x.data, (x,), 'f', local_gradients=lambda: (0.0,)), 1.0)


def test_a_wrong_forward_pass_is_not_seen():
    """As the docstring says."""
    assert gradcheck(lambda x: Value(2 * x.data, (x,), 'thrice', local_gradients=lambda: (2.0,)), 1.0)


def test_table_has_a_row_for_each_input_with_its_name():
    needs('torch')
    b = Value(0.5, label='bias')
    result = gradcheck(lambda ws, xs, offset: dot(ws, xs) + offset, [1.0, 2.0], [3.0, 4.0], b)
    header, *rows, verdict = str(result).splitlines()
    assert re.split(r'\s{2,}', header.strip()) == ['input', 'engine', 'finite difference', 'difference', 'PyTorch']
    assert [row.split()[:2] for row in rows] == [
        ['ws[0]', '3'], ['ws[1]', '4'], ['xs[0]', '1'], ['xs[1]', '2'], ['bias', '1']]
    assert verdict == 'the gradients agree'


def test_names_of_a_variadic_function():
    assert [row.input for row in gradcheck(lambda first, *rest: first + sum(rest), 1.0, 2.0, 3.0).rows] == [
        'first', 'rest[0]', 'rest[1]']


def test_html_is_the_same_table_with_labels_as_text():
    needs('torch')
    result = gradcheck(lambda x: x * x, Value(3.0, label='<script>'))
    tree = ElementTree.fromstring(f'<div>{result._repr_html_()}</div>')
    cells = [''.join(cell.itertext()) for cell in tree.iter('td')]
    assert cells[:2] == ['<script>', '6']
    assert cells[4] == '6'
    assert len(list(tree.iter('th'))) == len(cells) == 5


def test_pytorch_column():
    def f(w, x):
        return (w[0] * x).tanh() + w[1]

    twin = gradcheck(f, [0.5, 2.0], 1.5, torch=f)
    assert twin
    assert [row.pytorch for row in twin.rows] == pytest.approx([row.engine for row in twin.rows], rel=1e-12)
    assert 'PyTorch' in str(twin).splitlines()[0]


def test_the_pytorch_column_is_the_graph_itself_where_no_twin_is_given():
    needs('torch')
    found = gradcheck(lambda w, x: (w[0] * x).tanh() + w[1], [0.5, 2.0], 1.5)
    assert [row.pytorch for row in found.rows] == pytest.approx([row.engine for row in found.rows], rel=1e-12)
    slope = 1 - math.tanh(0.75)**2
    assert [row.pytorch for row in found.rows] == pytest.approx([1.5 * slope, 1.0, 0.5 * slope], rel=1e-12)


def test_an_engine_that_differs_from_pytorch_is_seen(monkeypatch):
    """By less than finite differences can see."""
    needs('torch')
    tanh = Value.tanh

    def wrong(self):
        out = tanh(self)
        local = out._local_gradients
        out._local_gradients = lambda: (local()[0] * (1 + 1e-7),)
        out._local_gradients.__module__ = Value.__module__
        return out

    monkeypatch.setattr(Value, 'tanh', wrong)
    assert gradcheck(lambda x: x.tanh(), 0.5, torch=False)
    found = gradcheck(lambda x: x.tanh(), 0.5)
    assert not found
    assert found.rows[0].pytorch == pytest.approx(1 - math.tanh(0.5)**2, rel=1e-12)


def test_an_input_given_twice_has_its_gradient_twice_and_an_unused_one_has_0():
    needs('torch')
    a, b = Value(2.0), Value(3.0)
    assert [row.pytorch for row in gradcheck(lambda x, y, z: x * y, a, a, b).rows] == [4.0, 4.0, 0.0]
    assert [row.pytorch for row in gradcheck(lambda x: Value(3.0), 1.0).rows] == [0.0]


def columns(found):
    return len(found.rows[0].cells())


def test_without_pytorch_or_a_formula_or_the_wish_there_is_no_pytorch_column(monkeypatch):
    needs('torch')
    assert columns(gradcheck(lambda x: x * x, 1.0)) == 5
    assert columns(gradcheck(lambda x: x * x, 1.0, torch=False)) == 4
    by_hand = gradcheck(lambda x: Value(2 * x.data, (x,), 'twice', local_gradients=lambda: (2.0,)) * x, 1.0)
    assert by_hand
    assert columns(by_hand) == 4
    monkeypatch.setitem(sys.modules, 'torch', None)
    without = gradcheck(lambda x: x * x, 1.0)
    assert without
    assert columns(without) == 4


def test_a_graph_that_is_not_converted_imports_no_torch():
    code = ('import sys; from micrograd import Value, gradcheck; '
            'assert gradcheck(lambda x: Value(x.data, (x,), "f", local_gradients=lambda: (1.0,)), 1.0); '
            'assert gradcheck(lambda x: x * x, 1.0, torch=False); print("torch" in sys.modules)')
    assert subprocess.run([sys.executable, '-c', code], capture_output=True, text=True).stdout == 'False\n'


def test_a_pytorch_twin_that_differs_is_seen():
    assert not gradcheck(lambda x: x * x, 1.0, torch=lambda x: x * x * 1.00001)


def test_inputs_that_pytorch_does_not_use_have_gradient_0():
    assert gradcheck(lambda x, y: x * 1.0, 1.0, 2.0, torch=lambda x, y: x * 1.0).rows[1].pytorch == 0.0


def test_checks_a_model_through_its_own_parameters_and_leaves_them_as_they_were():
    model = MLP(2, [3, 1], activation='tanh')
    other = Value(2.0)
    for i, p in enumerate([*model.parameters(), other]):
        p.grad = float(i)
    before = [(p.data, p.grad) for p in [*model.parameters(), other]]
    result = gradcheck(lambda *_: mse_loss([model([0.5, -1.0]) * other], [1.0]), *model.parameters())
    assert result
    assert len(result.rows) == 13
    assert any(abs(row.engine) > 1e-3 for row in result.rows)
    assert [(p.data, p.grad) for p in [*model.parameters(), other]] == before


def test_leaves_inputs_as_they_were_when_f_raises():
    x = Value(1e-7)

    def f(x):
        if x.data != 1e-7:
            raise KeyError('moved')
        return x * 2
    with pytest.raises(KeyError, match='moved'):
        gradcheck(f, x)
    assert (x.data, x.grad) == (1e-7, 0.0)


def test_a_step_out_of_the_domain_is_said():
    x, y = Value(1e-7, label='x'), Value(2.0, label='y')
    result = gradcheck(lambda x, y: x.log() * y, x, y)
    assert result and [math.isnan(row.difference) for row in result.rows] == [True, False]
    assert result.notes == ['x: f is not defined on both sides of 1e-07, at a distance of 1e-06']
    assert 'undefined' in str(result) and result.notes[0] in str(result) and result.notes[0] in result._repr_html_()
    assert x.data == 1e-7
    wrong = gradcheck(lambda x, y: x.log() * Value(y.data**2, (y,), 'square', lambda: (y.data,)), x, y)
    assert not wrong and wrong.notes == result.notes


def test_large_inputs_take_larger_steps():
    assert gradcheck(lambda x: x * x, 1e9)


def test_a_small_gradient_is_not_lost_in_the_tolerance():
    assert not gradcheck(lambda x: Value(x.data * 1e-6, (x,), 'm', local_gradients=lambda: (9e-6,)), 1.0)
    assert gradcheck(lambda x: Value(x.data * 1e-6, (x,), 'm', local_gradients=lambda: (1e-6,)), 1.0)


def test_functions_without_a_signature():
    assert [row.input for row in gradcheck(max, 1.0, 2.0).rows] == ['input 0', 'input 1']


def test_kink_has_no_agreement():
    assert not gradcheck(lambda x: x.relu(), 0.0)


@pytest.mark.parametrize('call, error, message', [
    (lambda: gradcheck(lambda: Value(1.0)), ValueError, 'needs the inputs'),
    (lambda: gradcheck(lambda x: x.data, 1.0), TypeError, 'returns a Value to be checked, not float'),
    (lambda: gradcheck(lambda x: x, Value(1.0) * 2), ValueError, 'x is the result of an operation'),
    (lambda: gradcheck(lambda x: x, 'x'), TypeError, 'a real number, not str'),
    (lambda: gradcheck(lambda x: x, {'x': 1.0}), TypeError, 'a real number, not dict'),
    (lambda: gradcheck(lambda x: x, 1.0, 2.0), TypeError, 'positional argument'),
])
def test_bad_input_is_an_error(call, error, message):
    with pytest.raises(error, match=message):
        call()
