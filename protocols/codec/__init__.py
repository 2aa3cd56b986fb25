"""Values to bytes and back: the one place that knows generated protobuf."""
