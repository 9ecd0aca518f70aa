"""What is dreamed toward: classes of a network, or channels of a layer; their lists, selection, order and matching."""
