"""What each function of `formulas.py` is in JavaScript: said here once, for the compiled code and for the pages."""

from __future__ import annotations

from collections.abc import Iterable

IN_JAVASCRIPT = {
    'abs': 'Math.abs', 'exp': 'Math.exp', 'log': 'Math.log', 'sqrt': 'Math.sqrt', 'sin': 'Math.sin', 'cos': 'Math.cos',
    'tanh': 'Math.tanh',
    'sigmoid': 'a => { const small = Math.exp(-Math.abs(a)); return (a >= 0 ? 1 : small) / (1 + small); }',
    'relu': 'a => a < 0 ? 0 : a',
    'sign': 'a => (a > 0) - (a < 0)',
    'step': 'a => Number(a > 0)',
    'log0': 'a => a === 0 ? 0 : Math.log(a)',  # 0 ** b does not change with b
}


def javascript(names: Iterable[str]) -> str:
    """These functions as one object, `FUNCTIONS`, in the text of a script."""
    return 'const FUNCTIONS = {\n' + ''.join(f'  {name}: {IN_JAVASCRIPT[name]},\n' for name in names) + '};\n'
