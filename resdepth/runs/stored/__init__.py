"""Weights of others: the tensors of any checkpoint by name, read a few numbers at a time."""
