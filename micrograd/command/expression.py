"""From the text of an expression to its Values: arithmetic and the engine's functions, and nothing that runs code."""

from __future__ import annotations

import ast
import operator
import warnings
from collections.abc import Callable, Mapping
from unicodedata import normalize

from micrograd.engine import Constant, Value, dot

CALLABLE = ('exp', 'log', 'sqrt', 'sin', 'cos', 'tanh', 'sigmoid', 'relu', 'abs')
BY_SYNTAX: dict[type[ast.operator], Callable[..., Value | float]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.Pow: lambda a, b: a ** b if isinstance(a, Value) or isinstance(b, Value) else (Constant(a) ** b).data,
}
ALLOWED = f'+ - * / **, {", ".join(CALLABLE)}, and dot([…], […])'
TOO_DEEP = 'the expression is nested too deeply: give its parts names, as in a = …; b = a + …'


class ExpressionError(ValueError):
    """What is wrong with an expression, and in a second line the place, between >> and <<."""


def evaluate(text: str, numbers: Mapping[str, float]) -> Value:
    """The Value that the last statement of an expression makes, with its whole graph, `backward()` done.

    text: statements such as 'y_hat = w*x; loss = (y_hat - y)**2', separated by semicolons or new lines. A name that is
    assigned becomes the label of its Value; every other name needs a number. ExpressionError for anything else.
    """
    return Evaluation(text, numbers).output


class Evaluation:
    """An expression's `output`, and all its `values` by name."""

    def __init__(self, text: str, numbers: Mapping[str, float]) -> None:
        self.lines = [line.strip() for line in text.splitlines()]
        self.numbers = {normalize('NFKC', name): number for name, number in numbers.items()}  # as Python reads names
        self.values: dict[str, Value] = {}
        self.places: dict[Value, ast.AST] = {}
        self.output = self.run()

    def run(self) -> Value:
        try:
            with warnings.catch_warnings(action='ignore'):  # Python's remarks on what is an error here anyway
                statements = ast.parse('\n'.join(self.lines)).body
        except SyntaxError as error:
            line, column = (error.lineno or 1) - 1, (error.offset or 1) - 1
            raise self.error(f'syntax: {error.msg}', line, column, column + 1) from None
        except (RecursionError, MemoryError):
            raise ExpressionError(TOO_DEEP) from None
        except ValueError as error:  # such as a null byte, or too many digits
            raise ExpressionError(f'syntax: {error}') from None
        if not statements:
            raise ExpressionError('there is no expression: write one such as "loss = (w*x - y)**2"')
        try:
            for statement in statements:
                output = self.statement(statement)
        except RecursionError:
            raise ExpressionError(TOO_DEEP) from None
        for name, number in self.numbers.items():
            raise ExpressionError(f'{name}={number:g} is given, but nothing in the expression takes it')
        self.differentiate(output)
        return output

    def statement(self, node: ast.stmt) -> Value:
        """Do one statement; its result, labelled with the name that it is assigned to."""
        match node:
            case ast.Expr(value=expression):
                name = ''
            case ast.Assign(targets=[ast.Name(id=name)], value=expression):
                pass
            case _:
                raise self.unfit(node, 'a statement is an expression, or a name, =, and an expression')
        value = self.compute(expression)
        if not isinstance(value, Value):
            value = Value(value)  # a leaf and no constant, since it has a name, or is the output
        if name in self.values:
            raise self.unfit(node, f'{name} has a value already: give this one another name')
        value.label = value.label or name  # b = a makes no new node, only another name for a
        if name:
            self.values[name] = value
        return value

    def value(self, node: ast.expr) -> Value:
        """The Value of an expression, a constant where no name is in it."""
        number = self.compute(node)
        return number if isinstance(number, Value) else Constant(number)

    def compute(self, node: ast.expr) -> Value | float:
        """The Value of an expression, or the plain number where no name is in it, as in the exponent of x**(1/2)."""
        match node:
            case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
                return self.operation(node, float, number)
            case ast.Name(id=name):
                return self.name(node, name)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return self.operation(node, operator.neg, self.compute(operand))
            case ast.UnaryOp(op=ast.UAdd(), operand=operand):
                return self.compute(operand)
            case ast.BinOp(left=left, op=op, right=right) if type(op) in BY_SYNTAX:
                base, second = self.compute(left), self.compute(right)
                if isinstance(op, ast.Pow) and isinstance(second, float) and ast.unparse(right).strip('-').isdigit():
                    second = int(second)  # 2 as it is written, and not 2.0
                return self.operation(node, BY_SYNTAX[type(op)], base, second)
            case ast.BinOp(op=ast.BitXor()):
                raise self.unfit(node, 'write ** for a power')
            case ast.Call(func=ast.Name(id='dot'), args=[ast.List(elts=ws) | ast.Tuple(elts=ws),
                                                         ast.List(elts=xs) | ast.Tuple(elts=xs)], keywords=[]):
                return self.operation(node, dot, [self.value(w) for w in ws], [self.value(x) for x in xs])
            case ast.Call(func=ast.Name(id=name), args=[argument], keywords=[]) if name in CALLABLE:
                return self.operation(node, getattr(Value, '__abs__' if name == 'abs' else name), self.value(argument))
            case ast.Call(func=ast.Name(id='dot')):
                raise self.unfit(node, 'dot takes two lists, as in dot([w1, w2], [x1, x2])')
            case ast.Call(func=ast.Name(id=name)):
                raise self.unfit(node, f'{name} takes one argument' if name in CALLABLE else
                                 f'there is no function {name!r}; there are {ALLOWED}')
            case ast.Attribute(attr=name) | ast.Call(func=ast.Attribute(attr=name)):
                hint = f'; write {name}(…)' if name in CALLABLE else ''
                raise self.unfit(node, f'nothing has attributes here{hint}')
        raise self.unfit(node, f'this is not part of the language: it has numbers, names, {ALLOWED}')

    def name(self, node: ast.expr, name: str) -> Value:
        """The Value of a name: one assigned before, or a leaf with the number given for it."""
        if name not in self.values:
            if name not in self.numbers:
                raise self.unfit(node, f'{name!r} has no value: give it one, as in {name}=1')
            self.values[name] = Value(self.numbers.pop(name), label=name)
        return self.values[name]

    def operation(self, node: ast.expr, function: Callable[..., Value | float], *operands: object) -> Value | float:
        """Do an operation; where it is not defined, an error that marks it."""
        try:
            result = function(*operands)
        except (ArithmeticError, ValueError) as error:
            raise self.unfit(node, str(error)) from None
        if isinstance(result, Value):
            self.places[result] = node
        return result

    def differentiate(self, output: Value) -> None:
        """Run backward(); where a local gradient does not exist, an error that marks its operation."""
        try:
            output.backward()
        except (ArithmeticError, ValueError) as error:
            for value, node in self.places.items():
                try:
                    value.local_gradients()
                except (ArithmeticError, ValueError):
                    raise self.unfit(node, str(error)) from None
            raise

    def unfit(self, node: ast.AST, message: str) -> ExpressionError:
        """The error for a node of the syntax tree, whose columns count the bytes of UTF-8."""
        line, start, end = node.lineno - 1, node.col_offset, node.end_col_offset  # type: ignore[attr-defined]
        text = self.lines[line].encode()
        if node.end_lineno != node.lineno:  # type: ignore[attr-defined]
            end = len(text)
        return self.error(message, line, len(text[:start].decode()), len(text[:end].decode()))

    def error(self, message: str, line: int, start: int, end: int) -> ExpressionError:
        text = self.lines[line] if line < len(self.lines) else ''
        before, place, after = text[:start], text[start:end], text[end:]
        return ExpressionError(f'{message}\n  {_cut(before, left=True)}>>{_cut(place)}<<{_cut(after)}')


def _cut(text: str, left: bool = False) -> str:
    """At most 40 characters of a text: its last ones, or its first ones."""
    if len(text) <= 40:
        return text
    return '…' + text[-39:] if left else text[:39] + '…'
