"""The file that ``videomae2 run --example`` prints."""

EXAMPLE_PIPELINE = """\
# A pipeline: stages that follow from one another. Check it with
#     videomae2 run pipeline.yaml --dry-run
# and run it without --dry-run. The same command goes on where it was stopped.

name: example
out: runs/example           # each stage has a folder of its name in it

common:                     # settings for every stage that has them
  seed: 0
  runtime: {device: auto}

stages:
  pretrained:               # a name of your own
    kind: pretrain
    recipe: own-cpu         # videomae2 pretrain lists them; own is for one GPU
    videos: my_videos/      # a folder or a list, or several: [videos/, more.csv]
    settings:               # what to change of the recipe, as in a file for --config
      optim: {epochs: 50, warmup_epochs: 3}

  tuned:
    kind: finetune          # post-pre-training is a stage of this kind, too
    recipe: own-cpu         # videomae2 finetune lists them
    videos: labelled_videos/    # one folder for each class, or a list with labels
    from: pretrained        # starts from its weights

  small:
    kind: distill
    recipe: own-cpu
    videos: labelled_videos/
    from: tuned             # its teacher; {teacher: tuned, student: other} names both

  judged:
    kind: evaluate          # many views of each video, and a report
    videos: test_videos/
    from: small             # the model
"""
