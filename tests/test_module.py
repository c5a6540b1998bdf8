"""Modules of one's own: where parameters are found, what is said of weights that are none, and how they are called."""

import copy
from collections import deque
from types import MappingProxyType
from typing import NamedTuple

import pytest
from needs import np

from micrograd import Value, dot
from micrograd.nn import MLP, Module, Neuron


class Mixed(Module):
    """Parameters in each place that is looked into, and things that are none."""

    def __init__(self):
        self.scale = Value(1.0)
        self.pair = (Value(2.0), [Value(3.0), 'text', 7.0])
        self.table = {'up': Value(4.0), 'inner': Neuron(1)}
        self.result = self.scale * 2
        self.parent = self
        self.name, self.size = 'mixed', 3


def test_module_of_ones_own():
    model = Mixed()
    assert [name for name, _ in model.named_parameters()] == [
        'scale', 'pair.0', 'pair.1.0', 'table.up', 'table.inner.w.0', 'table.inner.b']
    assert [p.data for p in model.parameters()][:4] == [1.0, 2.0, 3.0, 4.0]


class Pair(NamedTuple):
    left: object
    right: object


def test_parameters_in_arrays_deques_and_named_tuples():
    model = Module()
    model.table = np.array([[Value(1.0), Value(2.0)], [Value(3.0), 'no']], dtype=object)
    model.one = np.array(Value(4.0), dtype=object)
    model.last = deque([Value(5.0)])
    model.pair = Pair(Value(6.0), [Value(7.0)])
    model.numbers, model.words = np.zeros(3), {'a', 'b'}
    assert [(name, p.data) for name, p in model.named_parameters()] == [
        ('table.0.0', 1.0), ('table.0.1', 2.0), ('table.1.0', 3.0), ('one.0', 4.0), ('last.0', 5.0), ('pair.0', 6.0),
        ('pair.1.0', 7.0)]


@pytest.mark.parametrize('members', [{Value(1.0)}, frozenset([Neuron(1)]), {1, Value(2.0)}])
def test_a_set_of_parameters_is_an_error(members):
    model = Module()
    model.inside = [members]
    with pytest.raises(TypeError, match=r'^inside\.0 is a set of parameters, which has no order'):
        model.parameters()


def test_a_chain_of_modules_of_any_depth():
    model = inner = Module()
    for _ in range(5000):
        inner.next = [Module()]
        inner = inner.next[0]
    inner.w = Value(1.0)
    [(name, parameter)] = model.named_parameters()
    assert (name, parameter) == ('next.0.' * 5000 + 'w', inner.w)


class Scaled(Module):
    """Weights made smaller by an operation: results, which no optimizer moves."""

    def __init__(self, results, parameter=None):
        self.w = [Value(v) * 0.1 for v in (1.0, 2.0)] if results else [Value(v) for v in (0.1, 0.2)]
        self.b = parameter

    def forward(self, x):
        self.out = dot(self.w, x)
        return self.out


@pytest.mark.parametrize('first', [lambda model: model([1.0, 2.0]), lambda model: model.parameters(),
                                   lambda model: model.zero_grad(), lambda model: model.named_parameters()])
def test_weights_that_are_results_are_warned_of_once(first):
    model = Scaled(results=True)
    with pytest.warns(UserWarning, match=r'^w\.[01] of .*Scaled.* is the result of an operation.*\.detach') as caught:
        first(model)
    assert len(caught) == 2
    assert {(one.filename, one.lineno) for one in caught} == {(__file__, first.__code__.co_firstlineno)}  # the user's
    model([1.0, 2.0])
    model.parameters()


def test_a_module_is_looked_through_at_its_first_call_alone():
    class Counting(Module):
        searched = 0

        def named_parameters(self):
            Counting.searched += 1
            return super().named_parameters()

        def forward(self, x):
            return x
    model = Counting()
    assert (model(1), model(2), Counting.searched) == (1, 2, 1)


def test_only_results_are_searched_for_parameters():
    """So that an engine of one's own with these modules needs no topological_order()."""
    class Leaf(Value):
        def topological_order(self):
            raise AssertionError('a leaf has been asked what it depends on')
    model = Scaled(results=False)
    model.w = [Leaf(1.0), Leaf(2.0)]
    assert model([1.0, 2.0]).data == 5.0


class Held:
    """What holds Values, and is no module."""

    def __init__(self, **things):
        vars(self).update(things)


def test_values_in_an_object_that_is_no_module_are_warned_of_once():
    model = Module()
    model.forward = lambda: 0
    model.helper = Held(w=Value(1.0))
    message = 'helper of .* holds Values, but is no Module, .* derive Held from Module'
    with pytest.warns(UserWarning, match=message) as found:
        model()
        model()
    assert len(found) == 1 and found[0].filename == __file__


def test_objects_that_hold_parameters_or_results_are_not_warned_of():
    model = Module()
    model.w = Value(1.0)
    model.w.m = Value(0.0)
    model.log = Held(last=model.w * 2, first=model.w, lr=0.1)
    model.kind = type('Kind', (), {'w': Value(1.0)})
    assert model.parameters() == [model.w]


def test_a_mapping_of_any_kind_is_looked_into():
    model = Module()
    model.table = MappingProxyType({'up': Value(1.0)})
    assert list(model.state_dict()) == ['table.up']


def test_a_module_that_keeps_its_output_is_not_warned_of():
    model = Scaled(results=False)
    model([1.0, 2.0])
    kept = copy.deepcopy(Scaled(results=False))
    kept.out = kept.w[0] * 2
    assert len(kept.parameters()) == len(model.parameters()) == 2


def test_forward_and_call_are_both_habits():
    class Old(Module):
        def __call__(self, x):
            return x * 2

    class Named(Module):
        def forward(self, x, *, shift=0):
            return x * 2 + shift
    assert (Old()(3), Named()(3), Named()(3, shift=1), Named().forward(3)) == (6, 6, 7, 6)
    with pytest.raises(AttributeError, match='forward'):
        Module()(1)


def test_module_that_overrides_parameters():
    class Frozen(Module):
        def __init__(self):
            self.trained, self.frozen = Value(1.0), Value(2.0)

        def parameters(self):
            return [self.trained]

    model = Frozen()
    (model.trained * model.frozen).backward()
    model.zero_grad()
    assert (model.trained.grad, model.frozen.grad) == (0.0, 1.0)


def test_module_without_parameters():
    assert (Module().parameters(), Module().state_dict(), Module().zero_grad()) == ([], {}, None)


def test_shared_parameter_counts_once():
    model = MLP(2, [2, 1])
    first, second = model.layers[0].neurons
    second.b, second.w = first.b, [first.w[0], second.w[1]]
    names = [name for name, _ in model.named_parameters()]
    assert len(names) == len(model.parameters()) == 7
    assert not {'layers.0.neurons.1.w.0', 'layers.0.neurons.1.b'} & set(names)
    model.load_state_dict({name: i + 0.5 for i, name in enumerate(names)})
    assert (second.w[0].data, second.b.data, second.w[1].data) == (0.5, 2.5, 3.5)
