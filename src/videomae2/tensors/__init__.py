"""Maths on arrays and tensors: no state, no files, no devices chosen."""
