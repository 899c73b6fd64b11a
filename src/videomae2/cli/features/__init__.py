"""Features of videos, one command each.

extract     features of every window, in a folder
search      videos and moments like a video
"""
