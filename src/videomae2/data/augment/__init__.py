"""Augmentation of labelled clips in batches, on the device of the clips.

augment         all of it in its order
rand_augment    which operations a clip gets
ops             the 15 operations and how strong each is
pixel_ops       changes of tone, colour and sharpness
geometric_ops   rotations, shears and shifts
erasing         boxes of noise
mixing          mixup and cutmix
"""
