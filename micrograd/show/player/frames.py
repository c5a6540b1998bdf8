"""The steps of the player without a browser: their numbers, their mathematics, and the picture at each of them."""

from __future__ import annotations

import copy
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple
from xml.etree.ElementTree import Element, SubElement, fromstring

from micrograd.graph.formulas import Tree, parse
from micrograd.graph.gradients import ON_NUMBERS
from micrograd.show.look import FONT, INK, colour, digits, printable, signed
from micrograd.show.notation import PLAIN, write
from micrograd.show.still import SVG

NOW, LATER = '#6a35c9', '0.35'  # what a step is about, and what comes after it: as in player.css
LINE, LARGEST_LETTERS = 44, 17  # points: the room for the mathematics below the picture, and its letters


class Moment(NamedTuple):
    """A step: what it computes, its line of mathematics, and its number.

    node: the result that is computed, or through which a gradient goes back. target, slot: the operand that gets it.
    """

    line: str
    value: float
    node: int | None = None
    target: int | None = None
    slot: int | None = None
    local: float = math.nan


def steps_of(data: Mapping[str, Any]) -> list[Moment]:
    """The steps of what `play` gives its page, in the page's order."""
    nodes, root = data['nodes'], len(data['nodes']) - 1
    rows = [{**row, 'formula': parse(row['formula']), 'gradients': [parse(text) for text in row['gradients']]}
            for row in data['rows']]
    values = [node.get('data', math.nan) for node in nodes]
    names = [node['name'] for node in nodes]
    atoms = [node.get('atom', node['name']) for node in nodes]

    def bound(i: int) -> dict[str, float]:
        return dict(zip(rows[nodes[i]['row']]['operands'], (values[j] for j in nodes[i]['operands']), strict=True))

    given = [f'{names[i]} = {PLAIN.number(values[i]).text}' for i, node in enumerate(nodes) if node['kind'] == 'leaf']
    steps = [Moment('   '.join(given), math.nan)]
    results = [i for i, node in enumerate(nodes) if 'operands' in node]
    for i in results:
        formula, numbers = rows[nodes[i]['row']]['formula'], bound(i)
        values[i] = computed(formula, numbers) if not any(map(math.isnan, numbers.values())) else math.nan
        steps.append(Moment(_equations(names[i], nodes[i]['formula'], write(formula, numbers).text, told(values[i])),
                          values[i], node=i))
    grads = dict.fromkeys(range(len(nodes)), 0.0)
    grads[root] = math.nan if math.isnan(values[root]) else 1.0
    steps.append(Moment(f'∂{atoms[root]}/∂{atoms[root]} = {told(grads[root])}', grads[root], target=root))
    for i in reversed(results):
        node, numbers = nodes[i], bound(i) | {'out': values[i]}
        for slot, j in enumerate(node['operands']):
            if nodes[j]['kind'] == 'constant':
                continue
            local = computed(rows[node['row']]['gradients'][slot], numbers)
            value = _finite(local * grads[i])
            use, to = node['uses'][slot], f'∂{atoms[root]}/∂{atoms[i]}'
            line = _equations(f'∂{atoms[root]}/∂{atoms[j]}',
                              f'{to} · ∂{atoms[i]}/∂{PLAIN.use(atoms[j], use) if use else atoms[j]}',
                              PLAIN.product([told(grads[i]), _factor(told(local))]), told(value), plus=True)
            steps.append(Moment(line, value, node=i, target=j, slot=slot, local=local))
            grads[j] = _finite(grads[j] + value)
    return steps


def computed(tree: Tree, numbers: Mapping[str, float]) -> float:
    """The number of a row's tree; NaN where it is not defined."""
    def number(tree: Tree) -> float:
        if isinstance(tree, str):
            return numbers[tree]
        return tree if isinstance(tree, float) else ON_NUMBERS[tree[0]](*map(number, tree[1:]))
    try:
        return _finite(number(tree))
    except (ArithmeticError, ValueError, TypeError):
        return math.nan


def told(number: float) -> str:
    """A number as the page writes it."""
    return 'not defined here' if math.isnan(number) else PLAIN.number(number + 0.0).text  # no −0


def _finite(number: float) -> float:
    return number if math.isfinite(number) else math.nan


def _factor(text: str) -> str:
    return f'({text})' if text.startswith(PLAIN.dash) else text


def _equations(*sides: str, plus: bool = False) -> str:
    """Equal sides, each once: left = …, or left += … = …."""
    kept = [side for i, side in enumerate(sides) if i == 0 or side != sides[i - 1]]
    return f' {"+=" if plus else "="} '.join(kept[:2]) + ''.join(f' = {side}' for side in kept[2:])


# ---- The pictures ----

def pictures_of(svg: str, data: Mapping[str, Any], max_steps: int) -> Iterator[Element]:
    """The page's picture at each step, with its line of mathematics below. ValueError for more than max_steps."""
    steps = steps_of(data)
    if len(steps) > max_steps:
        raise ValueError(f'there are {len(steps):,} steps, more than max_steps={max_steps:,}: take a smaller graph, '
                         'such as one neuron or the loss of one sample; or pass a larger max_steps')
    empty = _with_room(fromstring(svg))
    sums: dict[int, float] = {}
    largest = _largest(_gradients(steps))
    for k, step in enumerate(steps):
        if step.target is not None:
            sums[step.target] = sums.get(step.target, 0.0) + step.value
        frame = _Frame(empty, data['nodes'], steps[:k + 1], sums, largest, step).root
        _write_line(frame, step.line)
        yield frame


def finished(svg: str, data: Mapping[str, Any]) -> Element:
    """The page's picture after all steps, none of which is lit."""
    steps = steps_of(data)
    sums = _gradients(steps)
    return _Frame(fromstring(svg), data['nodes'], steps, sums, _largest(sums), Moment('', math.nan, node=-1)).root


def _gradients(steps: list[Moment]) -> dict[int, float]:
    """The gradients that all steps make, by their nodes."""
    sums: dict[int, float] = defaultdict(float)
    for step in steps:
        if step.target is not None:
            sums[step.target] += step.value
    return sums


def _largest(gradients: Mapping[int, float]) -> float:
    return max(map(abs, filter(math.isfinite, gradients.values())), default=0.0)


class _Frame:
    """The picture after some steps, of which one may be lit."""

    def __init__(self, empty: Element, nodes: list[Any], steps: list[Moment], sums: Mapping[int, float],
                 largest: float, now: Moment) -> None:
        self.root, self.nodes, self.sums, self.largest = copy.deepcopy(empty), nodes, sums, largest
        self.now = now
        self.values = {i: node['data'] for i, node in enumerate(nodes) if 'data' in node}
        self.values |= {step.node: step.value for step in steps if step.target is None and step.node is not None}
        self.locals = {(step.node, step.slot): step.local for step in steps if step.slot is not None}
        titled = _titled(self.root)
        for i in range(len(nodes)):
            self._box(i, titled[f'v{i}'][0])
            self._operation(i, titled)

    def _box(self, i: int, group: Element) -> None:
        lines = list(group.iter(f'{SVG}text'))
        polygons = list(group.iter(f'{SVG}polygon'))
        frame = next(polygon for polygon in polygons if polygon.get('fill') == 'none')
        cell = max((polygon for polygon in polygons if polygon is not frame), key=_top)
        data, grad = (next(text for text in reversed(lines) if (text.text or '').startswith(start))
                      for start in ('data ', 'grad '))
        known, sum_ = i in self.values, self.sums.get(i)
        value = self.values.get(i, math.nan)
        _say(data, frame, 'data –' if not known else
             told(value) if math.isnan(value) else f'data {digits(value + 0.0)}')
        constant = self.nodes[i]['kind'] == 'constant'
        _say(grad, frame, 'constant' if constant else 'grad –' if sum_ is None else
             'grad undefined' if math.isnan(sum_) else f'grad {signed(sum_ + 0.0)}')
        cell.set('fill', colour(sum_, self.largest) if sum_ is not None and not math.isnan(sum_) else '#ffffff')
        if not known:
            group.set('opacity', LATER)
        now = self.now
        about = now.target if now.target is not None else now.node
        if i == about or (about is None and 'operands' not in self.nodes[i]):
            frame.set('stroke', NOW)
            frame.set('stroke-width', '3.5')

    def _operation(self, i: int, titled: Mapping[str, list[Element]]) -> None:
        """The oval that makes a node, and the arrows to it and from it."""
        operands = self.nodes[i].get('operands', [])
        if not operands:
            return
        groups: dict[int | None, list[Element]] = {None: [titled[f'op{i}'][0], titled[f'op{i}->v{i}'][0]]}
        for slot, j in enumerate(operands):
            arrows = titled.get(f'v{j}->op{i}') or titled[f'far{i}_{slot}->op{i}']
            arrow = arrows[operands[:slot].count(j)] if len(arrows) > 1 else arrows[0]
            groups[slot] = [arrow]
            local = self.locals.get((i, slot))
            for text in arrow.iter(f'{SVG}text'):
                text.text = '' if local is None else 'undefined' if math.isnan(local) else digits(local + 0.0)
        for place, things in groups.items():
            lit = i == self.now.node and (place is None or self.now.slot in (place, None))
            for thing in things:
                if i not in self.values:
                    thing.set('opacity', LATER)
                elif lit:
                    _light(thing)


def _with_room(root: Element) -> Element:
    """The picture without titles and links, and with room for a line below it."""
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag == f'{SVG}desc' or (child.tag == f'{SVG}title' and parent.tag == root.tag):
                parent.remove(child)
    left, top, width, height = map(float, root.get('viewBox', '').split())
    root.set('viewBox', f'{left:g} {top:g} {width:g} {height + LINE:g}')
    root.set('width', f'{width:g}pt')
    root.set('height', f'{height + LINE:g}pt')
    root.insert(0, Element(f'{SVG}rect', {'width': '100%', 'height': '100%', 'fill': '#ffffff'}))
    return root


def _titled(root: Element) -> dict[str, list[Element]]:
    """The groups of nodes and edges by their titles; those that are alike in their order."""
    titled: dict[str, list[Element]] = defaultdict(list)
    groups = [group for group in root.iter(f'{SVG}g') if group.get('class') in ('node', 'edge')]
    for group in sorted(groups, key=lambda group: int(''.join(filter(str.isdigit, group.get('id', '0'))))):
        title = group.find(f'{SVG}title')
        if title is not None:
            titled[title.text or ''].append(group)
            group.remove(title)
    return titled


def _corners(polygon: Element) -> tuple[list[float], list[float]]:
    points = [point.split(',') for point in polygon.get('points', '').split()]
    return [float(x) for x, _ in points], [float(y) for _, y in points]


def _top(polygon: Element) -> float:
    return min(_corners(polygon)[1])


def _say(text: Element, frame: Element, words: str) -> None:
    """Put words into the middle of a box's line."""
    xs, _ = _corners(frame)
    room = max(xs) - min(xs) - 8
    if 6 * len(words) >= room:
        text.set('textLength', f'{room:g}')
        text.set('lengthAdjust', 'spacingAndGlyphs')
    text.text = words
    text.set('text-anchor', 'middle')
    text.set('x', f'{(min(xs) + max(xs)) / 2:g}')


def _light(group: Element) -> None:
    """Show that a step goes through here."""
    for thing in group.iter():
        if thing.tag in (f'{SVG}ellipse', f'{SVG}path', f'{SVG}polygon'):
            thing.set('stroke', NOW)
            thing.set('stroke-width', '3')
        if thing.tag == f'{SVG}polygon' or (thing.tag == f'{SVG}text' and group.get('class') == 'edge'):
            thing.set('fill', NOW)


def _write_line(root: Element, line: str) -> None:
    _, _, width, height = map(float, root.get('viewBox', '').split())
    size = min(LARGEST_LETTERS, 1.8 * (width - 16) / max(1, len(line)))
    text = SubElement(root, f'{SVG}text', {
        'x': f'{width / 2:g}', 'y': f'{height - LINE / 2:g}', 'text-anchor': 'middle', 'fill': INK,
        'font-family': f'{FONT},sans-Serif', 'font-size': f'{size:.2f}'})
    text.text = printable(line)
