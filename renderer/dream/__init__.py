"""Pixels from gradients."""
