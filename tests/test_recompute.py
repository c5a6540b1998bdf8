"""Numbers that are not what they seem: out of date, or of more than one pass."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_graphs import graphs

from micrograd import Value
from micrograd.engine import Constant
from micrograd.graph.recompute import stale, strange_gradients


def test_the_first_result_that_a_changed_leaf_makes_untrue():
    x, w, y = Value(2.0), Value(3.0), Value(1.0)
    product = w * x
    difference = product - y
    loss = difference**2
    order = loss.topological_order()
    assert stale(order) == {}
    w.data = 4
    assert stale(order) == {product: 8.0}
    w.data = 3.0
    assert stale(order) == {}
    y.data = 2.0
    assert stale(order) == {difference: 4.0}
    assert (loss.data, difference.data, [node.grad for node in order]) == (25.0, 5.0, [0.0] * len(order))


def test_a_result_whose_own_number_was_changed():
    x = Value(2.0)
    twice = x * 2
    out = twice + 1
    twice.data = 9.0
    assert stale(out.topological_order()) == {twice: 4.0}


def test_what_is_not_defined_any_more_is_nan():
    x = Value(4.0)
    root = x.sqrt()
    x.data = -4.0
    [(node, now)] = stale(root.topological_order()).items()
    assert node is root and math.isnan(now)


def test_steps_written_by_hand_are_trusted():
    x = Value(2.0)
    cube = Value(8.0, (x,), 'cube', local_gradients=lambda: (3 * x.data**2,))
    out = cube + 1
    x.data = 3.0
    assert stale(out.topological_order()) == {}


@settings(max_examples=200, deadline=None)
@given(graph=graphs())
def test_a_graph_that_nobody_touched_is_up_to_date(graph):
    assert stale(graph.values()[graph.root].topological_order()) == {}


@settings(max_examples=200, deadline=None)
@given(graph=graphs(), data=st.data())
def test_it_is_up_to_date_where_building_it_again_gives_the_same(graph, data):
    nodes = graph.values()
    order = nodes[graph.root].topological_order()
    leaves = {name: node for name, node in nodes.items() if not node._prev and node in set(order)}
    name = data.draw(st.sampled_from(sorted(leaves)))
    leaves[name].data += 0.125
    try:
        again = graph.run({name: Value(leaf.data) for name, leaf in leaves.items()} | {
            name: Value(node.data) for name, node in nodes.items() if not node._prev and name not in leaves})
    except (ArithmeticError, ValueError):
        assert stale(order)
        return
    changed = {node: again[name].data for name, node in nodes.items()
               if node._prev and node in set(order) and again[name].data != node.data}
    first = {node: pytest.approx(now, nan_ok=True) for node, now in changed.items()
             if not set(changed) & set(node._prev)}
    assert stale(order) == first


def test_gradients_that_passes_have_added_up():
    x, w = Value(2.0), Value(3.0)
    loss = w * x
    order = loss.topological_order()
    assert strange_gradients(loss, order) == {}
    loss.backward()
    assert strange_gradients(loss, order) == {}
    loss.backward()
    assert strange_gradients(loss, order) == {w: 2.0, x: 3.0}
    w.grad = 0.0
    assert strange_gradients(loss, order) == {x: 3.0}
    assert (x.grad, w.grad, loss.grad) == (6.0, 0.0, 1.0)


def test_gradients_of_another_output():
    x, w = Value(2.0), Value(3.0)
    shared = w * x
    loss, other = shared * 2, shared * 5
    loss.backward()
    w.grad = x.grad = 0.0
    other.backward()
    order = [node for node in loss.topological_order() if not isinstance(node, Constant)]
    assert strange_gradients(loss, order) == {w: 4.0, x: 6.0, shared: 2.0}


def test_what_has_no_gradients_has_no_strange_ones():
    x = Value(0.0)
    out = x.sqrt()
    x.grad = 7.0
    assert strange_gradients(out, out.topological_order()) == {}
    assert x.grad == 7.0
