"""VideoMAE V2: dual-masked pre-training of video transformers, and everything after it."""

__version__ = "0.1.0"
