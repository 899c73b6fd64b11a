"""Judge a classifier on labelled videos.

config          what can be chosen
dataset         the list of videos and the right answers
run             the plan before a video is read, and all of it in order
metrics         scores of views → what was predicted of each video, and numbers
task_metrics    the numbers of each type of task, and the hardest videos
overlap         which of the videos were trained on
baselines       fresh weights and pixels beside the model
results         files for machines
"""
