"""Drafts and their finals: promotion, fidelity, economics."""
