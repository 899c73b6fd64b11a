"""Weights on disk: saved models and those of other software, and what is taken over from them.

========================  =========================================================================
config_json.py            the card beside saved weights, config.json
saved.py                  save and load a model strictly
model_ref.py              a model before its weights are read, with the outputs that are used
containers/               files and folders of weights as they are
formats/                  weights of other software, read and written
resolve.py                find a model wherever it lies: best, newest, EMA; other software's
pretrained.py             weights to start from, under our names, and their position table
frozen_encoder.py         an encoder that turns clips into features
init_from.py              the first weights of a classifier
load_report.py            what they are, in words
hub/                      released checkpoints, licences, the Hugging Face hub
head.py                   which rows of a parent's head are taken over, and in which units
========================  =========================================================================
"""
