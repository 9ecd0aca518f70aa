"""The film on paper, and its frames."""
