"""One labelled set out of several.

sources         parts, and videos with class names and ids
annotations     tables that name videos by id, and their files
inputs          all lists of a merge, whatever their kind
merge           classes unified, every video once, no test video in training
result          what came out, what was left out and why; for people and programs
output          the merged set as files
"""
