"""From latent space to candidate subphenotypes: layouts, clusters, the recipe of it all, its result."""
