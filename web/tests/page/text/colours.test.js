import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";

import { contrast, mix, READABLE, readableOn, textOn } from "../../../page/text/colours.js";
import { readableAccent } from "../../../page/views/brand.js";

const STEPS = ["00", "33", "66", "80", "99", "cc", "ff"];
const COLOURS = STEPS.flatMap((red) => STEPS.flatMap((green) => STEPS.map((blue) => `#${red}${green}${blue}`)));
/** What of tokens.css is behind texts, beside the tint, which has some of the accent. */
const GROUNDS = ["ground", "surface", "side", "code", "at"];

/** Return the colours of tokens.css by name, in each scheme. */
function tokens() {
  const css = readFileSync(new URL("../../../page/styles/tokens.css", import.meta.url), "utf8");
  const [light, dark] = css.split("@media (prefers-color-scheme: dark)");
  const named = (part) => Object.fromEntries([...part.matchAll(/--([\w-]+): (#[0-9a-f]{6});/g)].map(([, ...pair]) => pair));
  const [, percent] = css.match(/--tint: color-mix\(in srgb, var\(--accent\) (\d+)%, var\(--surface\)\);/);
  return { schemes: { light: named(light), dark: named(dark) }, share: percent / 100 };
}

describe("colours", () => {
  it("have WCAG's contrast", () => {
    assert.equal(contrast("#000000", "#ffffff"), 21);
    assert.equal(contrast("#777777", "#ffffff").toFixed(2), "4.48"); // https://webaim.org/resources/contrastchecker/
    assert.equal(contrast("#ff0000", "#0000ff").toFixed(2), "2.15");
  });

  it("are black or white on any ground, and readable", () => {
    for (const ground of COLOURS) assert.ok(contrast(textOn(ground), ground) >= READABLE, ground);
  });

  it("that are readable stay as they are, and others change as little as it takes", () => {
    assert.equal(readableOn("#ffffff", "#0c6b58"), "#0c6b58");
    assert.equal(readableOn("#ffffff", "#ffffff"), "#757575");
    assert.equal(readableOn("#101010", "#000000"), "#808080");
  });

  for (const scheme of ["light", "dark"]) {
    it(`of any team are readable on all grounds of the page, and its texts on their tint: ${scheme}`, () => {
      const { schemes, share } = tokens();
      const page = schemes[scheme];
      for (const colour of [page.accent, ...COLOURS]) {
        const accent = readableAccent({ light: colour, dark: colour })[scheme];
        const tint = mix(page.surface, accent, share);
        const pairs = [...GROUNDS.map((name) => [accent, page[name]]), [accent, tint], [page.ink, tint], [page.muted, tint]];
        for (const [text, ground] of pairs) {
          assert.ok(contrast(text, ground) >= READABLE, `${colour}: ${text} on ${ground} has ${contrast(text, ground)}`);
        }
      }
      assert.equal(readableAccent({ light: page.accent, dark: page.accent })[scheme], page.accent); // the page's own
    });
  }
});
