"""What Values are called: by labels, variables, places in containers and modules, and invented names."""

from pictures import Picture

from micrograd import Value, dot, draw_dot
from micrograd.graph.naming import numbered_names
from micrograd.nn import MLP, Neuron

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


def test_names_of_places_in_containers_and_modules():
    ws, table, pair = [Value(1.0), Value(2.0)], {'k': Value(3.0), 4: [Value(5.0)]}, (Value(6.0),)
    n, plain = Neuron(2), ws[1]  # a plain name goes before a place
    drawing = draw_dot(dot([ws[0], plain, *pair], [table['k'], table[4][0], 2.0]) * n.w[0] + n.b * n.w[1])
    assert Picture(drawing).names == [
        'n.b', 'n.w.0', 'n.w.1', 'pair[0]', 'plain', "table['k']", 'table[4][0]', 'ws[0]']

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
