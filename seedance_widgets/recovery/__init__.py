"""After a crash or a lost answer, and beside other kernels: what became of each task."""
