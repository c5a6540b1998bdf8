"""micrograd: scalar automatic differentiation to teach and to learn backpropagation with."""

from micrograd.draw import draw_dot
from micrograd.engine import Value, dot

__all__ = ['Value', 'dot', 'draw_dot']
__version__ = '1.0.0'
