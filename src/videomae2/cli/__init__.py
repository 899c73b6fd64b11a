"""A terminal turned into one call of a command.

main              finds the command, prints errors, gives exit codes
options           arguments → a dataclass
run_options       a recipe, videos, a file and flags → one run, for commands that train
progress          lines and progress on a terminal
tables            plans and columns of results
pretrain, finetune, distill, evaluate, probe, predict, reconstruct, run, merge_datasets, bench, demo
                  one command each
predict_options   the arguments of predict
predict_output    what predict prints
"""
