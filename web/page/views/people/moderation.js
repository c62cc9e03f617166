import { BAN, intervalText, LOCK, MUTE, SLOW_MODE, untilText } from "../../words/messages/actions.js";

/**
 * What moderators can do, as items of the menu.
 *
 * @typedef {import("../menu.js").MenuItem} MenuItem
 * @typedef {import("../../state/acts/room-moderation.js").Moderation} Moderation
 * @typedef {import("../../state/acts/restrictions.js").Restriction} Restriction
 * @typedef {(moderation: Moderation) => void} Moderate
 */

/**
 * @param {{user: string, mine: boolean}} person @param {readonly Restriction[]} inForce @param {Moderate} moderate
 * @returns {MenuItem[]} none for the moderator's own person
 */
export function itemsAbout({ user, mine }, inForce, moderate) {
  if (mine) return [];
  const { mutedUntil, bannedUntil } = inForce.find((each) => each.user === user) ?? {};
  return [
    ...restrict("mute", MUTE, user, mutedUntil, moderate),
    ...restrict("ban", BAN, user, bannedUntil, moderate),
  ];
}

/**
 * @param {"mute" | "ban"} action @param {typeof MUTE} words @param {string} user @param {Date | null | undefined} until
 * @param {Moderate} moderate @returns {MenuItem[]}
 */
function restrict(action, { title, lengths, end }, user, until, moderate) {
  const items = lengths.map(([seconds, label]) => ({ label, run: () => moderate({ action, user, seconds }) }));
  const back = { label: end, run: () => moderate({ action, user, seconds: 0 }) };
  return [{ label: title, hint: untilText(until), isGrave: true, items: [...items, back] }];
}

/**
 * @param {{slowMode: number, locked: boolean}} rules - of the room @param {readonly Restriction[]} inForce
 * @param {Moderate} moderate @returns {MenuItem[]}
 */
export function itemsOfRoom({ slowMode, locked }, inForce, moderate) {
  const intervals = SLOW_MODE.lengths.map(([seconds, label]) => {
    return { label, checked: seconds === slowMode, run: () => moderate({ action: "slow_mode", seconds }) };
  });
  const people = inForce.map((person) => {
    const hint = untilText(person.bannedUntil ?? person.mutedUntil);
    return { label: person.name, hint, items: itemsAbout({ ...person, mine: false }, inForce, moderate) };
  });
  return [
    { label: SLOW_MODE.title, hint: intervalText(slowMode), items: intervals },
    { label: LOCK, checked: locked, run: () => moderate({ action: "lock", locked: !locked }) },
    ...people,
  ];
}
