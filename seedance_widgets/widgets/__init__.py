"""What people see and press: each widget has a headless twin in the modules above this folder.

One widget is one ``.py``, one ``.js`` and one ``.css`` of the same stem; ipywidgets is imported here and
nowhere above.
"""
