"""Probe the frozen features of an encoder on labelled videos.

config          what can be chosen
plan            what is decided before a video is read
stored          features that extract has written, in place of weights
features        which clips are encoded, and the features of both parts
poolings        kept features → what k-NN and linear probes see
split_features  features of both parts, and the folds
knn_linear      k-NN, ridge and linear probes of pooled features
attentive       attentive probes of tokens
baselines       fresh weights and pixels beside the weights
run             all of it in order
"""
