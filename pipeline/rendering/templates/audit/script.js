"use strict";
// Sortable tables: a button in each head; numbers by data-v, else words in Swedish order.
const order = new Intl.Collator("sv", { numeric: true });
for (const table of document.querySelectorAll("table.sort")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, n) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      const value = row => row.cells[n].dataset.v ?? row.cells[n].textContent.trim();
      const rows = [...table.tBodies[0].rows].sort((a, b) => {
        const x = value(a), y = value(b);
        if (x === "" || y === "") return x === y ? 0 : x === "" ? 1 : -1;
        const by = isNaN(x) || isNaN(y) ? order.compare(x, y) : x - y;
        return down ? -by : by;
      });
      heads.forEach(h => h.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      table.tBodies[0].append(...rows);
    });
  });
}
for (const field of document.querySelectorAll("input.filter")) {
  const rows = [...document.getElementById(field.dataset.table).tBodies[0].rows];
  field.hidden = false;
  field.addEventListener("input", () => {
    const wanted = field.value.toLocaleLowerCase("sv");
    for (const row of rows) row.hidden = !row.textContent.toLocaleLowerCase("sv").includes(wanted);
  });
}
// A link into something folded opens it.
function unfold() {
  const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!target) return;
  for (let node = target; node; node = node.parentElement) if (node.tagName === "DETAILS") node.open = true;
  target.scrollIntoView();
}
addEventListener("hashchange", unfold);
unfold();
