"""Code written for the well-known micrograd runs unchanged: the same programs, run once with it and once with ours."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

OURS = Path(__file__).parent.parent

README_EXAMPLE = '''
from micrograd.engine import Value
a = Value(-4.0)
b = Value(2.0)
c = a + b
d = a * b + b**3
c += c + 1
c += 1 + c + (-a)
d += d * 2 + (b + a).relu()
d += 3 * d + (b - a).relu()
e = c - d
f = e**2
g = f / 2.0
g += 10.0 / f
g.backward()
show([g.data, a.grad, b.grad])
'''

TRAINING = '''
import math, random
from micrograd.engine import Value
from micrograd.nn import MLP, Layer, Neuron
random.seed(1337)
xs, ys = [], []
for i in range(30):
    t, y = math.pi * i / 29, (-1)**i
    x1, x2 = (math.cos(t), math.sin(t)) if y > 0 else (1 - math.cos(t), 0.5 - math.sin(t))
    xs.append([x1 + random.gauss(0, 0.1), x2 + random.gauss(0, 0.1)])
    ys.append(y)
model = MLP(2, [8, 8, 1])
show([p.data for p in model.parameters()])
for step in range(20):
    scores = list(map(model, xs))
    losses = [(1 + -yi * score).relu() for yi, score in zip(ys, scores)]
    loss = sum(losses) * (1.0 / len(losses)) + 1e-4 * sum((p * p for p in model.parameters()))
    model.zero_grad()
    loss.backward()
    for p in model.parameters():
        p.data -= (1.0 - 0.9 * step / 20) * p.grad
    show([loss.data])
show([p.data for p in model.parameters()])
show([len(Neuron(3, nonlin=False).parameters()), len(Layer(3, 2).parameters()), len(Neuron(3, False)([1, 2, 3])._prev)])
'''

HAND_WRITTEN = '''
import math, random
from micrograd.engine import Value

def tanh(self):
    t = math.tanh(self.data)
    out = Value(t, (self,), 'tanh')
    def _backward():
        self.grad += (1 - t**2) * out.grad
    out._backward = _backward
    return out

Value.tanh = tanh

class Neuron:
    def __init__(self, nin):
        self.w = [Value(random.uniform(-1, 1)) for _ in range(nin)]
        self.b = Value(random.uniform(-1, 1))
    def __call__(self, x):
        return sum((wi * xi for wi, xi in zip(self.w, x)), self.b).tanh()
    def parameters(self):
        return self.w + [self.b]

class Layer:
    def __init__(self, nin, nout):
        self.neurons = [Neuron(nin) for _ in range(nout)]
    def __call__(self, x):
        outs = [n(x) for n in self.neurons]
        return outs[0] if len(outs) == 1 else outs
    def parameters(self):
        return [p for neuron in self.neurons for p in neuron.parameters()]

class MLP:
    def __init__(self, nin, nouts):
        self.layers = [Layer(a, b) for a, b in zip([nin] + nouts, nouts)]
    def __call__(self, x):
        for layer in self.layers:
            x = layer(x)
        return x
    def parameters(self):
        return [p for layer in self.layers for p in layer.parameters()]

random.seed(7)
net = MLP(3, [4, 4, 1])
xs = [[2.0, 3.0, -1.0], [3.0, -1.0, 0.5], [0.5, 1.0, 1.0], [1.0, 1.0, -1.0]]
ys = [1.0, -1.0, -1.0, 1.0]
for k in range(20):
    loss = sum((out - y)**2 for y, out in zip(ys, [net(x) for x in xs]))
    for p in net.parameters():
        p.grad = 0.0
    loss.backward()
    for p in net.parameters():
        p.data += -0.05 * p.grad
    show([loss.data])
show([p.data for p in net.parameters()] + [p.grad for p in net.parameters()])
'''

TRACE = '''
from micrograd.engine import Value

def trace(root):
    nodes, edges = set(), set()
    def build(v):
        if v not in nodes:
            nodes.add(v)
            for child in v._prev:
                edges.add((child, v))
                build(child)
    build(root)
    return nodes, edges

x, w, b = Value(3.0), Value(-2.0), Value(1.0)
y = ((x * w + b).relu() + x * x) * w
y.backward()
nodes, edges = trace(y)
show([len(nodes), len(edges)])
show(sorted([n.data, n.grad] for n in nodes))
show(sorted([a.data, b.data] for a, b in edges))
show(sorted(n._op.lower() for n in nodes))
'''

STEP_BY_STEP = '''
from micrograd.engine import Value
a, b, c = Value(2.0), Value(-3.0), Value(10.0)
e = a * b
d = e + c
L = d * d
L.grad = 1.0
L._backward()
d._backward()
e._backward()
c._backward()
show([v.grad for v in (a, b, c, d, e, L)])
'''

PROGRAMS = {'readme': README_EXAMPLE, 'training': TRAINING, 'hand-written': HAND_WRITTEN, 'trace': TRACE,
            'step-by-step': STEP_BY_STEP}
SHOW = 'import json\ndef show(thing): print(json.dumps(thing))\n'


@pytest.fixture(scope='module')
def theirs(tmp_path_factory):
    """The well-known micrograd, in a folder of its own, because it has our name."""
    folder = tmp_path_factory.mktemp('theirs')
    pip = [sys.executable, '-m', 'pip', 'install', '--quiet', '--no-deps', '--target', str(folder), 'micrograd==0.1.0']
    done = subprocess.run(pip, capture_output=True, text=True)
    if done.returncode and not os.environ.get('CI'):
        pytest.skip('pip could not install micrograd==0.1.0, the package to compare with: connect to a package index')
    assert done.returncode == 0, done.stderr
    return folder


def run(program: str, package: Path) -> list:
    """What a program shows when `micrograd` is the package in that folder."""
    done = subprocess.run([sys.executable, '-W', 'error', '-c', SHOW + program], capture_output=True, text=True,
                          cwd=package, env={**os.environ, 'PYTHONPATH': str(package)})
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize('program', PROGRAMS.values(), ids=PROGRAMS)
def test_runs_the_same(program, theirs):
    expected, got = run(program, theirs), run(program, OURS)
    assert len(got) == len(expected) > 0
    for ours, reference in zip(got, expected, strict=True):
        numbers = [x for x in flat(reference) if isinstance(x, (int, float))]
        assert [x for x in flat(ours) if isinstance(x, (int, float))] == pytest.approx(numbers, rel=1e-12, abs=1e-12)
        assert [x for x in flat(ours) if isinstance(x, str)] == [x for x in flat(reference) if isinstance(x, str)]


def flat(thing):
    return [x for item in thing for x in flat(item)] if isinstance(thing, list) else [thing]


def test_the_readme_example_gives_its_published_numbers():
    assert [f'{x:.4f}' for x in run(README_EXAMPLE, OURS)[0]] == ['24.7041', '138.8338', '645.5773']
