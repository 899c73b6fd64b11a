"""Networks.

========================  =========================================================================
layers.py                 linear maps, attention, MLP, blocks and their stack
encoder.py                the video transformer: cubes in, tokens out
autoencoder.py            encoder and decoder of masked pre-training
classifier.py             encoder, pooling and a head
attentive_probe.py        a head that attends to the tokens of a frozen encoder
init.py                   first weights from a generator
lora.py                   adapters and frozen blocks
flops.py                  multiply-accumulates, by formula
task_type.py              what the outputs of a classifier mean
weights/                  weights on disk: saved, released, taken over
========================  =========================================================================
"""
