"""Pre-training, fine-tuning and distillation from a configuration to a run folder.

- ``pretrain``, ``finetune``, ``distill``: the three commands
- ``run``: a training of any kind from start to end, the order of events
- ``setup``: what a command hands to a training; what a batch becomes, and epochs in steps
- ``resume``: what is saved of a run, and how it resumes
- ``run_folder``: what a run was started with, and whether it can go on
- ``dry_run``: what a run would do, and whether it would start
- ``datasets``: labelled videos, split into training and validation; what clips are taken for
- ``video_lists``: what lists say
- ``validation``: metrics of held-out videos, and the best model so far
- ``online_probe``: k-NN and a linear probe of an encoder while it is pre-trained
- ``advice``: how often videos are seen, what repeats, what it costs; training that stands at chance
- ``teacher``, ``distill_data``: the teacher and its cache; what it and a run must share
"""
