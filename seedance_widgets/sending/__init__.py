"""Requests on their way out: the intent, the gate, the POST, the id."""
