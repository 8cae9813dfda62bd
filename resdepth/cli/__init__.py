"""The command line: parse, call, print. Imports that cost time happen when a command runs."""
