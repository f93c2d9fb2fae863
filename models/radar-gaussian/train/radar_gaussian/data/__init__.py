"""Labelled radar frames: what a frame is, where frames come from, and batches of them."""
