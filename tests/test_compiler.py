"""Compiled graphs on every backend against the engine: a sample to the last bit, batches to 1e-12."""

import itertools
import math
import random
import re

import pytest
from hypothesis import given, settings
from needs import np
from programs import program
from random_graphs import DOMAINS, evaluate, graphs

import micrograd
from micrograd import Value, dot

BACKENDS = ['python', 'numpy', 'native']
EXACT = ['python', 'native']
SIZES = [1, 2, 3, 7, 8, 9, 16, 17, 100]


def letters(text):
    return sorted(set(re.findall(r'\b[abcd]\b', text)))


def points(text):
    return itertools.product(*DOMAINS[text])


def bits(*numbers):
    """Floats told apart to the last bit; 0.0 from -0.0 too."""
    return [float(number).hex() for number in numbers]


def engine(output, values):
    """The output's number and the gradients, by backward()."""
    for value in values:
        value.grad = 0.0
    output.backward()
    found = [value.grad for value in values]
    for value in values:
        value.grad = 0.0
    return output.data, found


@pytest.mark.parametrize('backend', EXACT)
@pytest.mark.parametrize('text', DOMAINS)
def test_one_sample_of_every_operation_is_the_engines_to_the_last_bit(text, backend):
    names = letters(text)
    values = {name: Value(x) for name, x in zip(names, next(points(text)), strict=True)}
    params = list(values.values())
    step = micrograd.compile(evaluate(text, values), params=params, backend=backend)
    for point in points(text):
        anew = [Value(x) for x in point]
        output, expected = engine(evaluate(text, dict(zip(names, anew, strict=True))), anew)
        step.store(point)
        assert bits(step(), *(value.grad for value in params)) == bits(output, *expected), point
        found, gradients = step.value_and_grad(list(point))
        assert bits(found, *gradients) == bits(output, *expected), point
        for value in params:
            value.grad = 0.0


@pytest.mark.parametrize('backend', EXACT)
@pytest.mark.parametrize('text', DOMAINS)
def test_a_forward_pass_is_the_engines_to_the_last_bit(text, backend):
    names = letters(text)
    values = {name: Value(x) for name, x in zip(names, next(points(text)), strict=True)}
    predict = micrograd.compile(evaluate(text, values), values.values(), backend=backend)
    for point in points(text):
        expected = evaluate(text, {name: Value(x) for name, x in zip(names, point, strict=True)}).data
        assert bits(predict(*point), *predict(*[[x] for x in point])) == bits(expected, expected), point


@pytest.mark.parametrize('backend', BACKENDS)
@pytest.mark.parametrize('text', DOMAINS)
def test_batches_of_every_operation(text, backend):
    names = letters(text)
    inputs, params = {name: Value(1.0) for name in names}, {name: Value(1.0) for name in names}
    output = evaluate(text, {name: inputs[name] * params[name] for name in names})
    step = micrograd.compile(output, inputs.values(), params.values(), backend=backend)
    predict = micrograd.compile(output, [*inputs.values(), *params.values()], backend=backend)
    samples = list(points(text))
    found = []
    for point in samples:
        xs, ps = [Value(x) for x in point], [Value(1.0) for _ in point]
        products = {name: x * p for name, x, p in zip(names, xs, ps, strict=True)}
        found.append(engine(evaluate(text, products), ps))
        ours, gradients = step.value_and_grad([1.0] * len(names), *[[x] * 9 for x in point])
        assert [ours, *gradients] == pytest.approx([found[-1][0], *found[-1][1]], rel=1e-12, abs=1e-14), point
    draw = random.Random(0)
    for size in SIZES:
        chosen = [draw.randrange(len(samples)) for _ in range(size)]
        columns = list(zip(*[samples[i] for i in chosen], strict=True))
        rows = list(zip(*[[found[i][0], *found[i][1]] for i in chosen], strict=True))
        ours, gradients = step.value_and_grad([1.0] * len(names), *columns)
        for mine, row in zip([ours, *gradients], rows, strict=True):
            assert abs(mine - math.fsum(row) / size) <= 1e-12 * (max(map(abs, row)) + 1e-2)
        outputs = predict(*columns, *[1.0] * len(names))
        assert outputs == pytest.approx(list(rows[0]), rel=1e-12, abs=1e-14)
        assert len(outputs) == size


@pytest.mark.parametrize('backend', EXACT)
def test_random_graphs_are_the_engines_to_the_last_bit(backend):
    @settings(max_examples=200 if backend == 'python' else 60, deadline=None)
    @given(graph=graphs())
    def check(graph):
        nodes = graph.values()
        leaves = [nodes[name] for name in graph.leaves]
        inputs, params = leaves[::2], leaves[1::2]
        step = micrograd.compile(nodes[graph.root], inputs, params, backend=backend)
        expected, gradients = engine(nodes[graph.root], params)
        numbers = [leaf.data for leaf in inputs]
        assert bits(step(*numbers)) == bits(expected)
        assert bits(*(param.grad for param in params)) == bits(*gradients)

    check()


@pytest.mark.parametrize('backend', BACKENDS)
def test_deep_random_programs_in_batches(backend):
    for number in range(20):
        leaves = []
        output = program(number).run(lambda x, leaves=leaves: leaves.append(Value(x)) or leaves[-1])[-1]
        expected, gradients = engine(output, leaves)
        dummy = Value(0.0)  # an input, so that there may be batches
        step = micrograd.compile(output + 0 * dummy, [dummy], leaves, backend=backend, names=False)
        for size in (1, 11):
            found, ours = step.value_and_grad(step.params, [0.0] * size)
            if backend in EXACT and size == 1:
                assert bits(found, *ours) == bits(expected, *gradients)
            assert found == pytest.approx(expected, rel=1e-10)
            assert list(ours) == pytest.approx(gradients, rel=1e-10, abs=1e-10 * max(map(abs, gradients)))


# What may go wrong with a batch: lanes beyond its end, memory of the batch before, infinities beside healthy samples.

@pytest.mark.parametrize('backend', ['numpy', 'native'])
@pytest.mark.parametrize('size', SIZES)
def test_an_infinite_gradient_stays_in_its_sample(backend, size):
    x, w, v = Value(4.0), Value(1.0), Value(1.0)
    step = micrograd.compile((x * w).sqrt() + v * x, [x], [w, v], backend=backend)  # d_w is x / (2 sqrt(x w))
    for place in {0, size - 1, size // 2}:
        xs = [1.0] * size
        xs[place] = math.inf
        output, gradients = step.value_and_grad([1.0, 1.0], xs)
        assert (output, math.isnan(gradients[0]), gradients[1]) == (math.inf, True, math.inf)
        assert step.value_and_grad([1.0, 1.0], [1.0] * size) == (2.0, [0.5, 1.0])
    predict = micrograd.compile(1 / x + x.log(), [x], backend=backend)
    for place in range(size):
        xs = [1.0] * size
        xs[place] = 0.0
        outputs = predict(xs)
        assert math.isnan(outputs.pop(place))
        assert outputs == [1.0] * (size - 1)


@pytest.mark.parametrize('backend', BACKENDS)
@pytest.mark.parametrize('size', SIZES)
def test_infinities_are_added_up_as_ieee_has_it(backend, size):
    x, w = Value(3.0), Value(2.0)
    step = micrograd.compile(w * x, [x], [w], backend=backend)
    for place in {0, size - 1}:
        xs = [1.0] * size
        xs[place] = -math.inf
        assert step.value_and_grad([2.0], xs) == (-math.inf, [-math.inf])
    assert step.value_and_grad([2.0], [math.inf] * size) == (math.inf, [math.inf])
    assert all(map(math.isnan, itertools.chain(*map(np.ravel, step.value_and_grad([2.0], [math.nan] * size)))))


@pytest.mark.parametrize('backend', ['numpy', 'native'])
@pytest.mark.parametrize(('text', 'x', 'expected'), [
    ('log(a)', 0.0, -math.inf), ('log(a)', -1.0, math.nan), ('sqrt(a)', -1.0, math.nan), ('1 / a', -0.0, -math.inf),
    ('a / a', 0.0, math.nan), ('exp(a)', 1e3, math.inf), ('a ** 0.5', -1.0, math.nan), ('a ** -1', 0.0, math.inf),
    ('sin(a)', math.inf, math.nan), ('relu(a)', math.nan, math.nan), ('sigmoid(a)', -1e9, 0.0),
    ('sigmoid(a)', math.nan, math.nan), ('tanh(a)', -math.inf, -1.0), ('a ** 3', 1e200, math.inf),
    ('abs(a)', math.nan, math.nan), ('exp(a)', -math.inf, 0.0), ('2 ** a', 5000.0, math.inf)])
def test_where_the_engine_raises_numbers_pass_through(backend, text, x, expected):
    a = Value(1.0)
    predict = micrograd.compile(evaluate(text, {'a': a}), [a], backend=backend)
    for size in (1, 5, 8):
        assert predict([x] * size) == pytest.approx([expected] * size, nan_ok=True, abs=0)


@pytest.mark.parametrize('name', ['exp', 'log', 'sin', 'cos', 'tanh'])
def test_functions_of_many_numbers_are_right_to_4_units_in_the_last_place(name):
    xs = np.concatenate([np.random.default_rng(1).uniform(-scale, scale, 5_001)
                         for scale in (1e-310, 1e-8, 0.1, 0.18, 0.35, 0.4, 0.6, 1, 2, 5, 19, 25, 1e5)])
    xs = abs(xs) if name == 'log' else np.minimum(xs, 700)
    xs = np.concatenate([xs, [0.0, -0.0, 5e-324, np.inf, -np.inf, np.nan]])
    x = Value(0.5)
    found = micrograd.compile(getattr(x, name)(), [x], backend='native')(xs)
    with np.errstate(all='ignore'):
        expected = getattr(np, name)(xs.astype(np.longdouble))
        rounded = expected.astype(float)
        finite = np.isfinite(rounded)
        assert (abs(found - expected)[finite] <= 4 * np.spacing(abs(rounded[finite]))).all()
    assert bits(*found[~finite]) == bits(*rounded[~finite])
    assert bits(*found[-6:-4]) == bits(*rounded[-6:-4])  # zeros of both signs


@pytest.mark.parametrize('backend', BACKENDS)
def test_batches_of_every_size_in_any_order_leave_nothing_behind(backend):
    x, y, w = Value(1.0), Value(1.0), Value(0.5)
    step = micrograd.compile((w * x - y)**2, [x, y], [w], backend=backend)
    draw = random.Random(1)
    for size in [100_000, 1, 40, 3, 3, 64, 63, 1, 65, 2]:
        xs, ys = [draw.random() for _ in range(size)], [draw.random() for _ in range(size)]
        errors = [0.5 * a - b for a, b in zip(xs, ys, strict=True)]
        output, [gradient] = step.value_and_grad([0.5], xs, ys)
        assert output == pytest.approx(math.fsum(e * e for e in errors) / size, rel=1e-12)
        products = [2 * e * a for e, a in zip(errors, xs, strict=True)]
        assert gradient == pytest.approx(math.fsum(products) / size, rel=1e-11)
        again = step.value_and_grad([0.5], xs, ys)
        assert bits(output, gradient) == bits(again[0], *again[1])


# Constants, and nodes of every kind in every place.

@pytest.mark.parametrize('backend', EXACT)
def test_constants_are_not_taken_for_variables_of_the_same_number(backend):
    params = [Value(0.1 * k - 1) for k in range(30)]
    x = Value(0.3)
    total = x * 0.0
    for k in range(700):
        total = total * 0.5 + float(k) * params[k % 30] if k % 3 else total + params[k % 30] * params[0] - float(k)
    step = micrograd.compile(total, [x], params, backend=backend)
    expected, gradients = engine(total, params)
    found, ours = step.value_and_grad(step.params, 0.3)
    assert bits(found, *ours) == bits(expected, *gradients)


@pytest.mark.parametrize('backend', BACKENDS)
@pytest.mark.parametrize('inputs', [0, 1, 2])
def test_gradients_that_are_constants(backend, inputs):
    params = [Value(0.1 * k) for k in range(6)]
    xs = [Value(2.0) for _ in range(inputs)]
    for used in itertools.chain([params], itertools.combinations(params, 2), ([p] for p in params)):
        output = params[0] * 0.0
        for k, param in enumerate(used):
            output = output + float(k) * param + param
        for x in xs:
            output = output + x
        step = micrograd.compile(output, xs, params, backend=backend)
        expected, gradients = engine(output, params)
        for size in (1, 5):
            found, ours = step.value_and_grad(step.params, *[[2.0] * size] * inputs)
            assert (found, list(ours)) == (pytest.approx(expected, rel=1e-13), gradients)


@pytest.mark.parametrize('backend', EXACT)
@pytest.mark.parametrize('constant', [math.inf, -math.inf, math.nan, 5e-324, -1.7e308, 1e15, 1e16, -0.0, 1e22, 0.1])
def test_constants_of_every_kind(backend, constant):
    x, p = Value(1.5), Value(-0.5)
    for output in (x * p + constant, constant * p - x, (p - constant) * x, x - abs(p * constant),
                   (p + constant).relu() + x):
        step = micrograd.compile(output, [x], [p], backend=backend)
        expected, gradients = engine(output, [p])
        found, ours = step.value_and_grad([-0.5], 1.5)
        assert bits(found, *ours) == bits(expected, *gradients)


@pytest.mark.parametrize('backend', EXACT)
def test_zeros_of_both_signs_are_two_constants(backend):
    x, y = Value(-0.0), Value(-1.0)
    for output in ((x + 0.0) * (x + -0.0), x + -0.0, x + 0.0, x.relu(), -x, x * y, dot([x], [1.0]), x - 0.0, 0.0 - x):
        predict = micrograd.compile(output, [x, y] if y in output.topological_order() else [x], backend=backend)
        for zero in (0.0, -0.0):
            x.data = zero
            found = predict(zero, -1.0) if y in output.topological_order() else predict(zero)
            assert bits(found) == bits(recomputed(output)), (output._op, zero)
        x.data = -0.0


def recomputed(output):
    """An output's number, with the leaves' numbers of now."""
    for node in output.topological_order():
        if node._op in '+-*' and node._prev:
            a, b = (operand.data for operand in node._prev)
            node.data = {'+': a + b, '-': a - b, '*': a * b}[node._op]
        elif node._op:
            node.data = {'neg': lambda a: -a, 'relu': lambda a: 0.0 if a < 0 else a,
                         'dot': lambda a, b: a * b}[node._op](*[operand.data for operand in node._prev])
    return output.data


@pytest.mark.parametrize('backend', BACKENDS)
def test_outputs_that_are_leaves(backend):
    x, p, c = Value(2.0), Value(3.0), Value(4.0)
    assert micrograd.compile(x, [x], backend=backend)([5.0, 6.0]) == [5.0, 6.0]
    with pytest.warns(UserWarning, match='does not depend on the input x'):
        of_constant = micrograd.compile(c, [x], backend=backend)
    assert (of_constant(1.0), of_constant([1.0, 2.0, 3.0])) == (4.0, [4.0, 4.0, 4.0])
    with pytest.warns(UserWarning, match='does not depend on the input x'):
        of_param = micrograd.compile(p, [x], [p], backend=backend)
    assert of_param.value_and_grad([7.0], [1.0, 2.0, 3.0]) == (7.0, [1.0])
    assert micrograd.compile(p, params=[p, c], backend=backend).value_and_grad([7.0, 8.0]) == (7.0, [1.0, 0.0])
    assert micrograd.compile(p, params=[c, p], backend=backend).value_and_grad([8.0, 7.0]) == (7.0, [0.0, 1.0])
    with pytest.warns(UserWarning, match='depends on none of the params'):
        of_input = micrograd.compile(x, [x], [p], backend=backend)
    assert of_input.value_and_grad([7.0], [1.0, 3.0]) == (2.0, [0.0])
    with pytest.warns(UserWarning, match='depends on none of the params'):
        of_constant = micrograd.compile(c, params=[p], backend=backend)
    assert of_constant.value_and_grad([7.0]) == (4.0, [0.0])
    assert micrograd.compile(c, backend=backend)() == 4.0
    assert micrograd.compile(x * x - x, [x], backend=backend)(3.0) == 6.0


@pytest.mark.parametrize('backend', BACKENDS)
def test_the_same_operation_twice_under_two_labels(backend):
    a, b = Value(2.0, label='a'), Value(3.0, label='b')
    first, second = a * b, b * a
    first.label, second.label = 'first', 'second'
    output = first.exp() * second + first
    step = micrograd.compile(output, params=[a, b], backend=backend)
    expected, gradients = engine(output, [a, b])
    found, ours = step.value_and_grad([2.0, 3.0])
    assert [found, *ours] == pytest.approx([expected, *gradients], rel=1e-14)


@pytest.mark.parametrize('backend', EXACT)
def test_a_dot_in_several_statements_reads_all_its_operands_before_their_names_are_used_again(backend):
    xs = [Value(i / 7) for i in range(600)]
    total = dot([xs[3] * 2] * 600, xs)
    assert bits(micrograd.compile(total, xs, backend=backend)(*(x.data for x in xs))) == bits(total.data)
