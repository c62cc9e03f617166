import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { it } from "node:test";

const page = readFileSync(new URL("../../examples/embed.html", import.meta.url), "utf8");

it("the example's Content-Security-Policy allows its own script and its own endpoint", () => {
  const [, script] = page.match(/<script type="module">(.*?)<\/script>/s);
  const [, policy] = page.match(/http-equiv="Content-Security-Policy"\s+content="(.*?)"/s);
  const [, endpoint] = page.match(/data-endpoint="(.*?)"/);
  const directives = policy.split(/;\s+/).map((directive) => directive.split(" "));
  const allowed = Object.fromEntries(directives.map(([name, ...sources]) => [name, sources]));
  const hash = createHash("sha256").update(script).digest("base64");
  assert.deepEqual(allowed["script-src"], ["'self'", `'sha256-${hash}'`]);
  assert.deepEqual(allowed["connect-src"], [new URL(endpoint).origin]);
  assert.deepEqual(allowed["default-src"], ["'none'"]);
});
