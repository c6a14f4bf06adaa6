"""What the subphenotypes mean: Table 1, outcomes with intervals, survival, and the features that differ.

``profile`` and ``table_one`` are the public verbs. Below them are kernels that know arrays only
(``intervals``, ``differences``, ``survival_kernels``), one small module for each kind of outcome, and
``wording``, which rounds.
"""
