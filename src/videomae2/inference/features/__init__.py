"""Features of a frozen encoder: from videos into a folder, and from there to whoever reads them.

store       a folder of features as it is read: one array a video, and a table
writing     the same as it is filled, by any number of processes
naming      what the features of each video of a list are called
attentive   attentive probes as files, and the features that they make
encode      clips → features of one kind or several
reading     videos → clips: views of each, or windows that slide over it
extract     what a folder lacks → read, encoded, written
cache       features of labelled lists that are kept for probes
"""
