"""``videomae2 merge-datasets``: several labelled data sets into one.

options     the words of the command → which lists are read, and how
run         read, merge and write
"""
