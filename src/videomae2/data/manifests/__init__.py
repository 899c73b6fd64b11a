"""Lists of videos: which files, which frames of them, which labels. No torch here.

read            a folder, a list, a table or a video → a manifest
manifest        the entries of a list, as columns
builder         entries collected while a list is read, with all that is wrong; labels by name
lists           the released list formats
tables, cells   tables with a header: what columns mean, and their cells
folders         videos in a folder, with a class for each sub-folder
frame_folders   folders of frame images, and how these are called
class_names     what classes are called
public_classes  the classes of public data sets (``class_lists/``)
split           which videos of a list are taken for validation
overlap         which videos two lists have in common
fingerprint     which files a list names, and whether they have changed
"""
