"""Where a long picture is cut into rows that stand below one another, so that it fits a slide."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

SLIDE = 16 / 9
GAP = 30.0  # between two columns, and between two rows
MOST_STACKED = 6  # rows
CUT = 0.02  # by how much a picture had better be larger for each arrow that is cut
ENOUGH = 1200.0  # points, up to which there is no need to cut


def beside(leaves: Sequence[tuple[bool, bool]], arrows: Collection[tuple[int, int]]) -> dict[int, int]:
    """Which boxes stand in one column with the first one that uses them: parameters and data of a later step.

    leaves: of each box whether it is leaves, and whether these are parameters. arrows: from box to box, by number.
    """
    operands: dict[int, list[int]] = {}
    for a, b in sorted(arrows):
        operands.setdefault(b, []).append(a)
    found: dict[int, int] = {}
    seen: set[int] = set()
    for user in sorted(operands):
        later = any(not leaves[a][0] for a in operands[user])
        data = any(not leaves[a][1] for a in operands[user])
        for a in operands[user]:
            if a not in seen and leaves[a][0] and (later or (data and leaves[a][1])):
                found[a] = user
        seen.update(operands[user])
    return found


def rows(sizes: Sequence[tuple[float, float]], arrows: Collection[tuple[int, int]], beside: Mapping[int, int],
         frames: Sequence[Sequence[str]]) -> list[int]:
    """The row of each box, from 0, such that the picture is as large as can be on a slide.

    sizes: width and height of each box. arrows: between them, by number; they go round nowhere. beside: which stand in
    one column. frames: those around each box, from the outermost, which had better not be cut.
    """
    column = columns(len(sizes), arrows, beside)
    count = max(column) + 1
    widths, heights = [0.0] * count, [0.0] * count
    for (width, height), c in zip(sizes, column, strict=True):
        widths[c] = max(widths[c], width + GAP)
        heights[c] += height + GAP / 2
    costs = [_cut(c, column, arrows, frames) for c in range(count)]
    best, row_of = 0.0, [0] * count
    for number in range(1, min(MOST_STACKED, count) + 1 if sum(widths) > ENOUGH else 1):
        ends = _ends(widths, costs, number)
        parts = [range(a, b) for a, b in zip([0, *ends], ends, strict=False)]
        wide = max(sum(widths[c] for c in part) for part in parts)
        high = sum(max(heights[c] for c in part) + GAP for part in parts)
        scale = min(SLIDE / wide, 1 / high) / (1 + CUT * sum(costs[end - 1] for end in ends[:-1]))
        if scale > 1.1 * best:
            best, row_of = scale, [row for row, part in enumerate(parts) for _ in part]
    return [row_of[c] for c in column]


def columns(count: int, arrows: Collection[tuple[int, int]], beside: Mapping[int, int]) -> list[int]:
    """The column of each box: after all from which arrows come, and as near as can be to those to which they go."""
    after: list[list[int]] = [[] for _ in range(count)]
    missing = [0] * count
    for a, b in sorted(arrows):
        after[a].append(b)
        missing[b] += 1
    order = [i for i in range(count) if not missing[i]]
    column = [0] * count
    for a in order:
        for b in after[a]:
            column[b] = max(column[b], column[a] + (a not in beside))
            missing[b] -= 1
            if not missing[b]:
                order.append(b)
    for a in reversed(order):
        if a in beside:
            column[a] = column[beside[a]]
        elif after[a]:
            column[a] = min(column[b] for b in after[a]) - 1
    return column


def _cut(c: int, column: Sequence[int], arrows: Collection[tuple[int, int]], frames: Sequence[Sequence[str]]) -> int:
    """What it costs to cut after a column: the arrows that cross, which get a sign at either end, and frames."""
    crossing = len({a for a, b in arrows if column[a] <= c < column[b]})
    left, right = ({tuple(frame[:level + 1]) for frame, own in zip(frames, column, strict=True) if (own <= c) == before
                    for level in range(len(frame))} for before in (True, False))
    return crossing + 3 * len(left & right)


def _ends(widths: Sequence[float], costs: Sequence[float], number: int) -> list[int]:
    """After which columns to cut, so that rows are about equally wide and the cuts cost little; and the last one."""
    fair = sum(widths) / number
    best: list[dict[int, tuple[float, list[int]]]] = [{0: (0.0, [])}]
    for _ in range(number):
        found: dict[int, tuple[float, list[int]]] = {}
        for start, (cost, ends) in best[-1].items():
            for end in range(start + 1, len(widths) + 1):
                uneven = sum(widths[start:end]) / fair - 1
                here = cost + 20 * uneven ** 2 + (costs[end - 1] if end < len(widths) else 0)
                if end not in found or here < found[end][0]:
                    found[end] = (here, [*ends, end])
        best.append(found)
    return best[-1][len(widths)][1]
