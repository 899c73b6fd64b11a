"""Load a model, read videos, score or encode their views, keep what comes of it.

inputs          files, folders and lines of standard input → videos
views           which views of a whole video: as asked, else as the model was trained
classifier      a classifier with the names of its outputs, on its device
scorer          views of a video → scores
cpu_parallel    parts of a batch side by side, each on one core
predictor       videos → predictions, one after the other
timeline        a long video → what holds when
video_scorer    a list of videos → scores of all views, in shared batches
score_store     scores of finished videos in a file that only grows
probe_data      labelled lists of training and test videos
encoding        clips of a video → frozen features
features        features of a list: from the disk, else from its videos
store           features on disk, video by video
"""
