"""``videomae2 export``: a model in the form in which it is deployed, verified.

config        what is exported, and to what
plan          a model and what is to become of it, before anything is written
graphs        a module as a torch.export program or an ONNX file, and what these give of clips
layouts       a model in a format of other software, and how far its outputs are off
quantize      int8 weights, and what they cost in accuracy and gain in speed
runner        the Python file beside an ONNX file that runs it on a video
runner_parts  what that file holds: reading, resizing and scoring with PyAV and onnxruntime alone
run           the plan carried out
"""
