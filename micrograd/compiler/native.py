"""The 'native' backend: a program as machine code, by llvmlite.

No optimisation passes run: the program is straight-line code without a common subexpression already, and they would
only make compiling it slower than linear. No fast-math: every operation is rounded as Python rounds it, and a single
sample calls the same libm as Python, so its results are the engine's to the last bit. For more of them there are two
differences. Where loops take the place of layers (layers.py), the products in a sum are not rounded, if the processor
has an instruction for that. And the mean over the samples is taken in another order: lane l of a vector adds up the
samples l, l + LANES, l + 2 LANES, …, of a block for the weights of layers, of the batch elsewhere, and then
neighbouring lanes are added; of a large batch each half has a mean of its own. The same batch gives the same bits every
time, by however many threads. Functions such as exp are glibc's libmvec's there, or libm's where there is none, and
tanh is our own, all to within 4 units in the last place.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import marshal
import math
import struct
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from numbers import Real
from typing import Any

import numpy as np

from micrograd.compiler.collector import held_back
from micrograd.compiler.ir import FRAME, Kernel
from micrograd.compiler.layers import Layers, layers_of
from micrograd.compiler.machine import machine
from micrograd.compiler.operations import OPERATIONS
from micrograd.compiler.python import ADDING
from micrograd.engine import Value
from micrograd.graph.program import Program

SHORT = 1_000_000  # operations, some 100 µs
SPLIT = 100 * SHORT  # operations, some 10 ms, from which a batch is computed in parts
PARTS = 2  # which as many threads may share: each adds up all gradients
BLOCKS = 8  # samples that a kernel takes at a time; in fewer of these, the parts would cost too much
LARGE = 1_500  # operands, from which loops take the place of layers
HUGE = 50_000  # operations outside of loops, from which the code generator does not optimise: it would take too long
KEPT = 200_000  # operations of programs whose code is kept, in case that they are compiled again
WRITTEN_OUT = 2_000  # parameters
MANY = 20_000  # parameters, from which to copy them takes longer than to find out where they are


class Code:
    """The machine code of a program: a kernel for one sample and one for many, compiled when they are first needed."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.owners: list[Any] = []
        self.kernels: dict[int, tuple[int, Kernel]] = {}
        self.lock = threading.RLock()

    @functools.cached_property
    def layers(self) -> Layers | None:
        """The layers, where the program is large enough to have loops."""
        return layers_of(self.program, LARGE)

    def kernel(self, lanes: int) -> tuple[int, Kernel]:
        """The address and the description of the kernel for so many lanes."""
        with self.lock, held_back():
            if lanes not in self.kernels:
                left = len(self.layers.order if self.layers else self.program.steps)
                kernel = Kernel(self.program, lanes, machine().lanes, machine().vectorized, self.layers)
                code = machine().code(kernel.ir, 1 if left < HUGE else 0)
                self.owners.append(code)
                self.kernels[lanes] = code.get_function_address(f'kernel_{lanes}'), kernel
        return self.kernels[lanes]


class Codes:
    """The code of the programs that were compiled last, by what is in them: whoever runs a notebook's cell again finds
    it there."""

    def __init__(self) -> None:
        self.found: OrderedDict[bytes, Code] = OrderedDict()
        self.lock = threading.Lock()

    def of(self, program: Program) -> Code:
        ops, operands = zip(*program.steps) if program.steps else ((), ())
        if unknown := set(ops) - OPERATIONS:
            raise NotImplementedError(f'the native backend has no {min(unknown)!r}')
        content = program.inputs, program.params, program.seed, program.output, program.gradients, ops, operands
        key = hashlib.sha256(marshal.dumps(content, 2)).digest()  # which tells 1 from 1.0, and 0.0 from -0.0
        with self.lock:
            code = self.found[key] = self.found.pop(key) if key in self.found else Code(program)
            while sum(len(code.program.steps) for code in self.found.values()) > KEPT and len(self.found) > 1:
                self.found.popitem(last=False)
        return code


CODES = Codes()


class NativeBackend:
    """Machine code, a sample in each SIMD lane; NaN and infinity pass through."""

    name = 'native'

    def __init__(self, program: Program, threads: int) -> None:
        self.program, self.lanes = program, machine().lanes
        self.code = CODES.of(program)
        self.local = threading.local()
        self.map = map if threads == 1 else ThreadPoolExecutor(threads).map
        self.pack = struct.Struct(f'{2 * program.params}d').pack_into
        self.unpack = struct.Struct(f'{program.params}d').unpack

    @functools.cached_property
    def values(self) -> tuple[Callable[..., None], Callable[..., None]]:
        """Functions that read Values into memory, and set their gradients from there."""
        return (written_out if self.program.params < WRITTEN_OUT else in_a_loop)(self.program.params)

    def means(self, params: Sequence[float], columns: Sequence[Any], count: int) -> tuple[float, Any]:
        """The mean over the samples of the output, and of each parameter's gradient."""
        frame = self._frame(columns, count)
        frame.theta[:] = params
        mean = self._mean(frame)
        return mean, frame.copy()

    def fast(self, theta: Any, inputs: Sequence[Any]) -> tuple[float, Any] | None:
        """The same for flat arrays of doubles, as many as the last time in this thread; None for anything else."""
        frame = self._filled(inputs) if type(theta) is np.ndarray else None
        if frame is None:
            return None
        if frame.pointers is not None and (found := frame.directly(theta)):
            return found
        try:
            frame.parameters[:] = theta
        except ValueError:
            return None
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
            self.values[0](self.pack, frame.memory, *values)
        except struct.error:
            for value in values:
                grad = 0.0 if value.grad is None else value.grad
                if not isinstance(value.data, Real) or not isinstance(grad, Real):
                    name = value.label or 'a parameter'
                    raise TypeError(f'{name} has a number and a gradient, not {value!r}') from None
                value.grad = grad
            self.values[0](self.pack, frame.memory, *values)

    def _add(self, values: Sequence[Value], frame: Frame) -> None:
        """Add what has been computed to the gradients as they have been read."""
        frame.before += frame.gradients
        self.values[1](self.unpack, frame.after, *values)

    def _filled(self, inputs: Sequence[Any]) -> Frame | None:
        """This thread's memory as it was used last, filled with arrays of as many doubles; None for other inputs."""
        try:
            frame: Frame = self.local.frame
            for row, column in zip(frame.rows, inputs, strict=True):
                row[:] = column
        except (AttributeError, TypeError, ValueError):
            return None
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
        address, kernel = self.code.kernel(1)
        one = Frame(self.program, kernel, address, 1)
        one.theta[:] = frame.theta
        whole = frame.count // self.lanes * self.lanes
        total = np.zeros_like(frame.out)
        with np.errstate(all='ignore'):
            if whole:
                frame.function(frame.parts[0][0], whole)
                total += frame.out * whole
            for sample in range(whole, frame.count):
                for view, row in zip(one.views, frame.views, strict=True):
                    view[0] = row[sample]
                one.compute()
                total[:self.program.params + 1] += one.out[:self.program.params + 1]
            frame.out[:] = total / frame.count

    def outputs(self, params: Sequence[float], columns: Sequence[Any], count: int) -> Any:
        """The output for each sample."""
        frame = self._frame(columns, count)
        frame.theta[:] = params
        frame.compute()
        return frame.out[:count].copy()

    def _frame(self, columns: Sequence[Any], count: int) -> Frame:
        """This thread's memory, with the inputs in it."""
        frame: Frame | None = getattr(self.local, 'frame', None)
        if frame is None or frame.count != count:
            address, kernel = self.code.kernel(1 if count == 1 else self.lanes)
            frame = self.local.frame = Frame(self.program, kernel, address, count, self.map)
        for view, column in zip(frame.views, columns, strict=True):
            view[...] = column
        return frame


class Frame:
    """The memory that a kernel works in, for one thread and so many samples."""

    def __init__(self, program: Program, kernel: Kernel, code: int, count: int,
                 map: Callable[..., Iterable[float]] = map) -> None:
        self.count, lanes = count, kernel.lanes
        vectors = -(-count // lanes)
        stride = (vectors | 1) * lanes  # an even number of cache lines would have many rows fall on the same few
        numbers = _aligned(2 * program.params)  # of the parameters, and their gradients so far
        self.theta, self.before = numbers[:program.params], numbers[program.params:]
        self.memory, self.after = numbers.data, self.before.data
        x = _aligned(program.inputs * stride)
        self.views = [row[:count] for row in x.reshape(program.inputs, stride)]
        # These take doubles, as many as there were, and nothing else.
        self.parameters, self.rows = self.theta.data, [view.data for view in self.views]
        self.out = _aligned(max(kernel.results, vectors * lanes))
        self.gradients = self.out[:program.params]
        self.copy = self.gradients.copy
        work = count * len(program.steps)
        split = work >= SPLIT and vectors * lanes >= BLOCKS * kernel.block
        starts = [vectors * part // PARTS * lanes for part in range(PARTS)] if split else [0]
        self.owned: list[Any] = [numbers, x]
        self.outs = [self.out]  # of each part; but without gradients, all outputs are in the first
        self.parts: list[tuple[ctypes.c_void_p, ctypes.c_int64]] = []  # what the kernel is called with
        for start, end in zip(starts, [*starts[1:], count], strict=True):
            if start and program.gradients:
                self.outs.append(_aligned(len(self.out)))
            out = self.outs[-1] if program.gradients else self.out[start:]
            memory = numbers, x[start:], _aligned(kernel.slots), _aligned(kernel.sums), out
            theta, inputs, *others = (part.ctypes.data for part in memory)
            fields = np.array([theta, inputs, stride, *others], dtype=np.int64)  # in FRAME's order
            self.owned += [*memory, fields]
            self.parts.append((ctypes.c_void_p(fields.ctypes.data), ctypes.c_int64(end - start)))
        # A short call keeps Python's lock: to give it to other threads and to get it back would take longer.
        self.short = work < SHORT
        kind = (ctypes.PYFUNCTYPE if self.short else ctypes.CFUNCTYPE)(ctypes.c_double, ctypes.c_void_p, ctypes.c_int64)
        self.function = kind(code)
        self.map = map
        self.compute = self._in_parts if split else functools.partial(self.function, *self.parts[0])
        self.pointers: Any = None if split or program.params < MANY else fields.copy()

    def directly(self, theta: Any) -> tuple[float, Any] | None:
        """The means of the output and of the gradients, in memory of their own, for parameters that are read where they
        are. None for what is no array of as many doubles, and where one of the means may be NaN."""
        layout = theta.flags
        if theta.dtype != float or theta.shape != self.theta.shape or not (layout.c_contiguous and layout.aligned):
            return None
        out = np.empty_like(self.out)
        out[len(theta):] = 0.0
        self.pointers[FRAME.index('theta')], self.pointers[FRAME.index('out')] = theta.ctypes.data, out.ctypes.data
        mean = self.function(self.pointers.ctypes.data, self.count)
        return None if math.isnan(mean) else (mean, out[:len(theta)])

    def _in_parts(self) -> float:
        """All parts, and then the means over all samples, which are added part by part."""
        found = list(self.map(self.function, *zip(*self.parts, strict=True)))
        shares = [size.value / self.count for _, size in self.parts]
        with np.errstate(all='ignore'):
            if len(self.outs) > 1:
                self.out *= shares[0]
                for out, share in zip(self.outs[1:], shares[1:], strict=True):
                    self.out += out * share
        return math.nan if any(map(math.isnan, found)) else self.out.item(len(self.theta))


def _aligned(size: int) -> Any:
    """So many numbers from the start of a cache line on."""
    memory = np.zeros(size + 8)
    start = -memory.ctypes.data % 64 // 8
    return memory[start:start + size]


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


def in_a_loop(count: int) -> tuple[Callable[..., None], Callable[..., None]]:
    """The same for so many that their names alone would take long to compile."""
    def read(pack: Callable[..., None], memory: memoryview, *values: Value) -> None:
        pack(memory, 0, *[value.data for value in values], *[value.grad for value in values])

    def write(unpack: Callable[..., Sequence[float]], memory: memoryview, *values: Value) -> None:
        for value, grad in zip(values, unpack(memory)):
            value.grad = grad

    return read, write
