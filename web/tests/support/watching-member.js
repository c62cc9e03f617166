import { Client } from "./client-fixture.js";

/** A member that records the forms of messages, and the failures. */
export async function watchingMember(server, { client = "ada", history, ...options } = {}) {
  const record = await new Client(server, { client, name: client, ...options }).join("general", { history });
  const forms = [];
  for (const type of ["changed", "reactions"]) {
    record.room.addEventListener(type, ({ detail }) => forms.push([type, detail.pending ? "pending" : "now", lookOf(detail)]));
  }
  const failed = [];
  record.room.addEventListener("failed", ({ detail: { action, of, code } }) => failed.push([action, of, code]));
  return { record, room: record.room, forms, failed };
}

/** @returns {string} what a user sees of a message; nothing of the text of a deleted one */
export const lookOf = ({ message, deleted, reactions = [] }) => {
  return [deleted ? null : message, ...reactions.map(({ reaction, count }) => `${reaction} ${count}`)].join(" ");
};
