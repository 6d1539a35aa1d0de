import { describeRights, type ObjectKind, objectOf, privilegesOf, type Right, type Rights } from "./rights.ts";

/** What the names in a file of rights stand for. */
export interface RightsScope {
  readonly database: string;
  readonly schema: string;
  /**
   * What `:"name"` stands for, as in psql: one name, or several in a list of objects. A statement about no object gives no right.
   * @default none
   */
  readonly names?: Readonly<Record<string, string | readonly string[]>>;
}

/**
 * The rights that the `GRANT` statements of an SQL file give, by role. `REVOKE ALL` says that a role has nothing in an object, which is
 * so for whatever of the schema a file does not grant. Other statements are not possible, nor are objects outside of the database and
 * the schema.
 * @throws Error with the place, for a file that is wrong.
 */
export function parseGrants(sql: string, scope: RightsScope): Rights {
  const parser = new GrantParser(tokensOf(sql), scope);
  const byRole = Map.groupBy(parser.statements(), ({ role }) => role);
  return Object.fromEntries(
    [...byRole].map(([role, statements]) => {
      const without = statements.flatMap(({ nothingIn = [] }) => nothingIn.map((object) => [objectOf(object), ""]));
      return [role, { ...Object.fromEntries(without), ...describeRights(statements.flatMap(({ rights }) => rights)) }];
    }),
  );
}

interface Token {
  /** `end` once there is nothing left. */
  readonly kind: "word" | "quoted" | "variable" | "sign" | "end";
  readonly text: string;
  readonly line: number;
}

const token = /--[^\n]*|\s+|:"(\w+)"|"((?:[^"]|"")+)"|([A-Za-z_]\w*)|([(),.;])|(.)/gs;

function tokensOf(sql: string): Token[] {
  const tokens: Token[] = [];
  let line = 1;
  for (const [text, variable, quoted, word, sign, unknown] of sql.matchAll(token)) {
    if (unknown !== undefined) throw new Error(`line ${line}: ${unknown} is not possible in a file of rights`);
    if (variable !== undefined) tokens.push({ kind: "variable", text: variable, line });
    else if (quoted !== undefined) tokens.push({ kind: "quoted", text: quoted.replaceAll('""', '"'), line });
    else if (word !== undefined) tokens.push({ kind: "word", text: word, line });
    else if (sign !== undefined) tokens.push({ kind: "sign", text: sign, line });
    line += text.split("\n").length - 1;
  }
  return [...tokens, { kind: "end", text: "the end of the file", line }];
}

interface Privilege {
  readonly privilege: string;
  readonly columns: readonly string[] | undefined;
}

interface GrantStatement {
  readonly role: string;
  readonly rights: readonly Right[];
  /** Of a `REVOKE`. */
  readonly nothingIn?: readonly Pick<Right, "kind" | "name">[];
}

class GrantParser {
  private at = 0;
  private readonly tokens: readonly Token[];
  private readonly scope: RightsScope;

  constructor(tokens: readonly Token[], scope: RightsScope) {
    this.tokens = tokens;
    this.scope = scope;
  }

  *statements(): Generator<GrantStatement> {
    while (this.next.kind !== "end") {
      yield this.takes("REVOKE") ? this.revoke() : this.grant();
      this.require(";");
    }
  }

  private grant(): GrantStatement {
    this.require("GRANT");
    const privileges = this.list(() => this.privilege());
    this.require("ON");
    const objects = this.objects();
    this.require("TO");
    const role = this.role();
    const rights = objects.flatMap((object) =>
      privileges.flatMap(({ privilege, columns }): Right[] => {
        if (!privilegesOf[object.kind].includes(privilege) || (columns && object.kind !== "table")) {
          throw this.wrong(`${privilege} is not a privilege of a ${object.kind}`);
        }
        return (columns ?? [undefined]).map((column) => ({ ...object, privilege, column }));
      }),
    );
    return { role, rights };
  }

  private revoke(): GrantStatement {
    this.require("ALL");
    this.require("ON");
    const nothingIn = this.objects();
    this.require("FROM");
    return { role: this.role(), rights: [], nothingIn };
  }

  private privilege(): Privilege {
    const privilege = this.word().toUpperCase();
    if (!this.takes("(")) return { privilege, columns: undefined };
    const columns = this.list(() => this.name());
    this.require(")");
    return { privilege, columns };
  }

  private objects(): Pick<Right, "kind" | "name">[] {
    if (this.takes("DATABASE")) return this.itself("database", this.scope.database);
    if (this.takes("SCHEMA")) return this.itself("schema", this.scope.schema);
    if (this.takes("ALL")) {
      this.require("SEQUENCES");
      this.require("IN");
      this.require("SCHEMA");
      return this.itself("all sequences", this.scope.schema);
    }
    const kind: ObjectKind = this.takes("FUNCTION") ? "function" : this.takes("SEQUENCE") ? "sequence" : "table";
    if (kind === "table") this.takes("TABLE");
    return this.list(() => this.inSchema(kind)).flat();
  }

  /** The scope's one object of the kind. */
  private itself(kind: ObjectKind, expected: string): Pick<Right, "kind" | "name">[] {
    this.named(expected);
    return [{ kind, name: "" }];
  }

  private inSchema(kind: ObjectKind): Pick<Right, "kind" | "name">[] {
    this.named(this.scope.schema);
    this.require(".");
    const names = this.names();
    if (kind !== "function") return names.map((name) => ({ kind, name }));
    this.require("(");
    const types = this.takes(")") ? [] : this.list(() => this.typeName());
    if (types.length > 0) this.require(")");
    return names.map((name) => ({ kind, name: `${name}(${types.join(", ")})` }));
  }

  private named(expected: string): void {
    const name = this.name();
    if (name !== expected) throw this.wrong(`${name} is not ${expected}, which the file is about`);
  }

  private role(): string {
    const role = this.name();
    return role.toUpperCase() === "PUBLIC" ? "public" : role;
  }

  private name(): string {
    const names = this.names();
    if (names.length !== 1) throw this.wrong("several names where one is possible");
    return names[0] ?? "";
  }

  private names(): readonly string[] {
    const { kind, text } = this.next;
    if (kind === "sign" || kind === "end") throw this.wrong(`${text} instead of a name`);
    this.at += 1;
    if (kind !== "variable") return [kind === "word" ? text.toLowerCase() : text];
    const value = this.scope.names?.[text];
    if (value === undefined) throw this.wrong(`:"${text}" stands for nothing`);
    return typeof value === "string" ? [value] : value;
  }

  private word(): string {
    const { kind, text } = this.next;
    if (kind !== "word") throw this.wrong(`${text} instead of a word`);
    this.at += 1;
    return text;
  }

  /** Such as `double precision`, as PostgreSQL writes it. */
  private typeName(): string {
    const words = [this.word()];
    while (this.next.kind === "word") words.push(this.word());
    return words.join(" ");
  }

  private list<T>(one: () => T): T[] {
    const all = [one()];
    while (this.takes(",")) all.push(one());
    return all;
  }

  private takes(expected: string): boolean {
    const { kind, text } = this.next;
    const found = (kind === "word" || kind === "sign") && text.toUpperCase() === expected;
    if (found) this.at += 1;
    return found;
  }

  private require(expected: string): void {
    if (!this.takes(expected)) throw this.wrong(`${this.next.text} instead of ${expected}`);
  }

  private get next(): Token {
    return this.tokens[this.at] as Token;
  }

  private wrong(what: string): Error {
    return new Error(`line ${this.next.line}: ${what}`);
  }
}
