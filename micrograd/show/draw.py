"""The picture: the forward graph, annotated with the gradients of the backward pass, drawn by Graphviz."""

from __future__ import annotations

import math
from collections.abc import Mapping

from micrograd.engine import Constant, Value
from micrograd.graph.naming import node_names
from micrograd.show.drawing import Drawing
from micrograd.show.look import BOLD, FAINT, FONT, INK, PAPER, colour, digits, room, signed, symbol, text, wide

RANKDIRS = ('LR', 'TB', 'RL', 'BT')


def draw_dot(root: Value, format: str = 'svg', rankdir: str = 'LR', *,
             names: Mapping[str, object] | bool = True, highlight: Value | None = None,
             max_nodes: int | None = None) -> Drawing:
    """Draw the graph of `root`: what it was computed from, with numbers, gradients and local gradients.

    format: 'svg', 'png', or another that the installed `dot` has. rankdir: 'LR', 'TB', 'RL' or 'BT'.
    names: Values without a label are called by the variables in this mapping that hold them; True stands for the
    caller's own variables, False for none.
    highlight: a Value whose paths to the root are drawn bold, the ones that `explain(root, highlight)` writes out.
    max_nodes: how many Values are drawn at the most, by default 500, or 100 in a format of pixels, which takes longer.

    Returns a `graphviz.Digraph`: Jupyter shows it, `.render('graph')` and `.pipe()` draw it, `.source` is its DOT
    text, the same for the same graph. TypeError where root is no Value; ValueError for a graph of more than max_nodes,
    or an unknown format or rankdir.
    """
    if not isinstance(root, Value):
        raise TypeError(f'draw_dot draws the graph of one Value, not of a {type(root).__name__}: pass one output')
    if rankdir not in RANKDIRS:
        raise ValueError(f'rankdir is one of {RANKDIRS}, not {rankdir!r}')
    order = root.topological_order()
    if highlight is not None and highlight not in set(order):
        raise ValueError(f'highlight is a Value of the graph that is drawn, not {highlight!r}')
    if max_nodes is None:
        max_nodes = 500 if format in ('svg', 'pdf', 'ps', 'json', 'plain', 'dot') else 100
    if len(order) > max_nodes:
        raise ValueError(
            f'this graph has {len(order):,} values, more than max_nodes={max_nodes:,}: draw a part of it, such as one '
            'neuron or the loss of one sample; or pass a larger max_nodes, take time, and prefer SVG to PNG')
    called = node_names(order, names, depth=1)
    computed = root.grad != 0  # backward() makes it 1
    largest = max((abs(node.grad) for node in order if math.isfinite(node.grad)), default=0.0)

    drawing = Drawing(format=format, graph_attr={
        'rankdir': rankdir, 'bgcolor': PAPER, 'pad': '0.15', 'nodesep': '0.2', 'ranksep': '0.35',
        'fontname': FONT, 'fontsize': '11', 'fontcolor': FAINT,
    }, node_attr={'shape': 'plain', 'fontname': FONT, 'fontsize': '12', 'fontcolor': INK, 'color': INK},
        edge_attr={'fontname': FONT, 'fontsize': '11', 'fontcolor': INK, 'color': FAINT, 'arrowsize': '0.7'})
    if not computed:
        drawing.attr(label='gradients not computed yet: call backward()')
    lit: set[Value] = set()  # what the highlighted one reaches
    for node in order:
        if node is highlight or not lit.isdisjoint(node._prev):
            lit.add(node)
    numbered = {node: i for i, node in enumerate(order)}
    for node, i in numbered.items():
        drawing.node(f'v{i}', _box(node, called.get(node, ''), computed, largest))
        if node._prev:
            drawing.node(f'op{i}', f'<{text(symbol(node._op)) or "?"}>', shape='oval', style='filled',
                         fillcolor='#fff8e1', width=f'{max(0.4, 0.25 * wide(node._op))}', height='0.4',
                         margin='0.06,0.03')
            drawing.edge(f'op{i}', f'v{i}', **(BOLD if lit.intersection(node._prev) else {}))
            for operand, local in zip(node._prev, _local_gradients(node), strict=True):
                drawing.edge(f'v{numbered[operand]}', f'op{i}', label=local, **(BOLD if operand in lit else {}))
    return drawing


def _box(node: Value, name: str, computed: bool, largest: float) -> str:
    """A node's name, number and gradient as an HTML-like label. Leaves, constants and results differ in their frame."""
    if isinstance(node, Constant):
        border, style, head, ink = 1, 'dashed', '#eceff1', INK
    elif node._prev:
        border, style, head, ink = 1, 'solid', '#dfe7ee', INK
    else:
        border, style, head, ink = 2, 'solid', INK, PAPER
    rows = f'<tr><td>data {digits(node.data)}</td></tr>'
    if computed or node.grad != 0:
        rows += f'<tr><td bgcolor="{colour(node.grad, largest)}">grad {signed(node.grad)}</td></tr>'
    else:
        rows += '<tr><td>grad –</td></tr>'
    if name:
        rows = f'<tr><td{room(name)} bgcolor="{head}"><font color="{ink}"><b>{text(name)}</b></font></td></tr>{rows}'
    return (f'<<table border="{border}" cellborder="0" cellspacing="0" cellpadding="4" style="{style}" color="{INK}" '
            f'bgcolor="{PAPER}">{rows}</table>>')


def _local_gradients(node: Value) -> list[str]:
    """The local gradients as edge labels; '?' where a step written by hand keeps them to itself."""
    try:
        gradients = node.local_gradients()
    except (ArithmeticError, ValueError):
        return ['undefined'] * len(node._prev)
    if gradients is None:
        return ['?'] * len(node._prev)
    return ['undefined' if math.isnan(gradient) else digits(gradient) for gradient in gradients]
