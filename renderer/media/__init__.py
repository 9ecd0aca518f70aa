"""Frames to files, without torch: text over the frames, stills, segments, and the film."""
