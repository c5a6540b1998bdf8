"""micrograd: scalar automatic differentiation to teach and to learn backpropagation with."""

from typing import TYPE_CHECKING, Any

from micrograd.compiler import compile
from micrograd.engine import Value, dot
from micrograd.explain import explain
from micrograd.gradcheck import gradcheck
from micrograd.gradients import gradients

if TYPE_CHECKING:
    from micrograd.draw import draw_dot
    from micrograd.player import play

__all__ = ['Value', 'compile', 'dot', 'draw_dot', 'explain', 'gradcheck', 'gradients', 'play']
__version__ = '1.0.0'


def __getattr__(name: str) -> Any:
    """Import what draws only when it is asked for, so that the engine alone needs no graphviz."""
    if name == 'draw_dot':
        from micrograd.draw import draw_dot
        return draw_dot
    if name == 'play':
        from micrograd.player import play
        return play
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
