# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Printed boxes and cartons."""

from __future__ import annotations

from vit_perception.scenes.parametric.box_shapes import printed_box, shipping_box
from vit_perception.scenes.parametric.things import Kind

SWEETS = ("brown", "red", "beige", "orange")
BOXES = {
    "box of cereal": Kind(
        ("cereal box", "breakfast cereal", "box"),
        printed_box(
            ("Corn Flakes", "Muesli", "Crunchy", "Honey Rings", "Choco Pops", "Oats", "Granola"),
            ("brown", "yellow", "beige", "red"),
            (0.15, 0.21),
            (0.045, 0.075),
            (0.22, 0.31),
        ),
        (0.2, 0.33),
        2.2,
    ),
    "box of crackers": Kind(
        ("cracker box", "crackers", "snack box", "box"),
        printed_box(
            ("Crackers", "Salted", "Wheat Thins", "Crispbread", "Grain", "Sesame"),
            ("beige", "brown", "yellow"),
            (0.11, 0.18),
            (0.045, 0.075),
            (0.16, 0.24),
            sideways=0.25,
        ),
        (0.15, 0.25),
        1.8,
    ),
    "box of cookies": Kind(
        ("cookie box", "biscuit box", "cookies", "box"),
        printed_box(
            ("Cookies", "Biscuits", "Butter Keks", "Choco Chip", "Wafers", "Shortbread"),
            SWEETS,
            (0.13, 0.22),
            (0.035, 0.07),
            (0.07, 0.16),
            lying=0.4,
        ),
        (0.12, 0.24),
        1.8,
    ),
    "box of tea": Kind(
        ("tea box", "tea", "box of tea bags", "box"),
        printed_box(
            ("Green Tea", "Earl Grey", "Camomile", "Mint Tea", "Rooibos", "Black Tea"),
            ("green", "red", "yellow"),
            (0.11, 0.16),
            (0.055, 0.08),
            (0.065, 0.13),
            lying=0.1,
        ),
        (0.1, 0.18),
        1.6,
    ),
    "medicine box": Kind(
        ("pill box", "box of medicine", "pack of tablets", "box"),
        printed_box(
            ("20 Tablets", "Ibuprofen", "500 mg", "Vitamin C", "Nasal Spray", "Capsules"),
            (),
            (0.07, 0.13),
            (0.018, 0.035),
            (0.045, 0.075),
            lying=0.4,
        ),
        (0.06, 0.14),
        1.4,
    ),
    "box of pasta": Kind(
        ("pasta box", "pasta", "spaghetti box", "box"),
        printed_box(
            ("Spaghetti", "Penne", "Fusilli", "Lasagne", "Rigatoni", "Farfalle"),
            ("yellow", "red", "beige"),
            (0.08, 0.16),
            (0.03, 0.06),
            (0.16, 0.26),
            sideways=0.2,
            lying=0.15,
        ),
        (0.15, 0.28),
        1.4,
    ),
    "box of sugar": Kind(
        ("sugar box", "sugar", "sugar package", "box"),
        printed_box(
            ("Sugar", "Cane Sugar", "Zucker", "Cubes", "Salt", "Baking Soda"),
            ("beige", "brown"),
            (0.07, 0.12),
            (0.04, 0.07),
            (0.11, 0.18),
        ),
        (0.1, 0.19),
        1.2,
    ),
    "box of pudding": Kind(
        ("pudding box", "dessert box", "gelatin box", "box"),
        printed_box(
            ("Pudding", "Vanilla", "Chocolate", "Jelly", "Custard", "Cake Mix"),
            SWEETS,
            (0.075, 0.11),
            (0.022, 0.04),
            (0.075, 0.11),
            lying=0.4,
        ),
        (0.07, 0.12),
        1.2,
    ),
    "box of chocolates": Kind(
        ("chocolate box", "box of sweets", "candy box", "box"),
        printed_box(
            ("Pralines", "Chocolates", "Mints", "Truffles", "Toffee", "Nougat"),
            SWEETS,
            (0.16, 0.26),
            (0.022, 0.045),
            (0.1, 0.18),
            lying=0.8,
        ),
        (0.15, 0.28),
        1.2,
    ),
    "frozen pizza box": Kind(
        ("pizza box", "frozen pizza", "flat box", "box"),
        printed_box(
            ("Pizza", "Margherita", "Salami", "Funghi", "Tonno"),
            ("red", "yellow", "green"),
            (0.24, 0.32),
            (0.025, 0.04),
            (0.24, 0.32),
            lying=0.6,
        ),
        (0.23, 0.34),
        0.6,
    ),
    "box of washing powder": Kind(
        ("detergent box", "washing powder", "laundry detergent", "box"),
        printed_box(
            ("Color", "Ultra Clean", "Sensitive", "Tabs", "All in 1", "White +"),
            (),
            (0.14, 0.24),
            (0.06, 0.12),
            (0.18, 0.27),
        ),
        (0.17, 0.29),
        1.0,
    ),
    "box of tissues": Kind(
        ("tissue box", "tissues", "kleenex box", "box"),
        printed_box(
            ("Tissues", "Soft", "3-ply", "Balsam", "Kosmetik"),
            (),
            (0.2, 0.25),
            (0.06, 0.09),
            (0.11, 0.13),
            lying=0.7,
        ),
        (0.18, 0.26),
        0.9,
    ),
    "toothpaste box": Kind(
        ("small box", "carton of toothpaste", "toothpaste package", "box"),
        printed_box(
            ("Toothpaste", "Fresh Mint", "White", "Sensitive", "Cream"),
            (),
            (0.15, 0.2),
            (0.035, 0.045),
            (0.035, 0.05),
            lying=0.3,
        ),
        (0.14, 0.21),
        1.0,
    ),
    "cosmetics box": Kind(
        ("small box", "product box", "box"),
        printed_box(
            ("Creme", "Parfum", "Serum", "Eau de Toilette", "Lotion", "LED Lamp"),
            (),
            (0.035, 0.09),
            (0.03, 0.06),
            (0.07, 0.16),
            sideways=0.2,
        ),
        (0.06, 0.17),
        1.4,
    ),
    "cardboard box": Kind(
        ("box", "carton", "shipping box", "parcel"), shipping_box, (0.1, 0.36), 1.2
    ),
}
