/** Tables and views that SQL text makes. */
export interface DeclaredRelations {
  readonly tables: readonly string[];
  readonly views: readonly string[];
  /** Names that come with a schema: they would not end up in the release's own. */
  readonly qualified: readonly string[];
  /** Extensions that it makes: they belong to the database. */
  readonly extensions: readonly string[];
  /** What else of the database, or of the whole server, it makes, such as `publication "changes"`. */
  readonly outside: readonly string[];
  /** Whether it makes sequences, other than those of identity columns. */
  readonly sequences: boolean;
  /** Whether it ends the transaction that it is run in. */
  readonly endsTransaction: boolean;
}

const name = String.raw`"(?:[^"]|"")+"|[a-z_\u0080-\uffff][\w$\u0080-\uffff]*`;
const creation = new RegExp(
  String.raw`\bcreate\s+(?:or\s+replace\s+)?(?:unlogged\s+)?(table|(?:materialized\s+|recursive\s+)?view)\s+(?:if\s+not\s+exists\s+)?(${name})(?:\s*\.\s*(${name}))?`,
  "gi",
);

const extension = new RegExp(String.raw`\bcreate\s+extension\s+(?:if\s+not\s+exists\s+)?(${name})`, "gi");
const outside = new RegExp(
  String.raw`\bcreate\s+(?:or\s+replace\s+)?(?:trusted\s+)?(?:procedural\s+)?(publication|subscription|event\s+trigger|server|foreign\s+data\s+wrapper|schema|tablespace|role|user|group|database|language|access\s+method)\s+(?!mapping\b)(?:if\s+not\s+exists\s+)?(${name})`,
  "gi",
);
const sequence = /\bcreate\s+(?:unlogged\s+)?sequence\b|\b(?:small|big)?serial[248]?\b/i;
/** `END` may close the body of an SQL function. */
const transactionEnd = /(?:^|;)\s*(?:commit|rollback|abort|prepare\s+transaction)\b/i;

/**
 * The names that `CREATE TABLE` and `CREATE VIEW` make, so that rights in them can be declared before they exist. PostgreSQL
 * itself has the last word: what it made is compared with this list.
 */
export function declaredRelations(sql: string): DeclaredRelations {
  const tables = new Set<string>();
  const views = new Set<string>();
  const qualified = new Set<string>();
  const text = withoutTexts(sql);
  for (const [, kind = "", first = "", second] of text.matchAll(creation)) {
    if (second !== undefined) qualified.add(`${unquoted(first)}.${unquoted(second)}`);
    else (kind.toLowerCase() === "table" ? tables : views).add(unquoted(first));
  }
  return {
    tables: [...tables].sort(),
    views: [...views].sort(),
    qualified: [...qualified].sort(),
    extensions: [...text.matchAll(extension)].map(([, first = ""]) => unquoted(first)),
    outside: [...text.matchAll(outside)].map(
      ([, kind = "", first = ""]) => `${kind.toLowerCase().replaceAll(/\s+/g, " ")} "${unquoted(first)}"`,
    ),
    sequences: sequence.test(text),
    endsTransaction: transactionEnd.test(text),
  };
}

/** Comments and texts become a blank; quoted names stay. Block comments nest. */
function withoutTexts(sql: string): string {
  let rest = "";
  let at = 0;
  while (at < sql.length) {
    const from = sql.slice(at);
    const dollar = /^\$(\w*)\$/.exec(from);
    if (from.startsWith("--")) at = endOf(sql, "\n", at);
    else if (from.startsWith("/*")) at = endOfComment(sql, at);
    else if (from.startsWith("'")) at = endOf(sql, "'", at + 1);
    else if (dollar) at = endOf(sql, dollar[0], at + dollar[0].length);
    else if (from.startsWith('"')) {
      const end = endOf(sql, '"', at + 1);
      rest += sql.slice(at, end);
      at = end;
      continue;
    } else {
      rest += sql[at];
      at += 1;
      continue;
    }
    rest += " ";
  }
  return rest;
}

function endOf(sql: string, mark: string, from: number): number {
  const found = sql.indexOf(mark, from);
  return found === -1 ? sql.length : found + mark.length;
}

function endOfComment(sql: string, from: number): number {
  let depth = 0;
  for (let at = from; at < sql.length; at += 1) {
    const two = sql.slice(at, at + 2);
    if (two === "/*") depth += 1;
    else if (two === "*/") depth -= 1;
    else continue;
    at += 1;
    if (depth === 0) return at + 1;
  }
  return sql.length;
}

function unquoted(identifier: string): string {
  return identifier.startsWith('"') ? identifier.slice(1, -1).replaceAll('""', '"') : identifier.toLowerCase();
}
