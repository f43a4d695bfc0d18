// Bundle main.ts and age-encryption into aftersend/handover/page/seal.js, with the licences of what is in it.
//
// The first line names the hash of the sources: a test compares it with them, so a change without a build is noticed.
import { createHash } from "node:crypto";
import { readFileSync, readdirSync, existsSync, writeFileSync } from "node:fs";
import { build } from "esbuild";

const PAGE = "../../aftersend/handover/page/";
const SOURCES = ["main.ts", "package.json", "package-lock.json", "build.mjs"];

const hash = createHash("sha256");
for (const source of SOURCES) hash.update(readFileSync(source));

const result = await build({
  entryPoints: ["main.ts"],
  bundle: true,
  minify: true,
  write: false,
  metafile: true,
  format: "iife",
  target: "es2022",
  charset: "ascii",
  legalComments: "none",
});
const [{ text }] = result.outputFiles;
if (text.includes("</script")) throw new Error("the script would end too early");
writeFileSync(`${PAGE}seal.js`, `/* Licences: licences.txt. Sources: sha256:${hash.digest("hex")} */\n${text}`);

const inputs = Object.keys(result.metafile.inputs);
const packages = [...new Set(inputs.flatMap((input) => input.match(/node_modules\/((?:@[^/]+\/)?[^/]+)/)?.[1] ?? []))].sort();
const licences = packages.map((name) => {
  const folder = `node_modules/${name}`;
  const { version, license } = JSON.parse(readFileSync(`${folder}/package.json`, "utf8"));
  const file = readdirSync(folder).find((each) => /^licen[cs]e/i.test(each));
  if (!file || !existsSync(`${folder}/${file}`)) throw new Error(`${name} has no licence file`);
  return `${name} ${version} (${license})\n\n${readFileSync(`${folder}/${file}`, "utf8").trim()}\n`;
});
writeFileSync(`${PAGE}licences.txt`, licences.join(`\n${"-".repeat(72)}\n\n`));
