"""The engine's operations as text that means the same to Values, to torch's tensors and to SymPy; and random graphs of
them, which reuse nodes."""

import operator
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from hypothesis import assume
from hypothesis import strategies as st
from needs import here, sympy, torch

import micrograd

METHODS = ('exp', 'log', 'sqrt', 'sin', 'cos', 'tanh', 'sigmoid', 'relu')

# Every operation of the engine, with a, b, c, d for its operands and n for a plain number.
OPERATIONS = (
    'a + b', 'a + n', 'n + a', 'a - b', 'a - n', 'n - a', 'a * b', 'a * n', 'n * a', 'a / b', 'a / n', 'n / a',
    'a ** b', 'a ** n', 'n ** a', '-a', 'abs(a)', *(f'{name}(a)' for name in METHODS),
    'dot([a, b], [c, d])', 'dot([a, n], [b, c])', 'dot([n, a, b], [c, n, d])',
)

REALS = (-30.0, -2.5, -1.0, -0.3, 0.0, 0.4, 1.0, 3.0, 25.0)
POSITIVE = (0.05, 0.3, 1.0, 2.5, 40.0)
NONZERO = tuple(x for x in REALS if x)
FEW = (-1.5, 0.0, 0.7)

# Every operation, with plain numbers and repeated operands too, and points of the domain of each of its operands.
DOMAINS = {
    'a + b': (REALS, REALS), 'a + 3': (REALS,), '3 + a': (REALS,), 'a + a': (REALS,),
    'a - b': (REALS, REALS), 'a - 3': (REALS,), '3 - a': (REALS,), 'a - a': (REALS,),
    'a * b': (REALS, REALS), 'a * 3': (REALS,), '3 * a': (REALS,), 'a * a': (REALS,),
    'a / b': (REALS, NONZERO), 'a / 3': (REALS,), '3 / a': (NONZERO,), 'a / a': (NONZERO,),
    'a ** b': (POSITIVE, REALS), '3 ** a': (REALS,), 'a ** 3': (REALS,), 'a ** 2': (REALS,), 'a ** 1': (REALS,),
    'a ** 0': (REALS,), 'a ** -2': (NONZERO,), 'a ** 2.5': (POSITIVE,), 'a ** a': (POSITIVE,),
    '-a': (REALS,), 'abs(a)': (REALS,), 'exp(a)': (REALS,), 'log(a)': (POSITIVE,), 'sqrt(a)': (POSITIVE,),
    **{f'{name}(a)': (REALS,) for name in METHODS if name not in ('exp', 'log', 'sqrt')},
    'dot([a, b], [c, d])': (FEW,) * 4, 'dot([a, 2], [0.5, b])': (FEW,) * 2, 'dot([a, a, b], [a, b, 3])': (FEW,) * 2,
}


def tensor(number: float) -> Any:
    """A float64 leaf of torch."""
    return torch.tensor(number, dtype=torch.float64, requires_grad=True)


def leaf(number: float) -> Any:
    """What graphs are tried out with: tensors, and Values where there is no torch."""
    return tensor(number) if here('torch') else micrograd.Value(number)


def dot(ws: Iterable[Any], xs: Iterable[Any]) -> Any:
    """The inner product: micrograd's where there is a Value, otherwise torch's."""
    ws, xs = list(ws), list(xs)
    if any(isinstance(v, micrograd.Value) for v in ws + xs):
        return micrograd.dot(ws, xs)
    return torch.dot(*(torch.stack([torch.as_tensor(v, dtype=torch.float64) for v in vs]) for vs in (ws, xs)))


def method(name: str) -> Callable[..., Any]:
    """A function of a Value or a tensor; torch has some of them in `torch.nn.functional` alone."""
    return lambda a: getattr(a, name)() if hasattr(a, name) else getattr(torch.nn.functional, name)(a)


# What the functions' names stand for, among Values and tensors; and among SymPy's expressions.
FUNCTIONS: dict[str, Callable[..., Any]] = {
    'abs': abs, 'dot': dot, **{name: method(name) for name in METHODS},
}
SYMPY: dict[str, Callable[..., Any]] = {
    'abs': sympy.Abs, 'exp': sympy.exp, 'log': sympy.log, 'sqrt': sympy.sqrt, 'sin': sympy.sin, 'cos': sympy.cos,
    'tanh': sympy.tanh, 'sigmoid': lambda x: 1 / (1 + sympy.exp(-x)),
    'relu': lambda x: sympy.Piecewise((x, x > 0), (0, True)), 'dot': lambda ws, xs: sum(map(operator.mul, ws, xs)),
}


def evaluate(text: str, names: Mapping[str, Any], functions: Mapping[str, Callable[..., Any]] = FUNCTIONS) -> Any:
    """What an expression such as 'exp(a) * b' comes to, given what its names stand for."""
    return eval(text, {'__builtins__': {}, **functions, **names})


@dataclass(frozen=True)
class Graph:
    """A program: the numbers of the leaves by name, then one operation a step by name; the last name is the root."""

    leaves: dict[str, float]
    steps: dict[str, str]

    def run(self, leaves: Mapping[str, Any], functions: Mapping[str, Callable[..., Any]] = FUNCTIONS) -> dict[str, Any]:
        """Every node by name, leaves first and the root last."""
        nodes = dict(leaves)
        for name, text in self.steps.items():
            nodes[name] = evaluate(text, nodes, functions)
        return nodes

    def values(self) -> dict[str, micrograd.Value]:
        """Every node as a micrograd Value; the leaves are labelled with their names."""
        return self.run({name: micrograd.Value(number, label=name) for name, number in self.leaves.items()})

    def tensors(self) -> dict[str, Any]:
        """Every node as a float64 tensor of torch, each of which keeps its gradient."""
        nodes = self.run({name: tensor(number) for name, number in self.leaves.items()})
        for node in nodes.values():
            node.retain_grad()
        return nodes

    def gradients(self) -> list[float]:
        """The gradient of every node, by torch, or by micrograd where there is none."""
        nodes = self.tensors() if here('torch') else self.values()
        nodes[self.root].backward()
        return [node.grad if isinstance(node, micrograd.Value) else node.grad.item() for node in nodes.values()]

    @property
    def root(self) -> str:
        """The name of the last node."""
        return list(self.leaves | self.steps)[-1]

    @property
    def source(self) -> str:
        """The program as text, one statement a line."""
        return '\n'.join(f'{name} = {text}' for name, text in {**self.leaves, **self.steps}.items())

    def __repr__(self) -> str:
        return f'\n{self.source}\n'


def _safe(text: str, operands: Mapping[str, Any], result: Any) -> bool:
    """Whether the operation stays well inside its domain, away from its kinks, and so do the ones that use it.

    Every number lies within 0.1 … 20, or is the 0 of a relu. What torch cannot compute comes out as nan or infinity.
    """
    if text == 'a ** b' and operands['a'].item() <= 0:
        return False
    if text == 'relu(a)' and operands['a'].item() < 0:
        return True
    return 0.1 <= abs(result.item()) <= 20


@st.composite
def graphs(draw: st.DrawFn, max_leaves: int = 4, max_steps: int = 12, operations: Iterable[str] = OPERATIONS) -> Graph:
    """A random Graph. Operands are drawn from all the nodes before, so that they are reused, also within one operation;
    what nothing uses is added up at the end, so that the root depends on every node."""
    magnitude, sign = st.floats(0.1, 3).map(lambda x: round(x, 3)), st.sampled_from((1, -1))
    numbers = draw(st.lists(st.builds(float.__mul__, magnitude, sign.map(float)), min_size=1, max_size=max_leaves))
    leaves = {f'v{i}': number for i, number in enumerate(numbers)}
    nodes: dict[str, Any] = {name: leaf(number) for name, number in leaves.items()}
    steps: dict[str, str] = {}
    loose = dict.fromkeys(leaves)

    def add(text: str, names: Mapping[str, str], result: Any) -> None:
        name = f'v{len(nodes)}'
        steps[name] = re.sub(r'\b[abcdn]\b', lambda match: names[match[0]], text)
        nodes[name] = result
        for used in names.values():
            loose.pop(used, None)
        loose[name] = None

    for text in draw(st.lists(st.sampled_from(tuple(operations)), max_size=max_steps)):
        letters = sorted(set(re.findall(r'\b[abcdn]\b', text)))
        number = draw(st.sampled_from((-2, -1.5, -1, 0.5, 1, 2, 2.5, 3))) if 'n' in letters else 0
        names = {letter: draw(st.sampled_from([*nodes, *loose])) for letter in letters if letter != 'n'}
        operands = {'n': number, **{letter: nodes[name] for letter, name in names.items()}}
        try:
            result = evaluate(text, operands)
        except (ArithmeticError, ValueError):  # which tensors do not raise
            continue
        if _safe(text, operands, result):
            add(text, {**names, 'n': f'({number})' if number < 0 else f'{number}'}, result)
    while len(loose) > 1:
        a, b = list(loose)[:2]
        add('a + b', {'a': a, 'b': b}, nodes[a] + nodes[b])

    graph = Graph(leaves, steps)
    # Beyond 1e4, rounding shows in the digits compared.
    assume(all(abs(gradient) < 1e4 for gradient in graph.gradients()))
    return graph
