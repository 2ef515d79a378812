"""Training on Ray: as processes of this machine, or on a cluster."""
