"""Who is drawn: the lasting looks of an invented person, in face units.

A face unit is half the height of the head: the chin lies at y = 1, the crown at y = -1, the middle of the face
at (0, 0); x grows to the right and y down, as in a picture.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Colour = tuple[float, float, float]

_SKINS: tuple[Colour, ...] = ((232, 196, 174), (222, 178, 150), (205, 155, 122), (160, 110, 80), (112, 76, 56))
_HAIRS: tuple[Colour, ...] = ((28, 24, 24), (52, 36, 28), (92, 60, 38), (122, 66, 36), (178, 146, 102), (142, 138, 134))
_IRISES: tuple[Colour, ...] = ((72, 44, 26), (96, 66, 34), (92, 104, 62), (84, 116, 150), (104, 118, 126))
_CLOTHES: tuple[Colour, ...] = ((60, 66, 84), (120, 44, 48), (54, 92, 80), (150, 144, 136), (40, 40, 44), (92, 84, 128))
_BACKDROPS: tuple[Colour, ...] = ((196, 202, 206), (150, 160, 168), (206, 198, 184), (122, 136, 130), (168, 156, 160))

#: How the hair lies; "bare" is a shaved head.
HAIR_STYLES = ("short", "parted", "fringe", "long", "back", "curly", "bare")


@dataclass(frozen=True)
class Head:
    """Half widths at the cheekbones and at the jaw, half width of the chin, and how far the cheeks stand out."""

    width: float
    jaw: float
    chin: float
    cheeks: float


@dataclass(frozen=True)
class Brows:
    """Height above the eyes, thickness and arch in face units; density of the hair 0..1; rise to the temples."""

    height: float
    thickness: float
    arch: float
    density: float
    slant: float


@dataclass(frozen=True)
class Eyes:
    """Distance from the midline, half width, opening above the corners, slant of the corners, fold over the lid."""

    distance: float
    width: float
    opening: float
    slant: float
    fold: float
    iris: Colour
    iris_radius: float


@dataclass(frozen=True)
class Nose:
    """Half width over the wings, y of the tip, how far bridge and tip stand out."""

    width: float
    length: float
    bridge: float
    tip: float


@dataclass(frozen=True)
class Mouth:
    """Half width, y of the mouth line, heights of both lips, depth of the Cupid's bow (0..1), colour."""

    width: float
    height: float
    upper: float
    lower: float
    bow: float
    colour: Colour


@dataclass(frozen=True)
class Hair:
    """Style out of HAIR_STYLES, colour, y of the hairline, density of a beard (0: none), seed of the strands."""

    style: str
    colour: Colour
    hairline: float
    beard: float
    strands: int


@dataclass(frozen=True)
class Light:
    """Where the light comes from (x right, y down, towards the viewer 1) and its share over the ambient light."""

    x: float
    y: float
    strength: float
    exposure: float


@dataclass(frozen=True)
class Identity:
    """Everything that stays when a person moves; ``asymmetry`` > 0 moves the picture's right side more."""

    head: Head
    skin: Colour
    brows: Brows
    eyes: Eyes
    nose: Nose
    mouth: Mouth
    hair: Hair
    light: Light
    clothes: Colour
    backdrop: Colour
    asymmetry: float


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """The colour that lies ``share`` (0..1) of the way from the first to the second."""
    red, green, blue = (a + (b - a) * share for a, b in zip(first, second, strict=True))
    return red, green, blue


def random_identity(rng: np.random.Generator) -> Identity:
    """An invented person: the same state of ``rng`` gives the same one."""
    skin_depth = float(rng.beta(1.1, 1.5))
    skin = _tinted(rng, _along(_SKINS, skin_depth), 7)
    return Identity(
        head=_head(rng),
        skin=skin,
        brows=_brows(rng),
        eyes=_eyes(rng, skin_depth),
        nose=_nose(rng),
        mouth=_mouth(rng, skin),
        hair=_hair(rng, skin_depth),
        light=_light(rng),
        clothes=_tinted(rng, _CLOTHES[rng.integers(len(_CLOTHES))], 12),
        backdrop=_tinted(rng, _BACKDROPS[rng.integers(len(_BACKDROPS))], 12),
        asymmetry=float(rng.normal(0.0, 0.08)),
    )


def _head(rng: np.random.Generator) -> Head:
    return Head(
        width=rng.uniform(0.66, 0.76),
        jaw=rng.uniform(0.47, 0.58),
        chin=rng.uniform(0.17, 0.27),
        cheeks=rng.uniform(0.6, 1.3),
    )


def _nose(rng: np.random.Generator) -> Nose:
    return Nose(
        width=rng.uniform(0.115, 0.165),
        length=rng.uniform(0.24, 0.32),
        bridge=rng.uniform(0.6, 1.25),
        tip=rng.uniform(0.7, 1.2),
    )


def _light(rng: np.random.Generator) -> Light:
    return Light(
        x=rng.uniform(-0.55, 0.55),
        y=rng.uniform(-0.6, -0.2),
        strength=rng.uniform(0.45, 0.75),
        exposure=rng.uniform(0.86, 1.0),
    )


def _brows(rng: np.random.Generator) -> Brows:
    return Brows(
        height=rng.uniform(0.205, 0.265),
        thickness=rng.uniform(0.034, 0.062),
        arch=rng.uniform(0.01, 0.05),
        density=rng.uniform(0.65, 0.95),
        slant=rng.uniform(-0.02, 0.03),
    )


def _eyes(rng: np.random.Generator, skin_depth: float) -> Eyes:
    brown = rng.random() < 0.35 + skin_depth
    iris = _IRISES[rng.integers(2)] if brown else _IRISES[rng.integers(2, len(_IRISES))]
    return Eyes(
        distance=rng.uniform(0.285, 0.32),
        width=rng.uniform(0.135, 0.16),
        opening=rng.uniform(0.052, 0.072),
        slant=rng.uniform(-0.012, 0.025),
        fold=rng.uniform(0.025, 0.055),
        iris=_tinted(rng, iris, 8),
        iris_radius=rng.uniform(0.062, 0.07),
    )


def _mouth(rng: np.random.Generator, skin: Colour) -> Mouth:
    rouge = mix((168, 72, 72), (120, 44, 52), rng.random())
    return Mouth(
        width=rng.uniform(0.22, 0.28),
        height=rng.uniform(0.545, 0.595),
        upper=rng.uniform(0.04, 0.07),
        lower=rng.uniform(0.06, 0.095),
        bow=rng.uniform(0.1, 0.4),
        colour=mix(skin, rouge, rng.uniform(0.4, 0.75)),
    )


def _hair(rng: np.random.Generator, skin_depth: float) -> Hair:
    dark = rng.random() < 0.3 + 1.2 * skin_depth
    colour = _HAIRS[rng.integers(2)] if dark else _HAIRS[rng.integers(1, len(_HAIRS))]
    style = HAIR_STYLES[rng.integers(len(HAIR_STYLES))]
    return Hair(
        style=style,
        colour=_tinted(rng, colour, 6),
        hairline=rng.uniform(-0.72, -0.6),
        beard=rng.uniform(0.15, 0.65) if style != "long" and rng.random() < 0.35 else 0.0,
        strands=int(rng.integers(2**31)),
    )


def _along(colours: tuple[Colour, ...], share: float) -> Colour:
    place = share * (len(colours) - 1)
    first = min(int(place), len(colours) - 2)
    return mix(colours[first], colours[first + 1], place - first)


def _tinted(rng: np.random.Generator, colour: Colour, spread: float) -> Colour:
    """A colour somewhat brighter or darker, and a little off in hue."""
    shifts = rng.normal(0, spread) + rng.normal(0, spread / 3, 3)
    red, green, blue = (float(value) for value in np.clip(np.add(colour, shifts), 0, 255))
    return red, green, blue
