import { find } from "../dom.js";

/** @typedef {import("../../state/room/timeline.js").ShownReaction} ShownReaction */

const template = find("#reaction", HTMLTemplateElement);

/**
 * Show the reactions to a message as buttons. One that stays is the same element, so that it keeps the focus.
 *
 * @param {HTMLElement} list @param {readonly ShownReaction[]} reactions
 */
export function drawReactions(list, reactions) {
  const chips = /** @type {HTMLElement[]} */ ([...list.children]);
  const kept = reactions.map((reaction) => {
    const chip = chips.find(({ dataset }) => dataset.reaction === reaction.reaction) ?? newChip(reaction);
    drawChip(find("button", HTMLButtonElement, chip), reaction);
    return chip;
  });
  for (const chip of chips) if (!kept.includes(chip)) chip.remove();
  kept.forEach((chip, index) => list.children[index] !== chip && list.insertBefore(chip, list.children[index] ?? null));
  list.hidden = kept.length === 0;
}

/** @param {ShownReaction} reaction @returns {HTMLElement} */
function newChip({ reaction }) {
  const chip = find("li", HTMLElement, /** @type {DocumentFragment} */ (template.content.cloneNode(true)));
  chip.dataset.reaction = reaction;
  return chip;
}

/** @param {HTMLButtonElement} button @param {ShownReaction} reaction */
function drawChip(button, { reaction, count, names, mine }) {
  const others = count - names.length;
  const people = names.join(", ") + (others > 0 ? ` and ${others} more` : "");
  button.dataset.reaction = reaction;
  find(".what", HTMLElement, button).textContent = reaction;
  find(".times", HTMLElement, button).textContent = String(count);
  button.ariaPressed = String(mine);
  button.ariaLabel = `${reaction} ${count}: ${people}`;
  button.title = people;
}
