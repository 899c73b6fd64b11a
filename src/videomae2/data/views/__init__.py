"""Which frames and which parts of them make clips, and the clips on the device.

sampling    which frames make a clip
sliding     which frames make the windows that slide over a long video
crops       which part of the frames a view shows
specs       the clips and views that are wanted, as a reading process is told
tasks       what a reading process does for a sample, and for all views of a video
scan        a long video read part by part
resize      views cut, resized and mirrored on the device (the only file with torch)
"""
