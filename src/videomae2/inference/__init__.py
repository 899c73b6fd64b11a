"""Load a model, read videos, score or encode their views, keep what comes of it.

inputs          files, folders and lines of standard input → videos
views           which views of a whole video: as asked, else as the model was trained
classifier      a classifier from its path to what it says: resolve, name, load, interpret
scorer          views of a video → scores
cpu_parallel    parts of a batch side by side, each on one core
score_list      a list of videos → scores of all views, in a file that only grows
prediction      what it says of a video, or of a window
predictor       videos → predictions, one after the other
timeline        a long video → what holds when
stream          a stream → what the model says of each window, as it comes
window_cutter   the clips of its windows
clip_cutter     those of the windows of a time line
probe_data      labelled lists of training and test videos
features        frozen features of a list: from the disk, else from its videos
feature_store   features on disk, video by video
"""
