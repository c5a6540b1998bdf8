"""Python's garbage collector, held back while a graph becomes code."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def held_back() -> Iterator[None]:
    """Without collections meanwhile: of hundreds of thousands of small tuples, none of which are garbage, each would
    look at all that there are so far, which makes half of the time. What has been made counts as old afterwards, so
    that the first collection does not do that either; to freeze and to unfreeze is how one says so."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        if not gc.get_freeze_count():  # else something has been frozen that is to stay so
            gc.freeze()
            gc.unfreeze()
        gc.enable()
