"""Making a study's clips: its design, its plan, its run."""
