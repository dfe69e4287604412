// Bundles the scripts that the live cells take from npm, with the licenses of everything in them:
//   npm ci && npm run build
import { build } from "esbuild";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const OUT = "../../src/glassformer/app/static/vendor";
const ENTRIES = ["editor", "widgets"];
const PAGES_OWN = /^\.\.\/outputs\.js$/;
const LEAN = /^(jquery|sanitize-html)$/; // two large packages of which the widgets use a few lines

/** `text` with every `from` changed to `to`. Fails if it is not there: then the package has changed. */
function change(text, from, to) {
  if (!text.match(from)) throw new Error(`${from} is not in the package any more.`);
  return text.replaceAll(from, to);
}

const changes = {
  name: "changes",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: PAGES_OWN }, ({ path }) => ({ path, external: true }));
    onResolve({ filter: LEAN }, ({ path }) => ({ path: join(import.meta.dirname, "lean", `${path}.mjs`) }));
    // anywidget is published for AMD loaders only, and tells the console of a failure, where we tell the reader.
    onLoad({ filter: /\/anywidget\/dist\/index\.js$/ }, ({ path }) => {
      const text = change(readFileSync(path, "utf8"), /^define\(\["@jupyter-widgets\/base"\], widget_default\);$/gm, "export default widget_default;");
      return { contents: change(text, /(?<!function )throwAnywidgetError\(/g, "view.failed(") };
    });
    // The widgets' styles hold for widgets only: they name things like .progress, and set variables on the root.
    onLoad({ filter: /\/@(jupyter-widgets|lumino)\/.*\.css$/ }, ({ path }) => {
      const text = readFileSync(path, "utf8").replace(/@import [^;]*;/g, "").replaceAll(":root", "&");
      return { contents: `.gf-widgets {\n${text}\n}`, loader: "css" };
    });
  },
};

/** The folder of the npm package that a bundled file belongs to. */
const packageOf = (file) => file.match(/^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//)?.[1];

const packages = new Set();
for (const name of ENTRIES) {
  const { metafile } = await build({
    entryPoints: [`${name}.mjs`], outfile: join(OUT, `${name}.js`), bundle: true, minify: true, format: "esm",
    target: ["es2022", "chrome111", "firefox115", "safari16"], legalComments: "none", metafile: true, plugins: [changes],
  });
  for (const file of Object.keys(metafile.inputs)) if (packageOf(file)) packages.add(packageOf(file));
}

/** The license that comes with a package; Jupyter's packages come without theirs. */
function licenseOf(folder) {
  const inside = ["LICENSE", "LICENSE.md", "LICENSE.txt"].map((file) => join(folder, file));
  const kept = join("licenses", `${folder.match(/@([^/]+)/)?.[1]}.txt`);
  const file = [...inside, kept].find(existsSync);
  if (!file) throw new Error(`${folder} has no license.`);
  return readFileSync(file, "utf8").trim();
}

const licenses = [...packages].sort().map((folder) => {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, "package.json")));
  return `${name} ${version} (${license})\n\n${licenseOf(folder)}\n`;
});
writeFileSync(join(OUT, "LICENSES.txt"), licenses.join(`\n${"-".repeat(80)}\n\n`));
