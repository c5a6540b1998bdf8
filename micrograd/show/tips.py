"""What a picture says where the pointer rests on it: the full name, the formula, all digits."""

from __future__ import annotations

import graphviz

from micrograd.engine import Value
from micrograd.graph.naming import LONGEST_NAME, label_of
from micrograd.show.look import gradient, printable
from micrograd.show.names import Names, uses
from micrograd.show.notation import PLAIN
from micrograd.show.tables import Table

MOST_TIP_LINES, LONGEST_TIP = 30, 200


def node_tip(node: Value, names: Names, computed: bool) -> str:
    """A node's full name and formula, its number, and its gradient where there is one."""
    return _quoted(_about(node, names, computed))


def table_tip(table: Table, names: Names, computed: bool) -> str:
    """The same of every Value in a table, those of leaves in a line each."""
    lines = []
    for result in dict.fromkeys((table.result, table.total, table.dot)):
        lines += _about(result, names, computed)
    leaves = [node for node in (*table.dot._prev, *([table.bias] if table.bias is not None else []))
              if node in table.own and node not in names.numbers]
    lines += [f'{names[leaf]}: data {_full(leaf.data)}' + (f', grad {_full(gradient(leaf))}' if computed else '')
              for leaf in leaves]
    return _quoted(lines)


def operation_tip(node: Value, names: Names) -> str:
    """What an operation computes, in names."""
    return _quoted([_made(node, names)])


def arrow_tip(node: Value, place: int, local: float | str, names: Names) -> str:
    """Which derivative stands on an arrow, with all digits."""
    number = local if isinstance(local, str) else _full(local)
    return _quoted([f'{names.derivative(node, node._prev[place], use=uses(node)[place])} = {number}'])


def _about(node: Value, names: Names, computed: bool) -> list[str]:
    known = computed or gradient(node)
    label = label_of(node)
    full = [label] if len(label) > LONGEST_NAME else []
    return [*full, _made(node, names) if node._prev else names[node], f'data {_full(node.data)}',
            *([f'grad {_full(gradient(node))}'] if known else [])]


def _made(node: Value, names: Names) -> str:
    formula = names.formula(node).text
    return formula if formula == names[node] else f'{names[node]} = {formula}'


def _full(number: float) -> str:
    return PLAIN.minus(repr(number).removesuffix('.0'))


def _quoted(lines: list[str]) -> str:
    """Lines as Graphviz takes them for a tip, in which it reads its escapes twice, and those of XML besides."""
    lines = lines if len(lines) <= MOST_TIP_LINES else [*lines[:MOST_TIP_LINES - 1], '…']
    cut = [printable(line if len(line) <= LONGEST_TIP else f'{line[:LONGEST_TIP]}…') for line in lines]
    return graphviz.nohtml('\\n'.join(  # type: ignore[no-any-return]
        line.replace('\n', ' ').replace('\\', 4 * '\\').replace('&', '&amp;') for line in cut))
