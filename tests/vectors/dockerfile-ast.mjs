// Writes dockerfile-ast.json: what npm's dockerfile-ast reads in dockerfiles.json.
//   npm install dockerfile-ast && node dockerfile-ast.mjs
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";

const { DockerfileParser } = createRequire(`${process.cwd()}/`)("dockerfile-ast");
const here = new URL(".", import.meta.url);
const texts = JSON.parse(readFileSync(new URL("dockerfiles.json", here), "utf-8"));
const found = {};
for (const [name, text] of Object.entries(texts)) {
  found[name] = DockerfileParser.parse(text).getInstructions().map((instruction) => {
    const range = instruction.getRange();
    const names = typeof instruction.getProperties === "function" ? instruction.getProperties().map((p) => p.getName())
      : typeof instruction.getProperty === "function" && instruction.getProperty() ? [instruction.getProperty().getName()] : [];
    const flags = typeof instruction.getFlags === "function" ? instruction.getFlags().map((flag) => flag.toString()) : [];
    return [instruction.getKeyword(), range.start.line + 1, range.end.line + 1, names, flags];
  });
}
writeFileSync(new URL("dockerfile-ast.json", here), `${JSON.stringify(found)}\n`);
