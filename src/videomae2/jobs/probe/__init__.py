"""Probes: how well the features of an encoder tell classes, without training it."""
