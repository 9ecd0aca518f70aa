"""What networks know: lists of classes, and the selection among them."""
