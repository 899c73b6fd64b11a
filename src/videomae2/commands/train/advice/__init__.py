"""What a run is told about itself: before it begins, and once while it stands at chance.

- ``exposure``: how often each video is seen, and whether that is too little to pre-train on
- ``repeats``: how many frames of a clip repeat because videos are short; what cannot be opened
- ``cache``: whether decoded videos are kept in memory, and what they take
- ``step_cost``: what the run costs here, from a measured step
- ``chance``: training that is no better than always the same class, and what to try
"""
