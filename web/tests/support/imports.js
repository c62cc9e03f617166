import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

export const WEB = fileURLToPath(new URL("../..", import.meta.url));

/** Return the paths of the files in a folder of web/ whose names end so, also in folders below. */
export function filesIn(folder, extension = ".js") {
  const names = readdirSync(join(WEB, folder), { recursive: true }).filter((name) => name.endsWith(extension));
  return names.map((name) => join(folder, name)).sort();
}

/**
 * Return the files that a file imports: by `import … from` those that load with it, by `import()` those that load late.
 * With `types`, also those of type imports in comments.
 */
export function importsOf(file, { types = false } = {}) {
  const source = readFileSync(join(WEB, file), "utf8");
  const code = source.replace(/\/\*.*?\*\//gs, "");
  const withIt = [...code.matchAll(/^(?:import|export)\b[^;]*?from\s+"(.+?)"/gm), ...code.matchAll(/^import\s+"(.+?)"/gm)];
  const late = [...code.matchAll(/\bimport\(\s*"(.+?)"/g)];
  const annotated = types ? [...source.matchAll(/import\("(.+?)"\)|@import .*? from "(.+?)"/g)] : [];
  const paths = (matches) =>
    matches.map(([, first, second]) => {
      const specifier = first ?? second;
      assert.match(specifier, /^\.\.?\//, `${file} imports ${specifier}: the library and the page have no dependencies`);
      return relative(WEB, join(WEB, dirname(file), specifier));
    });
  return { withIt: paths(withIt), late: paths(late), all: paths([...withIt, ...late, ...annotated]) };
}

/** Return the files that load with a file, itself among them, sorted. */
export function loadedWith(file, found = new Set()) {
  if (found.has(file)) return found;
  found.add(file);
  for (const imported of importsOf(file).withIt) loadedWith(imported, found);
  return found;
}
