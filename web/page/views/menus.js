import { Late } from "../late.js";

/** What is offered about a message, a person or the room: the menu, the picker of reactions, and a moderator's items. */
export const menus = new Late(async () => {
  const [{ menu }, { pickReaction }, moderation] = await Promise.all([
    import("./menu.js"),
    import("./message/reaction-picker.js"),
    import("./people/moderation.js"),
  ]);
  return { menu, pickReaction, ...moderation };
});
