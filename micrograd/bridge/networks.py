"""To PyTorch and back: a network, or any graph, as a `torch.nn.Module` with the same numbers and the same gradients."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, overload

from micrograd.bridge.files import Weights, mlp, weights_of
from micrograd.engine import Constant, Value
from micrograd.graph.naming import label_of
from micrograd.graph.program import Program
from micrograd.nn import MLP, Layer, Module, Neuron

if TYPE_CHECKING:
    import torch

    from micrograd.bridge.graph_module import GraphModule

OURS = {'ReLU': 'relu', 'Tanh': 'tanh', 'Sigmoid': 'sigmoid'}  # PyTorch's name: ours


@overload
def to_torch(model: Module) -> torch.nn.Sequential: ...


@overload
def to_torch(model: Value, inputs: Sequence[Value] = (), params: Sequence[Value] | None = None) -> GraphModule: ...


def to_torch(model: Module | Value, inputs: Sequence[Value] = (),
             params: Sequence[Value] | None = None) -> torch.nn.Sequential | GraphModule:
    """An MLP, or the graph of an output, as a module of PyTorch in float64 that has its own copy of the numbers.

    Of an MLP (a Layer, a Neuron): a `Sequential` of `Linear`s and activations with the same weights and outputs. It
    takes a batch of shape (…, nin) and returns one of (…, nout), also where nout is 1.

    Of a Value: a module that computes the graph with other numbers in the leaves. inputs: leaves that it takes when
    called, in this order or by their labels, as tensors or numbers that broadcast together; the output has their shape,
    and the module's type and device. params: leaves that become its parameters, named by their labels where PyTorch
    allows that, else p0, p1, …; by default all leaves but the inputs and the plain numbers in operations. All other
    leaves stay the numbers that they are now, and whatever was decided by an `if` when the graph was made stays so. An
    input or parameter that the output does not depend on is allowed; such a parameter's grad stays None. Where an
    operation is not defined, PyTorch gives nan or infinity.

    ImportError without PyTorch; TypeError for anything else; ValueError for a leaf given twice, a result given for a
    leaf, an operation written by hand, which has no formula, or an MLP changed so that it is none any more.

    >>> x, w = Value(2.0, label='x'), Value(3.0, label='w')
    >>> module = to_torch(w * x, inputs=[x])
    >>> module(5.0).item(), dict(module.named_parameters())['w'].item()
    (15.0, 3.0)
    """
    if isinstance(model, Value):
        return _graph_module(model, inputs, params)
    if inputs or params is not None:
        raise TypeError('inputs and params go with the output of a graph; a model has its own')
    if type(model) is MLP:
        return _sequential(weights_of(model.layers))
    if type(model) is Layer:
        return _sequential(weights_of([model]))
    if type(model) is Neuron:
        layer = Layer.__new__(Layer)
        layer.neurons = [model]
        return _sequential(weights_of([layer]))
    raise TypeError(f'to_torch takes an MLP, or a Value, not {type(model).__name__}: of any other model, convert the '
                    'graph of one output, as in to_torch(model(xs), inputs=xs, params=model.parameters())')


def _graph_module(output: Value, inputs: Sequence[Value], params: Sequence[Value] | None) -> GraphModule:
    inputs = _leaves('inputs', inputs)
    if params is None:
        known = set(inputs)
        params = [node for node in output.topological_order()
                  if not (node._prev or isinstance(node, Constant) or node in known)]
    params = _leaves('params', params, inputs)
    program = Program(output, [*inputs, *params], ())  # its backward pass is PyTorch's own
    _need_torch()
    from micrograd.bridge.graph_module import GraphModule
    return GraphModule(program, [label_of(value) for value in inputs],
                       [(label_of(value), value.data) for value in params])


def from_torch(model: torch.nn.Sequential) -> MLP:
    """The MLP with the weights of a `Sequential` of `Linear`, `ReLU`, `Tanh`, `Sigmoid` and `Identity`, each the same
    number as a double; `Sequential`s inside it count as their layers, and `Identity` as none.

    ImportError without PyTorch. TypeError for what is no Sequential: the graph behind a tensor cannot be converted.
    ValueError, with the name of the layer, for any other kind of layer, a Linear without bias (each of our neurons has
    one), an activation that follows no Linear, Linears that do not fit together, and numbers that are not finite.

    >>> import torch
    >>> from_torch(torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Tanh(), torch.nn.Linear(3, 1)))
    MLP of [Layer(2, 3, activation='tanh'), Layer(3, 1, activation=None)]
    """
    _need_torch()
    import torch
    if isinstance(model, torch.Tensor):
        raise TypeError('from_torch takes a Sequential, not a tensor: a tensor does not keep the operations that made '
                        'it; write the function once, and call it with Values')
    if not isinstance(model, torch.nn.Sequential) or type(model).forward is not torch.nn.Sequential.forward:
        raise TypeError(f'from_torch takes a torch.nn.Sequential, not {type(model).__name__}: put its layers into one, '
                        'as in torch.nn.Sequential(linear, torch.nn.ReLU())')
    layers: list[Weights] = []
    bare = False  # whether a Linear came last, which an activation may follow
    for name, module in model.named_modules(remove_duplicate=False):
        kind = type(module).__name__ if type(module).__module__.startswith('torch.nn.modules.') else ''
        if kind in ('Sequential', 'Identity') or module is model:
            continue
        if kind == 'Linear':
            layers.append(_of_linear(name, module, layers))
        elif kind not in OURS:
            raise ValueError(f'layer {name} is a {type(module).__name__}, which an MLP does not have: its layers are '
                             f'Linear, {", ".join(OURS)} and Identity')
        elif not bare:
            raise ValueError(f'layer {name} is a {kind} with no Linear right before it, as an MLP has it')
        else:
            layers[-1] = layers[-1]._replace(activation=OURS[kind])
        bare = kind == 'Linear'
    if not layers:
        raise ValueError('this Sequential has no Linear in it, and so no weights')
    network = mlp(layers)
    network.load_state_dict(network.state_dict())  # which raises where a number is not finite
    return network


def _of_linear(name: str, linear: Any, before: Sequence[Weights]) -> Weights:
    """The weights of a Linear; ValueError where an MLP could not have them."""
    if linear.bias is None:
        raise ValueError(f'layer {name} is {linear}, but every neuron has a bias: give it one of 0, as in '
                         'linear.bias = torch.nn.Parameter(torch.zeros(linear.out_features))')
    if not linear.weight.is_floating_point():
        raise ValueError(f'layer {name} is {linear} with weights of type {linear.weight.dtype}: they are real numbers')
    if before and linear.in_features != len(before[-1].biases):
        raise ValueError(f'layer {name} is {linear}, but the Linear before it has {len(before[-1].biases)} outputs')
    return Weights(None, linear.weight.tolist(), linear.bias.tolist())


def _sequential(layers: Sequence[Weights]) -> torch.nn.Sequential:
    """The weights as Linears and activations."""
    _need_torch()
    import torch
    names = {ours: theirs for theirs, ours in OURS.items()}
    modules: list[torch.nn.Module] = []
    for layer in layers:
        weight, bias = (torch.tensor(numbers, dtype=torch.float64) for numbers in (layer.weights, layer.biases))
        linear = torch.nn.Linear(weight.shape[1], weight.shape[0], dtype=torch.float64)
        linear.load_state_dict({'weight': weight, 'bias': bias})
        modules.append(linear)
        if layer.activation:
            modules.append(getattr(torch.nn, names[layer.activation])())
    return torch.nn.Sequential(*modules)


def _leaves(name: str, values: Sequence[Value], before: Sequence[Value] = ()) -> list[Value]:
    """The leaves; TypeError or ValueError for what is no list of leaves, each given once, also among those before."""
    if callable(values) or isinstance(values, Value):
        raise TypeError(f'{name} is a list of Values, such as [x] or model.parameters(), not {values!r}')
    seen, leaves = set(before), list(values)
    for i, value in enumerate(leaves):
        if not isinstance(value, Value):
            raise TypeError(f'{name}[{i}] is a Value of the graph, not {type(value).__name__}')
        if value._prev:
            raise ValueError(f'{name}[{i}], {value.label or value._op!r}, is the result of an operation: give the '
                             'leaves that it was computed from')
        if value in seen:
            raise ValueError(f'{name}[{i}], {value.label or value.data!r}, is given twice among inputs and params')
        seen.add(value)
    return leaves


def _need_torch() -> None:
    """Raise an ImportError that says what to install where there is no PyTorch. It is imported only here and after,
    which takes a second or two."""
    try:
        import torch  # noqa: F401
    except ImportError as error:
        install = '' if sys.platform == 'emscripten' else ': pip install torch'
        raise ImportError(f'this needs PyTorch{install}') from error
