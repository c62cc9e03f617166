import { find } from "../dom.js";
import { menu } from "../menu.js";
import { REACT } from "../../words/messages/actions.js";
import { emojiOf } from "../../text/emoji-names.js";
import { sendable } from "../../text/clean.js";

const template = find("#reacting", HTMLTemplateElement);

/**
 * Offer the usual reactions, and a field for any other, or for its name.
 *
 * @param {Element} anchor - where @param {readonly import("../../state/room/timeline.js").ShownReaction[]} reactions - of the message
 * @param {(reaction: string) => void} onPick
 */
export function pickReaction(anchor, reactions, onPick) {
  const form = find("form", HTMLFormElement, /** @type {DocumentFragment} */ (template.content.cloneNode(true)));
  const field = find("input", HTMLInputElement, form);
  const pick = (/** @type {string} */ reaction) => {
    menu.close();
    onPick(reaction);
  };
  for (const button of form.querySelectorAll("button")) {
    const { reaction } = button.dataset;
    if (!reaction) continue;
    button.ariaPressed = String(reactions.some((each) => each.mine && each.reaction === reaction));
    button.addEventListener("click", () => pick(reaction));
  }
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const reaction = emojiOf(sendable(field.value).trim());
    if (reaction) pick(reaction);
  });
  menu.openPanel(anchor, REACT, form);
}
