"""Frozen classifiers."""
