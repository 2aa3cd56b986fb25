"""The shipped policies, as files: `strict` for a real node, `permissive` for a sandbox."""
