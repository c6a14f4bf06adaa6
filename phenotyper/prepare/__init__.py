"""Features to comparable numbers: scales, adjustment; fitted once, frozen, replayed on new patients."""
