"""This machine: what its processor can do, and LLVM IR as its code."""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Mapping
from typing import Any

import llvmlite.binding as llvm

LIBM = ('exp', 'log', 'sin', 'cos', 'pow')
# By the processor's feature: how many doubles a vector has, and what libmvec puts before the names of its functions.
VECTORS = {'avx512f': (8, '_ZGVeN8'), 'avx2': (4, '_ZGVdN4'), '': (2, '')}


class Machine:
    """lanes: how many doubles a vector has. vectorized: libmvec's functions for so many, by their names in libm."""

    def __init__(self) -> None:
        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
        self.features = llvm.get_host_cpu_features()
        self.lanes, prefix = next(found for name, found in VECTORS.items() if not name or self.features.get(name))
        self.vectorized = _libmvec(prefix)
        self._target(0)  # what LLVM cannot do here is known at once

    def code(self, ir: str, optimise: int) -> Any:
        """What owns the machine code of some IR, and knows the addresses of its functions."""
        engine = llvm.create_mcjit_compiler(llvm.parse_assembly(ir), self._target(optimise))
        engine.finalize_object()
        return engine

    def _target(self, optimise: int) -> Any:
        return llvm.Target.from_default_triple().create_target_machine(
            cpu=llvm.get_host_cpu_name(), features=self.features.flatten(), jit=True, opt=optimise)


@functools.cache
def machine() -> Machine:
    """The one that this process runs on. ImportError, RuntimeError or OSError where there is no code to be had for it.
    """
    return Machine()


def _libmvec(prefix: str) -> Mapping[str, str]:
    """The symbols of libmvec's functions by their names in libm; empty where there is no libmvec."""
    found = {}
    try:
        library = ctypes.CDLL('libmvec.so.1') if prefix else None
    except OSError:
        library = None
    for name in LIBM if library else ():
        symbol = f'{prefix}v{"v" if name == "pow" else ""}_{name}'
        if hasattr(library, symbol):
            address = ctypes.cast(getattr(library, symbol), ctypes.c_void_p).value
            llvm.add_symbol(symbol, address)
            found[name] = symbol
    return found
