# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Bags, tubes, tubs and wrappers of plastic, film and foil."""

from __future__ import annotations

from vit_perception.scenes.parametric.bags import bar, pillow_bag, standing_bag
from vit_perception.scenes.parametric.things import Kind
from vit_perception.scenes.parametric.tubs import squeeze_tube, tub, yoghurt_cup

POUCHES = {
    "bag of chips": Kind(
        ("bag", "chips packet", "crisps", "snack bag"),
        pillow_bag(
            ("Chips", "Paprika", "Salt", "Nachos", "Tortilla", "Hot"),
            ("yellow", "red", "beige", "orange"),
            (0.13, 0.22),
            (0.18, 0.3),
            (0.22, 0.38),
        ),
        (0.17, 0.32),
        1.5,
    ),
    "bag of candy": Kind(
        ("bag", "candy bag", "sweets", "packet"),
        pillow_bag(
            ("Gummies", "Toffee", "Sours", "Mints", "Peanuts", "Raisins", "Noodles"),
            ("red", "yellow", "green", "orange", "brown"),
            (0.09, 0.17),
            (0.12, 0.21),
            (0.16, 0.3),
        ),
        (0.11, 0.23),
        1.3,
    ),
    "bag of coffee": Kind(
        ("bag", "coffee bag", "coffee", "pouch"),
        standing_bag(("Coffee", "Espresso", "Kaffee", "Crema", "Arabica"), ("brown",), "foil"),
        (0.13, 0.3),
        1.2,
    ),
    "bag of flour": Kind(
        ("bag", "flour", "bag of sugar", "paper bag"),
        standing_bag(
            ("Flour", "Mehl", "Rice", "Sugar", "Oats", "Pet Food"), ("beige", "brown"), "paper"
        ),
        (0.13, 0.3),
        1.2,
    ),
    "toothpaste": Kind(
        ("tube", "tube of toothpaste", "toothpaste tube"),
        squeeze_tube(("Toothpaste", "Mint", "White", "Kids", "Fresh"), (0.11, 0.17)),
        (0.1, 0.21),
        1.2,
    ),
    "tube of cream": Kind(
        ("tube", "cream tube", "hand cream", "lotion tube"),
        squeeze_tube(
            ("Hand Cream", "Sun 50+", "Face", "Gel", "Mayo", "Tomato"), (0.08, 0.16), standing=0.6
        ),
        (0.07, 0.2),
        1.2,
    ),
    "yoghurt cup": Kind(
        ("cup", "yogurt", "pot of yoghurt", "plastic cup"), yoghurt_cup, (0.045, 0.13), 1.4
    ),
    "tub of margarine": Kind(
        ("tub", "butter tub", "plastic tub", "container"), tub, (0.085, 0.19), 1.2
    ),
    "chocolate bar": Kind(("chocolate", "candy bar", "snack bar", "bar"), bar, (0.09, 0.21), 1.1),
}
