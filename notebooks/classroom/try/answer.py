"""What the page shows of an expression: a text of JSON in, a text of JSON out."""

import ast
import json
import math
from typing import Any
from unicodedata import normalize

import micrograd
from micrograd.command.expression import Evaluation
from micrograd.show.webassembly import use  # noqa: F401  which the page calls

GIVEN = (1.0, 2.0, -1.0, 0.5, 3.0, -2.0)  # what names without a number get, in their order
EXAMPLE = {'w': 1.0, 'x': 1.0, 'y': 2.0,  # but for those of the first lesson,
           'x1': 1.0, 'w1': -1.0, 'x2': 2.0, 'w2': 0.5, 'b': 0.5}  # and of a neuron that is not saturated
MOST = 60  # operations, beyond which a picture takes too long for a page that answers at once


def answer(question: str) -> str:
    """The answer to {'text': an expression, 'values': the texts of numbers}, with an 'error' where there is none."""
    asked = json.loads(question)
    names = free_names(asked['text'])
    numbers = {name: EXAMPLE.get(name, GIVEN[i % len(GIVEN)]) for i, name in enumerate(names)}
    found: dict[str, Any] = {'names': names, 'numbers': {name: f'{number:g}' for name, number in numbers.items()}}
    try:
        for name in names:
            if name in asked['values']:
                numbers[name] = number(name, asked['values'][name])
        found |= told(asked['text'], numbers)
    except (ValueError, ArithmeticError, RuntimeError, RecursionError) as error:
        found['error'] = str(error)
    return json.dumps(found)


def told(text: str, numbers: dict[str, float]) -> dict[str, Any]:
    output = Evaluation(text, numbers).output
    order = output.topological_order()
    leaves = [value for value in order if not value._prev and value.label]
    operations = sum(bool(value._prev) for value in order)
    found = {'tables': str(micrograd.explain(output, names=False)),
             'chain': [str(micrograd.explain(output, leaf, names=False)) for leaf in leaves[:12]],
             'python': micrograd.compile(output, [], leaves, names=False).source,
             'javascript': micrograd.compile(output, [], leaves, backend='javascript', names=False).source}
    if operations > MOST:
        return found | {'without': f'{operations} operations are too many to be drawn here: {MOST} are not.'}
    player = micrograd.play(output, names=False)
    svg = micrograd.draw_dot(output, names=False).pipe('svg', encoding='utf-8')
    return found | {'svg': svg[svg.index('<svg'):], 'player': player.html, 'height': player.height}


def free_names(text: str) -> list[str]:
    """The names in an expression that need a number, in their order; none where it cannot be read."""
    try:
        statements = ast.parse(text.strip()).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    assigned, found = set(), {}
    for statement in statements:
        nodes = list(ast.walk(statement))
        called = {id(node.func) for node in nodes if isinstance(node, ast.Call)}
        named = [node for node in nodes if isinstance(node, ast.Name) and id(node) not in called]
        for node in named:
            name = normalize('NFKC', node.id)
            if isinstance(node.ctx, ast.Load) and name not in assigned:
                found.setdefault(name, (node.lineno, node.col_offset))
        assigned |= {normalize('NFKC', node.id) for node in named if isinstance(node.ctx, ast.Store)}
    return sorted(found, key=lambda name: found[name])[:40]


def number(name: str, text: str) -> float:
    try:
        value = float(text.strip().replace('−', '-').replace(',', '.'))
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(f'{name} takes a number, such as 0.5, not {text.strip()[:40]!r}')
    return value
