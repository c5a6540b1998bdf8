"""Python's garbage collector, held back while a graph becomes code."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def held_back() -> Iterator[None]:
    """Without collections meanwhile: of hundreds of thousands of small tuples, none of which are garbage, each would
    look at all that there are so far, which makes half of the time."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
