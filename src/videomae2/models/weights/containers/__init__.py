"""Files and folders of weights as they are, before anybody knows whose they are.

========================  =========================================================================
pickles.py                tensors out of files of PyTorch, and nothing that could run code
find_files.py             which files of a folder hold the weights
source.py                 tensors by name, and the JSON beside them
========================  =========================================================================
"""
