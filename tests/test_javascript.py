"""Graphs as JavaScript, run by Node, against Python's backend: the same but for the last bits of exp and its kind."""

import itertools
import math
import random
import re
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from programs import program
from random_graphs import DOMAINS, evaluate, graphs
from test_compiler_layers import SHARED, STEPS, woven

import micrograd
from micrograd import Value, dot
from micrograd.compiler import javascript, layers
from micrograd.compiler.pieces import CHUNK
from micrograd.graph.program import Program
from micrograd.nn import MLP, binary_cross_entropy_with_logits

sys.path.insert(0, str(Path(__file__).parent.parent / 'benchmarks'))


def letters(text):
    return sorted(set(re.findall(r'\b[abcd]\b', text)))


def same(node, output, inputs, params, rel=1e-12):
    """Whether JavaScript computes what Python does, at the numbers that the leaves have."""
    python, javascript = (micrograd.compile(output, inputs, params, backend=backend, names=False)
                          for backend in ('python', 'javascript'))
    x, p = [value.data for value in inputs], [value.data for value in params]
    expected, gradients = python.value_and_grad(p, *x)
    found, ours = node.run(javascript.source, x, p)
    assert found == pytest.approx(expected, rel=rel)
    assert ours == pytest.approx(gradients, rel=rel, abs=rel * max(map(abs, gradients)))


@pytest.mark.parametrize('text', DOMAINS)
def test_every_operation(text, node):
    names = letters(text)
    values = {name: Value(1.3) for name in names}
    output, params = evaluate(text, values), list(values.values())
    for point in itertools.product(*DOMAINS[text]):
        for value, number in zip(params, point, strict=True):
            value.data = number
        same(node, output, [], params, rel=1e-13)


def test_random_graphs(node):
    @settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
    @given(graphs(max_steps=20))
    def check(graph):
        nodes = graph.values()
        leaves = [nodes[name] for name in graph.leaves]
        same(node, nodes[graph.root], leaves[1::2], leaves[::2])

    check()


def test_deep_random_programs(node):
    for number in range(40):
        leaves = []
        output = program(number).run(lambda x, leaves=leaves: leaves.append(Value(x)) or leaves[-1])[-1]
        same(node, output, [], leaves, rel=1e-10)  # they amplify roundings


@pytest.mark.parametrize('activation', ['relu', 'tanh', 'sigmoid'])
def test_networks(activation, node):
    random.seed(4)
    model = MLP(2, [16, 16, 1], activation=activation)
    inputs = [Value(0.3), Value(-0.8), Value(1.0)]
    same(node, binary_cross_entropy_with_logits(model(inputs[:2]), inputs[2]), inputs, model.parameters())


def test_a_transformer(node):
    import transformer
    random.seed(5)
    model = transformer.Transformer(len(transformer.VOCABULARY), positions=3, width=8, heads=2)
    loss, inputs = transformer.traced(model)
    step = micrograd.compile(loss, inputs, model.parameters(), backend='javascript')
    assert step.source.count('\nfunction ') > 10  # cut into functions that V8 compiles
    same(node, loss, inputs, model.parameters())


def test_a_word_of_the_gpt(node):
    import gpt
    random.seed(6)
    model = gpt.GPT()
    same(node, model.loss(gpt.encoded('ada')), [], model.parameters())


@pytest.mark.parametrize('operations', [CHUNK // 2 - 3, CHUNK // 2 + 3, 5 * CHUNK])
def test_what_one_function_hands_to_another(operations, node):
    a, b = Value(0.7), Value(-0.4)
    output = a
    kept = []
    for _ in range(operations // 4):
        output = (output * a + b).tanh() + output
        kept.append(output)
    same(node, output + dot(kept[::7], kept[::-1][::7]), [], [a, b])


def in_loops(output, inputs, params):
    """The source with loops for matrices of any size."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(javascript, 'LARGE', 0)
        patch.setattr(layers, 'SMALLEST', 2)
        return javascript.JavascriptWriter(Program(output, inputs, params)).source()


def assert_the_same_in_loops(node, output, inputs, params):
    """That loops compute to the last bit what statements do, and leave nothing behind for the next time."""
    x, p = [value.data for value in inputs], [value.data for value in params]
    statements = micrograd.compile(output, inputs, params, backend='javascript', names=False).source
    loops = in_loops(output, inputs, params)
    assert re.search('run_(product|outer)', loops) and not re.search('run_(product|outer)', statements)
    assert node.run(loops, x, p) == node.run(statements, x, p)
    twice = 'const g = new Float64Array(p.length).fill(0.1); run(x, p, g); run(x, p, g); return g;'
    assert node.evaluate(loops + twice, x=x, p=p) == node.evaluate(statements + twice, x=x, p=p)


@pytest.mark.parametrize('build', [build for build, _ in SHARED.values()], ids=SHARED)
def test_loops_over_shared_weights(build, node):
    assert_the_same_in_loops(node, *build(random.Random(2)))


def test_loops_over_weights_woven_at_random(node):
    @settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
    @given(width=st.integers(3, 6), steps=STEPS, seed=st.integers(0, 9))
    def check(width, steps, seed):
        assert_the_same_in_loops(node, *woven(width, steps, random.Random(seed)))

    check()


def test_several_outputs_take_the_place_of_gradients(node):
    random.seed(7)
    model, x = MLP(3, [4, 4, 2], activation='tanh'), [Value(0.2), Value(-0.5), Value(0.9)]
    hidden = [neuron(x) for neuron in model.layers[0].neurons]
    outputs, params = [*model(x), *hidden, model.parameters()[3], x[1]], model.parameters()
    numbers = [value.data for value in x], [value.data for value in params]
    for source in (in_loops(outputs, x, params), javascript.JavascriptWriter(Program(outputs, x, params)).source()):
        code = source + f'const g = new Float64Array({len(outputs)}); run(x, p, g); return g;'
        found = node.evaluate(code, x=numbers[0], p=numbers[1])
        assert found == pytest.approx([value.data for value in outputs], rel=1e-14)


def test_the_text_of_wide_layers_grows_with_their_neurons_and_not_with_their_weights():
    def size(width):
        model, x = MLP(2, [width, width, 1], activation='tanh'), [Value(0.2), Value(-0.5)]
        return len(javascript.JavascriptWriter(Program(model(x), x, model.parameters())).source())
    small, large = size(40), size(80)
    assert large < 2.2 * small and small < 12 * 1801  # parameters


def test_a_long_dot_product(node):
    ws, xs = [Value(math.sin(i)) for i in range(1800)], [Value(math.cos(i)) for i in range(1800)]
    same(node, dot(ws, xs) ** 2, xs, ws)


def test_chains_as_deep_as_one_likes(node):
    a = Value(0.5)
    output = a
    for _ in range(20_000):
        output = -output
    same(node, output, [], [a])


def test_a_forward_pass_alone(node):
    x = Value(0.4)
    predict = micrograd.compile(x.exp() * 2, [x], backend='javascript')
    assert node.run(predict.source, [0.4], []) == (pytest.approx(2 * math.exp(0.4), rel=1e-15), [])


@pytest.mark.parametrize(('text', 'a', 'expected'), [
    ('log(a)', 0.0, -math.inf), ('log(a)', -1.0, math.nan), ('sqrt(a)', -1.0, math.nan), ('1 / a', -0.0, -math.inf),
    ('a / a', 0.0, math.nan), ('exp(a)', 1e3, math.inf), ('a ** 0.5', -1.0, math.nan), ('a ** -1', 0.0, math.inf),
    ('a ** a', -0.5, math.nan), ('a ** 3', -math.inf, -math.inf), ('relu(a)', math.nan, math.nan),
    ('sigmoid(a)', math.inf, 1.0), ('abs(a)', -math.inf, math.inf), ('tanh(a)', math.inf, 1.0),
])
def test_where_python_raises_it_is_nan_or_infinity_as_in_numpy(text, a, expected, node):
    value = Value(1.0)
    output = evaluate(text, {'a': value})
    step, numpy = (micrograd.compile(output, [], [value], backend=backend) for backend in ('javascript', 'numpy'))
    found, [gradient] = node.run(step.source, [], [a])
    assert found == pytest.approx(expected, nan_ok=True)
    assert gradient == pytest.approx(numpy.value_and_grad([a])[1][0], nan_ok=True)


@pytest.mark.parametrize('constant', [-0.0, -2.5, 1e300, 5e-324, 1e-7, math.inf, -math.inf, math.nan])
def test_constants(constant, node):
    a, c = Value(1.5), Value(constant)
    for output in (a * c, c - a, -c * a, a - c * c):
        step = micrograd.compile(output, [], [a], backend='javascript')
        found, [gradient] = node.run(step.source, [], [1.5])
        output.backward()
        assert (repr(found), repr(gradient)) == (repr(output.data), repr(a.grad + 0.0))
        a.grad = 0.0


def test_negative_bases_and_signs_beside_signs(node):
    a, b = Value(-1.5), Value(2.0)
    c = -a
    same(node, (-a) ** 2 - (-(a ** 3)) + (a * b) ** -2 - (-b) ** 3 * -c + (-(-1 * (a + b))) ** 4, [], [a, b])


def test_the_source_reads_well():
    w, x, y = Value(1, label='w'), Value(2, label='x'), Value(1, label='y</script>\n')
    assert micrograd.compile((w * x - y) ** 2, [x, y], [w], backend='javascript').source == '''\
// x[0] is x, x[1] is y__script__, p[0] is w
function run(x, p, g) {
  const v4 = p[0] * x[0] - x[1];
  const output = v4 ** 2.0;
  g[0] += 2.0 * v4 * x[0];
  return output;
}
'''


def test_python_does_not_call_it():
    w, x = Value(1, label='w'), Value(2, label='x')
    step = micrograd.compile(w * x, [x], [w], backend='javascript')
    assert step.backend == 'javascript'
    for call in (lambda: step(2.0), lambda: step([1.0, 2.0]), lambda: step.value_and_grad([1.0], 2.0),
                 lambda: step.check([(1.0,)], lambda x: w * x)):
        with pytest.raises(TypeError, match=r"not called from Python: .* backend='python', 'numpy' or 'native'"):
            call()
    with pytest.raises(TypeError, match='not called from Python'):
        micrograd.compile(w * x, [x], backend='javascript')(1.0)
    assert w.grad == 0
