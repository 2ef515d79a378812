"""Files that survive a crash: atomic writes, the codec of states, journals and checkpoints."""
