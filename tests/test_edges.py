"""Powers at the edges of their domain: one table of points, at which the engine and all that follow it say the same."""

import math

import pytest
from needs import torch

import micrograd
from micrograd import Value, explain, gradcheck, gradients
from micrograd.bridge import to_torch
from micrograd.show.player import play

NAN, NONE = math.nan, 'none'  # NONE: no finite one exists, which is an error in Python, and infinite or NaN elsewhere
POWERS = {  # the local gradients of a ** b, for base and exponent
    (-2.0, 3.0): (12.0, NAN), (-2.0, 0.0): (0.0, NAN), (-2.0, -1.0): (-0.25, NAN), (-1.5, 2.0): (-3.0, NAN),
    (0.0, 0.0): (0.0, 0.0), (0.0, 1.0): (1.0, 0.0), (0.0, 2.0): (0.0, 0.0), (0.0, 2.5): (0.0, 0.0),
    (0.0, 0.5): (NONE, 0.0), (2.0, 0.0): (0.0, math.log(2)), (2.0, 3.0): (12.0, 8 * math.log(2)),
    (0.5, -1.0): (-4.0, 2 * math.log(0.5)), (1.0, 0.0): (0.0, 0.0),
}
OF_A_CONSTANT = {  # the exponent's in base ** b, for a plain number as the base, whose own never is in the way
    point: exponent for point, (_, exponent) in POWERS.items()}
BY_A_CONSTANT = {  # the base's in a ** exponent
    point: base for point, (base, _) in POWERS.items()}


def cases():
    """Each point as a ** b with two Values, and with a plain number in either place: build, leaves, expected."""
    for a, b in POWERS:
        yield f'Value({a}) ** Value({b})', lambda x, y: x**y, (a, b), POWERS[a, b]
        yield f'{a} ** Value({b})', lambda y, a=a: a**y, (b,), (OF_A_CONSTANT[a, b],)
        yield f'Value({a}) ** {b}', lambda x, b=b: x**b, (a,), (BY_A_CONSTANT[a, b],)


every_case = pytest.mark.parametrize(('build', 'point', 'expected'), [
    pytest.param(build, point, expected, id=name) for name, build, point, expected in cases()])


def same(found, expected):
    """Number by number; in place of one that does not exist, anything that is not finite."""
    return all(not math.isfinite(f) if e is NONE else f == pytest.approx(e, rel=1e-14, nan_ok=True)
               for f, e in zip(found, expected, strict=True))


def leaves_of(point):
    return [Value(number, label='ab'[i]) for i, number in enumerate(point)]


@every_case
def test_the_engine(build, point, expected):
    leaves = leaves_of(point)
    out = build(*leaves)
    if NONE in expected:
        with pytest.raises((ArithmeticError, ValueError), match=r'local gradients of .* no finite one exists there'):
            out.backward()
        assert [leaf.grad for leaf in leaves] == [0.0] * len(leaves)
    else:
        out.backward()
        assert same([leaf.grad for leaf in leaves], expected)


@every_case
def test_pytorch_agrees(build, point, expected):
    tensors = [torch.tensor(number, dtype=torch.float64, requires_grad=True) for number in point]
    build(*tensors).backward()
    assert same([tensor.grad.item() for tensor in tensors], expected)


@every_case
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
    leaves = leaves_of([2.0] * len(point))  # where all is well
    step = micrograd.compile(build(*leaves), [], leaves, backend=backend)
    if backend == 'python' and NONE in expected:
        with pytest.raises((ArithmeticError, ValueError)):
            step.value_and_grad(list(point))
    else:
        assert same(step.value_and_grad(list(point))[1], expected)


@every_case
def test_the_source_to_read(build, point, expected):
    leaves = leaves_of([2.0] * len(point))
    names = {}
    exec(micrograd.compile(build(*leaves), [], leaves).source, names)
    if NONE in expected:
        with pytest.raises((ArithmeticError, ValueError)):
            names['forward_and_backward'](*point)
    else:
        assert same(names['forward_and_backward'](*point)[1], expected)


@every_case
def test_javascript(build, point, expected, node):
    leaves = leaves_of([2.0] * len(point))
    source = micrograd.compile(build(*leaves), [], leaves, backend='javascript').source
    assert same(node.run(source, [], list(point))[1], expected)


@every_case
def test_the_torch_module(build, point, expected):
    leaves = leaves_of(point)
    module = to_torch(build(*leaves), [], leaves)
    module().backward()
    found = [0.0 if p.grad is None else p.grad.item() for p in module.parameters()]
    assert same(found, [0.0 if e == 0 and f == 0 else e for e, f in zip(expected, found, strict=True)])


@every_case
def test_explain(build, point, expected):
    leaves = leaves_of(point)
    out = build(*leaves)
    for leaf, number in zip(leaves, expected, strict=True):
        if NONE in expected:
            with pytest.raises((ArithmeticError, ValueError), match='no finite one exists there'):
                explain(out, leaf)
        elif not math.isnan(number):
            last = str(explain(out, leaf)).rsplit('= ', 1)[1].strip().replace('−', '-')
            assert float(last) == pytest.approx(number, rel=1e-5)
        else:
            assert str(explain(out, leaf)).endswith(('undefined', 'nan'))


@every_case
def test_the_player(build, point, expected, opened):
    out = build(*leaves_of(point))
    page = opened(play(out))
    page.press('End')
    found = page.numbers('grad')
    order = out.topological_order()
    shown = [found[order.index(leaf)] for leaf in order if leaf.label in ('a', 'b')]
    assert same(shown, [expected['ab'.index(leaf.label)] for leaf in order if leaf.label in ('a', 'b')])


@every_case
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
