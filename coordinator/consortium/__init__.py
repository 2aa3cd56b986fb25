"""The consortium's root and roster, made and signed offline: `skerry consortium`, and `skerry keys`."""
