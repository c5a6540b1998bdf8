"""Operations at the edges of what they take: one table of points, at which the engine and all that follow it say the
same."""

import math
import operator
import re

import pytest
from needs import torch
from tellings import number as read

import micrograd
from micrograd import Value, dot, explain, gradcheck, gradients
from micrograd.bridge import to_torch
from micrograd.show.player import play

INF, NAN, TINY, HUGE = math.inf, math.nan, 5e-324, 1e308
NONE, OUTSIDE = 'none', 'outside'  # no gradient that is finite, or no result: an error in Python, not finite elsewhere
POINTS = {  # the local gradients, for the operands
    '**': [
        ((-2.0, 3.0), (12.0, NAN)), ((-2.0, 0.0), (0.0, NAN)), ((-2.0, -1.0), (-0.25, NAN)), ((-1.5, 2.0), (-3.0, NAN)),
        ((0.0, 0.0), (0.0, 0.0)), ((0.0, 1.0), (1.0, 0.0)), ((0.0, 2.0), (0.0, 0.0)), ((0.0, 2.5), (0.0, 0.0)),
        ((0.0, 0.5), (NONE, 0.0)), ((2.0, 0.0), (0.0, math.log(2))), ((2.0, 3.0), (12.0, 8 * math.log(2))),
        ((0.5, -1.0), (-4.0, 2 * math.log(0.5))), ((1.0, 0.0), (0.0, 0.0)), ((-0.0, 1.0), (1.0, 0.0)),
        ((0.0, -1.0), OUTSIDE), ((-2.0, 0.5), OUTSIDE), ((10.0, 400.0), OUTSIDE), ((2.0, INF), (INF, INF)),
        ((0.5, INF), (NAN, 0.0)), ((1.0, INF), (INF, 0.0)), ((-1.0, INF), (INF, NAN)), ((2.0, -INF), (NAN, 0.0)),
        ((0.5, -INF), (-INF, -INF)), ((1.0, NAN), (NAN, 0.0)), ((2.0, NAN), (NAN, NAN)), ((INF, 2.0), (INF, INF)),
        ((INF, 0.0), (0.0, INF)), ((-INF, 3.0), (INF, NAN)), ((NAN, 2.0), (NAN, NAN)), ((NAN, 0.0), (0.0, NAN)),
        ((HUGE, 1.0), (1.0, INF)), ((0.0, NAN), (NAN, NAN))],
    '/': [
        ((1.0, 0.0), OUTSIDE), ((0.0, -0.0), OUTSIDE), ((1.0, INF), (0.0, 0.0)), ((INF, INF), (0.0, NAN)),
        ((0.0, TINY), (INF, 0.0)), ((HUGE, HUGE), (1 / HUGE, -1 / HUGE)), ((HUGE, 0.1), (10.0, -INF)),
        ((NAN, 1.0), (1.0, NAN))],
    '*': [((INF, 0.0), (0.0, INF)), ((HUGE, HUGE), (HUGE, HUGE)), ((NAN, 0.0), (0.0, NAN))],
    '+': [((HUGE, HUGE), (1.0, 1.0)), ((NAN, 1.0), (1.0, 1.0))],
    '-': [((INF, INF), (1.0, -1.0))],
    'dot': [
        ((INF, 0.0), (0.0, INF)), ((HUGE, -HUGE), (-HUGE, HUGE)), ((NAN, 1.0), (1.0, NAN)), ((-0.0, 1.0), (1.0, 0.0))],
    'neg': [((-0.0,), (-1.0,))],
    'abs': [((0.0,), (0.0,)), ((-0.0,), (0.0,)), ((-TINY,), (-1.0,)), ((-INF,), (-1.0,)), ((NAN,), (0.0,))],
    'exp': [((1e3,), OUTSIDE), ((-1e3,), (0.0,)), ((INF,), (INF,)), ((-INF,), (0.0,))],
    'log': [((0.0,), OUTSIDE), ((-0.0,), OUTSIDE), ((-1.0,), OUTSIDE), ((TINY,), (INF,)), ((INF,), (0.0,))],
    'sqrt': [((0.0,), (NONE,)), ((-0.0,), (NONE,)), ((-1.0,), OUTSIDE), ((2.0**-1074,), (2.0**536,)), ((INF,), (0.0,))],
    'sin': [((INF,), OUTSIDE), ((NAN,), (NAN,))],
    'cos': [((-INF,), OUTSIDE), ((0.0,), (0.0,))],
    'tanh': [((1e3,), (0.0,)), ((-INF,), (0.0,)), ((NAN,), (NAN,))],
    'sigmoid': [((1e3,), (0.0,)), ((-1e3,), (0.0,)), ((-INF,), (0.0,)), ((NAN,), (NAN,))],
    'relu': [
        ((0.0,), (0.0,)), ((-0.0,), (0.0,)), ((TINY,), (1.0,)), ((INF,), (1.0,)), ((-INF,), (0.0,)), ((NAN,), (0.0,))],
}
FUNCTIONS = {'**': operator.pow, '/': operator.truediv, '*': operator.mul, '+': operator.add, '-': operator.sub,
             'neg': operator.neg, 'abs': abs, 'dot': lambda a, b: dot([a], [b])}


def cases():
    """Each point with Values, and, of two operands, with a plain number in either place, whose own gradient never is in
    the way: build, leaves, expected."""
    for op, points in POINTS.items():
        f = FUNCTIONS.get(op, operator.methodcaller(op))
        for point, gradients_there in points:
            expected = (OUTSIDE,) * len(point) if gradients_there == OUTSIDE else gradients_there
            yield f'{op} {", ".join(f"Value({number})" for number in point)}', f, point, expected
            if len(point) == 2:
                a, b = point
                yield f'{op} {a}, Value({b})', lambda y, f=f, a=a: f(a, y), (b,), expected[1:]
                if op != '/' or b:  # else there is no graph at all
                    yield f'{op} Value({a}), {b}', lambda x, f=f, b=b: f(x, b), (a,), expected[:1]


CASES = list(cases())  # in which nobody is to look for names: hence names=False below


def some(condition):
    """A test of those of the cases whose name, point and expected gradients meet the condition."""
    return pytest.mark.parametrize(('build', 'point', 'expected'), [
        pytest.param(build, point, expected, id=name) for name, build, point, expected in CASES
        if condition(name, point, expected)])


every_case = some(lambda *_: True)
every_result = some(lambda name, point, expected: OUTSIDE not in expected)


def same(found, expected):
    """Number by number; in place of one that does not exist, anything that is not finite."""
    return all(not math.isfinite(f) if e in (NONE, OUTSIDE) else f == pytest.approx(e, rel=1e-14, nan_ok=True)
               for f, e in zip(found, expected, strict=True))


def leaves_of(point):
    return [Value(number, label='ab'[i]) for i, number in enumerate(point)]


def elsewhere(build, point):
    """The graph where all is well, its inputs, of which there are none, and its parameters."""
    leaves = leaves_of([1.0] * len(point))
    return build(*leaves), [], leaves


@every_case
def test_the_engine(build, point, expected):
    leaves = leaves_of(point)
    if OUTSIDE in expected:
        with pytest.raises((ArithmeticError, ValueError), match='it takes'):
            build(*leaves)
    elif NONE in expected:
        with pytest.raises((ArithmeticError, ValueError), match=r'local gradients of .* no finite one exists there'):
            build(*leaves).backward()
        assert [leaf.grad for leaf in leaves] == [0.0] * len(leaves)
    else:
        build(*leaves).backward()
        assert same([leaf.grad for leaf in leaves], expected)


def pytorchs(name, point, expected):
    """But at NaN, PyTorch's relu has the gradient 1; and a number by a tensor is to it the number times 1 / tensor."""
    return not name.startswith('dot') and name not in ('relu Value(nan)', '/ 0.0, Value(5e-324)')


@some(pytorchs)
def test_pytorch_agrees(build, point, expected):
    tensors = [torch.tensor(number, dtype=torch.float64, requires_grad=True) for number in point]
    out = build(*tensors)
    if OUTSIDE in expected:
        assert not math.isfinite(out.item())
    else:
        out.backward()
        assert same([tensor.grad.item() for tensor in tensors], expected)


@every_result
def test_gradients_as_graphs(build, point, expected):
    leaves = leaves_of(point)
    for leaf, number in zip(leaves, expected, strict=True):
        if number is NONE:
            with pytest.raises((ArithmeticError, ValueError), match='no finite one exists there'):
                gradients(build(*leaves), [leaf])
        else:
            assert same([gradient.data for gradient in gradients(build(*leaves), [leaf])], [number])


@every_case
@pytest.mark.parametrize('backend', ['python', 'numpy', 'native'])
def test_compiled(backend, build, point, expected):
    step = micrograd.compile(*elsewhere(build, point), backend=backend, names=False)
    if backend == 'python' and (NONE in expected or OUTSIDE in expected):
        with pytest.raises((ArithmeticError, ValueError)):
            step.value_and_grad(list(point))
    elif OUTSIDE in expected:
        assert not math.isfinite(step.value_and_grad(list(point))[0])
    else:
        assert same(step.value_and_grad(list(point))[1], expected)


@every_case
def test_the_source_to_read(build, point, expected):
    names = {}
    exec(micrograd.compile(*elsewhere(build, point), names=False).source, names)
    if NONE in expected or OUTSIDE in expected:
        with pytest.raises((ArithmeticError, ValueError)):
            names['forward_and_backward'](*point)
    else:
        assert same(names['forward_and_backward'](*point)[1], expected)


@every_case
def test_javascript(build, point, expected, node):
    source = micrograd.compile(*elsewhere(build, point), backend='javascript', names=False).source
    number, found = node.run(source, [], list(point))
    assert not math.isfinite(number) if OUTSIDE in expected else same(found, expected)


@some(lambda name, point, expected: name != 'relu Value(nan)')
def test_the_torch_module(build, point, expected):
    module = to_torch(*elsewhere(build, point))
    for parameter, number in zip(module.parameters(), point, strict=True):
        torch.nn.init.constant_(parameter, number)
    out = module()
    out.backward()
    found = [0.0 if p.grad is None else p.grad.item() for p in module.parameters()]
    assert not math.isfinite(out.item()) if OUTSIDE in expected else same(found, expected)


@every_result
def test_explain(build, point, expected):
    leaves = leaves_of(point)
    out = build(*leaves)
    for leaf, number in zip(leaves, expected, strict=True):
        if NONE in expected:
            with pytest.raises((ArithmeticError, ValueError), match='no finite one exists there'):
                explain(out, leaf, names=False)
        else:
            last = str(explain(out, leaf, names=False)).rsplit('= ', 1)[1]
            assert read(last) == pytest.approx(number, rel=1e-5, nan_ok=True)


@some(lambda name, point, expected: OUTSIDE not in expected and not re.search('inf|nan|e.308|e-324', name))
def test_the_player(build, point, expected, opened):
    out = build(*leaves_of(point))
    order = out.topological_order()
    page = opened(play(out, names=False))
    page.press('End')
    found = page.numbers('grad')
    shown = [found[order.index(leaf)] for leaf in order if leaf.label in ('a', 'b')]
    assert same(shown, [expected['ab'.index(leaf.label)] for leaf in order if leaf.label in ('a', 'b')])


def smooth(name, point, expected):
    """But at a kink, beside one, and at a point alone in its domain, what is around it says nothing."""
    kink = name.startswith(('relu', 'abs')) and not abs(point[0]) > TINY
    return OUTSIDE not in expected and not kink and not re.match(r'\*\* Value\(-1.0\), .*inf', name)


@some(smooth)
def test_gradcheck_calls_what_is_not_defined_so(build, point, expected):
    if NONE in expected:
        with pytest.raises((ArithmeticError, ValueError), match='no finite one exists there'):
            gradcheck(build, *point)
    else:
        result = gradcheck(build, *point)
        for row, number in zip(result.rows, expected, strict=True):
            assert math.isnan(row.engine) is math.isnan(number)
        assert result, result
        assert any(map(math.isnan, expected)) <= ('no derivative exists at' in str(result))
        assert len(result.notes) == sum(math.isnan(row.difference) for row in result.rows)


@pytest.mark.parametrize('exponent', [INF, -INF, NAN])
def test_the_player_takes_no_exponent_that_is_not_finite(exponent):
    with pytest.raises(ValueError, match=f'y has the exponent {exponent}, and play computes with finite numbers'):
        y = Value(1.0) ** exponent
        play(y)
