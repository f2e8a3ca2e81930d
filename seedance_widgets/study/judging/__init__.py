"""Judging a study's clips: trials, votes, blinding."""
