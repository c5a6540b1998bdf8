"""What a lesson says where it cannot go on."""

from __future__ import annotations

import sys


class MissingError(ImportError):
    """Something that a whole lesson is about is not installed. A notebook stops there, and shows one line."""

    def _render_traceback_(self) -> list[str]:
        """What IPython shows in place of a traceback."""
        return [str(self)]


def numpy_is_missing() -> MissingError:
    """The error of a lesson about arrays where there is no NumPy.

    >>> numpy_is_missing()  # doctest: +ELLIPSIS
    MissingError('This lesson is about ...')
    """
    if sys.platform == 'emscripten':
        return MissingError('This lesson is about the arrays of NumPy, which is not here. '
                            'Its page among the lessons can be read, with all that it prints.')
    return MissingError('This lesson is about arrays, and needs NumPy: pip install numpy')
