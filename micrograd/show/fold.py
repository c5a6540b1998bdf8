"""Folding: which Values of a graph do the same job, so that a network of thousands is a few dozen boxes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush

from micrograd.engine import Constant, Value

ROUNDS = 6  # after which a chain or a recurrence is rolled up: its first steps apart, all others one


@dataclass
class Box:
    """Values that fold together.

    op: their operation, '+' for a whole sum, which leaves have not. values: they themselves, in the graph's order.
    terms: of a sum or a `dot`, the fewest and the most terms.
    """

    op: str
    values: list[Value] = field(default_factory=list)
    terms: tuple[int, int] = (0, 0)

    @property
    def leaf(self) -> bool:
        """Whether they are not computed from anything."""
        return not self.values[0]._prev

    @property
    def constant(self) -> bool:
        """Whether they are plain numbers that met a Value."""
        return isinstance(self.values[0], Constant)

    @property
    def number(self) -> float | None:
        """The plain number that all of them are, if they are."""
        numbers = {value.data for value in self.values} if self.constant else ()
        return self.values[0].data if len(numbers) == 1 else None


@dataclass
class Folded:
    """A folded graph.

    boxes: each after its operands', but for the ways back that rolling up makes. edges: how many operands go from a box
    to a box, by (box, box, position); the position is the operand's, 0 in a sum, and in a `dot` the half's. rolled:
    whether boxes are only alike to some depth, because the graph repeats too often. absorbed: how many `+` are part of
    a longer sum.
    """

    boxes: list[Box]
    edges: Counter[tuple[int, int, int]]
    rolled: bool
    absorbed: int


def fold(root: Value, limit: int = 100, roll: bool = False, kinds: Mapping[Value, Hashable] | None = None) -> Folded:
    """The graph of `root`, folded.

    Two results fold together that have the same operation on operands that fold together; two leaves that are used in
    the same places by results that fold together. A chain of `+` is one sum; a sum's operands, and each half of a
    `dot`, count as a set, in which a sum over terms that are alike stands for one more of them: sums over one, three
    and five terms are alike.

    limit: the most boxes; a graph that has more is rolled up, as `roll` does at once: Values fold together that are
    alike some steps deep. kinds: of the parameters, where they are known; those of two kinds never fold together, and
    all other leaves are data, which are alike to what uses them. ValueError for more than `limit` kinds.

    It takes a few passes, each over what the one before has changed, and no recursion.
    """
    graph = _Sums(root.topological_order())
    kinds = kinds or {}
    start = [kinds.get(v) if v in kinds else (v._op, bool(v._prev), isinstance(v, Constant)) for v in graph.values]
    data = [bool(kinds) and not operands and v not in kinds
            for v, operands in zip(graph.values, graph.operands, strict=True)]
    classes, rolled = _refined(graph, start, data, limit, roll)
    if kinds:
        _part(graph, classes, data)
    return _folded(graph, _numbered(classes), rolled)


def _folded(graph: _Sums, classes: Sequence[int], rolled: bool) -> Folded:
    """The boxes of the classes."""
    found = {(classes[place], classes[i]) for i, operands in enumerate(graph.operands)
             for places in operands for place in places}
    new = {number: i for i, number in enumerate(_in_order(max(classes) + 1, found))}
    boxes = [Box('') for _ in new]
    edges: Counter[tuple[int, int, int]] = Counter()
    for value, operands, number in zip(graph.values, graph.operands, classes, strict=True):
        box = boxes[new[number]]
        box.op = value._op
        box.values.append(value)
        if value._op in ('+', 'dot'):
            terms = len(operands[0])
            box.terms = (min(box.terms[0], terms) if len(box.values) > 1 else terms, max(box.terms[1], terms))
        for position, places in enumerate(operands):
            for place in places:
                edges[new[classes[place]], new[number], position] += 1
    return Folded(boxes, edges, rolled, graph.absorbed)


def _in_order(count: int, edges: Iterable[tuple[int, int]]) -> list[int]:
    """The numbers below count, each after those with an edge to it; where they go round, the smallest first."""
    before = [0] * count  # sets as numbers, with a bit for each member
    for a, b in edges:
        before[b] |= (a != b) << a
    reached = list(before)
    for middle in range(count):
        for i in range(count):
            if reached[i] >> middle & 1:
                reached[i] |= reached[middle]
    order: list[int] = []
    left = (1 << count) - 1
    while left:
        waiting = [i for i in range(count) if left >> i & 1]
        # One before which nothing is left, or only what comes after it, too.
        number = next((i for i in waiting if not before[i] & left), None)
        if number is None:
            number = next(i for i in waiting if all(reached[other] >> i & 1 for other in waiting
                                                    if reached[i] >> other & 1))
        order.append(number)
        left &= ~(1 << number)
    return order


def _part(graph: _Sums, classes: list[int], data: Sequence[bool]) -> None:
    """Tell data apart that have no use in common, not even through others, such as inputs and targets."""
    joined = list(range(len(classes)))

    def representative(i: int) -> int:
        while joined[i] != i:
            joined[i] = joined[joined[i]]
            i = joined[i]
        return i

    first: dict[tuple[int, int, int], int] = {}
    for i, operands in enumerate(graph.operands):
        for position, places in enumerate(operands):
            for place in places:
                if data[place]:
                    one = representative(first.setdefault((classes[place], classes[i], position), place))
                    other = representative(place)
                    joined[max(one, other)] = min(one, other)
    for i, is_data in enumerate(data):
        if is_data:
            classes[i] = -1 - representative(i)


class _Sums:
    """A graph whose chains of `+` are each a single sum, which has all their terms.

    values: the Values that are left, in topological order. operands: for each, by position, the places of operands in
    `values`; several at one position count as a set.
    """

    def __init__(self, order: Sequence[Value]) -> None:
        numbers = {value: i for i, value in enumerate(order)}
        uses = [0] * len(order)
        user = [-1] * len(order)
        for i, value in enumerate(order):
            for operand in value._prev:
                place = numbers[operand]
                uses[place] += 1
                user[place] = i
        inner = [value._op == '+' and uses[i] == 1 and order[user[i]]._op == '+' for i, value in enumerate(order)]
        self.absorbed = sum(inner)
        self.values: list[Value] = []
        self.operands: list[tuple[Sequence[int], ...]] = []
        place_of = [-1] * len(order)
        terms_of: dict[int, list[int]] = {}
        for i, value in enumerate(order):
            places = [numbers[operand] for operand in value._prev]
            if value._op == '+':
                lists = sorted((terms_of.pop(p) if inner[p] else [place_of[p]] for p in places), key=len, reverse=True)
                terms = lists[0]
                for more in lists[1:]:  # the shorter ones join the longest, which keeps a chain linear
                    terms += more
                if inner[i]:
                    terms_of[i] = terms
                    continue
                operands: tuple[Sequence[int], ...] = (terms,)
            else:
                new = [place_of[p] for p in places]
                half = len(new) // 2
                operands = (new[:half], new[half:]) if value._op == 'dot' else tuple((place,) for place in new)
            place_of[i] = len(self.values)
            self.values.append(value)
            self.operands.append(operands)


def _refined(graph: _Sums, start: Iterable[Hashable], data: Sequence[bool], limit: int, roll: bool,
             ) -> tuple[list[int], bool]:
    """The class of every Value of the graph, a number; and whether it is the rolled-up form.

    In each round all classes are split at once, by the classes that their members' operands, and of leaves their users,
    had before it. The largest part keeps the number of the whole, so that the next round need look only at those which
    have to do with the smaller ones.
    """
    classes = _numbered(start)
    count = max(classes) + 1
    if count > limit:
        raise ValueError(f'folded, this graph still has {count:,} boxes, more than max_boxes={limit:,}: draw a part of '
                         'it, or pass a larger max_boxes')
    rounds = _Rounds(graph, classes, data)
    rolled = list(classes)
    for i in range(ROUNDS if roll else limit + 1):  # a round that splits nothing is the last one
        if not rounds.split():
            return rounds.classes, False
        if len(rounds.sizes) > limit:
            return rolled, True
        if i < ROUNDS:
            rolled = list(rounds.classes)
    return rolled, True


class _Rounds:
    """The state between two rounds of a refinement: classes by number, and what is to be looked at."""

    def __init__(self, graph: _Sums, classes: list[int], data: Sequence[bool]) -> None:
        self.operands, self.data = graph.operands, data
        self.sums = [value._op == '+' for value in graph.values]
        self.classes = classes
        self.sizes = list(Counter(classes).values())
        self.signatures: list[Hashable] = [None] * len(self.sizes)
        self.seen = list(classes)  # how a Value shows as an operand: as its class, or a sum as its terms'
        self.width = max(map(len, graph.operands))
        self.uses: list[list[int]] = [[] for _ in classes]  # of each Value: user · width + position
        for i, operands in enumerate(graph.operands):
            for position, places in enumerate(operands):
                for place in places:
                    self.uses[place].append(i * self.width + position)
        for i in range(len(classes)):
            self.seen[i] = self._shown(i)
        self.touched: Iterable[int] = range(len(classes))

    def split(self) -> bool:
        """One round; False where it splits nothing."""
        parts: dict[int, dict[Hashable, list[int]]] = {}
        for i in sorted(self.touched):
            parts.setdefault(self.classes[i], {}).setdefault(self._signature(i), []).append(i)
        changed: list[int] = []
        for number, by_signature in parts.items():
            by_signature.pop(self.signatures[number], None)
            if sum(map(len, by_signature.values())) == self.sizes[number]:  # the largest part stays what it is
                largest = max(by_signature, key=lambda signature: len(by_signature[signature]))
                self.signatures[number] = largest
                del by_signature[largest]
            for signature, members in by_signature.items():
                for i in members:
                    self.classes[i] = len(self.sizes)
                self.sizes[number] -= len(members)
                self.sizes.append(len(members))
                self.signatures.append(signature)
                changed += members
        self.touched = self._touched_by(changed)
        return bool(changed)

    def _signature(self, i: int) -> Hashable:
        """What the class of a Value is split by."""
        if self.operands[i]:
            return tuple([frozenset([self.seen[place] for place in places]) for places in self.operands[i]])
        if self.data[i]:
            return None
        return frozenset([self.classes[use // self.width] * self.width + use % self.width for use in self.uses[i]])

    def _shown(self, i: int) -> int:
        terms = {self.seen[place] for place in self.operands[i][0]} if self.sums[i] else ()
        return min(terms) if len(terms) == 1 else self.classes[i]

    def _touched_by(self, changed: Iterable[int]) -> set[int]:
        """Those whose signature may be another one, now that some Values have changed their classes."""
        touched: set[int] = set()
        again = list(changed)  # what may show otherwise
        heapify(again)
        waiting = set(again)
        for i in again:
            touched.update(place for places in self.operands[i] for place in places if not self.operands[place])
        while again:
            i = heappop(again)  # in the graph's order, in which a sum comes after its terms
            shown = self._shown(i)
            if shown != self.seen[i]:
                self.seen[i] = shown
                users = {use // self.width for use in self.uses[i]}
                touched |= users
                for user in users - waiting:
                    if self.sums[user]:
                        waiting.add(user)
                        heappush(again, user)
        return touched


def _numbered(start: Iterable[Hashable]) -> list[int]:
    numbers: dict[Hashable, int] = {}
    return [numbers.setdefault(thing, len(numbers)) for thing in start]
