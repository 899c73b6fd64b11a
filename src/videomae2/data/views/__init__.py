"""Which frames and which parts of them make clips, and the clips on the device.

sampling    which frames make a clip
jumps       where the clock of a video jumps
sliding     which frames make the windows that slide over a long video
live_windows    the same of a video whose end is not known yet
crops       which part of the frames a view shows
requests    what a reading process is asked for: clips of training, views of a test
read        what it does: read a sample, or all views of a video
frame_cache frames of videos that were decoded before, for all reading processes
clip        one clip of a video as an array, for people
lengths     how many frames of a clip repeat, and what a video takes in memory, before a run
scan        a long video read part by part
clip_cutter clips of windows out of a scan, as its frames come (with torch)
resize      views cut, resized and mirrored on the device (with torch)
"""
