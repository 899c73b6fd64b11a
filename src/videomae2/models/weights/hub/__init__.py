"""Weights that others released: what there is, under which licence, and how they come here.

========================  =========================================================================
released.py               every released checkpoint, a row of one table each
licence.py                which licence weights are under, and what follows for those made of them
cache.py                  files of the Hugging Face hub in its own cache: found, checked
choose.py                 which files of a repository make up a model
fetch.py                  these into the cache, with resume and the right hash
errors.py                 what is wrong between here and the hub, and what to do, in a sentence
locate.py                 a name, an address or a path → a path of this machine
========================  =========================================================================
"""
