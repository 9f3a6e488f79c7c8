# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Bottles of water, soft drinks, juice, milk, wine and beer."""

from __future__ import annotations

from vit_perception.scenes.parametric.bottle_forms import Form, bottle
from vit_perception.scenes.parametric.things import Kind

WATER = ("Water", "Spring", "Aqua", "Mineral", "Still", "Medium", "Eau")
SODA = ("Cola", "Lemonade", "Orange", "Fizz", "Ginger", "Ice Tea", "Cherry", "Apple")
FRUITS = ("orange", "red", "yellow", "green", "purple")
DRINK_BOTTLES = {
    "water bottle": Kind(
        ("bottle", "plastic bottle", "bottle of water"),
        bottle(
            Form(
                WATER,
                (0.18, 0.33),
                (2.9, 4.0),
                ("light blue", "light blue", "white", "blue", "green"),
                ribs=0.7,
                clear=0.5,
                label=(0.25, 0.45),
                cap=(0.045, 0.07),
                neck=(0.03, 0.06),
            )
        ),
        (0.17, 0.34),
        1.8,
    ),
    "soda bottle": Kind(
        ("bottle", "plastic bottle", "drink bottle", "soft drink"),
        bottle(
            Form(
                SODA,
                (0.2, 0.34),
                (2.9, 3.9),
                ("brown", "orange", "green", "yellow", "red", "white", "black"),
                shoulder=(0.2, 0.32),
                ribs=0.2,
                label=(0.25, 0.5),
                cap=(0.045, 0.07),
                neck=(0.03, 0.05),
                foods=FRUITS,
            )
        ),
        (0.19, 0.35),
        1.8,
    ),
    "juice bottle": Kind(
        ("bottle", "bottle of juice", "drink bottle", "smoothie"),
        bottle(
            Form(
                ("Juice", "Smoothie", "Orange", "Mango", "Berry", "Multi"),
                (0.13, 0.26),
                (2.3, 3.3),
                ("orange", "red", "yellow", "purple", "green", "pink"),
                square=0.4,
                label=(0.45, 0.8),
                throat=(0.42, 0.6),
                cap=(0.07, 0.11),
                neck=(0.02, 0.04),
                foods=FRUITS,
            )
        ),
        (0.12, 0.27),
        1.5,
    ),
    "milk bottle": Kind(
        ("bottle", "bottle of milk", "yoghurt drink", "milk"),
        bottle(
            Form(
                ("Milk", "Kefir", "Yoghurt", "Cacao", "Vanilla"),
                (0.11, 0.25),
                (2.2, 3.4),
                ("white", "white", "beige"),
                label=(0.5, 0.9),
                throat=(0.45, 0.6),
                cap=(0.06, 0.1),
                neck=(0.02, 0.05),
                foods=("red", "beige", "brown"),
            )
        ),
        (0.1, 0.26),
        1.2,
    ),
    "wine bottle": Kind(
        ("bottle", "bottle of wine", "glass bottle"),
        bottle(
            Form(
                ("Merlot", "Riesling", "Rosso", "Cabernet", "Blanc", "Reserva"),
                (0.28, 0.33),
                (3.7, 4.4),
                ("green", "green", "black", "brown", "yellow"),
                material="glass",
                shoulder=(0.14, 0.22),
                neck=(0.16, 0.22),
                throat=(0.34, 0.4),
                cap=(0.06, 0.1),
                label=(0.5, 0.75),
                top="foil",
                caps=("red", "black", "gold", "silver", "blue"),
            )
        ),
        (0.27, 0.34),
        1.3,
    ),
    "beer bottle": Kind(
        ("bottle", "bottle of beer", "glass bottle", "beer"),
        bottle(
            Form(
                ("Pils", "Lager", "Weizen", "Ale", "Stout", "Export"),
                (0.19, 0.27),
                (3.4, 4.2),
                ("brown", "brown", "green", "green", "yellow"),
                material="glass",
                shoulder=(0.2, 0.3),
                neck=(0.12, 0.2),
                throat=(0.38, 0.45),
                cap=(0.03, 0.035),
                label=(0.5, 0.8),
                top="crown",
                caps=("gold", "silver", "red", "blue", "white", "green"),
            )
        ),
        (0.18, 0.28),
        1.3,
    ),
}
