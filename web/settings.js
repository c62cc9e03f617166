/**
 * Whose chat this is. Change this file, and leave the others: then an update replaces all files but this one and
 * icon.svg.
 *
 * @type {import("./page/state/settings.js").Written}
 */
export const settings = {
  // `make deploy` also writes it into manifest.webmanifest, for whoever installs the page. On another host, change it there.
  name: "Roomcast",

  // A path on the page's own host, or a full address such as wss://abc123.execute-api.eu-west-1.amazonaws.com/prod
  endpoint: "/prod",

  // The page begins in the first one.
  rooms: ["lobby"],

  // The colour of buttons, links and marks: one, or one for each scheme. It is darkened or lightened as far as text
  // needs to be readable.
  // accent: { light: "#7a1fa2", dark: "#d7a6f0" },

  // For a server with AuthMode=jwt: gets the token that says who the user is. `fresh` asks for a new one.
  // token: async ({ fresh }) => (await fetch(`/chat-token?fresh=${fresh}`)).text(),
};
