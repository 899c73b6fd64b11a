"""From sources of videos to the batches of a run.

sources     sets of videos, and how clips are taken from them
labels      labels of sources → targets of training
reading     limits and processes of reading; results in order, without what failed before
caching     whether decoded videos are kept in memory, and how much
mixture     which videos a step sees
loader      the (micro-)batches of a run, or every video once
batch       samples gathered in memory of the host
quarantine  entries that cannot be read, and not too many of them
"""
