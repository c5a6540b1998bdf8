"""A program as LLVM IR: a kernel that takes so many samples at a time, one in each lane of a SIMD vector."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Mapping, Sequence

from micrograd.compiler import matrices
from micrograd.compiler.builder import Function, Number, added_up, constant, vector
from micrograd.compiler.layers import Layers, Outer, Product
from micrograd.compiler.operations import Operations
from micrograd.compiler.pieces import Copy, Define, Pieces, Statement
from micrograd.graph.program import Operand, Program

BLOCKS = (128, 64, 32)  # samples that pass through a layer's loops together, where their numbers take no more than
PIECES = 50  # in a function: LLVM recurses over its loops, which on a small stack is the end at some hundreds
CACHE = 1 << 19  # bytes, or twice what the weights take, which each block reads again
FRAME = ('theta', 'x', 'stride', 'slots', 'sums', 'out')  # what a kernel's first argument points to, 8 bytes each
ARGUMENTS = ('ptr noalias %theta, ptr noalias %x, i64 %stride, ptr noalias %slots, ptr noalias %sums, '
             'ptr noalias %out, i64 %count, i64 %i')


class Kernel:
    """The IR of `kernel_LANES(frame, count)`, which computes `count` samples; with one lane, a single one.

    lanes: how many samples at a time, a power of 2. width: how many numbers the processor takes at a time. vectorized:
    the symbol of a function of libm for that many lanes.

    What a frame points to: theta, the parameters; x, the inputs, a row of `stride` numbers for each; slots, to work in,
    `slots` numbers; sums, likewise, `sums` numbers, which are 0 before and after; out, where the outputs go, one for
    each sample. With gradients, out gets the means over the samples instead, of each gradient and, last, of the output,
    which the kernel returns; or, with more lanes than one, it returns NaN if any of the means is NaN or infinite. out
    has room for `results` numbers.
    """

    def __init__(self, program: Program, lanes: int, width: int, vectorized: Mapping[str, str],
                 layers: Layers | None = None) -> None:
        self.program, self.lanes, self.width, self.vectorized = program, lanes, width, vectorized
        self.declared: dict[str, str] = {}
        self.plan = Pieces(program, layers)
        # The gradients that statements add to, and the output; each has a vector of sums where there are several lanes.
        places = sorted({statement.place for piece in self.plan.pieces if isinstance(piece, list)
                         for statement in piece if not isinstance(statement, (Define, Copy))})
        self.sum_of = {place: number for number, place in enumerate(places)}
        self.results = -(-(program.params + 1) // lanes) * lanes + lanes
        self.sums = -(-len(places) // lanes) * lanes * lanes
        large = layers is not None and bool(layers.products or layers.outers)
        room = max(CACHE, 16 * program.params)
        self.block = next((block for block in BLOCKS if 8 * self.plan.size * block <= room), 4 * lanes) \
            if large and lanes > 1 else lanes  # samples at a time
        # From one variable to the next in memory; at a power of 2, most would fall on the same few lines of a cache.
        self.pitch = self.block + lanes if self.block > lanes else lanes
        self.slots = self.plan.size * self.pitch
        self.started = {place for place, outer in self.plan.outers.items() if not outer.before}
        functions = [self._chunk(number, piece) for number, piece in enumerate(self.plan.pieces)
                     if isinstance(piece, list)]
        loops = [matrices.functions(lanes, width)] if large else []
        if lanes > 1:
            kind = vector(lanes)
            self.declared['fmuladd'] = f'declare {kind} @llvm.fmuladd.v{lanes}f64({kind}, {kind}, {kind})'
            self.declared['fmuladd1'] = 'declare double @llvm.fmuladd.f64(double, double, double)'
        self.starts = range(0, len(self.plan.pieces), PIECES)
        self.ir = '\n\n'.join([*functions, *loops, *map(self._part, self.starts), self._kernel(), *self._table(places),
                               *self.declared.values()])

    # The statements, of one vector of samples at a time.

    def _chunk(self, number: int, statements: Sequence[Statement]) -> str:
        """A function that carries out the statements."""
        # Aligned to 64 bytes, the registers that are kept on the stack do not straddle cache lines.
        chunk = Chunk(self, f'internal void @chunk{number}({ARGUMENTS}) alignstack(64)')
        for statement in statements:
            chunk.carry_out(statement)
        return chunk.text()

    # The kernel, which calls them.

    def _kernel(self) -> str:
        """The kernel: every row of inputs is filled up to whole vectors with its last number; then piece after piece
        for a block of samples, and block after block; then the means."""
        f = Function(f'double @kernel_{self.lanes}(ptr %frame, i64 %count)', self.lanes)
        for place, name in enumerate(FRAME):
            at = f.address('%frame', place)
            f.do(f'%{name} = load {"i64" if name == "stride" else "ptr"}, ptr {at}')
        if self.lanes == 1:
            self._block(f, '0', '1')
        else:
            last = f.whole('sub', '%count', 1)
            self.end = f.whole('add', f.whole('and', last, -self.lanes), self.lanes)
            self._fill_up(f, last)
            if self.plan.outers:
                f.each(0, 1, len(self.sum_of), lambda i: f.store(constant(0.0), self._place(f, i), 1))
            f.each(0, self.block, '%count', lambda b: self._block(f, b, self._size(f, b)))
        if not self.program.gradients:
            return f.text(f'double {constant(0.0)}')
        return f.text(f'double {self._means(f) if self.lanes > 1 else f.load(f.address("%out", self.program.params))}')

    def _fill_up(self, f: Function, last: Number) -> None:
        def row(number: str) -> None:
            start = f.address('%x', f.whole('mul', number, '%stride'))
            x = f.load(f.address(start, last), 1)
            f.each('%count', 1, self.end, lambda j: f.store(x, f.address(start, j), 1))

        f.each(0, 1, self.program.inputs, row)

    def _size(self, f: Function, b: str) -> str:
        """How many samples there are in the block that begins with sample b."""
        left = f.whole('sub', self.end, b)
        return f.emit(f'select i1 {f.emit(f"icmp slt i64 {left}, {self.block}")}, i64 {left}, i64 {self.block}')

    def _block(self, f: Function, b: str, size: str) -> None:
        """All pieces for so many samples, from sample b on."""
        for start in self.starts:
            f.do(f'call void @part{start}(ptr %theta, ptr %x, i64 %stride, ptr %slots, ptr %sums, ptr %out, '
                 f'i64 %count, i64 {b}, i64 {size})')

    def _part(self, start: int) -> str:
        """A function that does so for some pieces, one after the other."""
        f = Function(f'internal void @part{start}({ARGUMENTS}, i64 %size)', self.lanes)
        pieces = self.plan.pieces[start:start + PIECES]
        pairs = max([len(piece.pairs) for piece in pieces if isinstance(piece, Outer)], default=0)
        self.pairs = f.emit(f'alloca i64, i64 {4 * pairs}') if pairs else ''
        for number, piece in enumerate(pieces, start):
            if isinstance(piece, Product):
                self._product(f, piece, '%i', '%size')
            elif isinstance(piece, Outer):
                self._outer(f, piece, '%i', '%size')
            elif self.block == self.lanes:
                self._call(f, number, '%i', 0)
            else:
                f.each(0, self.lanes, '%size', functools.partial(self._call, f, number, '%i'))
        return f.text()

    def _call(self, f: Function, number: int, b: str, i: Number) -> None:
        """The call of a chunk for the samples from b + i on."""
        f.do(f'call void @chunk{number}(ptr %theta, ptr %x, i64 %stride, ptr {f.address("%slots", i)}, ptr %sums, '
             f'ptr %out, i64 %count, i64 {f.whole("add", b, i)})')

    def _product(self, f: Function, layer: Product, b: str, size: str) -> None:
        rows, (out, _) = len(layer.outputs), self._vector(f, layer.outputs, b)
        left, more = 0, bool(layer.before)
        for first, row, column, columns in layer.segments:
            w = f.address('%theta', first)
            x, pitch = self._vector(f, layer.inputs, b, left)
            if self.lanes == 1 and row == 1:  # the rows lie side by side, as samples do elsewhere
                call = (f'product(ptr {x}, i64 0, i64 {pitch}, ptr {w}, i64 {column}, ptr {out}, i64 0, i64 1, '
                        f'i64 {columns}, i64 {rows}')
            elif self.lanes == 1 < self.width and column == 1:
                call = f'across(ptr {w}, i64 {row}, ptr {x}, i64 {pitch}, ptr {out}, i64 {rows}, i64 {columns}'
            else:
                call = (f'product(ptr {w}, i64 {row}, i64 {column}, ptr {x}, i64 {pitch}, ptr {out}, i64 {self.pitch}, '
                        f'i64 {rows}, i64 {columns}, i64 {size}')
            f.do(f'call void @{call}, i1 {str(more).lower()})')
            left, more = left + columns, True

    def _outer(self, f: Function, layer: Outer, b: str, size: str) -> None:
        for number, one in enumerate(itertools.chain.from_iterable(layer.pairs)):
            start, pitch = self._vector(f, one, b)
            f.do(f'store ptr {start}, ptr {f.address(self.pairs, 2 * number)}')
            f.do(f'store i64 {pitch}, ptr {f.address(self.pairs, 2 * number + 1)}')
        ds, xs = layer.pairs[0]
        if self.lanes == 1:
            more = str(bool(layer.before)).lower()
        else:
            more = 'true' if layer.before or layer.after[0] else f.emit(f'icmp sgt i64 {b}, 0')
        f.do(f'call void @outer(ptr {self.pairs}, i64 {len(layer.pairs)}, ptr {f.address("%out", layer.first)}, '
             f'i64 {layer.stride}, i64 {len(ds)}, i64 {len(xs)}, i64 {size}, i1 {more})')

    def _vector(self, f: Function, variables: tuple[int, ...], b: str, left: int = 0) -> tuple[str, Number]:
        """The address of a vector, but for so many variables on its left, and how far one is from the next."""
        outside, start, step = self.plan.place(variables)
        if not outside:
            return f.address('%slots', (start + left * step) * self.pitch), step * self.pitch
        row = f.address('%x', f.whole('mul', '%stride', start + left * step))
        return f.address(row, b), f.whole('mul', '%stride', step)

    def _place(self, f: Function, number: Number) -> str:
        """The address, in out, of the mean that the sum with this number becomes."""
        if not self.plan.outers:
            return f.address('%out', number)
        return f.address('%out', f.emit(f'load i64, ptr {f.address("@places", number)}'))

    def _table(self, places: Sequence[int]) -> list[str]:
        """Where the sums belong; those that fill up the last vector go behind all results."""
        if not self.plan.outers or self.lanes == 1:
            return []
        places = [*places, *[self.results - 1] * (self.sums // self.lanes - len(places))]
        return [f'@places = internal constant [{len(places)} x i64] [{", ".join(f"i64 {p}" for p in places)}]']

    def _means(self, f: Function) -> str:
        """The sums over the lanes, LANES of them at once, neighbouring lanes added first; and then all the means."""
        def group(g: str) -> None:
            vectors = []
            for lane in range(self.lanes):
                address = f.address('%sums', f.whole('mul', f.whole('add', g, lane), self.lanes))
                vectors.append(f.load(address, align=8 * self.lanes))
                f.store(constant(0.0, self.lanes), address, align=8 * self.lanes)  # for the next time
            total = added_up(f, vectors)
            if not self.plan.outers:
                f.store(total, self._place(f, g))
                return
            for lane in range(self.lanes):
                at = self._place(f, f.whole('add', g, lane))
                one = f.emit(f'extractelement {f.kind} {total}, i64 {lane}')
                f.store(f.binary('fadd', f.load(at, 1), one, 1), at, 1)

        f.each(0, self.lanes, len(self.sum_of), group)
        number = f.emit('uitofp i64 %count to double')
        reciprocal = f.splat(f.binary('fdiv', constant(1.0), number, 1))

        def mean(g: str, sums: list[str]) -> list[str]:
            address = f.address('%out', g)
            found = f.binary('fmul', f.load(address), reciprocal)
            f.store(found, address)
            return [f.binary('fadd', sums[0], found)]

        [check] = f.loop(0, self.lanes, self.results - self.lanes, [(f.kind, constant(0.0, self.lanes))], mean)
        total = constant(0.0)
        for lane in range(self.lanes):
            total = f.binary('fadd', total, f.emit(f'extractelement {f.kind} {check}, i64 {lane}'), 1)
        # 0 times the sum of all means is NaN if one of them is NaN or infinite.
        nothing = f.binary('fmul', total, constant(0.0), 1)
        return f.binary('fadd', f.load(f.address('%out', self.program.params), 1), nothing, 1)


class Chunk(Operations):
    """A function of statements."""

    def __init__(self, kernel: Kernel, head: str) -> None:
        super().__init__(head, kernel.lanes, kernel.vectorized, kernel.declared)
        self.kernel, self.program, self.plan = kernel, kernel.program, kernel.plan
        self.known: dict[object, str] = {}

    def carry_out(self, statement: Statement) -> None:
        """The instructions of a statement."""
        kernel = self.kernel
        if isinstance(statement, Define):
            variable = statement.variable
            value = self.known[variable] = self._step(variable)
            if (slot := self.plan.slot(variable)) is not None:
                self._keep(value, slot)
        elif isinstance(statement, Copy):
            self._keep(self._operand(statement.operand), self.plan.slots[statement.vector] + statement.place)
        elif not self.program.gradients:
            self.store(self._operand(statement.operand), self.address('%out', '%i'))
        elif self.lanes == 1:
            self._add_single(statement.place, self._operand(statement.operand))
        else:
            operand, value = statement.operand, self._operand(statement.operand)
            if isinstance(operand, float) or operand < self.program.first or statement.place == self.program.params:
                value = self.binary('fmul', value, self._seed())  # what no seed is in yet
            address = self.address('%sums', kernel.sum_of[statement.place] * self.lanes)
            total = self.binary('fadd', self.load(address, align=8 * self.lanes), value)
            self.store(total, address, align=8 * self.lanes)

    def _add_single(self, place: int, value: str) -> None:
        """For one sample there is no sum but of what makes up a gradient; and -0.0, as an output, stays what it is."""
        address = self.address('%out', place)
        if place < self.program.params:
            started = place in self.kernel.started
            value = self.binary('fadd', self.load(address) if started else constant(0.0), value)
            self.kernel.started.add(place)
        self.store(value, address)

    def _step(self, variable: int) -> str:
        op, operands = self.plan.step(variable)
        if op == 'dot':
            texts = [self._operand(operand) for operand in operands]
            return self.dot(texts[1:], texts[0]) if len(texts) % 2 else self.dot(texts)
        return self.operation(op, [self._operand(operand) for operand in operands], operands[-1])

    def _operand(self, operand: Operand) -> str:
        """An operand's value; each is read from memory once in a chunk, but a parameter at each use: the processor
        repeats it in all lanes as it reads it."""
        program = self.program
        if isinstance(operand, float):
            return constant(operand, self.lanes)
        if operand not in self.known:
            if operand == program.seed:
                return self._seed()
            if operand < program.inputs:
                row = self.whole('mul', '%stride', operand)
                self.known[operand] = self.load(self.address('%x', self.whole('add', row, '%i')))
            elif operand < program.first:
                address = self.address('%theta', operand - (program.first - program.params))
                return self.splat(self.load(address, 1))
            else:
                slot = self.plan.slot(operand)
                assert slot is not None
                self.known[operand] = self.load(self._slot(slot), align=8 * self.lanes)
        return self.known[operand]

    def _keep(self, value: str, slot: int) -> None:
        self.store(value, self._slot(slot), align=8 * self.lanes)

    def _slot(self, slot: int) -> str:
        """The address of a slot, for the first vector of a block."""
        return self.address('%slots', slot * self.kernel.pitch)

    def _seed(self) -> str:
        """1 in the lanes of samples, 0 in those beyond the last one."""
        if self.lanes == 1:
            return constant(1.0)
        if 'seed' not in self.known:
            many = f'<{self.lanes} x i64>'
            left = self.emit('sub i64 %count, %i')
            first = self.emit(f'insertelement {many} poison, i64 {left}, i64 0')
            every = self.emit(f'shufflevector {many} {first}, {many} poison, <{self.lanes} x i32> zeroinitializer')
            numbers = ', '.join(f'i64 {lane}' for lane in range(self.lanes))
            inside = self.emit(f'icmp slt {many} <{numbers}>, {every}')
            self.known['seed'] = self.emit(f'uitofp <{self.lanes} x i1> {inside} to {self.kind}')
        return self.known['seed']
