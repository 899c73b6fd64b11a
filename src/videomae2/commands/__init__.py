"""One module or package per command of the program.

train/              pre-training, fine-tuning, distillation
evaluate/           a classifier on labelled videos
extract/            features of videos, into a folder
probe/              frozen features: k-NN, linear and attentive probes
predict             what a classifier says of videos, as they are named or arrive
timeline            the folder that takes the files of time lines, the film among them
reconstruct         what a pre-trained model rebuilds of a video
reconstruct_clip    which clip of the video that is
merge_datasets/     one data set of several
pipeline/           several commands in order, from one file
models/             weights of the Hugging Face hub: fetched from there, and published
convert             weights from and to the formats of other software
bench/              how fast pre-training is on this machine
demo                the whole progression on a built-in data set
"""
