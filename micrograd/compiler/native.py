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
import functools
import struct
import threading
from collections.abc import Callable, Mapping, Sequence
from numbers import Real
from typing import Any

import llvmlite.binding as llvm
import numpy as np

from micrograd.compiler.ir import Kernel
from micrograd.compiler.layers import Layers
from micrograd.compiler.python import ADDING
from micrograd.engine import Value
from micrograd.graph.program import Program

ARRAY, DOUBLE = np.ndarray, np.dtype(float)
SHORT = 1_000_000  # operations, some 100 µs
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
        self.layers = Layers(program) if sum(len(step.operands) for step in program.steps) > LARGE else None
        self.engines: list[Any] = []  # they own the machine code
        self.kernels: dict[int, tuple[int, Kernel]] = {}
        self.local = threading.local()
        self.lock = threading.Lock()
        self._kernel(1)
        self.read, self.write = written_out(program.params)
        self.pack = struct.Struct(f'{2 * program.params}d').pack_into
        self.unpack = struct.Struct(f'{program.params}d').unpack

    def means(self, params: Sequence[float], columns: Sequence[Any], count: int) -> tuple[float, Any]:
        """The mean over the samples of the output, and of each parameter's gradient."""
        frame = self._frame(columns, count)
        frame.theta[:] = params
        mean = self._mean(frame)
        return mean, frame.copy()

    def fast(self, theta: Any, inputs: Sequence[Any]) -> tuple[float, Any] | None:
        """The same for flat arrays of doubles, as many as the last time in this thread; None for anything else."""
        frame = self._filled(inputs)
        if frame is None or type(theta) is not ARRAY or theta.shape != frame.thetas:
            return None
        frame.theta[...] = theta
        mean = frame.compute()
        return mean if mean == mean else self._mean(frame), frame.copy()

    def accumulate(self, values: Sequence[Value], columns: Sequence[Any], count: int) -> float:
        """The mean of the output; the Values' gradients gain the means of theirs."""
        return self._accumulate(values, self._frame(columns, count))

    def fast_accumulate(self, values: Sequence[Value], inputs: Sequence[Any]) -> float | None:
        """The same for what `fast` takes."""
        frame = self._filled(inputs)
        return None if frame is None else self._accumulate(values, frame)

    def _accumulate(self, values: Sequence[Value], frame: Frame) -> float:
        if frame.short:  # then other threads wait for the computation as well: they could not run meanwhile anyway
            with ADDING:
                self._read(values, frame)
                mean = self._mean(frame)
                self._add(values, frame)
        else:
            self._read(values, frame)
            mean = self._mean(frame)
            with ADDING:
                self._read(values, frame)  # other threads may have added to the gradients meanwhile
                self._add(values, frame)
        return mean

    def _read(self, values: Sequence[Value], frame: Frame) -> None:
        """Put the Values' numbers and gradients into the memory; a gradient of None is 0."""
        try:
            self.read(self.pack, frame.memory, *values)
        except struct.error:
            for value in values:
                grad = 0.0 if value.grad is None else value.grad
                if not isinstance(value.data, Real) or not isinstance(grad, Real):
                    name = value.label or 'a parameter'
                    raise TypeError(f'{name} has a number and a gradient, not {value!r}') from None
                value.grad = grad
            self.read(self.pack, frame.memory, *values)

    def _add(self, values: Sequence[Value], frame: Frame) -> None:
        """Add what has been computed to the gradients as they have been read."""
        frame.before += frame.gradients
        self.write(self.unpack, frame.after, *values)

    def _filled(self, inputs: Sequence[Any]) -> Frame | None:
        """This thread's memory as it was used last, filled with arrays of the same lengths; None for other inputs."""
        try:
            frame: Frame = self.local.frame
        except AttributeError:
            return None
        if len(inputs) != self.program.inputs:
            return None
        shape = frame.shape
        for view, x in zip(frame.views, inputs):
            if type(x) is not ARRAY or x.dtype is not DOUBLE or x.shape != shape:
                return None
            view[...] = x
        return frame

    def _mean(self, frame: Frame) -> float:
        """The mean of the output, of the numbers that stand in the memory; those of the gradients are there then."""
        mean: float = frame.compute()
        if mean != mean:  # it says that one of the means may be NaN, not which
            if frame.count % self.lanes and frame.count > 1:
                self._sample_by_sample(frame)
            mean = frame.out.item(self.program.params)
        return mean

    def _sample_by_sample(self, frame: Frame) -> None:
        """The same again, where a NaN may come of the lanes beyond the last sample, whose seed is 0: 0 times infinity.
        So the samples that are no whole vector go through the scalar kernel."""
        address, kernel = self._kernel(1)
        one = Frame(self.program, kernel, address, self.lanes, 1)
        one.theta[:] = frame.theta
        whole = frame.count // self.lanes * self.lanes
        total = np.zeros_like(frame.out)
        with np.errstate(all='ignore'):
            if whole:
                frame.function(frame.address, whole)
                total += frame.out * whole
            for sample in range(whole, frame.count):
                for view, row in zip(one.views, frame.views, strict=True):
                    view[0] = row[sample]
                one.compute()
                total[:self.program.params + 1] += one.out[:self.program.params + 1]
            frame.out[:] = total / frame.count

    def outputs(self, columns: Sequence[Any], count: int) -> Any:
        """The output for each sample."""
        frame = self._frame(columns, count)
        frame.compute()
        return frame.out[:count].copy()

    def _frame(self, columns: Sequence[Any], count: int) -> Frame:
        """This thread's memory, with the inputs in it."""
        frame: Frame | None = getattr(self.local, 'frame', None)
        if frame is None or frame.count != count:
            address, kernel = self._kernel(1 if count == 1 else self.lanes)
            frame = self.local.frame = Frame(self.program, kernel, address, self.lanes, count)
        for view, column in zip(frame.views, columns, strict=True):
            view[...] = column
        return frame

    def _kernel(self, lanes: int) -> tuple[int, Kernel]:
        """The address and the description of the kernel for so many lanes, compiled when it is first asked for."""
        with self.lock:
            if lanes not in self.kernels:
                kernel = Kernel(self.program, lanes, self.vectorized, self.layers)
                machine = llvm.Target.from_default_triple().create_target_machine(
                    cpu=llvm.get_host_cpu_name(), features=self.features.flatten(), jit=True,
                    opt=1 if len(self.program.steps) - len(kernel.replaced) < LARGE else 0)
                engine = llvm.create_mcjit_compiler(llvm.parse_assembly(kernel.ir), machine)
                engine.finalize_object()
                self.engines.append(engine)
                self.kernels[lanes] = engine.get_function_address(f'kernel_{lanes}'), kernel
        return self.kernels[lanes]


class Frame:
    """The memory that a kernel works in, for one thread and so many samples."""

    def __init__(self, program: Program, kernel: Kernel, code: int, lanes: int, count: int) -> None:
        self.count, self.shape = count, (count,)
        stride = -(-count // lanes) * lanes
        results = -(-(program.params + 1) // lanes) * lanes
        numbers = _aligned(2 * program.params)  # of the parameters, and their gradients so far
        self.theta, self.before = numbers[:program.params], numbers[program.params:]
        self.memory, self.after = numbers.data, self.before.data
        x = _aligned(program.inputs * stride)
        self.views = [row[:count] for row in x.reshape(program.inputs, stride)]
        self.out = _aligned(max(results, stride))
        self.gradients = self.out[:program.params]
        self.copy, self.thetas = self.gradients.copy, self.theta.shape
        slots, sums = _aligned(len(kernel.slots) * kernel.block), _aligned(results * lanes)
        self.owned = numbers, x, slots, sums
        self.fields = np.array([numbers.ctypes.data, x.ctypes.data, stride, slots.ctypes.data, sums.ctypes.data,
                                self.out.ctypes.data], dtype=np.int64)  # in FRAME's order
        self.address = self.fields.ctypes.data
        # A short call keeps Python's lock: to give it to other threads and to get it back would take longer.
        self.short = count * len(program.steps) < SHORT
        kind = (ctypes.PYFUNCTYPE if self.short else ctypes.CFUNCTYPE)(ctypes.c_double, ctypes.c_void_p, ctypes.c_int64)
        self.function = kind(code)
        self.compute = functools.partial(self.function, ctypes.c_void_p(self.address), ctypes.c_int64(count))


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


def written_out(count: int) -> tuple[Callable[..., None], Callable[..., None]]:
    """Functions that pack the numbers and gradients of so many Values into memory, and set the gradients from there:
    without a loop, they take a third of the time."""
    names = [f'p{number}' for number in range(count)]
    arguments = ', '.join(names)
    namespace: dict[str, Any] = {}
    exec('\n'.join([
        f'def read(pack, memory, {arguments}):',
        f'    pack(memory, 0, {"".join(f"{name}.{slot}, " for slot in ("data", "grad") for name in names)})',
        f'def write(unpack, memory, {arguments}):',
        f'    {"".join(f"{name}.grad, " for name in names) or "()"} = unpack(memory)']), namespace)
    return namespace['read'], namespace['write']
