"""What people hand in: a right engine, the usual mistakes as classes derived from it, and whatever else there is."""

import math

from needs import np

from micrograd import Value


class Engine:
    """The engine of 23 lines that the lesson builds. Each usual mistake is a class derived from it."""

    def __init__(self, data, operands=(), local_gradients=()):
        self.data, self.operands, self.local_gradients, self.grad = data, operands, local_gradients, 0.0

    def make(self, *made):
        return type(self)(*made)

    def __add__(self, other):
        return self.make(self.data + other.data, (self, other), (1.0, 1.0))

    def __sub__(self, other):
        return self.make(self.data - other.data, (self, other), (1.0, -1.0))

    def __mul__(self, other):
        return self.make(self.data * other.data, (self, other), (other.data, self.data))

    def __pow__(self, n):
        return self.make(self.data**n, (self,), (n * self.data**(n - 1),))

    def tanh(self):
        out = math.tanh(self.data)
        return self.make(out, (self,), (1 - out**2,))

    def order(self):
        order = []

        def visit(node):
            if node not in order:
                for operand in node.operands:
                    visit(operand)
                order.append(node)

        visit(self)
        return order

    def backward(self):
        self.grad = 1.0
        for node in reversed(self.order()):
            for operand, local in zip(node.operands, node.local_gradients):
                operand.grad += local * node.grad


class Recursive(Engine):
    def recurse(self):
        for operand, local in zip(self.operands, self.local_gradients):
            operand.grad += local * self.grad
        for operand in self.operands:
            operand.recurse()

    def backward(self):
        self.grad = 1.0
        self.recurse()


class RecursiveAtOnce(Recursive):
    def recurse(self):
        for operand, local in zip(self.operands, self.local_gradients):
            operand.grad += local * self.grad
            operand.recurse()


class Assigns(Engine):
    def backward(self):
        self.grad = 1.0
        for node in reversed(self.order()):
            for operand, local in zip(node.operands, node.local_gradients):
                operand.grad = local * node.grad


class StartsNowhere(Engine):
    def backward(self):
        Engine.backward.__get__(self)
        for node in reversed(self.order()):
            for operand, local in zip(node.operands, node.local_gradients):
                operand.grad += local * node.grad


class FromTheLeaves(Engine):
    def backward(self):
        self.grad = 1.0
        for node in self.order():
            for operand, local in zip(node.operands, node.local_gradients):
                operand.grad += local * node.grad


class EverybodyStarts(Engine):
    def backward(self):
        self.grad = 1.0
        for operand, local in zip(self.operands, self.local_gradients):
            operand.backward()
            operand.grad = local * self.grad


class OwnFactor(Engine):
    def __mul__(self, other):
        return self.make(self.data * other.data, (self, other), (self.data, other.data))


class FactorsForPlus(Engine):
    def __add__(self, other):
        return self.make(self.data + other.data, (self, other), (other.data, self.data))


class NoLocalGradients(Engine):
    def backward(self):
        self.grad = 1.0
        for node in reversed(self.order()):
            for operand in node.operands:
                operand.grad += node.grad


class TimesForPower(Engine):
    def __pow__(self, n):
        return self.make(self.data**n, (self,), (n * self.data * (n - 1),))


class PlusForMinus(Engine):
    def __sub__(self, other):
        return self.make(self.data - other.data, (self, other), (1.0, 1.0))


class AddsForMinus(Engine):
    def __sub__(self, other):
        return self.make(self.data + other.data, (self, other), (1.0, 1.0))


class KeepsASet(Engine):
    def __mul__(self, other):
        return self.make(self.data * other.data, {self: other.data, other: self.data}, (other.data, self.data)[
            :len({self, other})])


class KeepsNumbers(Engine):
    def __mul__(self, other):
        return self.make(self.data * other.data, (self.data, other.data), (other.data, self.data))


class KeepsNothing:
    def __init__(self, data):
        self.data = data

    def __add__(self, other):
        return KeepsNothing(self.data + other.data)

    def __mul__(self, other):
        return KeepsNothing(self.data * other.data)


class TakesTheValueItself(Engine):
    def __mul__(self, other):
        return self.make(self.data * other, (self, other), (other.data, self.data))


class MultipliesItself(Engine):
    def __mul__(self, other):
        return self.make(self * other, (self, other), (other.data, self.data))


class PassesOn(Engine):
    def __mul__(self, other):
        return self + other

    def __add__(self, other):
        return self * other


class AsksItselfForWhatItLacks:
    def __init__(self, number):
        self.number = number

    def __getattr__(self, name):
        return self.other


class MakesAnother:
    def __init__(self, data):
        self.data = MakesAnother(data)


class MakesItself:
    def __new__(cls, data):
        return cls(data)


class KeepsADataThatAsksForItself(Engine):
    data = property(lambda self: getattr(self, 'data'), lambda self, number: None)  # noqa: B009


class EqualIfEqual(Engine):
    def __eq__(self, other):
        return self == other

    __hash__ = Engine.__hash__


class HashedByItsHash(Engine):
    def __hash__(self):
        return hash((self, 1))

    def order(self):
        return {self}


class ShownAsItself:
    def __init__(self, data):
        pass

    def __repr__(self):
        return f'{vars(self) | {"me": self}}'

    @property
    def data(self):
        return self


class NumberOfItsNumber(ShownAsItself):
    data = property(lambda self: self + self)

    def __add__(self, other):
        return sum([self, other], self)


class NeverArrives(Engine):
    def backward(self):
        max([1, 2], key=lambda _: self.backward())


class OrdersForEver(Engine):
    def order(self):
        return sorted([self, self], key=lambda node: node.order())


class ThroughGenerators(Engine):
    """Right, and each value takes several calls."""

    def visited(self, seen):
        if self not in seen:
            seen.add(self)
            yield from (node for operand in self.operands for node in operand.visited(seen))
            yield self

    def order(self):
        return list(self.visited(set()))


class ThroughKeys(Engine):
    """Right, and each value takes several calls."""

    def visit(self, order):
        if self not in order:
            sorted(self.operands, key=lambda operand: operand.visit(order) or 0)
            order.append(self)

    def order(self):
        order = []
        self.visit(order)
        return order


ENDLESS = [MultipliesItself, PassesOn, AsksItselfForWhatItLacks, MakesAnother, MakesItself, EqualIfEqual,
           KeepsADataThatAsksForItself, HashedByItsHash, ShownAsItself, NumberOfItsNumber, NeverArrives, OrdersForEver]


class KeepsNoNumber:
    def __init__(self, data):
        data = float(data)


class BareNumber(Engine):
    def __mul__(self, other):
        return self.data * other.data


class ChangesItself(Engine):
    def __mul__(self, other):
        self.data *= other.data
        return self


class ForgetsToReturn(Engine):
    def __mul__(self, other):
        self.make(self.data * other.data, (self, other), (other.data, self.data))


class AddsForTimes(Engine):
    def __mul__(self, other):
        return self.make(self.data + other.data, (self, other), (1.0, 1.0))


class ForgetsTheExponent(Engine):
    def __pow__(self, n):
        return self.make(self.data**n, (self,), (self.data**(n - 1),))


class KeepsTheExponent(Engine):
    def __pow__(self, n):
        return self.make(self.data**n, (self,), (n * self.data**n,))


class TanhOfTheInput(Engine):
    def tanh(self):
        return self.make(math.tanh(self.data), (self,), (1 - self.data**2,))


class TanhWithoutSquare(Engine):
    def tanh(self):
        out = math.tanh(self.data)
        return self.make(out, (self,), (1 - out,))


class Endless(Engine):
    def order(self):
        return [*self.order(), self]


class NoMultiplication:
    def __init__(self, data):
        self.data = data


class Hostile:
    """Whatever one asks of it, it raises."""

    def __getattribute__(self, name):
        raise RuntimeError('no')

    def __call__(self, *operands):
        raise SystemExit('enough')

    def __repr__(self):
        raise ValueError('no repr')

    def __len__(self):
        raise ValueError('no length')


class Lies(Engine):
    """An engine whose every answer is a text."""

    def __add__(self, other):
        return 'four'

    __sub__ = __mul__ = __pow__ = __add__

    def tanh(self):
        return 'half'


class NumbersOfText(Engine):
    def backward(self):
        for node in self.order():
            node.grad = 'much'


class ListensToNobody(type):
    def __call__(cls, *operands):
        raise BaseException('from below')


def endless(*operands):
    return endless(*operands)


HAND_INS = [
    None, ..., 3, -2.5, math.nan, math.inf, 10**400, True, 'Value', b'', [], (), {}, {'a': 'b'}, [1, 'two'], {1, 2},
    object(), object, Hostile(), Hostile, Lies, NumbersOfText, ListensToNobody('Odd', (), {}), endless, Engine(2.0),
    Value, Value(1.0), NotImplemented, lambda: None, lambda *operands: operands, lambda *operands: [operands] * 20,
    print, type, np.ones(3), [[math.nan, math.nan]] * 20, NoMultiplication, KeepsNothing, Recursive, iter([1]),
    range(20), float, dict, int, complex, {'L': None}, [None] * 5, np.array(['x']), Exception, [(1, 2, 3)] * 20,
]
