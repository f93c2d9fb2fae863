"""Radar detector that draws each point as a Gaussian: training, baselines, export.

After RadarGaussianDet3D (RA-L 2026). Runtime inference is written in Rust and does not live here.
"""
