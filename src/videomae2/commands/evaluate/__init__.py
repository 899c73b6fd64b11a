"""Judge a classifier on labelled videos.

config          what can be chosen
dataset         the list of videos and the right answers
plan            everything that is decided before a video is read, and the folder it goes to
predictions     scores of views → what was predicted of each video
metrics         numbers with intervals
filmstrips      frames of the videos that the page shows
results         files for machines
run             all of it, in order
"""
