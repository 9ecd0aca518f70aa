"""One run from start to end, and what can be said of one."""
