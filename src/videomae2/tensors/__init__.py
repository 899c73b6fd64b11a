"""Maths on arrays and tensors: no state, no devices chosen.

========================  =========================================================================
clips.py                  a batch of clips on the device
grid.py                   clips as a grid of cubes, and back; coarser grids of tokens
masks.py                  what is hidden from the encoder and left out by the decoder
tokens.py                 from masks to lists of token numbers
pixels.py                 pixels into inputs and targets
visible_stats.py          mean and contrast of hidden cubes, from the visible ones
pos_embed.py              fixed position tables
attention.py              attention over tokens
matmul.py                 linear maps, by the library that is fast here
label_losses.py           labels into targets of a loss, weights against imbalance
rng.py, rng_torch.py      random numbers by key: for NumPy; the same bits for torch, and dropout
normalization.py          settings of how pixels become input
files.py                  tensors written to safetensors files
========================  =========================================================================
"""
