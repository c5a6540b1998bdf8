"""What is written below a picture: what its numbers are not, and what its signs mean."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from micrograd.engine import Constant, Value
from micrograd.graph.naming import short
from micrograd.graph.recompute import stale, strange_gradients
from micrograd.show.legend import FOLDED, SINGLE, legend
from micrograd.show.look import FAINT, WARNING, escaped, gradient

CAPTION_WIDTH = 70  # characters
MOST_RECOMPUTED = 200_000  # values that are computed once more
MOST_ASKED = 5  # variables whose graphs are searched for the one that is drawn


@dataclass
class State:
    """What can be said of a graph's numbers before they are drawn.

    computed: whether a gradient of 0 is one that was computed. now: the results that an input has changed since, with
    their numbers of now. of_one_pass: the gradients that are not what one `backward()` gives, with what that gives.
    facts, warnings: all this in words.
    """

    computed: bool
    facts: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    now: dict[Value, float] = field(default_factory=dict)
    of_one_pass: dict[Value, float] = field(default_factory=dict)


def state_of(order: Sequence[Value], called: Mapping[Value, str], variables: Mapping[str, object]) -> State:
    """Whether a graph's gradients are computed, of what, and whether its numbers are still those of its inputs.

    order: the graph, in topological order. variables: those around it, one of which may be what `backward()`
    was called of.
    """
    root = order[-1]
    name = short(called.get(root) or 'this')
    state = State(gradient(root) != 0, now=stale(order) if len(order) <= MOST_RECOMPUTED else {})
    if state.now:
        state.warnings.append('inputs changed since the forward pass: compute it again')
    if gradient(root) not in (0, 1) or (gradient(root) == 0 and root._prev):
        whole = _computed_from(root, variables)
        if whole or gradient(root):
            state.computed = True
            whole = whole or 'something computed from this'
            state.warnings.append(f'the gradients are those of {whole}, not of {name}')
        else:
            left = any(gradient(node) for node in order)
            state.facts.append('gradients not computed yet: call backward()'
                               + ('; what is there is left from another pass' if left else ''))
    elif gradient(root) == 0:
        state.facts.append('gradients not computed yet: call backward()')
    elif not state.now and len(order) <= MOST_RECOMPUTED:
        state.of_one_pass = {node: grad for node, grad in strange_gradients(root, order).items()
                             if not isinstance(node, Constant)}
        if state.of_one_pass:
            state.warnings.append(f'where it says “not”, grad holds more than one backward() of {name} gives: '
                               'set it to 0 before, as zero_grad() does')
    return state


def _computed_from(node: Value, variables: Mapping[str, object]) -> str:
    """The variable, if any, of which `backward()` was called, and whose graph has the node in it."""
    asked = [(name, thing) for name, thing in variables.items() if isinstance(thing, Value)
             and thing is not node and thing._prev and thing.grad == 1]
    return next((short(thing.label or name) for name, thing in asked[:MOST_ASKED]
                 if node in set(thing.topological_order())), '')


def caption(facts: Sequence[str], warnings: Sequence[str], shown: bool, folded: bool = False) -> str:
    """Facts and warnings, one a line, and the legend, as an HTML-like label; nothing where there is none of them.

    shown: whether there is a legend; folded: whether it is that of a folded picture.
    """
    rows = [f'<tr><td><font color="{ink}">{escaped(line)}</font></td></tr>'
            for ink, notes in ((FAINT, facts), (WARNING, warnings))
            for note in notes for line in textwrap.wrap(note, CAPTION_WIDTH)]
    if shown:
        rows.append(f'<tr><td>{legend(FOLDED if folded else SINGLE)}</td></tr>')
    table = f'<table border="0" cellborder="0" cellspacing="0" cellpadding="3">{"".join(rows)}</table>'
    return f'<{table}>' if rows else ''
