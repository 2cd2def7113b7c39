"""In what a resource's capacity is counted: whole numbers of one of these units."""

UNITS = {
    "minutes": "time of a machine, a bench or people: any trade",
    "pieces": "pieces a day: laser, 3D printing, quality control",
    "pairs": "pairs a day: lasting, soling, closing; lasts and dies as a tool set",
    "kg": "kilograms in the baths of a day: dyeing, washing",
    "g": "grams: casting metal, filament",
    "m2": "square metres: tables, beds, printing",
    "dm2": "square decimetres: hides, small beds",
    "flasks": "flasks in the burn-outs of a day: lost-wax casting",
    "litres": "bed or bath volume: 3D printing, plating",
    "ml": "millilitres: resin",
}
"""Code -> what is counted so. Whoever needs half a unit takes the smaller one."""


def check_unit(unit: str) -> str:
    """The unit, if it is one. Raises ValueError naming all of them."""
    if unit not in UNITS:
        raise ValueError(f"is none of {', '.join(UNITS)}")
    return unit
