# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Bottles: drinks, wine and beer, sauces, oil, shampoo, detergent, sprays."""

from __future__ import annotations

from vit_perception.scenes.parametric.bottle_forms import Form, bottle, handled_jug
from vit_perception.scenes.parametric.things import Kind

WATER = ("Water", "Spring", "Aqua", "Mineral", "Still", "Medium", "Eau")
SODA = ("Cola", "Lemonade", "Orange", "Fizz", "Ginger", "Ice Tea", "Cherry", "Apple")
FRUITS = ("orange", "red", "yellow", "green", "purple")
BOTTLES = {
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
                tuple(
                    c
                    for c in (
                        "white",
                        "blue",
                        "pink",
                        "green",
                        "purple",
                        "orange",
                        "black",
                        "light blue",
                        "teal",
                    )
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
