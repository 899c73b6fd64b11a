"""Which videos are for training and which for judging. No torch here.

validation   a share of a list that is held out
groups       what belongs together and stays on one side
units        what a split takes whole: files and groups, joined over all lists
overlap      which videos two lists have in common
duplicates   videos on both sides under other names: the same bytes, or nearly the same
"""
