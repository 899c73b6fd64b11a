"""Weights of other software: read and written, a file for each format.

Every format is a table of names (``translate.py``) that is followed in both directions.

========================  =========================================================================
architecture.py           the model by the shapes of its tensors, and what these do not say
foreign.py                a model that was read or is to be written, and what became of every key
names.py                  their names for the parts of a model, in both directions
translate.py              names and shapes, from theirs to ours and back
dropped.py                what of our card a format cannot hold
hf_json.py                the JSON files of the Hugging Face hub
official.py               VideoMAE and VideoMAE V2 as released
videomaev2_hf.py          the folders of VideoMAE V2 on the Hugging Face hub
transformers_videomae.py  VideoMAE of transformers, of both layouts of its biases
transformers_json.py      its config.json
mmaction.py               mmaction2, and the backbones of OpenTAD
ava.py                    backbones of detection on AVA
read.py                   all of it: find the format, and read a model in it
write.py                  a model in a format of one's choice, read back and compared
========================  =========================================================================
"""
