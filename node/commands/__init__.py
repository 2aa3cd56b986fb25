"""The commands of `skerry-node`, one subject a file; `node.cli` puts them together."""
