"""Videos made by the program.

moving_shapes       the built-in data set: classes that only motion tells
trajectories        how a shape moves
scene               draw one video
textures            outlines of shapes, and patterns on them
textured_videos     videos that are as hard to decode as natural ones, to measure with
"""
