"""Frames of a video by number. No torch here: reading workers import it.

reader          frames of a file, a folder of images or an array, and what reading may cost
trim            a window of a reader; open an entry of a list
pyav_reader     exact frames of a video file, decoding no more than they need
frame_index     which packet holds which frame
index_builder   that index, from the packets of a file
packets         open a file with PyAV, and go to its packets
damage          which frames lean on damage, in the order of decoding
stream          all frames from first to last, each decoded once
images, npy     folders of images, arrays on disk
frame_names     which images of a folder are frames, and in which order
pages           the pages of a TIFF file
convert         decoded frames into one array
writer          frames into an H.264 file
"""
