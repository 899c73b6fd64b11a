"""See whether a step waits for its device: run it on one that holds no numbers."""

import torch
from torch.utils._python_dispatch import TorchDispatchMode


class Crossings(TorchDispatchMode):
    """Operations whose operands or results lie on the host and on the device at once."""

    def __init__(self):
        super().__init__()
        self.found = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        leaves = torch.utils._pytree.tree_leaves((args, kwargs, result))
        devices = {leaf.device.type for leaf in leaves if isinstance(leaf, torch.Tensor)}
        if len(devices) > 1 or function is torch.ops.aten._local_scalar_dense.default:
            self.found.append(str(function))
        return result
