"""Every operation is known to every language: a row of formulas.py that is forgotten in one of them is found here."""

import inspect

import pytest
from needs import needs
from random_graphs import METHODS

import micrograd
from micrograd import Value
from micrograd.command.expression import CALLABLE
from micrograd.graph.formulas import FORMULAS, FUNCTIONS, parse
from micrograd.graph.gradients import _make
from micrograd.graph.javascript import IN_JAVASCRIPT

POINT = {'a': 0.7, 'b': 1.3, 'c': -0.4, 'd': 2.5}
OPERATIONS = {**{op: row.operands for op, row in FORMULAS.items()}, 'dot': ('a', 'b', 'c', 'd')}
ONLY_IN_GRADIENTS = {'sign', 'step', 'log0'}


def graph(op):
    """The leaves, and a graph with this operation, whose gradients have what is in the gradients of its row."""
    leaves = [Value(POINT[name], label=name) for name in OPERATIONS[op]]
    return leaves, _make(op, leaves) * 3.0


@pytest.mark.parametrize('op', OPERATIONS)
@pytest.mark.parametrize('backend', ['python', 'numpy', 'native'])
def test_every_backend_has_every_operation(backend, op):
    leaves, output = graph(op)
    step = micrograd.compile(output, [], leaves, backend=backend)
    output.backward()
    mean, gradients = step.value_and_grad([leaf.data for leaf in leaves])
    assert step.backend == backend
    assert mean == pytest.approx(output.data, rel=1e-14)
    assert list(gradients) == pytest.approx([leaf.grad for leaf in leaves], rel=1e-14)
    batch = micrograd.compile(output, leaves, [], backend=backend)(*[[leaf.data] * 9 for leaf in leaves])
    assert list(batch) == pytest.approx([output.data] * 9, rel=1e-14)


@pytest.mark.parametrize('op', OPERATIONS)
def test_the_source_has_every_operation(op):
    leaves, output = graph(op)
    output.backward()
    names = {}
    exec(micrograd.compile(output, [], leaves, backend='python').source, names)
    assert names['forward_and_backward'](*[leaf.data for leaf in leaves]) == (
        output.data, [leaf.grad for leaf in leaves])


@pytest.mark.parametrize('op', OPERATIONS)
def test_javascript_has_every_operation(node, op):
    leaves, output = graph(op)
    output.backward()
    source = micrograd.compile(output, [], leaves, backend='javascript').source
    found, gradients = node.run(source, [], [leaf.data for leaf in leaves])
    assert found == pytest.approx(output.data, rel=1e-14)
    assert gradients == pytest.approx([leaf.grad for leaf in leaves], rel=1e-14)


@pytest.mark.parametrize('op', OPERATIONS)
def test_pytorch_has_every_operation(op):
    needs('torch')
    from micrograd.bridge import to_torch
    leaves, output = graph(op)
    output.backward()
    module = to_torch(output, params=leaves)
    found = module()
    found.backward()
    assert found.item() == pytest.approx(output.data, rel=1e-14)
    assert [p.grad.item() for p in module.parameters()] == pytest.approx([leaf.grad for leaf in leaves], rel=1e-14)


def test_every_operation_of_the_engine_has_a_row():
    methods = {name for name, method in vars(Value).items()
               if not name.startswith('_') and 'local gradient' in (inspect.getdoc(method) or '')}
    assert {'exp', 'tanh', 'relu'} <= methods - {'local_gradients', 'backward'} <= FORMULAS.keys()
    one_operand = {op for op, row in FORMULAS.items() if len(row.operands) == 1} - ONLY_IN_GRADIENTS - {'neg'}
    assert {*METHODS, 'abs'} == one_operand  # which is what the tests try
    assert set(CALLABLE) == one_operand


def test_every_function_in_the_text_of_a_row_is_known():
    def called(tree):
        if isinstance(tree, tuple):
            yield tree[0]
            for part in tree[1:]:
                yield from called(part)

    texts = [text for row in FORMULAS.values() for text in (row.formula, *row.gradients)]
    names = {name for text in texts for name in called(parse(text)) if name.isalnum()} - {'neg'}
    assert names == FUNCTIONS.keys() == IN_JAVASCRIPT.keys()
