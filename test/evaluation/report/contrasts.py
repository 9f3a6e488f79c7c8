# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""How far texts of a page stand out from what lies behind them."""

from __future__ import annotations

CONTRASTS = """() => {
  const pen = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const rgba = (colour) => {
    pen.clearRect(0, 0, 1, 1);
    pen.fillStyle = colour;
    pen.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = pen.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = (top, below) => below.map((v, i) => i < 3 ? top[i] * top[3] + v * (1 - top[3]) : 1);
  const behind = (element) => {
    if (!element) return rgba(getComputedStyle(document.documentElement)
      .getPropertyValue("--paper"));
    return over(rgba(getComputedStyle(element).backgroundColor), behind(element.parentElement));
  };
  const light = (colour) => colour.slice(0, 3)
    .map((v) => v / 255)
    .map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const found = [];
  for (const element of document.querySelectorAll("body *")) {
    const text = [...element.childNodes]
      .filter((node) => node.nodeType === Node.TEXT_NODE && node.textContent.trim())
      .map((node) => node.textContent.trim()).join(" ");
    if (!text || ["SCRIPT", "STYLE"].includes(element.tagName)) continue;
    const style = getComputedStyle(element);
    const ground = behind(element);
    const ink = over(rgba(element instanceof SVGElement ? style.fill : style.color), ground);
    const [low, high] = [light(ink), light(ground)].sort((a, b) => a - b);
    found.push([(high + 0.05) / (low + 0.05), element.tagName, text.slice(0, 40)]);
  }
  return found;
}"""
"""A function for a browser: a list of contrast (WCAG 2.2, 1.4.3), tag and text of each text."""
