"""What Values are called: by labels, variables, places in containers and modules, and invented names."""

import re
import sys
from collections import OrderedDict, deque, namedtuple

import pytest
from needs import needs

import micrograd
from micrograd import Value, dot, draw_dot, explain
from micrograd.graph.naming import module_paths, node_names, numbered_names
from micrograd.nn import MLP, Module, Neuron
from micrograd.show.player import play
from pictures import Picture

GLOBAL = Value(3.0)


def test_names_of_variables():
    w, _hidden, labelled = Value(1.0), Value(2.0), Value(3.0, label='mine')
    total = w + GLOBAL * _hidden + labelled
    first = second = total * 2
    for drawing, names in (
            (draw_dot(second), ['GLOBAL', 'first', 'mine', 'total', 'w']), (draw_dot(first, names=False), ['mine']),
            (draw_dot(first, names={'p': w, 'q': w, 'r': labelled, '_s': total, 't': 3}), ['mine', 'p']),
            (eval('draw_dot(a)', {'draw_dot': draw_dot, '@temporary': w, '': total, 'a': first}), ['a', 'mine'])):
        assert Picture(drawing).names == names


@pytest.mark.parametrize('label', [3, 0.5, ('w', 1), None])
def test_a_label_that_is_no_text_is_written_as_one(label):
    """Such as the number in a loop."""
    a, b = Value(2.0, label=label), Value(3.0)
    loss = a * b
    name = 'a' if label is None else str(label)
    assert node_names([a, b], True, 0) == {a: name, b: 'b'}
    assert name in draw_dot(loss).source
    assert f'{name} = 2' in re.sub(' +', ' ', str(explain(loss)))
    assert play(loss).data['nodes'][0]['name'] == name
    assert micrograd.compile(loss, [], [a, b]).value_and_grad([4.0, 5.0])[0] == 20.0
    to_torch = needs('micrograd.bridge').to_torch
    assert len(list(to_torch(loss, [], [a, b]).parameters())) == 2


def test_names_of_places_in_containers_and_modules():
    ws, table, pair = [Value(1.0), Value(2.0)], {'k': Value(3.0), 4: [Value(5.0)]}, (Value(6.0),)
    n = Neuron(2)
    drawing = draw_dot(dot([*ws, *pair], [table['k'], table[4][0], 2.0]) * n.w[0] + n.b * n.w[1], tables=False)
    assert Picture(drawing).names == [
        'n.b', 'n.w.0', 'n.w.1', 'pair[0]', "table['k']", 'table[4][0]', 'ws[0]', 'ws[1]']

    model = MLP(2, [1])
    drawing = draw_dot(model([0.5, -1.0]), names=dict(model.named_parameters()))
    assert Picture(drawing).names == sorted(model.state_dict())


def test_the_shortest_way_to_a_parameter_names_it():
    model = MLP(2, [2, 1])
    neuron = model.layers[0].neurons[1]
    drawing = draw_dot(neuron([Value(1.0, label='x1'), Value(2.0, label='x2')]))
    assert Picture(drawing).names == ['neuron.b', 'neuron.w.0', 'neuron.w.1', 'x1', 'x2']


def test_a_long_list_is_data_and_has_no_names():
    data = [Value(1.0) for _ in range(1001)]
    assert Picture(draw_dot(data[0] * 2)).names == []


def test_invented_names_leave_out_what_is_taken():
    a, b = Value(1.0), Value(2.0, label='v3')
    out = (a * -a + 3) / b
    assert list(numbered_names(out.topological_order()).values()) == ['v1', 'v2', 'v4', '3', 'v5', 'v3', 'v6']
    assert list(numbered_names([a, b, out], {out: 'v1'}).values()) == ['v2', 'v3', 'v1']


def names_of(*nodes, **variables):
    return list(node_names(nodes, variables, depth=0).values())


def test_a_loop_over_parameters_or_a_list_names_none_of_them():
    model, xs = Neuron(2), [Value(1.0), Value(2.0), Value(3.0)]
    for p in model.parameters():
        p.grad = 0.0
    for x in xs:
        assert x.data
    assert names_of(p, x, p=p, x=x, model=model, xs=xs) == ['model.b', 'xs[2]']
    assert names_of(p, x, model=model, xs=xs, p=p, x=x) == ['model.b', 'xs[2]']
    assert node_names([p, x], True, depth=0) == {p: 'model.b', x: 'xs[2]'}


def test_a_list_of_what_has_names_names_nothing():
    w, b, step = Value(1.0), Value(2.0), Value(3.0)
    assert names_of(w, b, params=[w, b], w=w, b=b) == ['w', 'b']
    assert names_of(w, step, params=[w, b, step], w=w, b=b) == ['w', 'params[2]']
    loss = w * b
    assert names_of(loss, losses=[w + b, w - b, loss], loss=loss) == ['loss']  # the last one, of which one speaks
    assert names_of(loss, losses=[w + b, w - b, loss]) == ['losses[2]']


def test_the_module_that_holds_most_of_the_graph_names_it():
    model = MLP(2, [2, 1])
    for neuron in model.layers[0].neurons:
        assert neuron
    scope = {'row': [1.0], 'neuron': neuron, 'weights': model.parameters(), 'model': model}
    order = model([1.0, 2.0]).topological_order()
    paths = {value: f'model.{path}' for path, value in model.named_parameters()}
    assert {node: name for node, name in node_names(order, scope, depth=0).items() if not node._prev} == paths
    assert module_paths(order, scope, depth=0) == paths
    own = neuron([1.0, 2.0]).topological_order()
    assert sorted(module_paths(own, scope, depth=0).values()) == ['neuron.b', 'neuron.w.0', 'neuron.w.1']


def test_module_paths_are_there_for_labelled_leaves_too_and_only_for_what_modules_hold():
    n, ws = Neuron(1), [Value(1.0)]
    n.w[0].label = 'weight'
    out = n(ws)
    assert module_paths(out.topological_order(), locals(), depth=0) == {n.w[0]: 'n.w.0', n.b: 'n.b'}
    assert module_paths(out.topological_order(), True, depth=0) == {n.w[0]: 'n.w.0', n.b: 'n.b'}
    assert module_paths(out.topological_order(), {'models': {'first': n}}, depth=0) == {
        n.w[0]: "models['first'].w.0", n.b: "models['first'].b"}
    assert module_paths(out.topological_order(), False, depth=0) == {}


def test_objects_of_classes_of_ones_own():
    class Unit:
        def __init__(self):
            self.w, self._hidden = [Value(1.0), Value(2.0)], Value(3.0)

    class Net:
        def __init__(self):
            self.units = [Unit(), Unit()]

    net = Net()
    unit = net.units[1]
    assert names_of(*unit.w, unit._hidden, net=net) == ['net.units[1].w[0]', 'net.units[1].w[1]']


class Hostile:
    """An object that answers nothing, and says that it is a Value."""

    def refuse(self, *_):
        raise RuntimeError('asked')

    __getattr__ = __iter__ = __len__ = __eq__ = __bool__ = __repr__ = __hash__ = __getitem__ = __contains__ = refuse

    @property
    def __class__(self):
        self.refuse()


class HostileList(list):
    __iter__ = __len__ = __getitem__ = __eq__ = __bool__ = __contains__ = Hostile.refuse


class HostileDict(dict):
    __iter__ = __len__ = __getitem__ = __eq__ = __bool__ = items = keys = values = Hostile.refuse


class HostileModule(Module):
    __getattr__ = named_parameters = parameters = __iter__ = __eq__ = __bool__ = Hostile.refuse
    __hash__ = None


class Lying:
    __class__ = Value


class OfItself:
    @property
    def __dict__(self):
        raise AttributeError('mine')


def test_hostile_objects_in_scope_break_nothing():
    w, inner = Value(1.0), Value(2.0)
    hostile_module = HostileModule()
    hostile_module.w = inner
    endless = [inner]
    endless.append(endless)
    of_itself = OfItself()
    scope = {
        'a': Hostile(), 'b': [Hostile(), inner], 'c': Lying(), 'd': HostileList([inner]), 'e': HostileDict(k=inner),
        'f': needs('numpy').array([w, 1.0], dtype=object), 'g': {i: i for i in range(10**6)},
        'h': endless, 'i': of_itself,
        'j': {Hostile: 1, 2: w}, 'k': sys, 'l': Hostile, 'm': {'x': Hostile(), 'y': Lying()}, 5: w, None: w}
    assert names_of(w, **{name: thing for name, thing in scope.items() if type(name) is str}) == ['f[0]']
    assert list(node_names([w], scope, depth=0).values()) == ['f[0]']
    assert names_of(w, **{name: thing for name, thing in scope.items() if name in list('abcdeghijklm')}) == ['j[2]']
    assert names_of(inner, hostile_module=hostile_module) == ['hostile_module.w']
    for name in 'bdeh':
        assert names_of(inner, **{name: scope[name]})[0].startswith(f'{name}[')
    w_too = w * 2
    assert node_names(w_too.topological_order(), True, depth=0)[w_too] == 'w_too'


def test_lists_of_other_kinds_are_looked_into():
    w, pair_of = Value(1.0), namedtuple('pair_of', 'a b')
    assert names_of(w, pair=pair_of(1.0, w)) == ['pair[1]']
    assert names_of(w, ordered=OrderedDict(k=w)) == ["ordered['k']"]
    assert names_of(w, queue=deque([1.0, w])) == ['queue[1]']


def test_arrays_of_values_are_looked_into():
    array, w, model = needs('numpy').array, Value(1.0), Module()
    assert names_of(w, weights=array([[1.0, w]])) == ['weights[0][1]']
    model.rows = array([[1.0, w]])
    assert names_of(w, model=model) == [f'model.{path}' for path, _ in model.named_parameters()]


@pytest.mark.parametrize('wrap', [lambda data: data, lambda data: type('Owner', (Module,), {'__init__': lambda self: (
    setattr(self, 'data', data), None)[1]})()])
def test_numbers_are_not_looked_at_one_by_one(wrap):
    """784,000 numbers, as pictures of digits come, cost no more than 1,000 lists: counted in lines that Python runs."""
    w = Value(1.0)
    lines = 0

    def count(frame, event, _):
        nonlocal lines
        lines += event == 'line' and frame.f_code.co_filename.endswith('naming.py')
        return count

    before = sys.gettrace()
    try:
        sys.settrace(count)
        assert names_of(w, images=wrap([[0.5] * 784] * 1000), rows=wrap([0.5] * 784_000), w=w) == ['w']
    finally:
        sys.settrace(before)
    assert 0 < lines < 40_000


def test_a_chain_of_modules_may_be_as_deep_as_one_likes():
    first = last = Module()
    for _ in range(5000):
        last.next = Module()
        last = last.next
    last.w = Value(1.0)
    [name] = names_of(last.w, first=first)
    assert name.startswith('first.next.next.') and name.count('.next') == 5000 and name.endswith('.w')


def test_names_is_a_mapping_or_says_which_it_takes():
    with pytest.raises(TypeError, match=r'names is True, False, or a mapping of names such as locals\(\), not list'):
        draw_dot(Value(1.0), names=['w'])
