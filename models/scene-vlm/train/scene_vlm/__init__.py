"""A small vision-language model of road scenes: training, evaluation and export."""
