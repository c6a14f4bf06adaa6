"""Features to comparable numbers: kinds, scales, adjustment; fitted once, frozen, replayed on new patients."""
