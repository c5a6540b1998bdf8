"""What the nodes of a graph are called wherever it is shown: the same in pictures, explanations and pages."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence

from micrograd.engine import Constant, Value
from micrograd.graph.formulas import formula_of, parse
from micrograd.graph.naming import node_names, numbered_names
from micrograd.show.notation import ATOM, PLAIN, PRODUCT, SUM, Style, Written, write

LONGEST_EXPRESSION = 14  # characters; what is longer is called v1, v2, …
MOST_PRODUCTS = 4  # of a dot product that is written out in full
ARITHMETIC = re.compile(r'[\w)\]] ?([-+*/·−])\*? ?(?=[\w(])')  # in a label such as x1*w1 + x2*w2


class Names(dict[Value, str]):
    """The name of each node of a graph, as plain text.

    That is its label, its variable or the way to it, as in `known`; a constant's number; for a result without a name,
    its expression where that is short and clear, such as w·x + b; else v1, v2, … Every node without a name counts in
    these numbers, so that they are the same in source code, where no expression can be a name.

    `derivative`, `atom` and `written` give the same names as parts of formulas, in plain text or LaTeX. There an
    expression, or a label that reads like one, stands in parentheses, ∂L/∂(w·x), and the uses of a repeated operand are
    told apart by a lowered number: the derivative of q = a·a by a is ∂q/∂a = ∂q/∂a₍₁₎ + ∂q/∂a₍₂₎.
    """

    def __init__(self, order: Sequence[Value], known: Mapping[Value, str]) -> None:
        super().__init__(numbered_names(order, known))
        self.expressions: set[Value] = set()
        self.numbers = {node for node in order if isinstance(node, Constant) and node not in known}
        times = Counter(self.values())
        clear: set[Value] = set()  # whose name is no number and nobody else's
        for node in order:
            if node in known:
                clear |= {node} if times[self[node]] == 1 else set()
            elif node in self.numbers:
                self[node] = PLAIN.number(node.data).text
                clear.add(node)
            elif node._prev and clear.issuperset(node._prev) and (name := self._expression(node)) not in times:
                self[node] = name
                times[name] += 1
                self.expressions.add(node)
                clear.add(node)

    def _expression(self, node: Value) -> str:
        """A short expression for a node, or else the name that it has."""
        few = len(node._prev) <= 2 * MOST_PRODUCTS and sum(len(self[v]) for v in node._prev) < LONGEST_EXPRESSION
        if not few or not (formula_of(node) or node._op.isidentifier()):
            return self[node]
        written = self.formula(node).text
        return written if len(written) <= LONGEST_EXPRESSION else self[node]

    def formula(self, node: Value, style: Style = PLAIN) -> Written:
        """The operation that made a node, on the names of its operands; a long dot product is cut in the middle."""
        row, operands = formula_of(node), node._prev
        if row is None:
            few = operands if len(operands) <= 2 * MOST_PRODUCTS else (*operands[:2], None, operands[-1])
            shown = [self.written(operand, style).text if operand is not None else style.dots for operand in few]
            return Written(f'{style.name(node._op)}({", ".join(shown)})')
        if node._op != 'dot':
            pieces = [self.written(operand, style) for operand in operands]
            return write(parse(row.formula), dict(zip(row.operands, pieces, strict=True)), style)
        half = len(operands) // 2
        places = range(half) if half <= MOST_PRODUCTS else (0, 1, half - 1)
        terms = [write(('*', 'w', 'x'), {'w': self.written(operands[i], style), 'x': self.written(
            operands[half + i], style)}, style).text for i in places]
        terms[2:2] = [style.dots] if half > MOST_PRODUCTS else []
        return Written(style.sum(terms), SUM if half > 1 else PRODUCT)

    def written(self, node: Value, style: Style = PLAIN) -> Written:
        """A node's name as a piece of a formula."""
        if node in self.expressions:
            return self.formula(node, style)
        if node in self.numbers:
            return style.number(node.data)
        signs = set(ARITHMETIC.findall(self[node]))
        return Written(style.name(self[node]), SUM if signs & set('+-−') else PRODUCT if signs else ATOM)

    def atom(self, node: Value, style: Style = PLAIN) -> str:
        """A node's name, in parentheses where it is an expression that needs them."""
        return style.within(self.written(node, style), ATOM)

    def derivative(self, of: Value, by: Value, style: Style = PLAIN, use: int = 0) -> str:
        """∂of/∂by, or the part of it that comes from one use of the operand `by` in `of`, as `uses` counts them."""
        operand = self.atom(by, style)
        return style.derivative(self.atom(of, style), style.use(operand, use) if use else operand)


def names_of(order: Sequence[Value], names: Mapping[str, object] | bool, depth: int) -> Names:
    """The names of a graph's nodes. names and depth: as for `naming.node_names`."""
    return Names(order, node_names(order, names, depth + 1))


def uses(node: Value) -> list[int]:
    """For each operand of a node, which use of it that is, counted from 1; 0 where it is the only one."""
    if len(set(node._prev)) == len(node._prev):
        return [0] * len(node._prev)
    times, so_far = Counter(node._prev), Counter[Value]()
    numbers = []
    for operand in node._prev:
        so_far[operand] += 1
        numbers.append(so_far[operand] if times[operand] > 1 else 0)
    return numbers
