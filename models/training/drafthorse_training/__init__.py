"""What the training of all models shares: tables to dataclasses, checkpoints, and the loop of a run."""
