/**
 * Tell the styles in `data-pointing` of the body that the reader works by the pointer. A message that gets the focus back
 * after Escape in its menu or Enter in its editor has no frame then, which `:focus-visible` alone would give it.
 */
export function watchPointer() {
  const point = (/** @type {boolean} */ isPointing) => document.body.toggleAttribute("data-pointing", isPointing);
  document.addEventListener("pointerdown", () => point(true), { capture: true });
  document.addEventListener("keydown", (event) => isWay(event) && point(false), { capture: true });
}

/** Return true if a key leads somewhere: those of a text that is written do not. @param {KeyboardEvent} event */
function isWay({ key, target }) {
  const isInField = target instanceof Element && target.matches("input, textarea");
  return key === "Tab" || key === "F6" || (key !== "Escape" && !isInField);
}
