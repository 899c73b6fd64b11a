"""Complete runs as functions, by name.

table           all recipes
own             your own videos
demo            the runs of ``videomae2 demo``
distill         small classifiers from large ones
pretrain        VideoMAE V2 as its authors pre-trained it, and the ablation of decoder masking
k710            post-pre-training on Kinetics-710, and from there to smaller sets
v2_finetune     fine-tuning on Kinetics and Something-Something straight after pre-training
v1              VideoMAE (V1) as its authors pre-trained and fine-tuned it
internvideo     InternVideo's pre-training and fine-tuning
pretrain_rows   a row of numbers → a recipe of pre-training
finetune_rows   a row of numbers → a recipe of fine-tuning
description     the words of a row, and the text of its help
datasets        the public data sets of recipes
"""
