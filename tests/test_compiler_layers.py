"""The native backend's loops over whole layers, on networks of every shape, the odd ones too."""

import random

import numpy as np
import pytest

import micrograd
from micrograd import Value, dot
from micrograd.compiler import layers, native
from micrograd.nn import MLP

SIZES = [1, 2, 8, 9, 127, 128, 129, 300]


@pytest.fixture
def loops(monkeypatch):
    """Loops take the place of small matrices too."""
    monkeypatch.setattr(native, 'LARGE', 0)
    monkeypatch.setattr(layers, 'SMALLEST', 2)


def compared(output, inputs, params, sizes=SIZES):
    """The native step, after its results were those of the engine to the last bit, and in batches those of NumPy."""
    step = micrograd.compile(output, inputs, params, backend='native', names=False)
    output.backward()
    found, gradients = step.value_and_grad(step.params, *[x.data for x in inputs])
    assert found.hex() == output.data.hex()
    assert list(gradients) == [p.grad for p in params]
    numpys = micrograd.compile(output, inputs, params, backend='numpy', names=False)
    draw = np.random.default_rng(0)
    for size in sizes:
        columns = [draw.uniform(-1, 1, size) for _ in inputs]
        ours, expected = (each.value_and_grad(step.params, *columns) for each in (step, numpys))
        assert ours[0] == pytest.approx(expected[0], rel=1e-10, abs=1e-12)
        assert ours[1] == pytest.approx(expected[1], rel=1e-10, abs=1e-12)
        again = step.value_and_grad(step.params, *columns)
        assert (again[0], again[1].tolist()) == (ours[0], ours[1].tolist())
    return step


def matrix(rows, columns, draw):
    return [[Value(draw.uniform(-1, 1)) for _ in range(columns)] for _ in range(rows)]


@pytest.mark.parametrize('nonlin', ['relu', 'tanh'])
def test_a_network_that_is_large_enough(nonlin):
    random.seed(3)
    model = MLP(17, [24, 19, 1], nonlin)
    xs, y = [Value(0.1 * i - 0.8) for i in range(17)], Value(0.5)
    step = compared((model(xs) - y)**2, [*xs, y], model.parameters())
    assert len(step._backend.layers.backward) == 2


@pytest.mark.parametrize('widths', [[2, 2, 2], [4, 5, 3], [8, 7, 6], [9, 4, 4, 4]])
@pytest.mark.parametrize('nonlin', ['relu', 'tanh', 'sigmoid', ''])
@pytest.mark.parametrize('bias', [False, True])
def test_networks_of_every_size(loops, widths, nonlin, bias):
    draw = random.Random(5)
    xs = [Value(draw.uniform(-1, 1)) for _ in range(5)]
    nodes, params = xs, []
    for width in widths:
        weights = matrix(width, len(nodes), draw)
        rows = [dot(row, nodes) for row in weights]
        params += [w for row in weights for w in row]
        if bias:
            biases = [Value(draw.uniform(-1, 1)) for _ in rows]
            rows = [row + b for row, b in zip(rows, biases, strict=True)]
            params += biases
        nodes = [getattr(row, nonlin)() for row in rows] if nonlin else rows
    step = compared(sum(nodes[1:], nodes[0])**2, xs, params, sizes=[1, 5, 128, 131])
    assert step._backend.layers.forward


ODD = ['plain', 'reversed rows', 'reversed params', 'shuffled params', 'reversed inputs', 'columns first',
       'some params', 'a row is constant', 'a weight twice', 'twice', 'sliding', 'skip before', 'skip after',
       'two heads', 'unused row',
       'a row is the output', 'same row twice', 'recurrent', 'inputs of the graph and nodes', 'rows with a gap',
       'transposed']


@pytest.mark.parametrize('seed', range(3))
@pytest.mark.parametrize('odd', ODD)
def test_odd_networks(loops, odd, seed):
    draw = random.Random(seed)
    xs = [Value(draw.uniform(-1, 1)) for _ in range(4)]
    hidden = [(x * draw.uniform(0.5, 1.5)).tanh() for x in xs]
    if odd == 'inputs of the graph and nodes':
        hidden[2] = xs[2]
    weights, heads = matrix(5, 4, draw), matrix(3, 5, draw)
    params = [w for row in weights + heads for w in row]
    if odd == 'reversed rows':
        weights = weights[::-1]
    elif odd == 'reversed params':
        params.reverse()
    elif odd == 'shuffled params':
        draw.shuffle(params)
    elif odd == 'reversed inputs':
        hidden.reverse()
    elif odd == 'columns first':
        params = [row[i] for i in range(4) for row in weights] + params[20:]
    elif odd == 'some params':
        params = params[:9] + params[11:]
    elif odd == 'a row is constant':
        params = params[:8] + params[12:]
    elif odd == 'a weight twice':
        weights[3] = weights[3][:3] + weights[2][:1]
    elif odd == 'sliding':
        weights = [params[i:i + 4] for i in range(5)]
    elif odd == 'same row twice':
        weights[1] = weights[0]
    elif odd == 'rows with a gap':
        weights = [weights[0], weights[2], weights[4], weights[4], weights[1]]
    before = hidden[0] * 2 if odd == 'skip before' else 0.0
    rows = [dot(row, hidden) for row in weights]
    if odd == 'skip before':
        rows[2] = rows[2] + before
    if odd == 'recurrent':
        square = [row[:4] for row in weights[:4]]
        for _ in range(3):
            hidden = [dot(row, hidden).tanh() for row in square]
        rows = [dot(row, hidden) for row in weights]
    nodes = [row.relu() if i % 2 else row.tanh() for i, row in enumerate(rows)]
    if odd == 'unused row':
        nodes[2] = Value(0.5)
    if odd == 'transposed':
        back = [dot([weights[r][c] for r in range(5)], nodes) for c in range(4)]
        nodes = [*back, nodes[0]]
    outs = [dot(row, nodes) for row in heads]
    total = outs[0] * outs[1] + outs[2]
    if odd == 'skip after':
        total = total + dot(hidden, hidden) * rows[1]
    if odd == 'two heads':
        total = total * dot(heads[0][:4], hidden) + rows[0] * nodes[3]
    if odd == 'twice':
        total = total + sum(dot(row, [h * 2 for h in hidden]) for row in weights)
    if odd == 'a row is the output':
        total = dot(params[:5], nodes) if seed else outs[1]
    step = compared(total, xs, params, sizes=[1, 3, 8, 129])
    used = odd not in ('reversed params', 'shuffled params', 'unused row')  # those are no matrices
    assert bool(step._backend.layers.forward) == used


def test_infinities_in_a_layer_stay_where_ieee_has_them(loops):
    xs, weights = [Value(0.5), Value(2.0)], matrix(3, 2, random.Random(1))
    params = [w for row in weights for w in row]
    hidden = [dot(row, xs) for row in weights]
    step = micrograd.compile(hidden[0] + hidden[1] + hidden[2], xs, params, backend='native')
    for size in SIZES:
        first, second = np.ones(size), np.ones(size)
        first[-1] = np.inf
        output, gradients = step.value_and_grad(np.ones(6), first, second)
        assert output == np.inf
        assert gradients.tolist() == [np.inf, 1] * 3
        assert step.value_and_grad(np.ones(6), second, second)[0] == 6
