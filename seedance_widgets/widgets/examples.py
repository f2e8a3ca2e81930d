"""Sample prompts of the tutorial, one click away in the form, and its advice as hints."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

__all__ = ["EXAMPLES", "HINTS", "Example"]


@dataclass(frozen=True, slots=True)
class Example:
    """One sample: a title, its prompt, the mode it is meant for, and parameters."""

    title: str
    mode: str
    prompt: str
    params: dict[str, Any] = field(default_factory=dict)


EXAMPLES = (
    Example(
        "Daisies (text)",
        "text",
        "Photorealistic style: Under a clear blue sky, a vast expanse of white daisy fields stretches out. "
        "The camera gradually zooms in and finally fixates on a close - up of a single daisy, with several "
        "glistening dewdrops resting on its petals.",
        {"ratio": "16:9"},
    ),
    Example(
        "Kitten (text)",
        "text",
        "The kitten is yawning at the camera",
        {"ratio": "16:9", "resolution": "720p", "seed": 11},
    ),
    Example(
        "Girl and fox (first frame)",
        "first_frame",
        "A girl holding a fox, the girl opens her eyes, looks gently at the camera, the fox hugs "
        "affectionately, the camera slowly pulls out, the girl’s hair is blown by the wind, and the sound of "
        "the wind can be heard",
        {"ratio": "adaptive"},
    ),
    Example(
        "Pianist (first frame, sound)",
        "first_frame",
        "A young man sits at a piano, playing calmly and confidently. His posture is relaxed and natural, "
        "with both hands resting clearly on the keys. The camera holds a stable medium shot. Gentle piano "
        "music plays in sync with his movements.",
        {"generate_audio": True},
    ),
    Example(
        "Orbit (first + last frame)",
        "first_last_frame",
        "Create a 360-degree orbiting camera shot based on this photo",
        {"ratio": "adaptive"},
    ),
    Example(
        "Boy and corgi (references)",
        "reference",
        "A boy wearing glasses and a blue T-shirt from [Image 1] and a corgi dog from [Image 2], sitting on "
        "the lawn from [Image 3], in 3D cartoon style",
        {"ratio": "16:9"},
    ),
)

# by mode; the first line is the model's own formula, which the catalog has
HINTS = {
    "text": "Concise, concrete words; the important part first. Text alone varies a lot: good for ideas. For "
    "control make a still first, and give it as the first frame.",
    "first_frame": "Describe the motion, not the picture. A sharp picture near the clip's ratio helps.",
    "first_last_frame": "Say how the first picture becomes the last. Both are cropped to the same ratio.",
    "reference": "Name the inputs in their order, as in “the boy from [Image 1] dances as in [Video 1]”.",
    "edit": "Say what is to change in [Video 1], and what stays. The clip keeps its length and its ratio.",
    "extend": "Say what happens after [Video 1]. Only the new part is made; `concat` joins the two.",
    "from_draft": "The draft's prompt, pictures, seed, ratio, length and sound are reused.",
}
