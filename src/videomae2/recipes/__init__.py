"""Complete runs as functions, by name.

table           all recipes
own             your own videos
demo            the runs of ``videomae2 demo``
datasets        the public data sets of recipes
scripts         what released fine-tuning scripts have in common
pretrain        VideoMAE V2 as its authors pre-trained it
ablation        the paper's ablation of decoder masking
k710            post-pre-training on Kinetics-710
k710_transfer   from there to Kinetics-400, -600, -700, UCF101 and HMDB51
kinetics        fine-tuning on Kinetics straight after pre-training
something       fine-tuning on Something-Something
distill         small classifiers from large ones
v1              VideoMAE (V1) as its authors pre-trained it
v1_finetune     and fine-tuned it
internvideo     InternVideo's pre-training and fine-tuning
"""
