"""Measure how fast pre-training is on this machine.

machine         facts of the machine, and its best rate of matrix products
model           the step of pre-training on random clips
data            the path from video files to clips, by stage
end_to_end      a short training loop with both
run             all parts that are asked for
tables, report  numbers as text
"""
