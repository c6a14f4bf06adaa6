"""Latent space to map to candidate subphenotypes: embedding, clustering, the recipe that does it all, and its result."""
