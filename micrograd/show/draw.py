"""The picture: the forward graph, annotated with the gradients of the backward pass, drawn by Graphviz."""

from __future__ import annotations

import html
import math
import shutil
import subprocess
import unicodedata
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import graphviz
from graphviz.backend import dot_command

from micrograd.engine import Constant, Value
from micrograd.graph.naming import LONGEST_NAME, node_names, short

INK, FAINT, PAPER = '#1b2733', '#66737f', '#ffffff'
POSITIVE, NEGATIVE = (91, 164, 224), (245, 158, 66)  # blue and orange, which every kind of eye tells apart
BOLD = {'color': '#b3202c', 'fontcolor': '#b3202c', 'penwidth': '2.5'}
RANKDIRS = ('LR', 'TB', 'RL', 'BT')


class Drawing(graphviz.Digraph):  # type: ignore[misc]
    """A `graphviz.Digraph` that finds a `dot` to draw with, and says what to install where there is none."""

    def pipe(self, *args: Any, **kwargs: Any) -> Any:
        """As `graphviz.Digraph.pipe`: the picture as bytes, or as text where an encoding is given."""
        return self._with_dot(super().pipe, *args, **kwargs)

    def render(self, *args: Any, **kwargs: Any) -> Any:
        """As `graphviz.Digraph.render`: write the DOT text and the picture to files; return the picture's path."""
        return self._with_dot(super().render, *args, **kwargs)

    def _with_dot(self, method: Any, *args: Any, **kwargs: Any) -> Any:
        dot_command.DOT_BINARY = Path(shutil.which('dot') or _pip_installed_dot() or 'dot')
        kwargs.setdefault('quiet', True)  # the pip-installed one remarks on every character beyond ASCII
        try:
            return method(*args, **kwargs)
        except graphviz.ExecutableNotFound:
            raise RuntimeError(
                'there is no `dot` program to draw with. Install one: `pip install graphviz-pure`, or Graphviz itself '
                '(`apt install graphviz`, `brew install graphviz`, …). The DOT text is there without it, as `.source`'
            ) from None
        except subprocess.CalledProcessError as error:
            said = error.stderr.decode(errors='replace') if isinstance(error.stderr, bytes) else error.stderr or ''
            raise RuntimeError(f'{dot_command.DOT_BINARY} failed: {" ".join(said.split())[:200]}') from None


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
        'fontname': 'Helvetica', 'fontsize': '11', 'fontcolor': FAINT,
    }, node_attr={'shape': 'plain', 'fontname': 'Helvetica', 'fontsize': '12', 'fontcolor': INK, 'color': INK},
        edge_attr={'fontname': 'Helvetica', 'fontsize': '11', 'fontcolor': INK, 'color': FAINT, 'arrowsize': '0.7'})
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
            drawing.node(f'op{i}', f'<{_text(node._op) or "?"}>', shape='oval', style='filled', fillcolor='#fff8e1',
                         width=f'{max(0.4, 0.25 * _wide(node._op))}', height='0.4', margin='0.06,0.03')
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
    rows = f'<tr><td>data {_number(node.data)}</td></tr>'
    if computed or node.grad != 0:
        sign = ' ▲' if node.grad > 0 else ' ▼' if node.grad < 0 else ''
        rows += f'<tr><td bgcolor="{_colour(node.grad, largest)}">grad {_number(node.grad)}{sign}</td></tr>'
    else:
        rows += '<tr><td>grad –</td></tr>'
    if name:
        rows = f'<tr><td{_room(name)} bgcolor="{head}"><font color="{ink}"><b>{_text(name)}</b></font></td></tr>{rows}'
    return (f'<<table border="{border}" cellborder="0" cellspacing="0" cellpadding="4" style="{style}" color="{INK}" '
            f'bgcolor="{PAPER}">{rows}</table>>')


def _colour(gradient: float, largest: float) -> str:
    """From white at 0 to blue at the largest positive gradient and orange at the largest negative one."""
    if not math.isfinite(gradient):
        return '#d9d9d9'
    share = math.sqrt(abs(gradient) / largest) if largest else 0.0
    full = POSITIVE if gradient > 0 else NEGATIVE
    return '#' + ''.join(f'{round(255 + (channel - 255) * share):02x}' for channel in full)


def _local_gradients(node: Value) -> list[str]:
    """The local gradients as edge labels; '?' where a step written by hand keeps them to itself."""
    try:
        gradients = [_number(gradient) for gradient in node._local_gradients()]
    except (ArithmeticError, ValueError):
        gradients = ['undefined'] * len(node._prev)
    return gradients if len(gradients) == len(node._prev) else ['?'] * len(node._prev)


def _number(number: float) -> str:
    return f'{number:.4g}'


def _wide(text: str) -> int:
    """How many characters of a text, cut as it is drawn, are as wide as they are high, as the Chinese ones."""
    return sum(unicodedata.east_asian_width(c) in 'WF' for c in str(text)[:LONGEST_NAME])


def _room(name: str) -> str:
    """The width of a name's cell with wide characters, which a `dot` without a font for them takes to be narrower."""
    return f' width="{12 * len(name[:LONGEST_NAME]) + 10}" align="left"' if _wide(name) else ''


def _text(text: str) -> str:
    """Any text as itself in an HTML-like label: escaped, in one line or more, and cut where it gets too long."""
    known = ''.join('\ufffd' if unicodedata.category(c) in ('Cc', 'Cs', 'Cn') and c != '\n' else c
                    for c in short(str(text)))
    return html.escape(known).replace('\\', r'\\').replace('\n', '<br/>')  # a single backslash is Graphviz's escape


def _pip_installed_dot() -> Path | None:
    """The program in the package graphviz-pure, wherever pip put it."""
    try:
        files = metadata.files('graphviz-pure') or []
    except metadata.PackageNotFoundError:
        return None
    return next((Path(str(file.locate())).resolve() for file in files if file.stem == 'graphviz-pure'), None)
