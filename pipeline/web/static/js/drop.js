// Files dropped anywhere on the start page go into its file field and are read at once.
export function watchDrops() {
  const form = document.querySelector("form[data-drop]");
  if (!form) return;
  const field = form.querySelector("input[type=file]");
  const area = form.querySelector(".drop");
  const carriesFiles = event => event.dataTransfer?.types.includes("Files");
  let depth = 0;
  addEventListener("dragenter", event => {
    if (carriesFiles(event)) { depth += 1; area.classList.add("over"); }
  });
  addEventListener("dragleave", () => {
    depth = Math.max(0, depth - 1);
    if (!depth) area.classList.remove("over");
  });
  addEventListener("dragover", event => { if (carriesFiles(event)) event.preventDefault(); });
  addEventListener("drop", event => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    depth = 0;
    area.classList.remove("over");
    field.files = event.dataTransfer.files;
    form.requestSubmit();
  });
}
