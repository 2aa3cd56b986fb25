"""Version 1: the .proto files are normative, the rest is generated from them."""
