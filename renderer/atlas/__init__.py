"""The web page of a run: one file that opens from the disk, beside the pictures and the film that it shows."""
