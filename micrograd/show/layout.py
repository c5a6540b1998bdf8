"""What keeps a layout quick and in order: how far arrows reach, and what stands in one column."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence

from micrograd.engine import Value

FEW_PASSED = 60  # boxes that all arrows together pass by, up to which none is cut
FARTHEST = 4  # boxes that one of them may pass by, where there are more
MOST_PASSED = 600  # boxes that they may pass by together, even so: beyond, a layout is slow

Arrow = tuple[Value, int]  # a result, and the place of one of its operands


def far_arrows(order: Sequence[Value], box: Callable[[Value], Value]) -> set[Arrow]:
    """The arrows that would make the layout slow and the picture a tangle, the longest: none where all are short.

    box: the Value in whose box a Value is drawn. Graphviz lays every arrow out through all the ranks that it passes,
    and takes time that grows faster than their number.
    """
    steps = dict.fromkeys(map(box, order), 0)  # to the root, on the longest way
    for node in reversed(order):
        for operand in node._prev:
            if box(operand) is not box(node):
                steps[box(operand)] = max(steps[box(operand)], steps[box(node)] + 1)
    past = {(node, place): steps[box(operand)] - steps[box(node)] - 1
            for node in order for place, operand in enumerate(node._prev) if box(operand) is not box(node)}
    if sum(past.values()) <= FEW_PASSED:
        return set()
    limit = FARTHEST
    while sum(steps for steps in past.values() if steps <= limit) > MOST_PASSED:
        limit -= 1
    return {arrow for arrow, steps in past.items() if steps > limit}


def columns(order: Sequence[Value], box: Callable[[Value], Value],
            kinds: Mapping[Value, Hashable]) -> list[list[Value]]:
    """The boxes of one kind that are equally far from the leaves, in their order: those that stand in one column."""
    depth = dict.fromkeys(map(box, order), 0)
    for node in order:
        for operand in node._prev:
            if box(operand) is not box(node):
                depth[box(node)] = max(depth[box(node)], depth[box(operand)] + 1)
    found: dict[Hashable, list[Value]] = {}
    for node in order:
        if node in kinds:
            found.setdefault((depth[node], kinds[node]), []).append(node)
    return [column for column in found.values() if len(column) > 1]
