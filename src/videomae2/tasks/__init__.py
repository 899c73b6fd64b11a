"""What one training step computes: from clips to a loss.

========================  =========================================================================
pretrain.py               dual-masked pre-training
classify.py               supervised training
distill.py                a student that follows a teacher
reconstruct.py            what a pre-trained model makes of clips, in pixels
saliency.py               where a model looks: attention rollout, gradients of a score
========================  =========================================================================
"""
