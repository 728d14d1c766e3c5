// A sentence's forms in a panel beside the text. Without it, each sentence has a page of its own.
let opener = null; // id of the sentence that the panel is about
let place = null; // where a form was sent from: the page's position, and what to focus afterwards

const panel = () => document.getElementById("panel");
const report = () => document.querySelector("[data-report]");

function lit(sentence) {
  document.querySelectorAll(".s.lit").forEach(s => s.classList.remove("lit"));
  sentence?.classList.add("lit");
}

function opened() {
  const box = panel();
  if (!box.open) box.showModal();
  box.scrollTop = 0;
  box.querySelector("#panel-rubrik")?.focus();
  lit(opener && document.getElementById(opener));
}

function closed() {
  panel().replaceChildren();
  if (!opener) return;
  const sentence = opener && document.getElementById(opener);
  opener = null;
  lit(null);
  sentence?.querySelector(".mark")?.focus({ preventScroll: true });
}

// The list of criteria: words of the search, in any order, must all be in a row.
function search(field) {
  const picker = field.closest("[data-picker]");
  const words = field.value.toLocaleLowerCase("sv").split(/\s+/).filter(Boolean);
  let shown = 0;
  for (const group of picker.querySelectorAll(".picker-group")) {
    let any = false;
    for (const row of group.querySelectorAll(".picker-row")) {
      const text = row.textContent.toLocaleLowerCase("sv");
      row.hidden = !words.every(word => text.includes(word));
      if (!row.hidden) { any = true; shown += 1; }
    }
    group.hidden = !any;
  }
  picker.querySelector("[data-picker-count]").textContent = `${shown} kriterier`;
}

export function watchPanel() {
  if (!report() || !panel()) return;
  document.addEventListener("click", event => {
    const mark = event.target.closest(".mark");
    if (mark) { opener = mark.closest(".s")?.id ?? null; return; }
    const text = event.target.closest("[data-sentence] .t");
    if (text && getSelection().isCollapsed) text.parentElement.querySelector(".mark")?.click();
    if (event.target === panel()) panel().close();
  });
  panel().addEventListener("close", closed);
  document.addEventListener("input", event => {
    if (event.target.matches("[data-picker-search]")) search(event.target);
  });
  document.addEventListener("keydown", event => {
    if (event.key === "Enter" && event.target.matches("[data-picker-search]")) event.preventDefault();
  });
  document.body.addEventListener("htmx:afterSwap", event => {
    if (event.detail.target.id === "panel") opened();
  });
  // A correction answers with the whole page: the report is taken out of it; a refused one answers with the panel.
  document.body.addEventListener("htmx:beforeSwap", event => {
    const { xhr, elt, target } = event.detail;
    if (target.id === "utkast") place = { top: scrollY, area: elt.closest(".area")?.id ?? null };
    if (xhr.status === 422 && elt.closest("#panel")) {
      event.detail.target = panel();
      event.detail.shouldSwap = true;
      event.detail.selectOverride = "[data-panel]";
    }
  });
}

// After the report has been swapped for the corrected one: tell it, and stand where one stood.
export function swapped() {
  const at = opener, from = place;
  opener = place = null;
  if (panel().open) panel().close();
  const note = report().querySelector("[data-announce]");
  document.getElementById("meddelande").textContent = note?.querySelector("span")?.textContent ?? "";
  if (from) scrollTo({ top: from.top, behavior: "instant" });
  const sentence = at && document.getElementById(at);
  const area = from?.area && document.getElementById(from.area);
  const next = sentence?.querySelector(".mark") ?? area?.querySelector(".grade-form button") ?? area ?? report().querySelector("h1");
  lit(sentence);
  if (next?.tagName === "H1") next.tabIndex = -1;
  next?.focus({ preventScroll: true });
}
