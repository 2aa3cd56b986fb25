"""The node: runs in the hospital, keeps patients' data on site, and decides."""
