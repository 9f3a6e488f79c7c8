# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Bottles: of drinks, and of sauces, oil, shampoo, detergent, glue."""

from __future__ import annotations

from vit_perception.scenes.parametric.bottle_forms import Form, bottle, handled_jug
from vit_perception.scenes.parametric.drink_bottles import DRINK_BOTTLES
from vit_perception.scenes.parametric.things import Kind

BOTTLES = {
    **DRINK_BOTTLES,
    "oil bottle": Kind(
        ("bottle", "bottle of oil", "olive oil", "vinegar bottle"),
        bottle(
            Form(
                ("Olive Oil", "Sunflower", "Vinegar", "Balsamico", "Sesame"),
                (0.2, 0.31),
                (3.3, 4.6),
                ("yellow", "green", "brown", "gold"),
                material="glass",
                square=0.5,
                shoulder=(0.12, 0.22),
                neck=(0.08, 0.16),
                cap=(0.06, 0.1),
                label=(0.4, 0.75),
                foods=("green", "yellow"),
            )
        ),
        (0.19, 0.32),
        1.2,
    ),
    "ketchup bottle": Kind(
        ("bottle", "bottle of ketchup", "squeeze bottle", "ketchup"),
        bottle(
            Form(
                ("Ketchup", "Tomato", "Hot Ketchup", "Curry"),
                (0.15, 0.24),
                (2.6, 3.4),
                ("red",),
                flat=(0.6, 0.8),
                top="flip",
                throat=(0.4, 0.6),
                neck=(0.01, 0.03),
                cap=(0.08, 0.14),
                caps=("white", "red", "black", "green"),
                label=(0.4, 0.7),
                foods=("red",),
            )
        ),
        (0.14, 0.25),
        1.1,
    ),
    "mustard bottle": Kind(
        ("bottle", "bottle of mustard", "squeeze bottle", "mustard"),
        bottle(
            Form(
                ("Mustard", "Senf", "Dijon", "Sweet"),
                (0.13, 0.21),
                (2.4, 3.2),
                ("yellow",),
                flat=(0.6, 0.85),
                top="nozzle",
                throat=(0.35, 0.5),
                neck=(0.01, 0.03),
                cap=(0.12, 0.2),
                caps=("yellow", "red", "white", "black"),
                label=(0.4, 0.7),
            )
        ),
        (0.12, 0.22),
        1.0,
    ),
    "sauce bottle": Kind(
        ("bottle", "bottle of sauce", "soy sauce", "hot sauce"),
        bottle(
            Form(
                ("Soy Sauce", "Chili", "BBQ", "Worcester", "Mayo", "Teriyaki"),
                (0.13, 0.24),
                (2.8, 4.2),
                ("brown", "black", "red", "orange", "white"),
                square=0.3,
                shoulder=(0.12, 0.25),
                neck=(0.05, 0.16),
                label=(0.45, 0.8),
                material="glass",
                foods=("red", "brown"),
            )
        ),
        (0.12, 0.25),
        1.3,
    ),
    "shampoo bottle": Kind(
        ("bottle", "toiletry bottle", "shower gel", "conditioner"),
        bottle(
            Form(
                ("Shampoo", "Shower Gel", "Conditioner", "Repair", "Men", "Aloe"),
                (0.14, 0.24),
                (2.3, 3.4),
                (
                    "white",
                    "blue",
                    "pink",
                    "green",
                    "purple",
                    "orange",
                    "black",
                    "light blue",
                    "teal",
                ),
                flat=(0.45, 0.7),
                square=0.35,
                shoulder=(0.06, 0.16),
                neck=(0.005, 0.02),
                throat=(0.5, 0.75),
                top="flip",
                cap=(0.08, 0.15),
                label=(0.7, 0.95),
                paper=0.4,
            )
        ),
        (0.13, 0.25),
        1.6,
    ),
    "lotion bottle": Kind(
        ("bottle", "pump bottle", "soap dispenser", "hand cream"),
        bottle(
            Form(
                ("Lotion", "Hand Wash", "Body Milk", "Sanitizer", "Cream"),
                (0.15, 0.24),
                (2.4, 3.3),
                ("white", "pink", "beige", "green", "light blue", "orange"),
                flat=(0.65, 1.0),
                top="pump",
                shoulder=(0.06, 0.14),
                neck=(0.005, 0.02),
                throat=(0.28, 0.4),
                cap=(0.2, 0.28),
                label=(0.6, 0.9),
                paper=0.5,
            )
        ),
        (0.14, 0.25),
        1.1,
    ),
    "detergent bottle": Kind(
        ("bottle", "cleaner bottle", "laundry detergent", "jug"),
        handled_jug,
        (0.19, 0.31),
        1.4,
    ),
    "cleaner bottle": Kind(
        ("bottle", "cleaning product", "bleach bottle", "household cleaner"),
        bottle(
            Form(
                ("Cleaner", "Citrus", "Floor", "WC", "Power Gel", "Lemon"),
                (0.2, 0.3),
                (2.6, 3.6),
                ("white", "blue", "green", "yellow", "orange", "pink"),
                flat=(0.5, 0.75),
                square=0.4,
                shoulder=(0.15, 0.3),
                neck=(0.02, 0.05),
                throat=(0.35, 0.5),
                label=(0.6, 0.9),
            )
        ),
        (0.19, 0.31),
        1.2,
    ),
    "spray bottle": Kind(
        ("bottle", "spray", "cleaner spray", "trigger bottle"),
        bottle(
            Form(
                ("Glass Clean", "Bath", "Kitchen", "Degreaser", "Multi"),
                (0.23, 0.3),
                (2.7, 3.4),
                ("light blue", "blue", "white", "green", "pink", "yellow"),
                flat=(0.55, 0.8),
                square=0.3,
                shoulder=(0.2, 0.32),
                neck=(0.02, 0.04),
                throat=(0.28, 0.36),
                cap=(0.2, 0.26),
                label=(0.6, 0.9),
                top="trigger",
            )
        ),
        (0.22, 0.31),
        1.2,
    ),
    "glue bottle": Kind(
        ("bottle", "bottle of glue", "glue", "school glue"),
        bottle(
            Form(
                ("Glue", "Kleber", "Craft", "Wood Glue"),
                (0.09, 0.16),
                (2.4, 3.2),
                ("white", "yellow", "light blue"),
                flat=(0.6, 0.9),
                top="nozzle",
                throat=(0.35, 0.5),
                neck=(0.01, 0.03),
                cap=(0.15, 0.24),
                label=(0.5, 0.8),
            )
        ),
        (0.08, 0.17),
        0.8,
    ),
}
