"""The engine's manners: what it says of wrong input, how Values behave as objects, and what they leave behind."""

import ast
import copy
import gc
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

import pytest
from needs import np, torch
from random_graphs import DOMAINS, evaluate

import micrograd.engine
from micrograd import Value
from micrograd.nn import MLP


def torn(a, b):
    out = Value(1, (a, b), 'mine')
    out._backward = lambda: 1 / 0
    return out


@pytest.mark.parametrize(('make', 'error', 'words'), [
    (lambda a, b: a.sqrt(), ZeroDivisionError, ['local gradients of sqrt(rate = 0.0)', 'no finite']),
    (lambda a, b: a**0.5, ValueError, ['local gradients of (rate = 0.0) **0.5: ', 'no finite']),
    (lambda a, b: a**Value(0.5), ValueError, ['local gradients of (rate = 0.0) ** (0.5): ', 'no finite']),
    (lambda a, b: Value(1, (a, b), 'decode', lambda: b'\xff'.decode()), ValueError,
     ['decode(rate = 0.0, base = -8.0)']),  # a kind of ValueError that takes five arguments
    (lambda a, b: Value(1, (a, b), 'mine', label='made'), TypeError, ["'made' has 2 operands but () for local"]),
    (lambda a, b: Value(1, (a, b), 'few', lambda: (1.0,)), TypeError, ["'few' has 2 operands but (1.0,) for local"]),
    (lambda a, b: Value(1, (a,), 'bare', lambda: 2.0), TypeError, ["'bare' has 1 operands but 2.0 for local"]),
    (lambda a, b: Value(1, (a,), 'many', lambda: (1.0, 2.0)), TypeError, ["'many' has 1 operands but (1.0, 2.0) for"]),
    (lambda a, b: Value(1, (a, b), 'broken', lambda: {}['gone']), KeyError, ['gone']),
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
    ('1 / a', 0.0, ZeroDivisionError, '(1.0) / (rate = 0.0): '),
    ('a / 0', 1.0, ZeroDivisionError, '(rate = 1.0) / (0.0): '),
    ('a ** (1/3)', -8.0, ValueError, '(rate = -8.0) ** (0.3333333333333333): '),
    ('a ** third', -8.0, ValueError, '(rate = -8.0) ** (third = 0.3333333333333333): '),
    ('(-8) ** a', 0.5, ValueError, '(-8.0) ** (rate = 0.5): '),
    ('a ** -1', 0.0, ValueError, '(rate = 0.0) ** (-1.0): '),
    ('a ** 400', 10.0, OverflowError, '(rate = 10.0) ** (400.0): '),
    ('10.0 ** a', 400.0, OverflowError, '(10.0) ** (rate = 400.0): '),
])
def test_outside_the_domain(text, number, error, call):
    with pytest.raises(error, match=rf'^{re.escape(call)}[^;]+; it takes [^;]+$') as caught:
        evaluate(text, {'a': Value(number, label='rate'), 'third': Value(1 / 3, label='third')})
    assert type(caught.value) is error


@pytest.mark.parametrize('data', [Value(2), '2', [2.0], 2j, None, np.array([1.0, 2.0]), torch.tensor(2.0), Decimal(2)])
def test_constructor_takes_real_numbers_alone(data):
    with pytest.raises(TypeError, match=rf'^Value .rate. takes a real number, not {type(data).__name__}: ') as caught:
        Value(data, label='rate')
    for instead in ('v.data', 'x.item()', '[Value(x) for x in xs]'):
        assert instead in str(caught.value)


def test_without_a_label_an_error_says_a_value():
    with pytest.raises(TypeError, match=r'^a Value takes a real number, not str: '):
        Value('2')
    with pytest.raises(OverflowError, match=r'^a Value takes a number that a float can hold, up to 1\.8e308$'):
        Value(10**400)


@pytest.mark.parametrize('data', [
    True, 3, Fraction(1, 4), np.float32(0.1), np.float64(2.5), np.int64(7), np.bool_(True)])
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
        for part in ('unsupported operand', 'Value', type(other).__name__):
            assert part in str(caught.value)


def test_a_label_in_the_closures_place_is_an_error_that_says_what_to_write():
    with pytest.raises(TypeError, match=r"fourth argument of Value is its local gradients: write label='y'"):
        Value(1.0, (), '', 'y')
    with pytest.raises(TypeError, match='positional'):
        Value(1.0, (), '', tuple, 'y')


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


def test_a_truth_value_a_plus_and_a_rounded_number_are_those_of_the_number():
    v = Value(1.2345, label='v')
    assert +v is v
    assert (round(v, 2), type(round(v, 2)), round(v), type(round(v))) == (1.23, float, 1, int)
    for number in (0.0, -0.0, 1e-300, -2.0, math.inf, math.nan):
        assert bool(Value(number)) is bool(torch.tensor(number, dtype=torch.float64)) is bool(number)


def test_requires_grad_is_true_and_cannot_be_taken_away():
    v = Value(1.0, label='frozen')
    v.requires_grad = True
    assert v.requires_grad and (v * 2).requires_grad
    with pytest.raises(AttributeError, match=r"^'frozen' .* leave it out of what the optimizer takes; .* v\.detach"):
        v.requires_grad = False
    with pytest.raises(AttributeError, match=r'^Value\(data=2.0, grad=0.0\) always gets its gradient'):
        Value(2.0).requires_grad = False


def test_detach_keeps_the_number_and_cuts_the_graph():
    a = Value(3.0, label='a')
    cut = (a * a).detach()
    assert (cut.data, cut._prev, cut.grad) == (9.0, (), 0.0)
    (cut * a).backward()
    assert (a.grad, cut.grad) == (9.0, 3.0)


class Doubling(Value):
    """A derived class with operations of its own, which count how often they run."""

    ran = 0

    def __mul__(self, other):
        Doubling.ran += 1
        return super().__mul__(other) * 2

    def __add__(self, other):
        Doubling.ran += 1
        return super().__add__(other) + 100


def test_a_derived_class_multiplies_and_adds_its_way_on_either_side():
    s = Doubling(3.0)
    results = []
    for operation in (lambda: s * 2, lambda: 2 * s, lambda: s * Value(2.0), lambda: s + 2, lambda: 2 + s):
        Doubling.ran = 0
        results.append((operation().data, Doubling.ran))
    assert results == [(12.0, 1)] * 3 + [(105.0, 1)] * 2
    assert (sum([s]) is s, (s - 1).data, (6 / s).data) == (True, 2.0, 2.0)


def test_item_repr_and_format():
    v = Value(2, label='v')
    assert repr(v) == 'Value(data=2.0, grad=0.0)'
    v.grad = -0.5
    assert (v.item(), f'{v}', str(v), f'{v:.3f}', f'{v:>6}') == (
        2.0, 'Value(data=2.0, grad=-0.5)', 'Value(data=2.0, grad=-0.5)', '2.000', '   2.0')
    assert type(v.item()) is float


@pytest.mark.parametrize(('name', 'words'), [
    ('__add__', 'gradients 1 and 1'), ('__sub__', 'gradients 1 and -1'), ('__mul__', 'other and self'),
    ('__truediv__', '1 / other'), ('__pow__', r'other \* self\*\*\(other-1\)'),
])
def test_help_says_what_an_operator_does(name, words):
    method = getattr(Value, name)
    assert method.__name__ == name
    assert re.search(words, method.__doc__)


@pytest.mark.parametrize('clone', [copy.copy, copy.deepcopy, lambda v: pickle.loads(pickle.dumps(v))])
def test_leaf_can_be_copied(clone):
    v = Value(2.0, label='v')
    v.grad = 3.0
    twin = clone(v)
    assert (twin is v, type(twin), twin.data, twin.grad, twin.label, twin._prev) == (False, Value, 2.0, 3.0, 'v', ())
    (twin * twin).backward()
    assert (twin.grad, v.grad) == (7.0, 3.0)


@pytest.mark.parametrize('clone', [copy.copy, copy.deepcopy, lambda v: pickle.loads(pickle.dumps(v))])
def test_attributes_of_ones_own_are_copied_with_a_leaf(clone):
    p = Value(2.0)
    p.m, p.v = 0.5, [0.25]
    twin = clone(p)
    assert (twin.m, twin.v) == (0.5, [0.25])
    (p * 2).note = 'a result takes them, too'


@pytest.mark.parametrize('clone', [copy.copy, copy.deepcopy, pickle.dumps])
def test_result_cannot_be_copied(clone):
    out = Value(2.0) * 3
    for label, name in (('', r"'\*'"), ('y_hat', "'y_hat'")):
        out.label = label
        with pytest.raises(TypeError, match=f'the result {name} cannot be copied'):
            clone(out)


# Memory and depth

@pytest.mark.parametrize('text', DOMAINS)
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


def test_what_one_has_put_on_a_value_is_all_that_its_dict_holds():
    v = Value(1.0, label='v')
    assert vars(v) == {}
    v.m = 2.0
    assert vars(v) == {'m': 2.0}
