// What makes the pages quicker to use. Every page works without it.
import { watchDrops } from "./drop.js";
import { watchPanel } from "./panel.js";
import { watchForms } from "./forms.js";
import { watchReading } from "./reading.js";

document.documentElement.classList.add("js");
watchDrops();
watchPanel();
watchForms();
watchReading();
