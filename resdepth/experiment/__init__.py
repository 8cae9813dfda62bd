"""Data and engine brought together into run folders."""
