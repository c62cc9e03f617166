/** Return a message after a change, as the server folds it: `seq` is the number of the change. */
export function fold(message, seq, { action, user, name = user, message: text, data, reaction, on }, at) {
  const changed = { ...message, revision: seq };
  if (message.deleted) return changed;
  const { data: _, ...rest } = changed;
  if (action === "edit") return { ...rest, message: text, ...(data !== undefined && { data }), edited_at: at };
  const { reactions = [], ...others } = rest;
  if (action === "delete") return { ...others, message: "", deleted: true };
  const reacted = react(reactions, { user, name }, reaction, on);
  const { reactions: __, ...unreacted } = changed;
  return { ...unreacted, ...(reacted.length && { reactions: reacted }) };
}

function react(reactions, person, reaction, on) {
  const known = reactions.find((each) => each.reaction === reaction) ?? { reaction, count: 0, people: [] };
  const others = known.people.filter(({ user }) => user !== person.user);
  const people = on ? [...others, person] : others;
  const next = { reaction, count: people.length, people };
  const all = reactions.includes(known) ? reactions.map((each) => (each === known ? next : each)) : [...reactions, next];
  return all.filter(({ count }) => count > 0);
}
