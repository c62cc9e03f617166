import { startText } from "./words/start.js";

// A mistake in settings.js, a file that is missing or an old browser would else leave a page that says "Connecting…".
import("./main.js").catch((error) => {
  const line = document.createElement("p");
  line.className = "broken";
  line.role = "alert";
  line.textContent = startText(error);
  document.body.replaceChildren(line);
  throw error; // The console names the file and the line.
});
