"""Training of the classifier that the package ships, in the order the data flows.

choice    which 1000 emoji, out of Unicode's list
glyphs    their pictures, out of a color font
augment   training pictures, made on the fly
attack    the L2 attack that makes the network's gradients readable
muon      the optimizer of the convolutions
train     the loop, its schedule and its checkpoints
measure   accuracy, clean and attacked, on held-out augmentations
export    the weights as the package carries them
"""
