"""Weights of other software: read and written, a file for each format.

Every format is a table of names (``translate.py``) that is followed in both directions.

========================  =========================================================================
pickles.py                tensors out of files of PyTorch, and nothing that could run code
find_files.py             which files of a folder hold the weights
source.py                 a file or folder as it is: tensors by name, and the JSON beside them
architecture.py           the model by the shapes of its tensors, and what these do not say
report.py                 what became of every key
translate.py              names and shapes, from theirs to ours and back
official.py               VideoMAE and VideoMAE V2 as released
videomaev2_hf.py          the folders of VideoMAE V2 on the Hugging Face hub
transformers_videomae.py  VideoMAE of transformers, of both layouts of its biases
mmaction.py               mmaction2, and the backbones of OpenTAD
ava.py                    backbones of detection on AVA
read.py                   all of it: find the format, and read a model in it
write.py                  a model in a format of one's choice, read back and compared
========================  =========================================================================
"""
