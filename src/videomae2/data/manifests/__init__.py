"""Lists of videos: which files, which frames of them, which labels. No torch here.

read            a folder, a list, a table or a video → a manifest
layouts         which layout a folder or file has, and its entries
manifest        the entries of a list, as columns
builder         entries collected while a list is read, with all that is wrong
labelling       labels by the names of classes or by numbers; repeated files
spellings       names that differ in case or encoding: one or several
preview         what a list was read as, for plans
lists           the released list formats (tables: ``data/tables``)
folders         videos in a folder, with a class for each sub-folder
frame_folders   folders of frame images, and how these are called
bit_depth       how many of their 16 bits images use
class_names     what classes are called
public_classes  the classes of public data sets (``class_lists/``)
roots           where the paths of a list start; names without their ending
fingerprint     which files a list names, and whether they have changed
"""
