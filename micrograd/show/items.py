"""What stands as one box in the picture of a folded graph, what it is called, and how many arrows lead where."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field

from micrograd.engine import Value
from micrograd.show.fold import Folded
from micrograd.show.frames import Path, without_small
from micrograd.show.look import digits, symbol
from micrograd.show.notation import PLAIN

SYMBOLS_SHOWN = {'neg': '−x', 'log': 'ln', 'abs': '|x|', 'sqrt': '√x', 'sigmoid': 'σ'}
MOST_ROWS = 8  # of a card for steps in a row
ORDERED = ('-', '/', '**')  # for which it matters which operand is which


@dataclass
class Row:
    """What one box of the folded graph computes, its Values, and how many they are with the sums of a single term."""

    step: str
    values: list[Value]
    count: int


@dataclass
class Item:
    """A box of the folded graph, or several in one, a row for each.

    kind: 'parameters' for leaves, 'numbers' for plain ones, 'results', or 'module' for all that one has. name: what it
    is called. path: the module in whose frame it stands.
    """

    kind: str
    name: str
    rows: list[Row]
    path: Path

    @property
    def leaf(self) -> bool:
        """Whether it computes nothing."""
        return self.kind in ('parameters', 'numbers')

    def called(self, within: bool = True) -> str:
        """The name, such as layers.0.neurons[·].w, or without the modules of its frame; without numbers at its end."""
        name = self.name.removeprefix('.'.join((*self.path, '')) if within else '')
        name = re.sub(r'(\.\d+…\d+|\[\d+…\d+\])+$', '', name)
        return re.sub(r'\.\d+…\d+|\[?\d+…\d+\]?', '[·]', name)


@dataclass
class Link:
    """All edges from an item to another one. back: whether they lead back, where a graph is rolled up."""

    count: int = 0
    marks: list[str] = field(default_factory=list)
    back: bool = False


class Items:
    """The items of a folded graph, and the arrows between them, by the pair of numbers.

    parameters: the name of each box of parameters, else ''. names: that of each box, or ''. paths: their modules.
    depth: how many modules deep the picture looks; what a deeper one has is one item with it.
    """

    def __init__(self, folded: Folded, parameters: Sequence[str], names: Sequence[str], paths: Sequence[Path],
                 depth: int | None = None) -> None:
        self.boxes, self.edges = folded.boxes, Counter(folded.edges)
        self.parameters, self.names, self.modules = parameters, names, paths
        self.paths = without_small(paths, parameters)
        self.single: Counter[int] = Counter()  # by sum, how often a lone term stands where others have the sum
        self._find_single()
        self.written = self._find_written()
        groups: dict[Hashable, list[int]] = {}
        for box, key in enumerate(self._keys(depth)):
            if box not in self.written:
                groups.setdefault(key, []).append(box)
        self.items = [self._item(key, boxes) for key, boxes in groups.items()]
        self.place = place = {box: i for i, boxes in enumerate(groups.values()) for box in boxes}
        first = [boxes[0] for boxes in groups.values()]
        self.arrows: dict[tuple[int, int], Link] = {}
        for (a, b, position), count in sorted(self.edges.items()):
            if a in place and (place[a] != place[b] or a >= b):
                arrow = self.arrows.setdefault((place[a], place[b]), Link(back=a >= b))
                arrow.count += count
                if first[place[b]] == b and self._ordered(b):
                    arrow.marks.append(chr(ord('a') + position))

    def _find_single(self) -> None:
        """Lead the lone terms that stand where others have a sum of them through that sum, too."""
        terms: dict[int, set[int]] = {}
        for a, b, _ in self.edges:
            if self.boxes[b].op == '+':
                terms.setdefault(b, set()).add(a)
        for a, b, position in list(self.edges):
            for total in [total for total, own in sorted(terms.items()) if own == {a} and total != b]:
                if (total, b, position) in self.edges and (a, b, position) in self.edges:
                    self.single[total] += self.edges.pop((a, b, position))

    def _find_written(self) -> dict[int, str]:
        """Plain numbers that are written into the one box that uses them."""
        uses: dict[int, list[tuple[int, int]]] = {}
        for a, b, position in self.edges:
            uses.setdefault(a, []).append((b, position))
        return {box: digits(number) for box, [(user, _), *more] in uses.items()
                if not more and (number := self.boxes[box].number) is not None
                and (self.boxes[user].op in ('*', *ORDERED) or self._pairs(user))}

    def _pairs(self, box: int) -> bool:
        return self.boxes[box].op == '+' and self._terms(box)[1] == 2

    def _terms(self, box: int) -> tuple[int, int]:
        least, most = self.boxes[box].terms
        return 1 if self.single[box] else least, most

    def _operands(self, box: int) -> list[list[int]]:
        """The boxes of the operands, by position."""
        found: dict[int, list[int]] = {}
        for a, b, position in sorted(self.edges):
            if b == box:
                found.setdefault(position, []).append(a)
        return [found[position] for position in sorted(found)]

    def _ordered(self, box: int) -> bool:
        return self.boxes[box].op in ORDERED and not any(
            operand in self.written for operands in self._operands(box) for operand in operands)

    def step(self, box: int) -> str:
        """What a box of results computes, such as x / 16; '' for leaves."""
        op, (least, most) = self.boxes[box].op, self._terms(box)
        terms = f'{most}' if least == most else f'{least}…{most}'
        operands = self._operands(box)
        square = all(len(v._prev) == 2 and v._prev[0] is v._prev[1] for v in self.boxes[box].values)
        if op == 'dot':
            same = all(v._prev[:len(v._prev) // 2] == v._prev[len(v._prev) // 2:] for v in self.boxes[box].values)
            return f'Σ x² of {terms}' if same else f'dot of {terms}'
        if op == '+' and most > 2:
            return f'Σ of {terms}'
        if op in ('+', '*', *ORDERED):
            flat = [operand for each in operands for operand in each]
            if not any(operand in self.written for operand in flat):
                return 'x · x' if op == '*' and square else f'a {symbol(op)} b' if op in ORDERED else symbol(op)
            if op == '+':
                return ' + '.join(['x', *(self.written[operand] for operand in flat if operand in self.written)])
            return f' {symbol(op)} '.join(self.written.get(each[0], 'x') for each in operands)
        if op.startswith('**'):
            return PLAIN.power('x', PLAIN.minus(op[2:]))
        return SYMBOLS_SHOWN.get(op, op) if op or self.boxes[box].leaf else '?'

    def _keys(self, depth: int | None) -> list[Hashable]:
        """What the boxes of an item have in common: the closed module, or which ones come before them."""
        outer = {path[:level] for path in self.modules for level in range(len(path))}
        keys: list[Hashable] = []
        before: list[frozenset[Path]] = []
        for box, path in enumerate(self.modules):
            operands = [a for a, b, _ in self.edges if b == box and a < box]
            closed = () if depth is None else path[:depth] if len(path) >= depth or path not in outer else ()
            before.append(frozenset([closed] if closed else ()).union(*(before[a] for a in operands)))
            if closed or not operands or depth is None:
                keys.append(closed or self._chain(box, keys))
            else:
                keys.append((self.paths[box], before[box]))
        return keys

    def _chain(self, box: int, keys: Sequence[Hashable]) -> Hashable:
        """The key of the box before, where nothing else comes before this one or after that one."""
        operands = {a for a, b, _ in self.edges if b == box and a not in self.written}
        if len(operands) == 1:
            [operand] = operands
            users = {b for a, b, _ in self.edges if a == operand}
            one, other = self.boxes[operand], self.boxes[box]
            if (operand < box and users == {box} and not one.leaf and not self.names[operand]
                    and len(one.values) == len(other.values) and self.paths[operand] == self.paths[box]
                    and keys.count(keys[operand]) < MOST_ROWS):
                return keys[operand]
        return box

    def _item(self, key: Hashable, boxes: Sequence[int]) -> Item:
        last = boxes[-1]
        if isinstance(key, tuple) and isinstance(key[-1], str):  # the path of a closed module
            values = [value for box in boxes if self.parameters[box] for value in self.boxes[box].values]
            return Item('module', key[-1], [Row(f'{len(values):,} parameters', values, 1)], key[:-1])
        kind = 'results' if not self.boxes[last].leaf else 'numbers' if self.boxes[last].constant else 'parameters'
        name = self.names[last] or {'parameters': ('leaf', 'leaves'), 'numbers': ('number', 'numbers'),
                                    'results': ('', '')}[kind][self._count(last) > 1]
        return Item(kind, name, [Row(self.step(box), self.boxes[box].values, self._count(box)) for box in boxes],
                    self.paths[last])

    def _count(self, box: int) -> int:
        return len(self.boxes[box].values) + self.single[box]
