"""Probe the frozen features of an encoder on labelled videos.

config          what can be chosen
features        which clips are encoded, and the features of both parts
knn_linear      k-NN and linear probes of pooled features
attentive       attentive probes of tokens
run             what is decided before a video is read, and all of it in order
"""
