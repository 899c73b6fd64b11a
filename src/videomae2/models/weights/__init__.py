"""Weights on disk: saved models and released files, and what is taken over from them.

========================  =========================================================================
config_json.py            the card beside saved weights, config.json
saved.py                  save and load a model strictly
model_ref.py              a model before its weights are read, with the outputs that are used
resolve.py                find a model wherever it lies: best, newest, EMA; released files
official.py               released names and shapes, translated both ways
pretrained.py             weights to start from, under our names, and their position table
frozen_encoder.py         an encoder that turns clips into features
init_from.py              the first weights of a classifier
load_report.py            what they are, in words
head.py                   which rows of a parent's head are taken over, and in which units
========================  =========================================================================
"""
