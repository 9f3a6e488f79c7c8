// Copyright 2026 The vit_perception Authors
// SPDX-License-Identifier: Apache-2.0
"use strict";
// Tables of the class "sorts" sort by their headings; without a script they stay as they are.
for (const table of document.querySelectorAll("table.sorts")) {
  const body = table.tBodies[0];
  const heads = [...table.tHead.rows[0].cells];
  const text = (row, column) => row.cells[column].textContent.trim();
  const number = (row, column) =>
    parseFloat(text(row, column).replaceAll(",", "").replace("−", "-"));
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    head.setAttribute("aria-sort", "none");
    button.addEventListener("click", () => {
      const numbers = !head.classList.contains("t");
      const before = head.getAttribute("aria-sort");
      const rising = before === "none" ? !numbers : before === "descending";
      const sign = rising ? 1 : -1;
      const rows = [...body.rows].map((row) => [numbers ? number(row, column) : text(row, column), row]);
      // What was not measured comes last either way.
      rows.sort(([a], [b]) =>
        numbers
          ? (Number.isNaN(a) - Number.isNaN(b)) || sign * (a - b || 0)
          : sign * a.localeCompare(b, "en", { numeric: true }));
      for (const other of heads) other.setAttribute("aria-sort", "none");
      head.setAttribute("aria-sort", rising ? "ascending" : "descending");
      body.append(...rows.map(([, row]) => row));
    });
  });
}
