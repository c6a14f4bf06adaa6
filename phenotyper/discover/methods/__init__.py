"""The package's other methods of finding groups, one a file; importing this registers them all."""

from phenotyper.discover.methods import kmeans, latent_class, leiden, mixture

__all__ = ["kmeans", "latent_class", "leiden", "mixture"]
