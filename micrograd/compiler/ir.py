"""A program as LLVM IR: a kernel that takes so many samples at a time, one in each lane of a SIMD vector."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping, Sequence

from micrograd.compiler import matrices
from micrograd.compiler.layers import Layer, Layers
from micrograd.graph.program import Operand, Program, Step, variables

BLOCK = 128  # samples that pass through a layer's loops together
CHUNK = 400  # instructions in a function: longer ones take the code generator more than linear time
INSTRUCTIONS = {'+': 'fadd', '-': 'fsub', '*': 'fmul', '/': 'fdiv'}
Array = Callable[[int], str]
FRAME = ('theta', 'x', 'stride', 'slots', 'sums', 'out')  # what a kernel's first argument points to, 8 bytes each
ARGUMENTS = ('ptr noalias %theta, ptr noalias %x, i64 %stride, ptr noalias %slots, ptr noalias %sums, '
             'ptr noalias %out, i64 %count, i64 %i')


class Kernel:
    """The IR of `kernel_LANES(frame, count)`, which computes `count` samples.

    lanes: how many samples at a time, a power of 2. vectorized: the symbol of a function of libm for that many lanes.

    What a frame points to: theta, the parameters; x, the inputs, a row of `stride` numbers for each; slots, to work in,
    `len(self.slots) * self.block` numbers; sums, likewise, `self.results` vectors, which are 0 before and after; out,
    where the outputs go, one for each sample. With gradients, out gets the means over the samples instead, of each
    gradient and, last, of the output, which the kernel returns; or, with more lanes than one, it returns NaN if any of
    the means is NaN or infinite.
    """

    def __init__(self, program: Program, lanes: int, vectorized: Mapping[str, str],
                 layers: Layers | None = None) -> None:
        self.program, self.lanes, self.vectorized = program, lanes, vectorized
        self.type = f'<{lanes} x double>' if lanes > 1 else 'double'
        self.results = -(-(len(program.gradients) + 1) // lanes) * lanes
        self.declared: dict[str, str] = {}
        self.body: list[str] = []
        self.count = 0
        self.known: dict[object, str] = {}
        self.layers = layers
        self.forward, self.backward = (layers.forward, layers.backward) if layers else ({}, {})
        self.replaced = layers.replaced if layers else set()
        self.sinks: dict[int, list[int]] = {}  # which gradients a variable is
        for place, operand in enumerate(program.gradients):
            if isinstance(operand, int):
                self.sinks.setdefault(operand, []).append(place)
        self.block = BLOCK if self.forward and lanes > 1 else lanes  # samples at a time
        self.pieces = list(self._pieces())
        self.slots = self._crossing()
        functions = [self._chunk(number, piece, last=number == len(self.pieces) - 1)
                     for number, piece in enumerate(self.pieces) if isinstance(piece, list)]
        loops = matrices.functions(lanes) if self.forward else ''
        self.ir = '\n\n'.join([*functions, loops, self._kernel(), *self.declared.values()])

    def _pieces(self) -> Iterator[list[int] | tuple[str, Layer]]:
        """What follows one another: variables, about CHUNK instructions of them at a time, and the loops of layers.
        The last piece is always one of variables."""
        chunk: list[int] = []
        size = 0
        for variable, step in enumerate(self.program.steps, self.program.first):
            for direction, places in (('forward', self.forward), ('backward', self.backward)):
                if layer := places.get(variable):
                    yield chunk
                    chunk, size = [], 0
                    yield direction, layer
            if variable not in self.replaced:
                chunk.append(variable)
                size += len(step.operands)
                if size > CHUNK:
                    yield chunk
                    chunk, size = [], 0
        yield chunk

    def _crossing(self) -> dict[int, int]:
        """A slot for each variable that one piece computes and another one uses; those of a layer side by side."""
        arrays = dict.fromkeys(self.layers.arrays.values()) if self.layers else {}
        slots = {variable: slot for slot, variable in enumerate(variable for array in arrays for variable in array)}
        for piece in self.pieces:
            here = set(piece) if isinstance(piece, list) else set()
            for variable in piece if isinstance(piece, list) else ():
                for operand in variables(self.program.step(variable).operands):
                    if operand >= self.program.first and operand not in here:
                        slots.setdefault(operand, len(slots))
        last = set(self.pieces[-1])
        if isinstance(output := self.program.output, int) and output >= self.program.first and output not in last:
            slots.setdefault(output, len(slots))
        return slots

    def _chunk(self, number: int, chunk: Sequence[int], last: bool) -> str:
        """A function that computes the chunk's variables, and adds up the gradients among them."""
        self.body, self.known = [], {}
        for variable in chunk:
            value = self.known[variable] = self._step(self.program.step(variable))
            if variable in self.slots:
                self._store(value, self._slot(variable))
            for place in self.sinks.get(variable, ()):
                self._add(place, value)
        if last:
            for place, gradient in enumerate(self.program.gradients):
                if isinstance(gradient, float) or gradient < self.program.first:
                    self._add(place, self._binary('fmul', self._operand(gradient), self._seed()))
                elif gradient in self.replaced and gradient in self.slots:
                    self._add(place, self._operand(gradient))
            output = self._operand(self.program.output)
            if self.program.gradients and self.lanes == 1:  # one sample is no sum: -0.0 stays what it is
                self._store(output, self._address('%sums', len(self.program.gradients)))
            elif self.program.gradients:
                self._add(len(self.program.gradients), self._binary('fmul', output, self._seed()))
            else:
                self._store(output, self._address('%out', '%i'), align=8)
        # Aligned to 64 bytes, the registers that are kept on the stack do not straddle cache lines.
        return '\n'.join([f'define internal void @chunk{number}({ARGUMENTS}) alignstack(64) {{',
                          *self.body, '  ret void', '}'])

    def _kernel(self) -> str:
        """The kernel: every row is filled up to whole vectors with its last number; then piece after piece for a block
        of samples, and block after block; then the sums over the lanes."""
        self.body = []
        fields = [f'  %at_{name} = getelementptr i64, ptr %frame, i64 {place}\n'
                  f'  %{name} = load {"i64" if name == "stride" else "ptr"}, ptr %at_{name}'
                  for place, name in enumerate(FRAME)]
        return '\n'.join([
            f'define double @kernel_{self.lanes}(ptr %frame, i64 %count) {{', 'entry:', *fields,
            '  %last = sub i64 %count, 1', f'  %floor = sdiv i64 %last, {self.lanes}',
            f'  %whole = mul i64 %floor, {self.lanes}', f'  %end = add i64 %whole, {self.lanes}',
            '  br label %rows',
            'rows:', '  %row = phi i64 [0, %entry], [%next_row, %filled]',
            f'  %some_row = icmp slt i64 %row, {self.program.inputs}', '  br i1 %some_row, label %fill, label %block',
            'fill:', '  %start = mul i64 %row, %stride', '  %at_last = add i64 %start, %last',
            '  %from = getelementptr double, ptr %x, i64 %at_last', '  %number = load double, ptr %from',
            '  br label %pad',
            'pad:', '  %j = phi i64 [%count, %fill], [%next_j, %one]', '  %some_j = icmp slt i64 %j, %end',
            '  br i1 %some_j, label %one, label %filled',
            'one:', '  %at_j = add i64 %start, %j', '  %to = getelementptr double, ptr %x, i64 %at_j',
            '  store double %number, ptr %to', '  %next_j = add i64 %j, 1', '  br label %pad',
            'filled:', '  %next_row = add i64 %row, 1', '  br label %rows',
            'block:', '  %b = phi i64 [0, %rows], [%next_b, %piece_end]',
            '  %left = sub i64 %end, %b', f'  %fits = icmp slt i64 %left, {self.block}',
            f'  %size = select i1 %fits, i64 %left, i64 {self.block}', '  %until = add i64 %b, %size',
            '  br label %piece0',
            *(line for number, piece in enumerate(self.pieces) for line in self._piece(number, piece)),
            f'piece{len(self.pieces)}:', '  br label %piece_end', 'piece_end:',
            f'  %next_b = add i64 %b, {self.block}', '  %more = icmp slt i64 %next_b, %count',
            '  br i1 %more, label %block, label %reduce',
            'reduce:', *(self._reduction() if self.program.gradients else ['  ret double 0.0']), '}'])

    def _piece(self, number: int, piece: list[int] | tuple[str, Layer]) -> list[str]:
        """The call of a layer's loops for this block of samples, or a loop that calls a chunk, a vector at a time."""
        if not isinstance(piece, list):
            self.body = []
            direction, layer = piece
            self._matrices(direction, layer)
            body, self.body = self.body, []
            return [f'piece{number}:', *body, f'  br label %piece{number + 1}']
        n = number
        arguments = ARGUMENTS.replace('noalias ', '').replace('%slots', f'%slots{n}').replace('%i', f'%i{n}')
        return [
            f'piece{n}:', f'  br label %vectors{n}', f'vectors{n}:',
            f'  %i{n} = phi i64 [%b, %piece{n}], [%next_i{n}, %vectors{n}]', f'  %within{n} = sub i64 %i{n}, %b',
            f'  %slots{n} = getelementptr double, ptr %slots, i64 %within{n}',
            f'  call void @chunk{n}({arguments})',
            f'  %next_i{n} = add i64 %i{n}, {self.lanes}', f'  %some_i{n} = icmp slt i64 %next_i{n}, %until',
            f'  br i1 %some_i{n}, label %vectors{n}, label %piece{n + 1}']

    def _matrices(self, direction: str, layer: Layer) -> None:
        """The calls that compute a layer's rows, or add up its weights' gradients and compute those of its inputs."""
        rows, columns = range(len(layer.rows)), range(len(layer.inputs))
        x = self._array(layer.inputs)
        if direction == 'forward':
            self._product(layer.weights, layer.stride, 1, x, self._array(layer.rows), rows, columns)
            return
        d = self._array(layer.gradients)
        for top, height in _tiles(rows):
            for left, width in _tiles(columns):
                sums = self._address('%sums', layer.weights + top * layer.stride + left, self.type)
                self.body.append(f'  call void @gradient_{height}_{width}({d(top)}, {x(left)}, ptr {sums}, '
                                 f'i64 {layer.stride * self.lanes}, i64 %size)')
        if layer.input_gradients:
            out = self._array(layer.input_gradients)
            if layer.upwards:
                self._product(layer.weights, 1, layer.stride, d, out, columns, rows)
            else:
                last = layer.weights + rows[-1] * layer.stride
                self._product(last, 1, -layer.stride, self._array(layer.gradients[::-1]), out, columns, rows)

    def _product(self, weights: int, row: int, column: int, x: Array, out: Array, rows: range, terms: range) -> None:
        """The calls for out[r] = Σ_c w[r, c]·x[c], w being the parameters from number `weights` on."""
        for top, height in _tiles(rows):
            w = self._address('%theta', weights + top * row)
            self.body.append(f'  call void @product_{height}(ptr {w}, i64 {row}, i64 {column}, {x(0)}, {out(top)}, '
                             f'i64 {len(terms)}, i64 %size)')

    def _array(self, variables: Sequence[int]) -> Array:
        """For variables that lie side by side: given the place of one among them, its address and the stride from there
        to the next, as arguments of a call."""
        def arguments(place: int) -> str:
            variable = variables[place]
            if variable >= self.program.first:
                step = 1 if self.slots[variables[-1]] > self.slots[variables[0]] else -1
                return f'ptr {self._slot(variable)}, i64 {step * self.block}'
            row = self._emit(f'mul i64 %stride, {variable}')
            return f'ptr {self._address("%x", self._emit(f"add i64 {row}, %b"))}, i64 %stride'
        return arguments

    def _reduction(self) -> list[str]:
        """The means over the samples, LANES of them at once, neighbouring lanes added first; and the sum of all."""
        self._emit('uitofp i64 %count to double', '%number_of')
        self._emit('fdiv double 1.0, %number_of', '%reciprocal')
        self.body += ['  br label %group', 'group:', '  %g = phi i64 [0, %reduce], [%next_g, %group]',
                      f'  %check = phi {self.type} [{self._constant(0.0)}, %reduce], [%checked, %group]']
        vectors = []
        for lane in range(self.lanes):
            place = self._emit(f'add i64 %g, {lane}')
            address = self._address('%sums', place, self.type)
            vectors.append(self._load(address))
            self._store(self._constant(0.0), address)  # for the next time
        block = 1
        while len(vectors) > 1:
            starts = range(0, self.lanes, 2 * block)
            low = [s + k + part for s in starts for part in (0, self.lanes) for k in range(block)]
            high = [lane + block for lane in low]
            vectors = [self._binary('fadd', self._shuffle(a, b, low), self._shuffle(a, b, high))
                       for a, b in zip(vectors[::2], vectors[1::2], strict=True)]
            block *= 2
        mean = self._binary('fmul', vectors[0], self._splat('%reciprocal'))
        self._store(mean, self._address('%out', '%g'), align=8)
        self._emit(f'fadd {self.type} %check, {mean}', '%checked')
        body, self.body = self.body, []
        check = '%checked'
        for lane in range(self.lanes if self.lanes > 1 else 0):
            one = self._emit(f'extractelement {self.type} %checked, i64 {lane}')
            check = self._emit(f'fadd double {check}, {one}') if lane else one
        # 0 times the sum of all means is NaN if one of them is NaN or infinite.
        nothing = self._emit(f'fmul double {check}, {_bits(0.0)}')
        output = self._emit(f'load double, ptr {self._address("%out", len(self.program.gradients))}')
        mean = self._emit(f'fadd double {output}, {nothing}') if self.lanes > 1 else output
        return [*body, f'  %next_g = add i64 %g, {self.lanes}',
                f'  %more_g = icmp slt i64 %next_g, {self.results}', '  br i1 %more_g, label %group, label %done',
                'done:', *self.body, f'  ret double {mean}']

    def _step(self, step: Step) -> str:
        """The instructions of an operation; the name of its result."""
        op = step.op
        if op == 'dot':
            half, total = len(step.operands) // 2, ''
            for w, x in zip(step.operands[:half], step.operands[half:], strict=True):
                product = self._binary('fmul', self._operand(w), self._operand(x))
                total = self._binary('fadd', total, product) if total else product
            return total
        a, *more = [self._operand(operand) for operand in step.operands]
        zero, one = self._constant(0.0), self._constant(1.0)
        match op:
            case '+' | '-' | '*' | '/':
                return self._binary(INSTRUCTIONS[op], a, *more)
            case '**':
                square = self.lanes > 1 and isinstance(step.operands[1], float) and step.operands[1] == 2
                return self._binary('fmul', a, a) if square else self._function('pow', a, *more)
            case 'neg':
                return self._emit(f'fneg {self.type} {a}')
            case 'abs':
                return self._intrinsic('fabs', a)
            case 'sqrt':
                return self._intrinsic('sqrt', a)
            case 'relu':
                return self._select('olt', a, zero, zero, a)
            case 'step':
                return self._select('ogt', a, zero, one, zero)
            case 'sign':
                return self._binary('fsub', self._select('ogt', a, zero, one, zero),
                                    self._select('olt', a, zero, one, zero))
            case 'log0':
                return self._select('oeq', a, zero, zero, self._function('log', a))
            case 'sigmoid':
                small = self._function('exp', self._emit(f'fneg {self.type} {self._intrinsic("fabs", a)}'))
                return self._binary('fdiv', self._select('oge', a, zero, one, small), self._binary('fadd', one, small))
            case 'exp' | 'log' | 'sin' | 'cos' | 'tanh':
                return self._function(op, a)
        raise NotImplementedError(f'the native backend has no {op!r}')

    def _operand(self, operand: Operand) -> str:
        """An operand's value; each is read from memory once in a chunk, but a parameter at each use: the processor
        repeats it in all lanes as it reads it."""
        program = self.program
        if isinstance(operand, float):
            return self._constant(operand)
        if operand not in self.known:
            if operand == program.seed:
                return self._seed()
            if operand < program.inputs:
                row = self._emit(f'mul i64 %stride, {operand}')
                place = self._emit(f'add i64 {row}, %i')
                self.known[operand] = self._load(self._address('%x', place), align=8)
            elif operand < program.first:
                address = self._address('%theta', operand - (program.first - program.params))
                return self._splat(self._emit(f'load double, ptr {address}'))
            else:
                self.known[operand] = self._load(self._slot(operand))
        return self.known[operand]

    def _slot(self, variable: int) -> str:
        """The address of a variable's slot, for the first vector of a block."""
        return self._address('%slots', self.slots[variable] * self.block)

    def _seed(self) -> str:
        """1 in the lanes of samples, 0 in those beyond the last one."""
        if self.lanes == 1:
            return self._constant(1.0)
        if 'seed' not in self.known:
            many = f'<{self.lanes} x i64>'
            left = self._emit('sub i64 %count, %i')
            first = self._emit(f'insertelement {many} poison, i64 {left}, i64 0')
            every = self._emit(f'shufflevector {many} {first}, {many} poison, <{self.lanes} x i32> zeroinitializer')
            numbers = ', '.join(f'i64 {lane}' for lane in range(self.lanes))
            inside = self._emit(f'icmp slt {many} <{numbers}>, {every}')
            self.known['seed'] = self._emit(
                f'uitofp <{self.lanes} x i1> {inside} to {self.type}')
        return self.known['seed']

    def _add(self, place: int, value: str) -> None:
        """Add a value to a sum."""
        address = self._address('%sums', place, self.type)
        self._store(self._binary('fadd', self._load(address), value), address)

    def _emit(self, text: str, name: str = '') -> str:
        """An instruction, and the name of its result."""
        self.count += 1
        name = name or f'%v{self.count}'
        self.body.append(f'  {name} = {text}')
        return name

    def _load(self, address: str, align: int = 0) -> str:
        return self._emit(f'load {self.type}, ptr {address}, align {align or 8 * self.lanes}')

    def _store(self, value: str, address: str, align: int = 0) -> None:
        self.body.append(f'  store {self.type} {value}, ptr {address}, align {align or 8 * self.lanes}')

    def _address(self, base: str, place: int | str, unit: str = 'double') -> str:
        return self._emit(f'getelementptr {unit}, ptr {base}, i64 {place}')

    def _binary(self, instruction: str, a: str, b: str) -> str:
        return self._emit(f'{instruction} {self.type} {a}, {b}')

    def _shuffle(self, a: str, b: str, lanes: Sequence[int]) -> str:
        numbers = ', '.join(f'i32 {lane}' for lane in lanes)
        return self._emit(f'shufflevector {self.type} {a}, {self.type} {b}, <{len(lanes)} x i32> <{numbers}>')

    def _splat(self, scalar: str) -> str:
        """The same number in all lanes."""
        if self.lanes == 1:
            return scalar
        first = self._emit(f'insertelement {self.type} poison, double {scalar}, i64 0')
        return self._shuffle(first, 'poison', [0] * self.lanes)

    def _constant(self, x: float) -> str:
        return _bits(x) if self.lanes == 1 else '<' + ', '.join([f'double {_bits(x)}'] * self.lanes) + '>'

    def _select(self, comparison: str, a: str, b: str, then: str, otherwise: str) -> str:
        condition = self._emit(f'fcmp {comparison} {self.type} {a}, {b}')
        mask = 'i1' if self.lanes == 1 else f'<{self.lanes} x i1>'
        return self._emit(f'select {mask} {condition}, {self.type} {then}, {self.type} {otherwise}')

    def _intrinsic(self, name: str, a: str) -> str:
        return self._call(f'llvm.{name}.{"f64" if self.lanes == 1 else f"v{self.lanes}f64"}', self.type, a)

    def _function(self, name: str, *operands: str) -> str:
        """A function of libm: for all lanes at once where there is one, else lane by lane."""
        if self.lanes == 1 or name in self.vectorized:
            return self._call(self.vectorized[name] if self.lanes > 1 else name, self.type, *operands)
        result = 'poison'
        for lane in range(self.lanes):
            parts = [self._emit(f'extractelement {self.type} {operand}, i64 {lane}') for operand in operands]
            one = self._call(name, 'double', *parts)
            result = self._emit(f'insertelement {self.type} {result}, double {one}, i64 {lane}')
        return result

    def _call(self, symbol: str, kind: str, *operands: str) -> str:
        self.declared[symbol] = f'declare {kind} @{symbol}({", ".join([kind] * len(operands))})'
        return self._emit(f'call {kind} @{symbol}({", ".join(f"{kind} {operand}" for operand in operands)})')


def _tiles(numbers: range) -> Iterator[tuple[int, int]]:
    """The numbers in steps of TILE, and the rest one by one: where a tile begins, and its size."""
    whole = len(numbers) // matrices.TILE * matrices.TILE
    for number in numbers:
        if number >= whole:
            yield number, 1
        elif number % matrices.TILE == 0:
            yield number, matrices.TILE


def _bits(x: float) -> str:
    """A number as LLVM reads it without rounding."""
    return f'0x{struct.unpack("<Q", struct.pack("<d", x))[0]:016X}'
