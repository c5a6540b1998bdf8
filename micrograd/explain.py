"""The forward and the backward pass of a graph, written out as text."""

from __future__ import annotations

from collections.abc import Sequence

from micrograd.engine import Constant, Value
from micrograd.naming import numbered_names

INFIX = ('+', '-', '*', '/', '**')


def tables(output: Value) -> str:
    """Three tables: the forward pass, the local gradients, and the gradients of `output` after its `backward()`.

    A Value without a label is called v1, v2, …; a constant by its number.
    """
    order = output.topological_order()
    names = numbered_names(order)
    forward = [(names[node], f'= {_formula(node, names)}' if node._prev else '', '=', f'{node.data:.6g}')
               for node in order if not isinstance(node, Constant)]
    inner = [node for node in reversed(order) if node._prev]
    local = [(f'∂{names[node]}/∂{names[operand]}', '=', f'{gradient:.6g}') for node in inner
             for operand, gradient in zip(node._prev, node._local_gradients(), strict=True)
             if not isinstance(operand, Constant)]
    backward = [(f'∂{names[output]}/∂{names[node]}', '=', f'{node.grad:.6g}') for node in reversed(order)
                if not isinstance(node, Constant)]
    parts: dict[str, Sequence[tuple[str, ...]]] = {
        'forward pass': forward, 'local gradients': local, 'gradients, by the chain rule': backward}
    return '\n\n'.join(f'{title}\n{_aligned(rows)}' for title, rows in parts.items() if rows)


def _formula(node: Value, names: dict[Value, str]) -> str:
    """An operation on the names of its operands, as one writes it."""
    operands = [names[operand] for operand in node._prev]
    match node._op, operands:
        case op, [a, b] if op in INFIX:
            return f'{a}{op}{b}' if op == '**' else f'{a} {op} {b}'
        case 'neg', [a]:
            return f'-{a}'
        case op, [a] if op.startswith('**'):
            return f'{a}{op}'
        case 'dot', _:
            half = len(operands) // 2
            return f'dot([{", ".join(operands[:half])}], [{", ".join(operands[half:])}])'
    return f'{node._op}({", ".join(operands)})'


def _aligned(rows: Sequence[tuple[str, ...]]) -> str:
    """Rows as columns of text, and the last one, the numbers, to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for *cells, number in rows:
        left = ' '.join(cell.ljust(width) for cell, width in zip(cells, widths, strict=False))
        lines.append(f'  {left} {number.rjust(widths[-1])}')
    return '\n'.join(lines)
