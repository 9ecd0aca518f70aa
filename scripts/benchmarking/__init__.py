"""What `scripts/benchmark.py` measures, in the order of its report.

options    what is asked for, without torch
machine    what it was measured on
subject    the network, its weights, and the settings of what is dreamed
turns      several short turns of each contender, one after the other
bare       the network alone
dreaming   stills and films through the worker that a render has
rivals     lucent
beside     processes that keep the cores busy
stages     where a frame's time goes
alone      the dreaming of a render without the rest, in a process of its own
rendering  a render from outside: its time and its memory
parts      all of it
report     the tables
"""
