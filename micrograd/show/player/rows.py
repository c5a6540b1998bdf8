"""The picture of a graph that is long, in rows as the lines of a text, so that it is read on one screen."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from micrograd.engine import Value
from micrograd.show.draw import draw_rows
from micrograd.show.drawing import Drawing

SCREENS = ((832, 300), (590, 440), (510, 595))  # the room for a picture, in pixels, in a notebook's cell: each shape's
FRAME_BELOW = re.compile(r'(<polygon fill="none" .*\n)((?:<(?:polygon|text) .*\n)+)')  # what it frames
FEWEST, MOST = 5, 40  # operations of a graph that is tried in rows
READABLE, BETTER = 0.8, 1.15  # of its size: enough for one row; how much larger it is to be for one more row


def drawn(order: Sequence[Value]) -> str:
    """The SVG of a graph in topological order, in as many rows as make it largest on a screen."""
    operations = sum(bool(node._prev) for node in order)
    best, largest = '', 0.0
    for count in (1, 2, 3) if FEWEST <= operations <= MOST else (1,):
        svg = stacked([laid_out(picture) for picture in draw_rows(order, in_rows(order, count))])
        found = scale(svg)
        if not best or found > BETTER * largest:
            best, largest = svg, found
        if largest >= READABLE:
            break
    return best


def laid_out(picture: Drawing) -> str:
    """The SVG of a picture, without what the page says itself."""
    picture.attr(ranksep='0.15', nodesep='0.1', pad='0.05', label='')
    svg: str = picture.pipe(format='svg', encoding='utf-8')
    svg = re.sub(r' xlink:title="[^"]*"|<desc>.*?</desc>', '', svg[svg.index('<svg'):])
    return FRAME_BELOW.sub(r'\2\1', svg)


def stacked(svgs: Sequence[str]) -> str:
    """Pictures as one, each below the one before."""
    if len(svgs) == 1:
        return svgs[0]
    inside, y, sizes = '', 0.0, [size(svg) for svg in svgs]
    for svg, (_, height) in zip(svgs, sizes, strict=True):
        inside += f'<g transform="translate(0 {y:g})">{svg[svg.index(">") + 1:svg.rindex("</svg>")]}</g>\n'
        y += height
    width = max(width for width, _ in sizes)
    return (f'<svg role="img" width="{width:.0f}pt" height="{y:.0f}pt" viewBox="0 0 {width:g} {y:g}" '
            f'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">\n{inside}</svg>\n')


def size(svg: str) -> tuple[float, float]:
    """The width and the height of a picture."""
    found = re.search(r'viewBox="[\d.]+ [\d.]+ ([\d.]+) ([\d.]+)"', svg)
    return (float(found[1]), float(found[2])) if found else (1.0, 1.0)


def scale(svg: str) -> float:
    """How large a picture is on the screen, in the best of the page's shapes."""
    width, height = size(svg)
    return max(min(across / width, down / height) for across, down in SCREENS)


def in_rows(order: Sequence[Value], count: int) -> dict[Value, int]:
    """The row of each Value: about equally many steps from the leaves in each, cut where the fewest arrows pass."""
    depth = depths(order)
    last, ends = depth[order[-1]], []
    for k in range(1, count):
        even, room = k * last / count, last / (4 * count)
        levels = [level for level in range(1, last) if abs(level - even) <= max(room, 0.5)]
        ends.append(min(levels, key=lambda level: (passing(order, depth, level), abs(level - even)), default=last))
    rows = {node: sum(depth[node] > end for end in ends) for node in order if node._prev}
    for node in order:
        for operand in node._prev:
            if not operand._prev:
                rows[operand] = min(rows.get(operand, count), rows[node])
    return {order[-1]: 0} | rows


def depths(order: Sequence[Value]) -> dict[Value, int]:
    """How many operations there are from the leaves to each Value, on the longest way."""
    depth: dict[Value, int] = {}
    for node in order:
        depth[node] = 1 + max((depth[operand] for operand in node._prev), default=-1)
    return depth


def passing(order: Sequence[Value], depth: Mapping[Value, int], level: int) -> int:
    """How many results up to a level are used beyond it."""
    return len({operand for node in order if depth[node] > level
                for operand in node._prev if operand._prev and depth[operand] <= level})
