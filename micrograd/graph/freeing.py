"""How a deep graph is freed where the stack is short, as in a browser. CPython needs none of this.

When a Value goes, so do its operands, if nothing else holds them, and theirs in turn, each freed inside the one before:
CPython cuts such a chain by itself, but in WebAssembly it ends the whole program from some two thousand operations on.
So it is with what Values and modules have as attributes.
"""

from __future__ import annotations

from typing import Any

from micrograd.engine import Value
from micrograd.nn import Module


def one_after_another() -> None:
    """Have Values and modules freed one after the other: each puts what it holds on a list, which the first of them
    empties."""
    waiting: list[Any] = []
    busy = False

    def free(self: Value | Module) -> None:
        nonlocal busy
        if self.__dict__:
            waiting.append(self.__dict__)
            object.__setattr__(self, '__dict__', {})
        if isinstance(self, Value) and hasattr(self, '_prev'):  # which has none where __init__ refused its number
            waiting.append((self._prev, self._local_gradients))
            self._prev, self._local_gradients = (), tuple
        if not busy:
            busy = True
            while waiting:
                waiting.pop()
            busy = False

    Value.__del__ = Module.__del__ = free  # type: ignore[attr-defined]
