"""Compiled graphs in use: training, SciPy, `check`, threads, and graphs that are large."""

import gc
import math
import sys
import threading
import time

import pytest
from needs import np, scipy_optimize
from random_graphs import evaluate

import micrograd
from micrograd import Value, dot
from micrograd.nn import MLP, Layer, binary_cross_entropy_with_logits, mse_loss
from micrograd.optim import SGD, Adam

BACKENDS = ['python', 'numpy', 'native']
DATA = [([0.5, -1.0], 1.0), ([-0.3, 0.8], -1.0), ([1.5, 0.2], 0.5), ([0.0, 0.4], -0.5), ([0.9, 0.9], 2.0)]


def model_and_inputs():
    model = MLP(2, [4, 4, 1], 'tanh')
    model.load_state_dict({name: ((i + 1) * 0.37) % 2 - 1 for i, name in enumerate(model.state_dict())})
    return model, [Value(0.1, label='x1'), Value(0.2, label='x2')], Value(0.3, label='y')


@pytest.mark.parametrize('backend', BACKENDS)
@pytest.mark.parametrize('optimizer', [lambda p: SGD(p, lr=0.1, momentum=0.9), lambda p: Adam(p, lr=0.05)])
def test_training_is_the_engines(backend, optimizer):
    model, xs, y = model_and_inputs()
    step = micrograd.compile((model(xs) - y)**2, [*xs, y], model.parameters(), backend=backend)
    twin, *_ = model_and_inputs()
    ours, theirs = optimizer(model.parameters()), optimizer(twin.parameters())
    x1s, x2s = zip(*[x for x, _ in DATA], strict=True)
    for _ in range(30):
        ours.zero_grad()
        loss = step(x1s, x2s, [y for _, y in DATA])
        ours.step()
        theirs.zero_grad()
        expected = mse_loss([twin(x) for x, _ in DATA], [y for _, y in DATA])
        expected.backward()
        theirs.step()
        assert loss == pytest.approx(expected.data, rel=1e-9)
    assert list(step.params) == pytest.approx([p.data for p in twin.parameters()], rel=1e-9)


@pytest.mark.parametrize('backend', ['python', 'native'])
def test_stochastic_training_is_the_engines_to_the_last_bit(backend):
    model, xs, y = model_and_inputs()
    step = micrograd.compile((model(xs) - y)**2, [*xs, y], model.parameters(), backend=backend)
    twin, *_ = model_and_inputs()
    ours, theirs = SGD(model.parameters(), lr=0.1), SGD(twin.parameters(), lr=0.1)
    for x, target in DATA * 4:
        ours.zero_grad()
        theirs.zero_grad()
        expected = (twin(x) - target)**2
        expected.backward()
        assert step(*x, target) == expected.data
        assert [p.grad for p in model.parameters()] == [p.grad for p in twin.parameters()]
        ours.step()
        theirs.step()
    assert model.state_dict() == twin.state_dict()


@pytest.mark.parametrize('backend', BACKENDS)
def test_the_loss_of_a_whole_batch_with_its_data_as_constants(backend):
    model, *_ = model_and_inputs()
    loss = binary_cross_entropy_with_logits([model(x) for x, _ in DATA], [float(y > 0) for _, y in DATA])
    step = micrograd.compile(loss, params=model.parameters(), backend=backend)
    loss.backward()
    expected = [p.grad for p in model.parameters()]
    found, gradients = step.value_and_grad(step.params)
    assert found == pytest.approx(loss.data, rel=1e-13)
    assert list(gradients) == pytest.approx(expected, rel=1e-12, abs=1e-15)
    assert step() == found
    assert [p.grad for p in model.parameters()] == pytest.approx([2 * g for g in expected], rel=1e-12, abs=1e-15)


@pytest.mark.parametrize('backend', BACKENDS)
def test_scipys_minimize_takes_it_as_it_is(backend):
    w, b, x, y = (Value(0.0, label=name) for name in 'wbxy')
    step = micrograd.compile((w * x + b - y)**2, [x, y], [w, b], backend=backend)
    xs = np.linspace(-1, 1, 21)
    found = scipy_optimize.minimize(step.value_and_grad, step.params, args=(xs, 3 * xs - 2), jac=True, method='BFGS')
    assert found.success
    assert found.x == pytest.approx([3, -2], abs=1e-4)
    assert (w.data, w.grad) == (0, 0)
    step.store(found.x)
    assert (w.data, b.data) == tuple(found.x)
    assert type(w.data) is float


def test_numbers_that_users_set_are_read_at_each_call():
    p, x = Value(2.0), Value(3.0)
    for backend in BACKENDS:
        step = micrograd.compile(p * x, [x], [p], backend=backend)
        for number in (1, np.float64(0.5), np.float32(0.25), True):
            p.data = number
            assert (step(4), list(step.params)) == (4 * float(number), [float(number)])
        p.grad = 0
        step(4)
        assert p.grad == 4


@pytest.mark.parametrize('number', [2, np.float64(2.0), True + 1])
def test_a_constant_that_users_set_is_a_number(number):
    p, x, c = Value(2.0), Value(3.0), Value(1.0)
    output = p * x * c
    c.data = number
    for backend in BACKENDS:
        step = micrograd.compile(output, [x], [p], backend=backend)
        assert step.value_and_grad([5.0], 7.0) == (70.0, [14.0])
        assert 'np' not in step.source


@pytest.mark.parametrize('backend', BACKENDS)
def test_a_forward_pass_follows_the_weights_as_they_are_trained(backend):
    model, xs, y = model_and_inputs()
    predict = micrograd.compile(model(xs), xs, backend=backend)
    step = micrograd.compile((model(xs) - y)**2, [*xs, y], model.parameters(), backend='python')
    optimizer = SGD(model.parameters(), lr=0.1)
    columns = list(zip(*[x for x, _ in DATA], strict=True))
    for _ in range(3):
        assert predict(*columns) == pytest.approx([model(x).data for x, _ in DATA], rel=1e-12)
        assert predict(0.3, -0.2) == pytest.approx(model([0.3, -0.2]).data, rel=1e-15)
        optimizer.zero_grad()
        step(*columns, [y for _, y in DATA])
        optimizer.step()
    assert all(p.grad is not None for p in model.parameters())


@pytest.mark.parametrize('backend', BACKENDS)
def test_a_forward_pass_keeps_what_was_made_without_a_formula(backend):
    a, b, x = Value(2.0), Value(3.0), Value(1.0)
    by_hand = Value(a.data * 5, (a,), 'times five')
    predict = micrograd.compile(by_hand * x + b, [x], backend=backend)
    a.data, b.data = 7.0, 4.0
    assert predict(2.0) == 24.0


# What tracing freezes.

@pytest.mark.parametrize('backend', BACKENDS)
def test_check_finds_a_choice_that_depended_on_the_input(backend):
    w = Value(1.5, label='w')

    def frozen(x):
        return w * x if x.data > 0 else w * x * x

    def free(x):
        return (w * x).relu() + x * x

    for params in ([], [w]):
        x = Value(2.0, label='x')
        inputs = [x] if params else [x, w]
        rebuild = frozen if params else lambda x, w: w * x if x.data > 0 else w * x * x
        step = micrograd.compile(frozen(x), inputs, params, backend=backend)
        sample = (lambda x: (x,)) if params else (lambda x: (x, 1.5))
        step.check([sample(1.0), sample(3.0)], rebuild)
        with pytest.raises(ValueError, match=r'the output is -6\.0 here, but 24\.0 .* on sample 1.*-4\.0'):
            step.check([sample(1.0), sample(-4.0)], rebuild)
    x = Value(2.0)
    w.grad = 5.0
    step = micrograd.compile(free(x), [x], [w], backend=backend)
    step.check([(number,) for number in (-3.0, -0.5, 0.5, 7.0)], free)
    assert w.grad == 5


def test_check_finds_a_gradient_that_differs_where_the_output_does_not():
    w, x = Value(2.0, label='w'), Value(3.0)
    step = micrograd.compile(w * x, [x], [w])
    with pytest.raises(ValueError, match=r'the gradient for w is 5\.0 here, but 0\.0'):
        step.check([(5.0,)], lambda x: Value(w.data) * x)


# Threads, and size.

@pytest.mark.parametrize('backend', BACKENDS)
def test_threads_share_a_compiled_graph(backend):
    model, xs, y = model_and_inputs()
    step = micrograd.compile((model(xs) - y)**2, [*xs, y], model.parameters(), backend=backend)
    theta = list(step.params)

    def work(number):
        columns = [[math.sin(k * number + i) for i in range(5 * number + 1)] for k in (1, 2, 3)]
        return [step.value_and_grad([t + 0.01 * turn for t in theta], *columns) for turn in range(25)]

    alone = [work(number) for number in range(6)]
    together, start = [None] * 6, threading.Barrier(6)

    def run(number):
        start.wait()
        together[number] = work(number)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(5e-6)
    try:
        threads = [threading.Thread(target=run, args=(number,)) for number in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert together == alone


@pytest.mark.parametrize('backend', BACKENDS)
def test_a_gradient_of_none_is_0(backend):
    x, w, b = Value(1.0, label='x'), Value(3.0, label='w'), Value(0.5, label='b')
    step = micrograd.compile(w * x + b, [x], [w, b], backend=backend)
    for first in (2.0, [1.0, 3.0], np.array([1.0, 3.0])):
        w.grad, b.grad = None, 5.0
        assert step(first) == 6.5
        assert (w.grad, b.grad) == (2.0, 6.0)
    w.grad, b.data = None, 'half'
    with pytest.raises((TypeError, ValueError), match='b has a number .*half' if backend == 'native' else 'must|float'):
        step(2.0)


@pytest.mark.parametrize('backend', BACKENDS)
@pytest.mark.parametrize('name', ['cos', 'tanh', 'sigmoid', 'relu', '__neg__', '__abs__'])
def test_operations_of_one_operand_in_a_long_row(name, backend):
    x = Value(0.3, label='x')
    for count in (39, 40, 41, 300):
        node = x
        for _ in range(count):
            node = getattr(node, name)()
        compiled = micrograd.compile(node, [x], backend=backend)
        assert compiled(0.3) == pytest.approx(node.data, rel=1e-14)
        assert compiled([0.3, 0.3])[1] == pytest.approx(node.data, rel=1e-14)
        namespace = {}
        exec(compiled.source, namespace)
        assert namespace['forward_and_backward'](0.3) == node.data


def long_sum(n):
    a = Value(0.25)
    total = a
    for _ in range(n):
        total = total + a
    return total, [a]


def long_dot(n):
    ws, xs = [Value(0.01 * i) for i in range(n)], [math.sin(i) for i in range(n)]
    return dot(ws, xs) * dot(ws, ws), ws


def deep_chain(n):
    a, b = Value(0.5), Value(0.3)
    node = a
    for i in range(n):
        node = evaluate(('sin(a)', 'a * b', 'a + b', 'tanh(a)', 'b - a', 'sigmoid(a)', 'relu(a)')[i % 7],
                        {'a': node, 'b': b})
    return node, [a, b]


def wide(n):
    a, b = Value(0.5), Value(-1.5)
    nodes = [(a * float(i)).sin() * b for i in range(n // 4)]
    return dot(nodes, [1 / (i + 1) for i in range(len(nodes))]), [a, b]


def many_params(n):
    params = [Value(i / n) for i in range(n)]
    total = params[0]
    for param in params:
        total = total * 0.5 + param * param
    return total, params


@pytest.mark.parametrize('backend', BACKENDS)
@pytest.mark.parametrize(('build', 'n'), [
    (long_sum, 5_000), (long_dot, 3_000), (deep_chain, 4_000), (wide, 4_000), (many_params, 2_000)])
def test_large_graphs(build, n, backend):
    output, params = build(n)
    x = Value(1.0)
    step = micrograd.compile(output * x, [x], params, backend=backend, names=False)
    output.backward()
    expected = [p.grad for p in params]
    found, gradients = step.value_and_grad(step.params, 1.0)
    if backend == 'numpy':
        assert [found, *gradients] == pytest.approx([output.data, *expected], rel=1e-10, abs=1e-300)
    else:
        assert [found, *gradients] == [output.data, *expected]
    assert step.value_and_grad(step.params, [1.0] * 11)[1] == pytest.approx(expected, rel=1e-9, abs=1e-300)


@pytest.mark.usefixtures('no_gc')
@pytest.mark.parametrize('what', [*BACKENDS, 'source'])
@pytest.mark.parametrize('build', [deep_chain, wide, many_params])
def test_compiling_takes_time_in_proportion_to_size(build, what):
    def seconds(n):
        output, params = build(n)
        start = time.process_time()
        step = micrograd.compile(output, params=params, backend='python' if what == 'source' else what, names=False)
        if what == 'source':
            start = time.process_time()
            assert step.source
        else:
            step()
        return time.process_time() - start
    small = max(seconds(800), seconds(800))
    assert seconds(4_000) < 15 * small


def test_what_compiling_made_is_old_for_the_collector():
    output, params = wide(2_000)
    looked = []
    gc.collect()
    gc.callbacks.append(lambda *_: looked.append(1))
    try:
        step = micrograd.compile(output, [], params, 'python')
        step.value_and_grad([0.5, -1.5])
    finally:
        gc.callbacks.pop()
    assert gc.isenabled() and not looked
    gc.freeze()
    try:
        frozen = gc.get_freeze_count()
        micrograd.compile(output, [], params, 'python')
        assert gc.get_freeze_count() > frozen / 2
    finally:
        gc.unfreeze()


def test_a_graph_of_20_000_operations_deep_does_not_recurse():
    output, params = deep_chain(20_000)
    step = micrograd.compile(output, params=params, backend='python', names=False)
    output.backward()
    assert step.value_and_grad(step.params) == (output.data, pytest.approx([p.grad for p in params], rel=0, abs=0))
    namespace = {}
    exec(step.source, namespace)
    found, gradients = namespace['forward_and_backward'](*[p.data for p in params])
    assert (found, gradients) == (output.data, [p.grad for p in params])


@pytest.mark.parametrize('backend', BACKENDS)
def test_a_layer_and_its_sums(backend):
    layer = Layer(3, 2)
    xs = [Value(0.5 * i) for i in range(3)]
    total = sum(out * out for out in layer(xs)) + max(xs) * 0
    step = micrograd.compile(total, xs, layer.parameters(), backend=backend)
    total.backward()
    expected = [p.grad for p in layer.parameters()]
    assert list(step.value_and_grad(step.params, 0.0, 0.5, 1.0)[1]) == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize('backend', ['python', 'native'])
def test_a_long_dot_of_what_nothing_else_uses(backend):
    xs = [Value(math.sin(i)) for i in range(1_200)]
    output = dot([x * x for x in xs], [(x + 1).sigmoid() for x in xs[::-1]])
    assert micrograd.compile(output, xs, backend=backend, names=False)(*[x.data for x in xs]) == output.data
