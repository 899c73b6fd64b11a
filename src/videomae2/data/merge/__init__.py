"""One labelled set out of several.

sources         parts, and videos with class names and ids
annotations     tables that name videos by id, and their files
inputs          all lists of a merge, whatever their kind
merge           classes unified, every video once, no test video in training
report          what was left out, and why
output          the merged set for people, for programs and as files
"""
