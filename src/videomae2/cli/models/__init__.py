"""``videomae2 models``: what is released, fetched and published.

main                the three words of the command, and the table
get, push           one each
"""
