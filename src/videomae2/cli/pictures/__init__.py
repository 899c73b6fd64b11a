"""Pictures and films of what a model sees, one command each.

reconstruct     what it rebuilds of hidden parts
attend          where it looks
"""
