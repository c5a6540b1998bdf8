"""The native backend's loops over whole layers, on networks of every shape, the odd ones too."""

import functools
import itertools
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from needs import needed, np

import micrograd
from micrograd import Value, dot
from micrograd.compiler import ir, layers, pieces
from micrograd.nn import MLP

native = needed('micrograd.compiler.native', 'llvmlite', 'numpy')
SIZES = [1, 2, 8, 9, 127, 128, 129, 300]


@pytest.fixture
def loops(monkeypatch):
    """Loops take the place of small matrices too."""
    monkeypatch.setattr(native, 'LARGE', 0)
    monkeypatch.setattr(layers, 'SMALLEST', 2)
    monkeypatch.setattr(native, 'CODES', native.Codes())  # where none of these has been compiled without loops


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
    assert len(step._backend.code.layers.outers) == 2
    for lanes in step._backend.code.kernels:  # the layers read all vectors where they are
        _, kernel = step._backend.code.kernel(lanes)
        assert not any(isinstance(statement, pieces.Copy) for piece in kernel.plan.pieces if isinstance(piece, list)
                       for statement in piece)


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
    assert step._backend.code.layers.products


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
    assert step._backend.code.layers.products or odd == 'shuffled params'


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


# The same weights in several places: their gradients are sums of outer products.

def recurrent(draw, steps=4, width=6, symbols=5):
    """Logits and losses of a recurrent network that reads symbols."""
    into, across, out = matrix(width, symbols, draw), matrix(width, width, draw), matrix(symbols, width, draw)
    biases = [Value(draw.uniform(-1, 1)) for _ in range(width)]
    tokens = [[Value(draw.uniform(0, 1)) for _ in range(symbols)] for _ in range(steps + 1)]
    state = [Value(draw.uniform(-1, 1)) for _ in range(width)]
    params = [w for m in (into, across, out) for row in m for w in row] + biases + state
    total = 0
    for token, target in itertools.pairwise(tokens):
        state = [(dot(a, token) + dot(b, state) + c).tanh() for a, b, c in zip(into, across, biases, strict=True)]
        logits = [dot(row, state) for row in out]
        total = total + sum(logit.exp() for logit in logits).log() - dot(target, logits)
    return total / steps, [x for token in tokens for x in token], params


def tied(draw, words=7, width=6):
    """One matrix that turns words into vectors, and vectors into words."""
    table = matrix(words, width, draw)
    tokens = [[Value(draw.uniform(0, 1)) for _ in range(words)] for _ in range(3)]
    total = 0
    for token, target in itertools.pairwise(tokens):
        x = [dot(column, token).tanh() for column in zip(*table, strict=True)]
        logits = [dot(row, x) for row in table]
        total = total + sum(logit.exp() for logit in logits).log() - dot(target, logits)
    return total, [x for token in tokens for x in token], [w for row in table for w in row]


def attention(draw, positions=4, width=6, heads=2):
    """Self-attention in several heads, each position over those up to it, and a residual."""
    matrices = [matrix(width, width, draw) for _ in range(4)]
    xs = [[Value(draw.uniform(-1, 1)) for _ in range(width)] for _ in range(positions)]
    queries, keys, values = ([[dot(row, x) for row in m] for x in xs] for m in matrices[:3])
    total = 0
    for t, x in enumerate(xs):
        gathered = []
        for head in range(heads):
            part = slice(head * width // heads, (head + 1) * width // heads)
            exps = [(dot(queries[t][part], key[part]) / 2).exp() for key in keys[:t + 1]]
            weights = [e / sum(exps) for e in exps]
            gathered += [dot(weights, column) for column in zip(*[v[part] for v in values[:t + 1]], strict=True)]
        out = [a + dot(row, gathered) for a, row in zip(x, matrices[3], strict=True)]
        total = total + sum(o.tanh() for o in out)
    return total, [v for x in xs for v in x], [w for m in matrices for row in m for w in row]


def convolution(draw, channels=5, size=3, length=7):
    """Filters that pass along a row of numbers, twice."""
    first, second = matrix(channels, size, draw), matrix(channels, size * channels, draw)
    xs = [Value(draw.uniform(-1, 1)) for _ in range(length)]
    maps = [[dot(row, xs[i:i + size]).relu() for row in first] for i in range(length - size + 1)]
    patches = [[v for m in maps[i:i + size] for v in m] for i in range(len(maps) - size + 1)]
    total = sum(dot(row, patch).tanh() for patch in patches for row in second)
    return total, xs, [w for m in (first, second) for row in m for w in row]


def decayed(draw, first=0):
    """A penalty on the weights, from a row on, which their gradients begin or end with."""
    weights = matrix(4, 4, draw)
    xs = [Value(draw.uniform(-1, 1)) for _ in range(4)]
    before = sum(w * w for row in weights[first:] for w in row) * 0.1
    out = sum(dot(row, [dot(row, xs).tanh() for row in weights]).tanh() for row in weights)
    return before + out + sum(w * w * 0.2 + w for row in weights for w in row), xs, [w for row in weights for w in row]


def written_out(draw):
    """Neurons as sums that begin with the bias, or end with it, two layers with one matrix."""
    weights, biases = matrix(4, 4, draw), [Value(draw.uniform(-1, 1)) for _ in range(4)]
    xs = [Value(draw.uniform(-1, 1)) for _ in range(4)]
    hidden = [sum((w * x for w, x in zip(row, xs, strict=True)), b).tanh()
              for row, b in zip(weights, biases, strict=True)]
    out = [sum(w * x for w, x in zip(row, hidden, strict=True)) + b for row, b in zip(weights, biases, strict=True)]
    return sum(o * o for o in out), xs, [*(w for row in weights for w in row), *biases]


def beside(draw):
    """A single neuron on the same inputs as two layers: a column of its own in what their gradients are sums of."""
    first, single, second = matrix(5, 4, draw), matrix(1, 4, draw), matrix(5, 4, draw)
    xs = [Value(draw.uniform(-1, 1)) for _ in range(4)]
    hidden = [x.tanh() for x in xs]
    hidden = [dot(row, hidden).tanh() for row in second[:4]]
    total = sum(dot(row, hidden).tanh() for m in (single, first, second) for row in m)
    return total, xs, [w for m in (first, single, second) for row in m for w in row]


def circular(draw):
    """A row of a matrix that another row of it depends on, though both take the same inputs."""
    weights = matrix(3, 4, draw)
    xs = [Value(draw.uniform(-1, 1)) for _ in range(4)]
    total = 0
    for row in weights:
        total = sum((w * x for w, x in zip(row, xs, strict=True)), total * 2.0 + xs[0]).tanh()
    return total, xs, [w for row in weights for w in row]


SHARED = {'recurrent': (recurrent, 3), 'tied': (tied, 1), 'attention': (attention, 2), 'convolution': (convolution, 1),
          'decayed': (decayed, 1),
          'partly decayed': (functools.partial(decayed, first=2), 0),
          'written_out': (written_out, 1), 'beside': (beside, 1), 'circular': (circular, 0)}


@pytest.mark.parametrize('seed', range(2))
@pytest.mark.parametrize(('build', 'outers'), SHARED.values(), ids=SHARED)
def test_shared_weights(loops, build, outers, seed):
    step = compared(*build(random.Random(seed)), sizes=[1, 3, 8, 130])
    assert len(step._backend.code.layers.outers) >= outers


def test_a_recurrent_network_is_all_loops():
    def left(steps):
        output, inputs, params = recurrent(random.Random(0), steps, width=24, symbols=9)
        step = compared(output, inputs, params, sizes=[1, 33])
        layers = step._backend.code.layers
        assert len(layers.outers) == 3
        assert all(len(outer.pairs) == steps for outer in layers.outers)
        return len(layers.order), len(layers.program.steps)
    (few, short), (many, long) = left(3), left(6)
    assert few < short / 10 and many < long / 10


@pytest.mark.parametrize('large', [0, 10**9], ids=['loops', 'statements'])
def test_large_batches_have_the_same_bits_by_however_many_threads(large, loops, monkeypatch):
    monkeypatch.setattr(native, 'LARGE', large)
    monkeypatch.setattr(native, 'SPLIT', 0)
    monkeypatch.setattr(native, 'BLOCKS', 2)
    output, inputs, params = recurrent(random.Random(1))
    steps = [micrograd.compile(output, inputs, params, backend='native', names=False, threads=n) for n in (1, 2, 5)]
    answers = [micrograd.compile(output, inputs, backend='native', names=False, threads=n) for n in (1, 2)]
    numpys = micrograd.compile(output, inputs, params, backend='numpy', names=False)
    draw = np.random.default_rng(0)
    for size in (4, 33, 400, 1027, 256):
        columns = [draw.uniform(-1, 1, size) for _ in inputs]
        if size in (33, 1027):
            columns[0][-1] = np.nan
        expected = numpys.value_and_grad(numpys.params, *columns)
        for step in steps:
            mean, gradients = step.value_and_grad(numpys.params, *columns)
            assert mean == pytest.approx(expected[0], rel=1e-10, nan_ok=True)
            assert gradients == pytest.approx(expected[1], rel=1e-10, abs=1e-12, nan_ok=True)
            assert steps[0].value_and_grad(numpys.params, *columns)[1].tobytes() == gradients.tobytes()
        assert answers[0](*columns).tobytes() == answers[1](*columns).tobytes()
        assert np.mean(answers[1](*columns)) == pytest.approx(expected[0], rel=1e-10, nan_ok=True)
    frame = steps[1]._backend.local.frame
    assert len({size.value for _, size in frame.parts}) == 1 < len(frame.parts)


def test_no_function_has_many_loops(loops, monkeypatch):
    # LLVM recurses over the loops of a function: with some two thousand, it overflowed a stack of 8 MB.
    monkeypatch.setattr(pieces, 'CHUNK', 1)
    monkeypatch.setattr(ir, 'PIECES', 10)
    step = compared(*recurrent(random.Random(0), steps=2, width=4, symbols=3), sizes=[9])
    _, kernel = step._backend.code.kernels[native.machine().lanes]
    assert kernel.block > kernel.lanes
    loops_in = {text.partition('(')[0].split('@')[1]: text.count('.head:') for text in kernel.ir.split('define ')[1:]}
    assert sum(name.startswith('part') for name in loops_in) > 5
    assert all(count <= 10 for name, count in loops_in.items() if name.startswith(('part', 'kernel')))


@pytest.mark.parametrize('large', [0, 10**9], ids=['loops', 'statements'])
def test_many_parameters_are_read_where_they_are(large, loops, monkeypatch):
    monkeypatch.setattr(native, 'LARGE', large)
    output, inputs, params = recurrent(random.Random(1))
    usual, direct = (micrograd.compile(output, inputs, params, backend='native', names=False) for _ in range(2))
    theta = usual.params
    frozen, apart, reordered = theta.copy(), np.repeat(theta, 2)[::2], np.asfortranarray(theta)
    frozen.flags.writeable = False
    draw = np.random.default_rng(0)
    for size in (1, 9, 40):
        columns = [draw.uniform(-1, 1, size) for _ in inputs]
        expected = usual.value_and_grad(theta, *columns)
        with monkeypatch.context() as many:
            many.setattr(native, 'MANY', 0)
            direct.value_and_grad([*theta], *columns)
        assert direct._backend.local.frame.pointers is not None
        answers = [direct.value_and_grad(each, *columns) for each in (theta, frozen, apart, reordered, theta * 1.0)]
        other = direct.value_and_grad(theta + 1, *columns)
        assert other[0] != expected[0]
        for answer in answers:
            assert (answer[0], answer[1].tobytes()) == (expected[0], expected[1].tobytes())
        assert direct.value_and_grad(theta.astype(np.float32), *columns)[0] == pytest.approx(expected[0], rel=1e-5)
        columns[0][-1] = np.nan
        assert np.array_equal(direct.value_and_grad(theta, *columns)[1], usual.value_and_grad(theta, *columns)[1],
                              equal_nan=True)


STEPS = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 9), st.booleans(), st.sampled_from(['tanh', 'relu', '']),
                           st.sampled_from(['', 'bias first', 'bias last', 'residual', 'products'])),
                 min_size=1, max_size=6)


def woven(width, steps, draw):
    """Vectors, each of an earlier one and one of three matrices, or of its transpose, in whatever way that is written.
    """
    matrices = [matrix(width, width, draw) for _ in range(3)]
    biases = [Value(draw.uniform(-1, 1)) for _ in range(width)]
    xs = [Value(draw.uniform(-1, 1)) for _ in range(width)]
    vectors = [xs, [x.tanh() for x in xs]]
    for which, place, across, nonlin, how in steps:
        x = vectors[place % len(vectors)]
        rows = zip(*matrices[which], strict=True) if across else matrices[which]
        if how == 'products':
            sums = [sum(w * v for w, v in zip(row, x, strict=True)) for row in rows]
        else:
            sums = [dot(row, x) for row in rows]
        added = {'bias first': biases, 'bias last': biases, 'residual': x}.get(how)
        if added:
            sums = [b + s if how == 'bias first' else s + b for s, b in zip(sums, added, strict=True)]
        vectors.append([getattr(s * 0.5, nonlin)() if nonlin else s * 0.5 for s in sums])
    total = sum(dot(vector, vector) for vector in vectors[2:]) + sum(v for vector in vectors for v in vector)
    return total, xs, [*(w for m in matrices for row in m for w in row), *biases]


def test_weights_woven_at_random(loops):
    @settings(max_examples=25, deadline=None)
    @given(width=st.integers(2, 6), steps=STEPS, seed=st.integers(0, 9))
    def check(width, steps, seed):
        compared(*woven(width, steps, random.Random(seed)), sizes=[1, 9])

    check()
