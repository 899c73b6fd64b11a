"""Complete runs as functions, by name.

table           all recipes
own             your own videos on one GPU
own_cpu         the same on a CPU, with a tiny model
demo            the runs of ``videomae2 demo``
distill         a small classifier from a large one
v2_pretrain     VideoMAE V2 as its authors pre-trained it, and the ablation of decoder masking
k710            post-pre-training on Kinetics-710, and from there to smaller sets
v2_finetune     fine-tuning on Kinetics and Something-Something straight after pre-training
v1              VideoMAE (V1) as its authors pre-trained and fine-tuned it
internvideo     InternVideo's pre-training and fine-tuning
rows            a row of words and numbers → a recipe of a released training
datasets        the public data sets of recipes
"""
