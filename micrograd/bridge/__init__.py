"""To other programs: networks to and from PyTorch, any graph as a module of PyTorch, and weights in files.

There is no way back for a graph: a tensor keeps what its gradients need, and not the operations with their operands. So
`from_torch` takes networks alone; write a function once instead, and call it with Values and with tensors.

`save` and `load` need no PyTorch.
"""

from micrograd.bridge.files import load, save
from micrograd.bridge.networks import from_torch, to_torch

__all__ = ['from_torch', 'load', 'save', 'to_torch']
