import { find, isOfInputMethod } from "../dom.js";
import { sendable } from "../../text/clean.js";

const template = find("#editing", HTMLTemplateElement);

/**
 * Open a field for a new text in place of a message's text, unless it is open. Enter saves, Escape closes.
 *
 * @param {HTMLElement} element - of the message @param {string} text - of the message
 * @param {(text: string) => void} onSave
 */
export function openEditor(element, text, onSave) {
  if (isEditing(element)) return;
  const form = find("form", HTMLFormElement, /** @type {DocumentFragment} */ (template.content.cloneNode(true)));
  const field = find("textarea", HTMLTextAreaElement, form);
  find(".said", HTMLElement, element).before(form);
  element.classList.add("edited-now");
  field.value = text;
  form.scrollIntoView({ block: "nearest" });
  field.focus({ preventScroll: true });
  const close = () => {
    closeEditor(element);
    element.focus({ preventScroll: true });
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const changed = sendable(field.value);
    if (!changed) return;
    close();
    onSave(changed);
  });
  form.addEventListener("reset", close);
  form.addEventListener("keydown", (event) => {
    if (isOfInputMethod(event)) return;
    if (event.key === "Escape") {
      event.stopPropagation();
      close();
    }
    if (event.target !== field || event.key !== "Enter" || event.shiftKey) return;
    event.preventDefault();
    form.requestSubmit();
  });
}

/** @param {HTMLElement} element - of a message */
export function closeEditor(element) {
  element.querySelector(".editing")?.remove();
  element.classList.remove("edited-now");
}

/** @param {HTMLElement} element - of a message */
const isEditing = (element) => element.querySelector(".editing") !== null;
