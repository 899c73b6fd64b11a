"""Several commands in order, from one file.

file             a YAML file → its stages, parents first
load             stages → complete configurations, and every problem before the first step
stages           what a kind of stage brings, and what a stage will give before it has
train_stages     pre-training, fine-tuning and distillation as stages
evaluate_stage   evaluation as a stage
state            what is remembered of a stage
plan             what has to be done about a stage, and why
run              a pipeline from start to end
"""
