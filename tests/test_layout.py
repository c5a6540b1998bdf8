"""Long arrows, which make a layout slow, and the stand-ins that take their place."""

import re
from itertools import pairwise

import pytest

from micrograd import Value, draw_dot
from micrograd.show.layout import FARTHEST, FEW_PASSED, MOST_PASSED, far_arrows
from pictures import Picture


def recurrence(steps: int) -> Value:
    """h = tanh(w·h + u·x + b), over and over."""
    w, u, b, h = (Value(n, label=name) for name, n in zip('wubh', (0.5, -0.3, 0.1, 0.0), strict=True))
    for t in range(steps):
        h = (w * h + u * (0.1 * t) + b).tanh()
    h.backward()
    return h


def passed(root: Value) -> dict[tuple[Value, int], int]:
    """How many boxes each arrow passes by, where every box stands as near to the root as its uses let it."""
    order = root.topological_order()
    steps = dict.fromkeys(order, 0)
    for node in reversed(order):
        for operand in node._prev:
            steps[operand] = max(steps[operand], steps[node] + 1)
    return {(node, i): steps[v] - steps[node] - 1 for node in order for i, v in enumerate(node._prev)}


@pytest.mark.parametrize('steps', [1, 2, 5, 20, 60, 120])
def test_what_is_left_is_little(steps: int):
    root = recurrence(steps)
    far = far_arrows(root.topological_order(), lambda node: node)
    left = [n for arrow, n in passed(root).items() if arrow not in far]
    assert sum(left) <= MOST_PASSED
    assert bool(far) == (sum(passed(root).values()) > FEW_PASSED)
    assert not far or max(left) <= FARTHEST


@pytest.mark.usefixtures('each_dot')
def test_a_recurrent_network_reads_from_left_to_right():
    root = recurrence(20)
    source = draw_dot(root, names=False).source
    picture = Picture(draw_dot(root, names=False))
    stand_ins = re.findall(r'^\s*far\d+_\d+ \[label=<(\w+)>', source, re.MULTILINE)
    assert {name: stand_ins.count(name) for name in 'wub'} == {'w': 18, 'u': 18, 'b': 18}
    assert [box.lines for box in picture.boxes].count(['w']) == 18
    assert len(picture.arrows) == sum(len(v._prev) + bool(v._prev) for v in root.topological_order())
    chain = [operation.whole[0] for operation in picture.operations if operation.lines == ['tanh']]
    assert len(chain) == 20
    assert all(a < b for a, b in pairwise(sorted(chain)))


@pytest.mark.usefixtures('each_dot')
def test_a_result_without_a_name_gets_one_where_a_stand_in_needs_it():
    start = x = Value(1.0) * 2
    for _ in range(150):
        x = (x * start).tanh()
    source = draw_dot(x, names=False).source
    [name] = set(re.findall(r'^\s*far\d+_\d+ \[label=<(\w+)>', source, re.MULTILINE))
    assert f'<b>{name}</b>' in source


def test_many_short_arrows_stay_until_there_are_too_many():
    def ladder(rungs: int) -> Value:
        a, b = Value(1.0), Value(1.0)
        for _ in range(rungs):
            a, b = b, a + b
        return b

    for rungs, cut in ((10, False), (300, False), (700, True)):
        order = ladder(rungs).topological_order()
        assert bool(far_arrows(order, lambda node: node)) == cut
