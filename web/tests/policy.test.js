import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { it } from "node:test";

const read = (path) => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");

/** Return a Content-Security-Policy's sources by directive. */
function directives(policy) {
  const parts = policy.split(";").map((part) => part.trim().split(/\s+/));
  return Object.fromEntries(parts.map(([name, ...sources]) => [name, sources.sort()]));
}

it("the page's Content-Security-Policy is the one that site.yaml sends in a header, which also forbids frames", () => {
  // Both apply: what one of them forbids is forbidden.
  const [, page] = read("web/index.html").match(/http-equiv="Content-Security-Policy" content="([^"]+)"/);
  const [, header] = read("site.yaml").match(/ContentSecurityPolicy: >-\n((?: {14}.*\n)+)/);
  assert.deepEqual(directives(header), { ...directives(page), "frame-ancestors": ["'none'"] });
});
