"""The source of a compiled graph: it reads as a student would write it, and computes what the engine does."""

import ast
import itertools
import keyword
import math
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_graphs import DOMAINS, evaluate, graphs

import micrograd
from micrograd import Value, dot, gradients

LESSON_1 = '''\
def forward_and_backward(x, y, w):
    # forward pass
    y_hat = w * x
    s = y_hat - y
    loss = s ** 2

    # backward pass: d_v is the derivative of loss by v
    d_s = 2 * s
    d_y_hat = d_s
    d_w = d_y_hat * x
    return loss, [d_w]
'''


def source_of(output, inputs=(), params=(), **options):
    return micrograd.compile(output, inputs, params, backend='python', **options).source


def function(source):
    """The function that a source defines; nothing but the math module is imported for it."""
    namespace = {}
    exec(source, namespace)
    return namespace['forward_and_backward']


def bits(*numbers):
    """Floats told apart to the last bit; -0.0 counts as 0.0, as in a gradient of the engine, which adds to 0.0."""
    return [(float(number) + 0.0).hex() for number in numbers]


def arguments(source):
    """The names of the function's arguments, in order."""
    [main] = [node for node in ast.parse(source).body
              if isinstance(node, ast.FunctionDef) and node.name == 'forward_and_backward']
    return [argument.arg for argument in main.args.args]


def assert_like_the_engine(output, inputs, params, source):
    for param in params:
        param.grad = 0.0
    output.backward()
    numbers = [value.data for value in (*inputs, *params)]
    found, ours = function(source)(*numbers)
    assert bits(found, *ours) == bits(output.data, *(param.grad for param in params))


def lesson_1():
    x, y, w = Value(2.0, label='x'), Value(1.0, label='y'), Value(0.7, label='w')
    y_hat = w * x
    s = y_hat - y
    loss = s**2
    return x, y, w, y_hat, s, loss


def test_lesson_1_reads_as_a_student_would_write_it():
    x, y, w, y_hat, s, loss = lesson_1()
    for value, label in ((y_hat, 'y_hat'), (s, 's'), (loss, 'loss')):
        value.label = label
    assert source_of(loss, [x, y], [w], names=False) == LESSON_1
    y_hat.label = 'ŷ'
    assert source_of(loss, [x, y], [w], names=False) == LESSON_1.replace('y_hat', 'ŷ')


def test_values_without_labels_are_called_by_their_variables():
    x, y, w, y_hat, s, loss = lesson_1()
    assert micrograd.compile(loss, [x, y], [w], backend='python').source == LESSON_1
    assert (y_hat.label, s.label) == ('', '')
    called = source_of(loss, [x, y], [w], names={'prediction': y_hat, 'error': s, 'w': w})
    assert 'prediction = w * x\n' in called
    assert 'error = prediction - y\n' in called
    assert 'v1 = w * x\n' in source_of(loss, [x, y], [w], names=False)


def test_a_forward_pass_has_no_backward_pass():
    x, y, w, *_, loss = lesson_1()
    source = source_of(loss, [x, y, w])
    assert 'backward pass' not in source
    assert function(source)(2.0, 1.0, 0.7) == loss.data


@pytest.mark.parametrize('text', DOMAINS)
def test_the_source_of_every_operation_is_the_engine_to_the_last_bit(text):
    names = sorted(set(re.findall(r'\b[abcd]\b', text)))
    first = [Value(x, label=name) for name, x in zip(names, next(itertools.product(*DOMAINS[text])), strict=True)]
    run = function(source_of(evaluate(text, dict(zip(names, first, strict=True))), params=first))
    for point in itertools.product(*DOMAINS[text]):
        values = [Value(x) for x in point]
        output = evaluate(text, dict(zip(names, values, strict=True)))
        output.backward()
        found, ours = run(*point)
        assert bits(found, *ours) == bits(output.data, *(value.grad for value in values)), point


@settings(max_examples=200, deadline=None)
@given(graph=graphs(), labelled=st.booleans())
def test_the_source_of_random_graphs_is_the_engine_to_the_last_bit(graph, labelled):
    nodes = graph.values()
    if labelled:
        for name, node in nodes.items():
            node.label = name
    leaves = [nodes[name] for name in graph.leaves]
    source = source_of(nodes[graph.root], leaves[::2], leaves[1::2], names=False)
    if leaves[1::2]:
        assert_like_the_engine(nodes[graph.root], leaves[::2], leaves[1::2], source)
    else:
        assert bits(function(source)(*[leaf.data for leaf in leaves])) == bits(nodes[graph.root].data)


@settings(max_examples=50, deadline=None)
@given(graph=graphs(max_steps=6))
def test_gradients_of_gradients_have_sources_too(graph):
    nodes = graph.values()
    leaves = [nodes[name] for name in graph.leaves]
    output = sum(g * k for k, g in enumerate(gradients(nodes[graph.root], leaves), 1)) + 0 * leaves[0]
    assert_like_the_engine(output, [], leaves, source_of(output, [], leaves))


LABELS = ['', 'class', 'def', 'None', 'True', 'lambda', 'match', '_', '__', '1st', '3', '-', 'a-b',
          'a b', 'a_b', 'a+b', '🙂', '🙂🙂', 'w₁', 'w1', 'ŵ', 'ﬁ', 'fi', 'ａ', 'a', 'ℯ', 'e', 'x²', 'x2',
          '𝐢𝐟', 'if', 'if_', 'μ', 'µ', 'exp', 'log', 'pow', 'relu', 'step', 'sign', 'sigmoid', 'log0',
          'abs', 'sqrt', 'tanh', 'sin', 'cos', 'inf', 'nan', 'float', 'small', 't', 't_2', 't_2', 'd_w',
          'w', 'd_d_w', 'x0', 'p0', 'g0', 'run', 'params', 'total', 'forward_and_backward',
          'from math import exp', '\n', 'a\nb', '"', "'", '\\', '{}', '{0}', '%s', '#', '__debug__',
          'x' * 200, 'self', 'import', 'print', 'v1', 'v2', 'd_v1', 'W[0]', 'layers.0.weight', '·',
          'a·b', '℘', '٣', '漢字', 'ª', 'False', 'exp_2', 'return', 'math', 'v', 'v_1st', '__import__',
          '\x00', '\ud800', 'a\u200db', 'ſ', 's', 'ϐ', '·x', '℮', '゛', 'ͺ', '\ufdfa', '\u212b', 'Å',
          '\u212a', 'K', 'e\u0301', 'é', '\u0301']


@pytest.mark.parametrize('label', list(dict.fromkeys(LABELS)))
def test_any_label_becomes_an_identifier(label):
    x, w = Value(0.5, label=label), Value(1.5, label='w')
    middle = x.exp() * w
    middle.label = label
    output = middle.sigmoid().relu() + w.sin() ** w - abs(x) * math.inf ** 0
    output.label = label
    source = source_of(output, [x], [w])
    assert len(set(arguments(source))) == 2
    assert all(name.isidentifier() and not keyword.iskeyword(name) for name in arguments(source))
    assert_like_the_engine(output, [x], [w], source)


def test_all_labels_at_once_stay_apart():
    leaves = [Value(0.01 * (i + 1), label=label) for i, label in enumerate(LABELS)]
    total = leaves[0]
    for i, leaf in enumerate(leaves):
        total = (total + leaf * leaves[i - 1]).tanh()
        total.label = LABELS[-i]
    source = source_of(total, leaves[::2], leaves[1::2])
    assert len(set(arguments(source))) == len(LABELS)
    assert_like_the_engine(total, leaves[::2], leaves[1::2], source)


@settings(max_examples=300, deadline=None)
@given(labels=st.lists(st.text(max_size=6), min_size=3, max_size=3), derived=st.booleans())
def test_random_labels(labels, derived):
    if derived:  # what the source itself might call something
        labels[1:] = [f'd_{labels[0]}', f'{labels[0]}_2']
    a, b, c = (Value(0.3 * i + 0.2, label=label) for i, label in enumerate(labels))
    middle = a * b
    middle.label = labels[2]
    output = (middle + c).exp() * a
    output.label = labels[0]
    assert_like_the_engine(output, [a], [b, c], source_of(output, [a], [b, c]))


def test_the_names_of_inputs_are_what_one_may_call_them_by():
    a, b, c = Value(1.0, label='class'), Value(2.0, label='x'), Value(3.0, label='x')
    step = micrograd.compile(a * 100 + b * 10 + c, [a, b, c], backend='python')
    assert arguments(step.source) == ['class_', 'x', 'x_2']
    assert step(x_2=3, x=2, class_=1) == step(**{'class': 1, 'x': 2, 'x_2': 3}) == 123


CONSTANTS = [math.inf, -math.inf, math.nan, 1e300, 5e-324, -0.0, 1e15, 123456789012345678.0, 0.1]


@pytest.mark.parametrize('constant', CONSTANTS)
def test_constants_are_written_so_that_they_stay_what_they_are(constant):
    x, p = Value(1.5), Value(-0.5)
    output = (x * p + constant) * p - constant / p
    assert_like_the_engine(output, [x], [p], source_of(output, [x], [p]))


@pytest.mark.parametrize('constant', [0.0, -1.0, 94906267.0, 3.0])
def test_what_is_computed_of_constants_alone_is_computed_with_floats(constant):
    x, c = Value(1.5), Value(constant)
    square = c * c
    output = x * ((square * square * square) * (square * c)) + (-(c * 0.0)) * x
    assert_like_the_engine(output, [c], [x], source_of(output, [c], [x]))
    run = function(source_of(-(c * 0.0)))
    assert math.copysign(1, run(constant)) == math.copysign(1, -(constant * 0.0))
    assert_like_the_engine(output, [], [x], source_of(output, [], [x]))


def test_whole_numbers_are_written_as_one_writes_them():
    x = Value(3.0, label='x')
    source = source_of(2 * x**2 - 1 + x**0.5 * 0.25 - (-3) * x**-2, [x])
    assert {'2', '1', '0.5', '0.25', '-3', '-2'} <= set(re.findall(r'-?\b\d+(?:\.\d+)?\b', source))
    assert '.0' not in source


def test_lines_are_not_longer_than_100_characters():
    ws = [Value(0.1 * i, label=f'weight{i}') for i in range(40)]
    xs = [Value(1.0 + i, label=f'feature{i}') for i in range(40)]
    output = dot(ws, xs).tanh() * sum(ws)
    source = source_of(output, xs, ws)
    assert max(map(len, source.splitlines())) <= 100
    assert_like_the_engine(output, xs, ws, source)


def test_a_single_name_longer_than_a_line():
    long = Value(2.0, label='long' * 60)
    for output in (long, long * 2, long.exp() + long):
        assert function(source_of(output, [long], names=False))(2.0) == output.data
        source = source_of(output, [], [long], names=False)
        function(source)(2.0)


@pytest.mark.parametrize('n', [3, 700, 1600])
def test_sums_of_many_terms(n):
    ws = [Value(math.sin(i)) for i in range(n)]
    output = dot(ws, ws) * dot(ws, [0.1 * i for i in range(n)])
    assert_like_the_engine(output, [], ws, source_of(output, [], ws, names=False))
    a = Value(0.3)
    total = a
    for _ in range(n):
        total = total + a * a
    assert_like_the_engine(total, [], [a], source_of(total, [], [a], names=False))


def test_only_what_is_called_is_defined_and_imported():
    a = Value(0.5, label='a')
    assert source_of(a * a).startswith('def forward_and_backward')
    assert source_of(a.exp() + a.cos(), [a]).startswith('from math import cos, exp\n\n\ndef forward')
    relu = source_of(a.relu(), [], [a])
    assert 'def relu(a):' in relu
    assert 'def step(a):' in relu
    assert 'import' not in relu
    assert 'def sigmoid' in source_of(a.sigmoid(), [a])
    everything = a.exp().log().sqrt().sin().cos().tanh().sigmoid().relu() ** a + abs(a)
    assert_like_the_engine(everything, [], [a], source_of(everything, [], [a]))


def test_the_source_is_the_same_each_time():
    *_, first = lesson_1()
    a, b = (Value(0.3 * k, label='h') for k in (1, 2))
    output = (a * b + b * a).tanh() * a
    step = micrograd.compile(output, [a], [b])
    assert step.source == step.source == micrograd.compile(output, [a], [b], backend='numpy').source
    assert first.grad == 0
