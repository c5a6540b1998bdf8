"""The rows of formulas.py against the engine's closures and SymPy's derivatives; and how they are written."""

import dataclasses
import math
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from needs import np, sympy
from random_graphs import SYMPY as OPERATIONS
from random_graphs import graphs

from micrograd import Value, dot, gradients
from micrograd.graph.formulas import FORMULAS, FUNCTIONS, formula_of, parse
from micrograd.show.notation import ATOM, LATEX, PLAIN, PRODUCT, SUM, Written, render

TEXTS = [text for row in FORMULAS.values() for text in (row.formula, *row.gradients, *row.shown)]
POWERS = [0, 1, 2, 3, -1, -2, 0.5, 2.5, 1e-3]
SYMPY = {**OPERATIONS, 'sign': sympy.sign, 'step': lambda a: sympy.Heaviside(a, 0), 'log0': sympy.log}


def computed(text: str, node: Value, operands: tuple[str, ...]) -> float:
    """A row's text as Python computes it."""
    numbers = {name: operand.data for name, operand in zip(operands, node._prev, strict=True)}
    return eval(text, {**FUNCTIONS, **numbers, 'out': node.data})


@settings(max_examples=300, deadline=None)
@given(graph=graphs())
def test_rows_are_what_the_closures_are(graph):
    for node in graph.values().values():
        if node._prev:
            row = formula_of(node)
            assert computed(row.formula, node, row.operands) == pytest.approx(node.data, rel=1e-14, abs=1e-300)
            for text, local in zip(row.gradients, node._local_gradients(), strict=True):
                assert computed(text, node, row.operands) == pytest.approx(local, rel=1e-13, abs=1e-300)


@pytest.mark.parametrize('op', FORMULAS)
def test_rows_are_sympys_derivatives(op):
    check(FORMULAS[op])


@pytest.mark.parametrize('n', POWERS)
def test_rows_of_plain_powers_are_sympys_derivatives(n):
    check(formula_of(Value(2.0)**n))


@pytest.mark.parametrize(('n', 'gradient'), [
    (0, '0'), (1, '1'), (2, '2 * a'), (3, '3 * a ** 2'), (-1, '-1 * a ** -2'), (0.5, '0.5 * a ** -0.5')])
def test_rows_of_plain_powers_are_as_one_writes_them(n, gradient):
    row = formula_of(Value(2.0)**n)
    assert (row.formula, row.gradients) == (f'a ** {n}', (gradient,))


def test_row_of_a_dot_is_sympys_gradient():
    row = formula_of(dot([Value(1.0), Value(2.0), Value(3.0)], [4, 5, 6]))
    assert row.formula == 'w1 * x1 + w2 * x2 + w3 * x3'
    check(row)


def check(row):
    """A row's gradients against SymPy's derivatives of its formula, at a few points."""
    assume = {'positive': True} if '**' in row.formula else {'real': True}
    symbols = {name: sympy.Symbol(name, **assume) for name in row.operands}
    formula = sympy.sympify(row.formula, {**SYMPY, **symbols})
    for name, text in zip(row.operands, row.gradients, strict=True):
        gradient = sympy.sympify(text, {**SYMPY, **symbols, 'out': formula})
        derivative = sympy.diff(formula, symbols[name])
        for point in (0.3, 0.7, 1.9):
            at = {symbol: point + 0.4 * i for i, symbol in enumerate(symbols.values())}
            assert float(gradient.subs(at)) == pytest.approx(float(derivative.subs(at)), rel=1e-12)


@given(st.sampled_from(sorted(FORMULAS)), st.floats(0.1, 3), st.floats(0.1, 3))
def test_rows_read_the_same_in_numpy(op, a, b):
    functions = {name: getattr(np, name, np.vectorize(function)) for name, function in FUNCTIONS.items()}
    for text in (FORMULAS[op].formula, *FORMULAS[op].gradients):
        names = {'a': a, 'b': b, 'out': 0.25}
        arrays = {name: np.array([number]) for name, number in names.items()}
        expected = pytest.approx(eval(text, {**FUNCTIONS, **names}), rel=1e-12)
        assert np.broadcast_to(eval(text, {**functions, **arrays}), 1)[0] == expected


def test_what_a_row_calls_is_a_function_with_a_row():
    called = {name for text in TEXTS for name in re.findall(r'\w+(?=\()', text)}
    assert called == set(FUNCTIONS) and called <= set(FORMULAS)


@pytest.mark.parametrize(('name', 'at'), [
    ('sign', {-2.0: -1.0, 0.0: 0.0, 2.0: 1.0}), ('step', {-2.0: 0.0, 0.0: 0.0, 2.0: 1.0}),
    ('relu', {-2.0: 0.0, 0.0: 0.0, 2.0: 2.0}), ('log0', {-1.0: math.nan, 0.0: 0.0, 1.0: 0.0, math.e: 1.0}),
])
def test_functions_at_their_kinks(name, at):
    assert {a: FUNCTIONS[name](a) for a in at} == pytest.approx(at, abs=0, rel=0, nan_ok=True)
    assert {type(FUNCTIONS[name](a)) for a in at} == {float}


def test_relu_keeps_the_sign_of_zero_as_the_engine():
    assert repr(FUNCTIONS['relu'](-0.0)) == repr(Value(-0.0).relu().data) == '-0.0'


@pytest.mark.parametrize(('function', 'op'), [
    (abs, 'sign'), (Value.relu, 'step'), (lambda x: Value(2.0) ** x * x ** Value(3.0), 'log0')])
def test_what_only_gradients_have_has_a_row_too(function, op):
    x = Value(1.5)
    nodes = gradients(function(x), [x])[0].topological_order()
    assert op in {node._op for node in nodes if formula_of(node) is FORMULAS.get(node._op)}
    assert all(formula_of(node) for node in nodes if node._prev)


def test_rows_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        FORMULAS['+'].formula = 'a - b'


def meaning(tree, names):
    """What a tree comes to."""
    match tree:
        case str():
            return names[tree]
        case float():
            return tree
        case 'neg', part:
            return -meaning(part, names)
        case function, part:
            return FUNCTIONS[function](meaning(part, names))
        case op, left, right:
            return eval(f'left {op} right', {'left': meaning(left, names), 'right': meaning(right, names)})


def test_trees_mean_what_their_texts_mean():
    names = {'a': 1.7, 'b': 2.9, 'out': 0.4}
    for text in [*TEXTS, '2 * a', 'a ** -2', '3 * a ** 2', '-2', '-a / b - 3.5 ** b']:
        assert meaning(parse(text), names) == eval(text, {**FUNCTIONS, **names}), text
    assert parse('-a / 2') == ('/', ('neg', 'a'), 2.0)
    assert parse('-2') == -2.0 and type(parse('-2')) is float
    assert parse('a ** inf') == ('**', 'a', math.inf) and math.isnan(parse('nan'))


@pytest.mark.parametrize(('text', 'part'), [
    ('a < b', 'Compare'), ('+a', 'UnaryOp'), ('exp(a, b)', 'Call'), ('a.b', 'Attribute'), ('True and a', 'BoolOp'),
    ('"a"', 'Constant'), ('a % b', 'BinOp'), ('a @ b', 'BinOp'), ('log(a=b)', 'Call'), ('log(a, base=b)', 'Call'),
])
def test_a_text_that_is_no_arithmetic_has_no_tree(text, part):
    with pytest.raises(ValueError, match=rf'^a formula has .* but no {part} such as [\'"]'):
        parse(text)


@pytest.mark.parametrize(('text', 'part'), [
    ('a < b', 'Compare'), ('exp(a, b)', 'Call'), ('a.b', 'Attribute'), ('a % b', 'BinOp')])
def test_a_text_that_is_no_arithmetic_is_not_written(text, part):
    with pytest.raises(ValueError, match=rf'^a formula has .* but no {part} such as '):
        render(text, {'a': 'x', 'b': 'y'})


@pytest.mark.parametrize('style', [PLAIN, LATEX])
def test_styles_cannot_be_changed(style):
    with pytest.raises(TypeError):
        style.calls['abs'] = '{}'


@pytest.mark.parametrize('node', [
    Value(1.0), Value(1.0, (Value(2.0),), 'mine'), Value(1.0, (Value(1.0),), '+'), Value(1.0, (Value(1.0),), '**mine'),
    Value(1.0, (Value(1.0),), 'dot'), Value(1.0, (), 'dot'), dot([], []),
    Value(-0.2, (Value(-2.0),), 'relu', lambda: (0.1,)),  # a leaky one, in spite of its name
    *(Value(1.0, operands, op, Value(1.0).exp()._local_gradients)  # which borrow theirs from the engine
      for op, operands in (('exp', ()), ('mine', (Value(1.0),)), ('my2', (Value(1.0),)), ('**mine', (Value(1.0),)),
                           ('+', (Value(1.0),)), ('**2', (Value(1.0),) * 2), ('dot', (Value(1.0),) * 3))),
])
def test_what_is_not_the_engines_has_no_row(node):
    assert formula_of(node) is None


@pytest.mark.parametrize('out', [Value(1.0).tanh(), Value(1.0)**2, dot([Value(1.0)], [2.0])])
def test_an_operation_that_was_given_a_step_of_its_own_has_no_row(out):
    out._backward = lambda: None
    assert formula_of(out) is None


@pytest.mark.parametrize('text, numbers, expected', [
    ('2 * a', {'a': 's'}, '2·s'), ('2 * a', {'a': '-1'}, '2·(−1)'), ('-a / b / b', {'a': 'x', 'b': 'y'}, '−x/y²'),
    ('-a / b / b', {'a': '-2', 'b': '3'}, '−(−2)/3²'), ('1 - out * out', {'out': '-0.5'}, '1 − (−0.5)²'),
    ('1 - out * out', {'out': 't'}, '1 − t²'), ('out * (1 - out)', {'out': 'p'}, 'p·(1 − p)'),
    ('a ** 3', {'a': 'x'}, 'x³'),
    ('a ** -2', {'a': '-4'}, '(−4)⁻²'), ('b * a ** (b - 1)', {'a': 'x', 'b': 'n'}, 'n·x^(n − 1)'),
    ('a + b', {'a': '-1', 'b': '-2'}, '−1 − 2'), ('a - b', {'a': 'x', 'b': '-2'}, 'x − (−2)'),
    ('abs(a)', {'a': '-2'}, '|−2|'), ('sigmoid(a)', {'a': 'z'}, 'σ(z)'), ('log(a)', {'a': 'z'}, 'ln(z)'),
    ('1 / (2 * out)', {'out': 'r'}, '1/(2·r)'), ('step(a)', {'a': 'x'}, '[x > 0]'),
    ('log0(a)', {'a': 'z'}, 'ln(z)'), ('sqrt(a)', {'a': 'z'}, '√(z)'), ('3 * a ** 2', {'a': '1e-05'}, '3·(1e−05)²'),
    ('-sin(a)', {'a': 'x'}, '−sin(x)'), ('a + b', {'a': 'x', 'b': '-4'}, 'x − 4'),
    ('a * b', {'a': '3', 'b': '3'}, '3·3'),
    ('1 - out * out', {'out': '0.786'}, '1 − 0.786²'), ('a * a', {'a': '1e-05'}, '(1e−05)²'),
    ('a * b', {'a': Written('p + q', SUM), 'b': Written('p·q', PRODUCT)}, '(p + q)·(p·q)'),
    ('a + b', {'a': 1.5, 'b': -0.25}, '1.5 − 0.25'), ('a * b', {'a': math.nan, 'b': math.inf}, 'undefined·∞'),
    ('a - b', {'a': -math.inf, 'b': -math.inf}, '−∞ − (−∞)'),
])
def test_written_as_mathematics(text, numbers, expected):
    assert render(text, numbers) == expected


def test_looser_pieces_are_put_in_parentheses():
    assert render('1 - out', {'out': 'p'}, tightly=PRODUCT) == '(1 − p)'
    assert render('1 - out', {'out': 'p'}) == '1 − p'
    assert render('a * b', {'a': 'x', 'b': 'y'}, tightly=ATOM) == '(x·y)'


@settings(deadline=None)
@given(st.sampled_from([text for text in TEXTS if '(a)' not in text and 'sign' not in text]),
       *[st.integers(-9, 9).filter(bool)] * 3)
def test_what_is_written_with_numbers_means_the_same(text, a, b, out):
    """Read back as arithmetic: · is *, ^ and raised digits are **."""
    written = render(text, {'a': f'{a}', 'b': f'{b}', 'out': f'{out}'}).replace('·', '*').replace('−', '-')
    written = re.sub('[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+', lambda raised: '**' + raised.group().translate(
        str.maketrans('⁻⁰¹²³⁴⁵⁶⁷⁸⁹', '-0123456789')), written.replace('^', '**')).replace('ln', 'log')
    functions = {**FUNCTIONS, 'log': FUNCTIONS['log0']}
    expected = eval(text, {**FUNCTIONS, 'a': a, 'b': b, 'out': out})
    assert eval(written, functions) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize('text, expected', [
    ('a / b', r'\frac{x}{y\_hat}'), ('2 * a', r'2 \cdot x'), ('sqrt(a)', r'\sqrt{x}'), ('a ** 2', 'x^{2}'),
    ('exp(a)', r'\exp\left(x\right)'), ('abs(a)', r'\left|x\right|'), ('sigmoid(a)', r'\sigma\left(x\right)'),
    ('(a + b) / (2 * a)', r'\frac{x + y\_hat}{2 \cdot x}'), ('2 * a ** (b - 1)', r'2 \cdot x^{y\_hat - 1}'),
    ('log(a)', r'\ln\left(x\right)'), ('log0(a)', r'\ln\left(x\right)'), ('step(a)', r'\left[x > 0\right]'),
    ('1e-05 * a', r'10^{-5} \cdot x'), ('a ** 2.5e-07', r'x^{2.5 \cdot 10^{-7}}'),
    ('-1e-05 * a', r'-10^{-5} \cdot x'),
    ('a * 2.5e-07 ** 2', r'x \cdot \left(2.5 \cdot 10^{-7}\right)^{2}'), ('a * a + -4', r'x^{2} - 4'),
    ('-a / b / b', r'\frac{-x}{y\_hat^{2}}'), ('(a / b) ** 2', r'\left(\frac{x}{y\_hat}\right)^{2}'),
    ('relu(a)', r'\operatorname{relu}\left(x\right)'), ('sign(a)', r'\operatorname{sign}\left(x\right)'),
])
def test_written_as_latex(text, expected):
    assert render(text, {'a': 'x', 'b': r'y\_hat'}, LATEX) == expected


@given(st.text(max_size=20))
def test_a_name_stays_text_in_latex(name):
    """No character keeps a meaning of its own, and every brace is closed."""
    written = re.sub(r'^(\w)_(\{\d+\})$', r'\1\2', LATEX.name(name))  # w₁
    assert not re.search(r'(?<!\\)[$%&#_]|[\^~<>`]', written)
    bare = re.sub(r'\\[{}]', '', written)
    assert bare.count('{') == bare.count('}')


@pytest.mark.parametrize(('name', 'expected'), [
    ('x', 'x'), ('ŷ', 'ŷ'), ('1', r'\mathrm{1}'), ('_', r'\mathrm{\_}'), ('y_hat', r'\mathrm{y\_hat}'),
    ('a b', r'\mathrm{a\ b}'), ('a\nb', r'\mathrm{a\ b}'), ('{$%&#}', r'\mathrm{\{\$\%\&\#\}}'),
    ('a^b', r'\mathrm{a\wedge b}'), ('a~b', r'\mathrm{a\sim b}'), ('a<b>c', r'\mathrm{a\lt b\gt c}'),
    ('w1', 'w_{1}'), ('x₁₂', 'x_{12}'), ('ŷ0', 'ŷ_{0}'), ('wx1', r'\mathrm{wx1}'), ('w1b', r'\mathrm{w1b}'),
    ('a\\b', r'\mathrm{a\backslash b}'), ('a`b', r'\mathrm{a\grave{}b}'),
])
def test_a_name_in_latex(name, expected):
    assert LATEX.name(name) == expected


def test_equations_and_derivatives():
    sides = [[['a · b', 'e']], [['b'], ['−c'], ['d']], [['−c'], ['−4 · x', '(−y)']]]
    assert PLAIN.equations('∂L/∂x', sides).splitlines() == [
        '∂L/∂x = a · b', '        · e', '      = b', '      − c', '      + d', '      = −c', '      − 4 · x',
        '        · (−y)']
    sides = [[['a', 'e']], [['b'], ['-c'], ['d']]]
    assert LATEX.equations('L', sides).splitlines() == [
        r'$$\begin{aligned}', r'L &= a \\', r'&\qquad {} \cdot e \\', r'&= b \\', r'&\quad {} - c \\', r'&\quad {} + d',
        r'\end{aligned}$$']
    assert (PLAIN.derivative('L', 'x'), LATEX.derivative('L', 'x')) == ('∂L/∂x', r'\frac{\partial L}{\partial x}')


@pytest.mark.parametrize(('number', 'plain', 'latex'), [
    (math.nan, 'undefined', r'\text{undefined}'), (math.inf, '∞', r'\infty'), (-math.inf, '−∞', r'-\infty'),
    (1e-5, '1e−05', '10^{-5}'), (-1.5e20, '−1.5e+20', r'-1.5 \cdot 10^{20}'), (-0.25, '−0.25', '-0.25')])
def test_numbers(number, plain, latex):
    assert (PLAIN.number(number).text, LATEX.number(number).text) == (plain, latex)


def test_the_uses_of_an_operand():
    assert (PLAIN.use('(w·x)', 12), LATEX.use('a', 2)) == ('(w·x)₍₁₂₎', 'a_{(2)}')
    assert LATEX.use(LATEX.name('x1'), 2) == '{x_{1}}_{(2)}'
