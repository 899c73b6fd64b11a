"""The complete configuration of a run: composed, checked, saved, loaded, compared.

runs            the dataclass of each kind of run
files           a run as a YAML file
diff            what differs between two runs, and whether one can go on as the other
checks          whether a run can work: ranges of numbers, and all that stands below
shared_checks   checks of what every kind of run has
pretrain_checks checks of pre-training alone
finetune_checks checks of supervised training alone
distill_checks  checks of distillation alone
"""
