"""Frozen, validated options, one file a command; nothing here imports torch or numpy."""
