import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";

/** Of each example, what it fetches besides its own files. */
const CONNECTS = { "embed.html": [], "chat.html": ["'self'"] };

for (const [name, besides] of Object.entries(CONNECTS)) {
  describe(`the Content-Security-Policy of examples/${name}`, () => {
    const page = readFileSync(new URL(`../../examples/${name}`, import.meta.url), "utf8");
    const inside = (pattern) => page.match(pattern)[1];
    const policy = inside(/http-equiv="Content-Security-Policy"\s+content="(.*?)"/s);
    const directives = policy.split(/;\s+/).map((directive) => directive.split(/\s+/));
    const allowed = Object.fromEntries(directives.map(([name, ...sources]) => [name, sources]));
    const hash = (text) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;

    it("allows its own script and style, and nothing else that is written in a page", () => {
      assert.deepEqual(allowed["script-src"], ["'self'", hash(inside(/<script type="module">(.*?)<\/script>/s))]);
      assert.deepEqual(allowed["style-src"], [hash(inside(/<style>(.*?)<\/style>/s))]);
      assert.deepEqual(allowed["default-src"], ["'none'"]);
    });

    it("allows its endpoint", () => {
      const endpoint = new URL(inside(/data-endpoint="(.*?)"/));
      assert.deepEqual(allowed["connect-src"], [...besides, endpoint.origin]);
    });
  });
}
