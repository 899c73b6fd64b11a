"""Numbers about predictions.

========================  =========================================================================
classification.py         top-k, per class, confusions, average precision
calibration.py            how far probabilities can be believed; temperature
regression.py             how far off predicted numbers are
bootstrap.py              intervals, also of differences; Wilson's
linear_probe.py           scaling, ridge and logistic regression on features
knn.py                    nearest neighbours by features, and their votes
folds.py                  folds and held-out videos with a share of each class
timeline_smoothing.py     scores over time, and when a class holds
moments.py                where in videos something like a short video happens
probe.py                  what a probe found, as values
========================  =========================================================================
"""
