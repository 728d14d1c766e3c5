// Reading a report: the menu of areas follows, a link into something folded opens it, an open menu closes.
import { swapped } from "./panel.js";

function unfold() {
  const id = decodeURIComponent(location.hash.slice(1));
  const target = id && document.getElementById(id);
  for (let node = target; node; node = node.parentElement) if (node.tagName === "DETAILS") node.open = true;
}

function follow() {
  const links = new Map([...document.querySelectorAll(".areas a")].map(a => [a.hash.slice(1), a]));
  if (!links.size) return;
  const seen = new IntersectionObserver(entries => {
    for (const { target, isIntersecting } of entries) links.get(target.id)?.classList.toggle("here", isIntersecting);
  }, { rootMargin: "-30% 0px -60% 0px" });
  for (const id of links.keys()) {
    const section = id && document.getElementById(id);
    if (section) seen.observe(section);
  }
}

export function watchReading() {
  unfold();
  follow();
  addEventListener("hashchange", unfold);
  document.addEventListener("click", event => {
    const dismissed = event.target.closest("[data-dismiss]");
    if (dismissed) { event.preventDefault(); dismissed.closest(".saved").remove(); }
    for (const menu of document.querySelectorAll(".menu-box[open]")) {
      if (!menu.contains(event.target) || event.target.closest("a")) menu.open = false;
    }
  });
  document.addEventListener("keydown", event => {
    if (event.key !== "Escape") return;
    for (const menu of document.querySelectorAll(".menu-box[open]")) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  });
  document.body.addEventListener("htmx:afterSettle", () => {
    const report = document.querySelector("[data-report]:not([data-watched])");
    if (!report) return;
    report.dataset.watched = "yes";
    follow();
    swapped();
  });
  const report = document.querySelector("[data-report]");
  if (report) report.dataset.watched = "yes";
}
