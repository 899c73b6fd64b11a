"""Features of any videos by a frozen encoder, into a folder that detection, search and probes read.

config      what can be chosen
presets     the windows and files that detection code expects
plan        what is decided before a video is read
run         features of the videos, and the files beside them
search      the nearest videos and moments of a folder of features
one_file    all features of a folder in one file
"""
