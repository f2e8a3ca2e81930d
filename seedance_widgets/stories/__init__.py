"""Clips that belong together: chains, and joining clips to one."""
