"""micrograd: scalar automatic differentiation to teach and to learn backpropagation with."""

import importlib
import sys
from typing import TYPE_CHECKING, Any

from micrograd.engine import Value, dot

if TYPE_CHECKING:
    from micrograd.compiler import compile
    from micrograd.graph.gradients import gradients
    from micrograd.show.draw import draw_dot
    from micrograd.show.explain import explain
    from micrograd.show.gradcheck import gradcheck
    from micrograd.show.network import draw_network
    from micrograd.show.player import play
    from micrograd.show.playground import playground

__all__ = ['Value', 'compile', 'dot', 'draw_dot', 'draw_network', 'explain', 'gradcheck', 'gradients', 'play',
           'playground']
__version__ = '2.0.0'
# The rest of the face, by where it is: imported when it is asked for, so that the engine alone needs nothing.
_LATER = {'compile': 'compiler', 'draw_dot': 'show.draw', 'draw_network': 'show.network',
          'explain': 'show.explain', 'gradcheck': 'show.gradcheck', 'gradients': 'graph.gradients',
          'play': 'show.player', 'playground': 'show.playground'}


if sys.platform == 'emscripten':
    from micrograd.graph import freeing
    freeing.one_after_another()


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    thing = getattr(importlib.import_module(f'{__name__}.{_LATER[name]}'), name)
    globals()[name] = thing  # asked for once
    return thing


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
