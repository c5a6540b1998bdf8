"""The 'native' backend: a program as machine code, by llvmlite.

No optimisation passes run: the program is straight-line code without a common subexpression already, and they would
only make compiling it slower than linear. No fast-math and no fused multiply-add: every operation is rounded as
Python rounds it. A single sample takes a scalar kernel that calls the same libm as Python, so its results are the
engine's to the last bit. For more of them, lane l of a vector adds up the samples l, l + LANES, l + 2 LANES, …, and
then neighbouring lanes are added, so that the same batch gives the same bits every time. Functions such as tanh are
glibc's libmvec's there, to within 4 units in the last place, or libm's where there is none.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Mapping, Sequence
from typing import Any

import llvmlite.binding as llvm
import numpy as np

from micrograd.compiler.ir import Kernel
from micrograd.compiler.program import Program

LARGE = 5_000  # operations, from which the code generator does not optimise: it would take too long
LIBM = ('exp', 'log', 'sin', 'cos', 'tanh', 'pow')
# By the processor's feature: how many doubles a vector has, and what libmvec puts before the names of its functions.
VECTORS = {'avx512f': (8, '_ZGVeN8'), 'avx2': (4, '_ZGVdN4'), '': (2, '')}


class NativeBackend:
    """Machine code, a sample in each SIMD lane; NaN and infinity pass through."""

    name = 'native'

    def __init__(self, program: Program) -> None:
        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
        self.program = program
        self.features = llvm.get_host_cpu_features()
        self.lanes, prefix = next(found for name, found in VECTORS.items() if not name or self.features.get(name))
        self.vectorized = _libmvec(prefix)
        self.engines: list[Any] = []  # they own the machine code
        self.kernels: dict[int, tuple[Any, Kernel]] = {}
        self.local = threading.local()
        self.lock = threading.Lock()
        self._kernel(1)

    def means(self, params: Sequence[float], columns: Sequence[Any], count: int) -> tuple[float, Any]:
        """The mean over the samples of the output, and of each parameter's gradient."""
        frame = self._run(params, columns, count)
        gradients = frame.out[:self.program.params].copy()
        return float(frame.out[self.program.params]), gradients

    def outputs(self, columns: Sequence[Any], count: int) -> Any:
        """The output for each sample."""
        return self._run((), columns, count).out[:count].copy()

    def _run(self, params: Sequence[float], columns: Sequence[Any], count: int) -> Frame:
        lanes = 1 if count == 1 else self.lanes
        function, kernel = self.kernels.get(lanes) or self._kernel(lanes)
        frame = getattr(self.local, 'frame', None)
        if frame is None or frame.capacity < count:
            frame = self.local.frame = Frame(self.program, kernel, self.lanes, count)
        frame.theta[:] = params
        for row, column in zip(frame.rows, columns, strict=True):
            row[:count] = column
        function(frame.address, count)
        return frame

    def _kernel(self, lanes: int) -> tuple[Any, Kernel]:
        """The kernel for so many lanes, compiled the first time that it is asked for."""
        with self.lock:
            if lanes not in self.kernels:
                kernel = Kernel(self.program, lanes, self.vectorized)
                machine = llvm.Target.from_default_triple().create_target_machine(
                    cpu=llvm.get_host_cpu_name(), features=self.features.flatten(), jit=True,
                    opt=1 if len(self.program.steps) < LARGE else 0)
                engine = llvm.create_mcjit_compiler(llvm.parse_assembly(kernel.ir), machine)
                engine.finalize_object()
                self.engines.append(engine)
                function = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64)
                self.kernels[lanes] = function(engine.get_function_address(f'kernel_{lanes}')), kernel
        return self.kernels[lanes]


class Frame:
    """The memory that a kernel works in, for one thread and up to so many samples."""

    def __init__(self, program: Program, kernel: Kernel, lanes: int, count: int) -> None:
        self.capacity = -(-count // lanes) * lanes
        results = -(-(program.params + 1) // lanes) * lanes
        self.theta = _aligned(program.params)
        x = _aligned(program.inputs * self.capacity)
        self.rows = list(x.reshape(program.inputs, self.capacity))
        self.out = _aligned(max(results, self.capacity))
        self.work = _aligned(len(kernel.slots) * lanes), _aligned(results * lanes)
        theta, inputs, slots, sums, out = (a.ctypes.data for a in (self.theta, x, *self.work, self.out))
        self.fields = np.array([theta, inputs, self.capacity, slots, sums, out], dtype=np.int64)  # in FRAME's order
        self.address = self.fields.ctypes.data


def _aligned(size: int) -> Any:
    """So many numbers from the start of a cache line on."""
    memory = np.zeros(size + 8)
    start = -memory.ctypes.data % 64 // 8
    return memory[start:start + size]


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
