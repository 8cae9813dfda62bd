"""The weights of any network, ours or other people's, as paths through the layers."""
