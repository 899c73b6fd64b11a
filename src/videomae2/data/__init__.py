"""From files to batches of clips.

manifests   lists, tables and folders of videos → entries, labels, class names
tables      tables with a header → manifests
splits      which videos are held out, and which two lists have in common
video       frames of a file by number
live        frames of streams as they come, and of the caller
workers     a function in processes that can be killed
views       which frames and which parts of them make clips, and the clips on the device
augment     what makes the clips of labelled videos different every time
loading     mixtures of sources → the batches of a run
merge       several labelled sets → one
synthetic   videos made by the program: the built-in data set, and videos to measure with
"""
