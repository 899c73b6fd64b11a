"""Several commands in order, from one file.

file             a YAML file → its stages, parents first
stages           what every stage is, and what it will give before it has
train_stages     pre-training, fine-tuning and distillation as stages
evaluate_stage   evaluation as a stage
load             a file → complete stages, with every problem before the first step
state            what is remembered of a stage
plan             what has to be done about a stage, and why
run              a pipeline from start to end
"""
