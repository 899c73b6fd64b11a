"""A terminal turned into one call of a command.

main              finds the command, prints errors, gives exit codes
options           arguments → a dataclass
run_options       a recipe, videos, a file and flags → one run, for commands that train
os_errors         errors of the system in one sentence, with what to do
terminal          plans, columns and tables of results
log               lines of the log, bars of long jobs
train             pretrain, finetune and distill
evaluate, probe, run, merge_datasets, bench, demo
                  one command each
weights           a package: convert, export
features          a package: extract, search
pictures          a package: what a model sees
models            a package: released weights are listed, fetched, published
predict           a package: videos, time lines, streams
"""
