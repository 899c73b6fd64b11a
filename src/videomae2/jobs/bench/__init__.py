"""How fast pre-training is on this machine: model step, data path, and both together.

``machine``, ``peak``, ``model``, ``steps`` and ``tables`` need no more than a GPU image has: torch,
numpy, einops, jaxtyping, safetensors.
"""
