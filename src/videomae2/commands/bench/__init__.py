"""Measure how fast pre-training is on this machine.

config                 what can be chosen
machine                facts of the machine, and its best rate of matrix products
model                  the step of pre-training on random clips
data                   the path from video files to clips, by stage
end_to_end             a short training loop with both
report                 what was measured, as tables and as files
run                    all parts that are asked for
transformers_baseline  transformers' model, to compare with
gpu                    steps on a CUDA device within eight minutes: flags, time shares, its end
gpu_worker             what is measured there, in which order
gpu_measurements       the measurements
gpu_profile            where the time of a step goes
"""
