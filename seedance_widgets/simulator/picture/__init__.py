"""The pictures of simulated clips.

landscape  what a prompt shows: a place at an hour under its sky, from ``scenery.toml``
given      pictures that were sent: a camera move, a dissolve, references on cards
marks      SIMULATED, seed, title, line of time
planes     all of it in YUV, ready for the encoder
"""
