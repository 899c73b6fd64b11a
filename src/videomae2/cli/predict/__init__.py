"""``videomae2 predict``.

main      the command: a classifier and videos → what they show
options   its arguments, and which of them go together
plan      what its dry run prints
output    what it prints of videos
stream    a stream, predicted while it comes
"""
