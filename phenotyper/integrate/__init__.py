"""Blocks to one latent space, patients lacking a block included."""
