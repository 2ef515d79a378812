"""Training on Ray: the processes of this machine, or a cluster's."""
