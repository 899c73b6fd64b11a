"""Weights that come in and go out, one command each.

convert     formats of other software, with a report of keys
export      ONNX, torch.export and formats of other software, verified by outputs
"""
