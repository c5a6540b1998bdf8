"""Folding: against rounds written down as they are defined, and by what must not matter to it."""

import inspect
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Hashable, Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_graphs import Graph, graphs

from micrograd import Value, nn
from micrograd.engine import Constant
from micrograd.show import fold as folding
from micrograd.show.fold import ROUNDS, Folded, fold

BENCHMARKS = Path(__file__).parent.parent / 'benchmarks'
sys.path.insert(0, str(BENCHMARKS))
import networks  # noqa: E402


def expanded(root: Value) -> dict[Value, list[list[Value]]]:
    """The operands of each Value by position, in topological order, where a chain of + is one sum."""
    order = root.topological_order()
    users: dict[Value, list[Value]] = {v: [] for v in order}
    for v in order:
        for operand in v._prev:
            users[operand].append(v)
    inner = {v for v in order if v._op == '+' and [user._op for user in users[v]] == ['+']}

    def terms(v: Value) -> list[Value]:
        found, stack = [], list(v._prev)
        while stack:
            operand = stack.pop()
            if operand in inner:
                stack += operand._prev
            else:
                found.append(operand)
        return found

    operands = {}
    for v in order:
        half = len(v._prev) // 2
        if v not in inner:
            operands[v] = ([terms(v)] if v._op == '+' else [list(v._prev[:half]), list(v._prev[half:])]
                           if v._op == 'dot' else [[operand] for operand in v._prev])
    return operands


def seen(operands: Mapping[Value, list[list[Value]]], classes: Mapping[Value, Hashable]) -> dict[Value, Hashable]:
    """As what each Value counts as an operand: a sum over terms that are alike, as one of them."""
    found: dict[Value, Hashable] = {}
    for v in operands:
        terms = {found[term] for term in operands[v][0]} if v._op == '+' else set()
        found[v] = terms.pop() if len(terms) == 1 else classes[v]
    return found


def in_rounds(root: Value, rounds: int | None = None) -> set[frozenset[Value]]:
    """The classes after so many rounds, or when nothing changes any more, from the definition."""
    operands = expanded(root)
    uses: dict[Value, list[tuple[Value, int]]] = {v: [] for v in operands}
    for v in operands:
        for position, ones in enumerate(operands[v]):
            for operand in ones:
                uses[operand].append((v, position))
    classes: dict[Value, Hashable] = {v: (v._op, isinstance(v, Constant)) for v in operands}
    while rounds is None or rounds:
        shown = seen(operands, classes)
        signatures = {v: (classes[v], *[frozenset(shown[o] for o in ones) for ones in operands[v]]) if v._prev else
                      (classes[v], frozenset((classes[user], position) for user, position in uses[v]))
                      for v in operands}
        numbers = {signature: i for i, signature in enumerate(dict.fromkeys(signatures.values()))}
        before = len(set(classes.values()))
        classes = {v: numbers[signatures[v]] for v in operands}
        if rounds is None and len(set(classes.values())) == before:
            break
        rounds = rounds and rounds - 1
    return parts(classes)


def parts(classes: Mapping[Value, Hashable]) -> set[frozenset[Value]]:
    members: dict[Hashable, list[Value]] = {}
    for v, found in classes.items():
        members.setdefault(found, []).append(v)
    return {frozenset(each) for each in members.values()}


def boxes(folded: Folded) -> set[frozenset[Value]]:
    return {frozenset(box.values) for box in folded.boxes}


REPEATS = ('a + b', 'a * b', 'a - b', 'tanh(a)', 'a ** 2', 'dot([a, b], [c, d])', 'dot([a, b, c], [b, c, d])')


@given(graphs(max_steps=30, operations=REPEATS))
@settings(max_examples=100, deadline=None)
def test_the_classes_are_those_of_the_definition(graph: Graph):
    root = graph.values()[graph.root]
    assert boxes(fold(root, limit=1000)) == in_rounds(root)
    rolled = fold(root, limit=1000, roll=True)
    assert boxes(rolled) == in_rounds(root, ROUNDS)
    assert rolled.rolled or boxes(rolled) == in_rounds(root)


@given(graphs(max_steps=30))
@settings(max_examples=50, deadline=None)
def test_expanding_the_counts_gives_back_the_graph(graph: Graph):
    root = graph.values()[graph.root]
    order = root.topological_order()
    folded = fold(root, limit=1000)
    assert sum(len(box.values) for box in folded.boxes) + folded.absorbed == len(order)
    assert folded.edges.total() + folded.absorbed == sum(len(v._prev) for v in order)
    assert {a < b for a, b, _ in folded.edges} <= {True}


@given(graphs(max_steps=30, operations=REPEATS))
@settings(max_examples=50, deadline=None)
def test_folding_is_a_congruence(graph: Graph):
    """All in a box have the same operation on operands of the same boxes, and the box has the edges of each."""
    root = graph.values()[graph.root]
    folded, operands = fold(root, limit=1000), expanded(root)
    number = {v: i for i, box in enumerate(folded.boxes) for v in box.values}
    shown = seen(operands, number)
    for i, box in enumerate(folded.boxes):
        assert {v._op for v in box.values} == {box.op}
        assert len({tuple(frozenset(shown[o] for o in ones) for ones in operands[v]) for v in box.values}) == 1
        arrows = Counter((number[o], i, position) for v in box.values for position, ones in enumerate(operands[v])
                         for o in ones)
        assert arrows == Counter({edge: count for edge, count in folded.edges.items() if edge[1] == i})


@given(graphs(max_steps=20), st.randoms())
@settings(max_examples=50, deadline=None)
def test_names_and_numbers_change_nothing(graph: Graph, rng: random.Random):
    def numbers(root: Value) -> list[list[int]]:
        place = {v: i for i, v in enumerate(root.topological_order())}
        return [[place[v] for v in box.values] for box in fold(root, limit=1000).boxes]

    plain, renamed = (graph.values()[graph.root] for _ in range(2))
    for v in renamed.topological_order():
        v.label = rng.choice(['', 'x', 'y'])
        v.data, v.grad = rng.choice([(1.0, 0.0), (float('nan'), float('inf')), (-1e300, float('nan'))])
    assert numbers(plain) == numbers(renamed)


def test_sums_are_alike_whatever_their_order_and_their_number_of_terms():
    def total(leaves: list[Value], tree: Callable[[list[Value]], Value]) -> Value:
        return tree([leaf.exp() for leaf in leaves]).log()

    def balanced(terms: list[Value]) -> Value:
        while len(terms) > 1:
            terms = [sum(terms[i:i + 2]) for i in range(0, len(terms), 2)]
        return terms[0]

    def backwards(terms: list[Value]) -> Value:
        out = terms[-1]
        for term in terms[-2::-1]:
            out = term + out
        return out

    root = 2.0 * sum(total([Value(i) for i in range(n)], tree) * 3.0 for n in (1, 3, 6)
                     for tree in (sum, balanced, backwards))
    folded = fold(root)
    assert Counter(box.op for box in folded.boxes) == Counter(['', '', '', 'exp', '+', 'log', '*', '+', '*'])
    assert [box.terms for box in folded.boxes if box.op == '+'] == [(3, 6), (9, 9)]
    assert [len(box.values) for box in folded.boxes if box.op == 'log'] == [9]


@pytest.mark.parametrize('seed', range(5))
def test_samples_in_another_order_fold_to_the_same(seed):
    def folded(order: list[int]) -> tuple:
        random.seed(1)
        model = nn.MLP(2, [3, 2, 1], activation='tanh')
        outs = [(model([Value(i), Value(-i)]) - i) ** 2 for i in order]
        found = fold(sum(outs) / len(outs))
        return found.edges, [(box.op, len(box.values), box.terms) for box in found.boxes]

    order = list(range(8))
    expected = folded(order)
    random.Random(seed).shuffle(order)
    assert folded(order) == expected


def test_the_moons_are_33_boxes():
    _, loss = networks.moons()
    folded = fold(loss)
    assert len(loss.topological_order()) == 11_614
    assert len(folded.boxes) == 33 and not folded.rolled
    assert Counter(len(box.values) for box in folded.boxes if box.op == 'dot') == {1600: 2, 100: 1}
    assert [box.terms for box in folded.boxes if box.op == 'dot'] == [(2, 2), (16, 16), (16, 16)]


@pytest.mark.parametrize('limit', [30, 100])
def test_a_recurrence_is_rolled_up_to_the_same_whatever_its_length(limit):
    short, long = (fold(networks.recurrence(steps), roll=True, limit=limit) for steps in (20, 60))
    assert fold(networks.recurrence(60)).edges == long.edges
    assert set(short.edges) == set(long.edges)
    assert [box.op for box in short.boxes] == [box.op for box in long.boxes]
    assert {len(b.values) - len(a.values) for a, b in zip(short.boxes, long.boxes, strict=True)} == {0, 40}
    assert {len(b.values) for b in long.boxes} == {1, 58, 59, 60}
    assert [a >= b for a, b, _ in long.edges].count(True) == 1


def test_a_deep_network_is_rolled_up_and_a_shallow_one_is_not():
    shallow, deep = (fold(networks.mlp(layers)[1]) for layers in (3, 30))
    assert not shallow.rolled and deep.rolled
    assert Counter(box.op for box in shallow.boxes)['dot'] == 3
    assert Counter(box.op for box in deep.boxes) == Counter(box.op for box in fold(networks.mlp(40)[1]).boxes)


@pytest.mark.parametrize(('root', 'loops'), [(networks.smoothness(), False), (networks.chain(1000), True)])
def test_chains_are_rolled_up(root, loops):
    folded = fold(root)
    assert folded.rolled and len(folded.boxes) <= 20
    assert any(a >= b for a, b, _ in folded.edges) == loops


@pytest.mark.parametrize('dot', [networks.gpt.dot, networks.gpt.products])
def test_every_position_of_a_gpt_folds_with_the_others(dot):
    """Also the first, whose sums over the positions so far have a single term."""
    model, loss = networks.words(dot=dot)
    kinds = {parameter: name.split('.rows')[0] for name, parameter in model.named_parameters()}
    folded = fold(loss, kinds=kinds)
    assert len(folded.boxes) <= 91 and not folded.rolled
    assert {len(box.values) for box in folded.boxes if box.op == 'log'} == {5}
    found = {kinds[box.values[0]]: len(box.values) for box in folded.boxes if box.values[0] in kinds}
    width, used = 16, len(set('.emma'))
    assert found.pop('tokens') == used * width and found.pop('positions') == 5 * width
    assert found == Counter(name for name in kinds.values() if name not in ('tokens', 'positions'))


def test_data_are_alike_whether_input_or_target_or_both():
    model, loss = networks.sequence()
    kinds = {parameter: name.split('.')[0] for name, parameter in model.named_parameters()}
    folded = fold(loss, kinds=kinds)
    data = [box for box in folded.boxes if box.leaf and not box.constant and box.values[0] not in kinds]
    assert [len(box.values) for box in data] == [72]
    assert not folded.rolled and len(folded.boxes) < len(fold(loss, limit=1000).boxes)


def test_data_of_no_common_use_stay_apart():
    w = Value(1.0)
    xs, ys = [Value(1.0), Value(2.0)], [Value(3.0), Value(4.0)]
    folded = fold(sum((w * x - y).tanh() for x, y in zip(xs, ys, strict=True)), kinds={w: 'w'})
    assert {frozenset(xs), frozenset(ys), frozenset([w])} <= boxes(folded)


def test_numbers_that_do_not_fit_a_box_are_an_error():
    leaves = [Value(i) for i in range(20)]
    with pytest.raises(ValueError, match=r'\b2[0-9] boxes, more than max_boxes=12\b'):
        fold(sum(leaf * leaf for leaf in leaves), limit=12, kinds={leaf: i for i, leaf in enumerate(leaves)})


def test_what_does_not_repeat_is_cut_to_fewer_rounds_until_it_fits():
    rng = random.Random(1)
    nodes = [Value(1.0) for _ in range(5)]
    for _ in range(400):
        a, b = rng.choices(nodes[-20:], k=2)
        nodes.append(rng.choice([a * b, a - b, a / b, a.tanh()]) if b.data else a.tanh())
    root = sum(nodes)
    assert len(fold(root, limit=10_000).boxes) > 200
    folded = fold(root, limit=60)
    assert folded.rolled and len(folded.boxes) <= 60
    assert boxes(folded) in [in_rounds(root, rounds) for rounds in range(ROUNDS)]


def test_depth_needs_no_stack_and_a_leaf_alone_folds():
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(120 + len(inspect.stack()))
    try:
        assert len(fold(networks.chain(5000)).boxes) < 20
    finally:
        sys.setrecursionlimit(limit)
    assert [box.op for box in fold(Value(1.0)).boxes] == ['']


def test_the_work_grows_as_the_graph(monkeypatch: pytest.MonkeyPatch):
    looked = Counter()
    signature = folding._Rounds._signature

    def counted(self: folding._Rounds, i: int) -> Hashable:
        looked[name] += 1 + sum(map(len, self.operands[i])) + (0 if self.operands[i] else len(self.uses[i]))
        return signature(self, i)

    monkeypatch.setattr(folding._Rounds, '_signature', counted)
    size = {}
    for name in (50, 200):
        _, loss = networks.moons(name)
        size[name] = sum(len(v._prev) for v in loss.topological_order())
        assert len(fold(loss).boxes) == 33
    assert looked[200] / looked[50] < 1.1 * size[200] / size[50]


def test_hash_order_and_addresses_change_nothing():
    code = ('import networks; from micrograd.show.fold import fold; model, loss = networks.words(); f = fold(loss);'
            'place = {v: i for i, v in enumerate(loss.topological_order())};'
            'print([(b.op, b.terms, [place[v] for v in b.values]) for b in f.boxes], list(f.edges.items()))')
    said = {subprocess.run([sys.executable, '-c', f'waste = [[] for _ in range({i} * 1000)]; {code}'], check=True,
                           capture_output=True, env={'PYTHONHASHSEED': f'{i}', 'PYTHONPATH': ':'.join(sys.path)}).stdout
            for i in (1, 2, 3)}
    assert len(said) == 1
