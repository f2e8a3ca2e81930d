"""The pictures of simulated clips: landscapes, given stills, and the marks on both.

scenes    what a prompt shows: place, hour, sky, air
land, water, city
the places, as stacks of layers
site      how a place is laid out
figures   a fox, a cat, a dog, people: seen from behind, watching the view
stills    given pictures: a camera move, a dissolve
board     references, on cards
marks     SIMULATED, seed, title, line of time
paint     brushes: noise, ridges, trees, flowers
layers    all of it as YUV planes, ready for the encoder
"""
