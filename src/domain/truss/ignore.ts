import { textBytes } from "./content.ts";
import { ignoreRule } from "./ignoreRule.ts";
import { pythonStrip } from "./pythonStrip.ts";
import { comparePaths, contentAt, type TrussSnapshot } from "./snapshot.ts";

/** File of a truss whose patterns replace {@link defaultIgnorePatterns}. */
export const ignoreFilename = ".truss_ignore";

/**
 * What `truss push` and `truss watch` leave out when a truss has no `.truss_ignore`: the pattern list of truss 0.18.35
 * (`truss/util/.truss_ignore`). Hashes depend on it, so it changes only together with the pinned version.
 */
export const defaultIgnorePatterns: readonly string[] = [
  ...["__pycache__/", "*.py[cod]", "*$py.class", "*.so"],
  ...[".Python", "build/", "develop-eggs/", "dist/", "downloads/", "eggs/", ".eggs/", "lib/", "lib64/", "parts/"],
  ...["sdist/", "var/", "wheels/", "share/python-wheels/", "*.egg-info/", ".installed.cfg", "*.egg", "MANIFEST"],
  ...[".DS_Store", "*.manifest", "*.spec", "pip-log.txt", "pip-delete-this-directory.txt"],
  ...["htmlcov/", ".tox/", ".nox/", ".coverage", ".coverage.*", ".cache", "nosetests.xml", "coverage.xml"],
  ...["*.cover", "*.py,cover", ".hypothesis/", ".pytest_cache/", "cover/", "*.mo", "*.pot", "*.log"],
  ...["local_settings.py", "db.sqlite3", "db.sqlite3-journal", "instance/", ".webassets-cache", ".scrapy"],
  ...["docs/_build/", ".pybuilder/", "target/", ".ipynb_checkpoints", "profile_default/", "ipython_config.py"],
  ...[".pdm.toml", "__pypackages__/", "celerybeat-schedule", "celerybeat.pid", "*.sage.py"],
  ...[".env", ".venv", "env/", "venv/", "ENV/", "env.bak/", "venv.bak/", ".spyderproject", ".spyproject"],
  ...[".ropeproject", ".mypy_cache/", ".dmypy.json", "dmypy.json", ".ruff_cache/", ".pyre/", ".pytype/"],
  ...["cython_debug/", ".git", "*.tmp", "*.swp"],
];

/** Patterns of a `.truss_ignore` file: trimmed lines without blanks and comments. */
export function parseIgnoreFile(text: string): string[] {
  return text
    .split(/\r\n|\r|\n/)
    .map(pythonStrip)
    .filter((line) => line !== "" && !line.startsWith("#"));
}

/** Patterns of the truss itself, or those of a truss without any. */
export function ignorePatternsOf(snapshot: TrussSnapshot): readonly string[] {
  const own = contentAt(snapshot, ignoreFilename);
  if (!own) return defaultIgnorePatterns;
  return parseIgnoreFile(new TextDecoder("utf-8", { ignoreBOM: true }).decode(textBytes(own, ignoreFilename)));
}

/**
 * Paths of the snapshot that count under `patterns`: nothing below a folder that is left out, whatever later patterns
 * say, as the library prunes while it walks (since 0.18.26).
 */
export function unignoredPaths(snapshot: TrussSnapshot, patterns: readonly string[]): string[] {
  if (patterns.length === 0 || patterns === snapshot.leftOut) return [...snapshot.entries.keys()];
  const rule = ignoreRule(patterns);
  const decided = new Map<string, boolean>();
  const isIgnored = (path: string): boolean => {
    const known = decided.get(path);
    if (known !== undefined) return known;
    const parent = path.slice(0, Math.max(path.lastIndexOf("/"), 0));
    const entry = snapshot.entries.get(path);
    const isFolder = entry?.kind === "dir" || (entry?.kind === "symlink" && entry.leadsTo === "dir");
    const answer = (parent !== "" && isIgnored(parent)) || rule(path, isFolder);
    decided.set(path, answer);
    return answer;
  };
  return [...snapshot.entries.keys()].filter((path) => !isIgnored(path));
}

/** By snapshot, which nobody changes: hash, signature and patches of one reading ask for the same. */
const counted = new WeakMap<
  TrussSnapshot,
  { readonly patterns: readonly string[]; readonly paths: readonly string[] }
>();

/** {@link unignoredPaths} in the order that hashes and signatures list them. */
export function countedPaths(snapshot: TrussSnapshot, patterns: readonly string[]): readonly string[] {
  const known = counted.get(snapshot);
  if (known?.patterns === patterns) return known.paths;
  const paths = unignoredPaths(snapshot, patterns).sort(comparePaths);
  counted.set(snapshot, { patterns, paths });
  return paths;
}
