// Forms: one send at a time, with a word that it is being done; text that is not kept yet is not lost by mistake.
export function watchForms() {
  document.addEventListener("submit", event => {
    const form = event.target;
    if (!form.dataset.busy) return;
    if (form.getAttribute("aria-busy") === "true") { event.preventDefault(); return; }
    const button = event.submitter ?? form.querySelector("button.primary, button");
    if (button?.formAction && button.hasAttribute("formaction")) return;
    form.setAttribute("aria-busy", "true");
    form.dataset.unsavedSent = "yes";
    document.getElementById("meddelande").textContent = form.dataset.busy;
    if (button) { button.dataset.label = button.textContent; button.textContent = form.dataset.busy; }
  });
  addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("form[aria-busy=true]")) {
      form.removeAttribute("aria-busy");
      for (const button of form.querySelectorAll("button[data-label]")) button.textContent = button.dataset.label;
    }
  });
  const writing = document.querySelector("form[data-unsaved]");
  if (!writing) return;
  let changed = false;
  writing.addEventListener("input", () => { changed = true; });
  addEventListener("beforeunload", event => {
    if (changed && !writing.dataset.unsavedSent) event.preventDefault();
  });
}
