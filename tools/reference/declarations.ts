import { readFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";

/** Interfaces and classes of a source file, read without checking its types: what their comments say of them. */

export const project = join(import.meta.dirname, "../..");

export interface Member {
  readonly name: string;
  /** As it is written. */
  readonly type: string;
  readonly optional: boolean;
  /** Empty where nobody says anything. */
  readonly about: string;
  readonly default: string;
}

export interface Declaration {
  readonly name: string;
  readonly about: string;
  /** What it extends, as it is written. */
  readonly bases: readonly string[];
  readonly members: readonly Member[];
  readonly example: string;
  /** Of a class: its public properties. */
  readonly isClass: boolean;
}

/** Exported ones, in the order of the file. */
export function declarationsOf(file: string): Declaration[] {
  const source = ts.createSourceFile(file, readFileSync(join(project, file), "utf8"), ts.ScriptTarget.Latest, true);
  return source.statements.flatMap((each): Declaration[] => {
    if (!ts.isInterfaceDeclaration(each) && !ts.isClassDeclaration(each)) return [];
    if (!each.name || !each.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword)) return [];
    const members = [...each.members].flatMap((member) => memberOf(member, source));
    const { about, example } = commentOf(each);
    return [
      {
        name: each.name.text,
        about,
        example,
        bases: (each.heritageClauses ?? []).flatMap(({ types }) => types.map((type) => type.getText(source))),
        members,
        isClass: ts.isClassDeclaration(each),
      },
    ];
  });
}

function memberOf(member: ts.TypeElement | ts.ClassElement, source: ts.SourceFile): Member[] {
  if (!ts.isPropertySignature(member) && !ts.isPropertyDeclaration(member)) return [];
  const hidden = member.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.PrivateKeyword);
  if (hidden || ts.isPrivateIdentifier(member.name)) return [];
  const { about, byDefault } = commentOf(member);
  const type = (member.type?.getText(source) ?? "")
    .replaceAll(/\/\*[\s\S]*?\*\/\s*/g, "")
    .replaceAll(/\s+/g, " ")
    .replace(/ \| undefined$/, "")
    .replaceAll("readonly ", "")
    .replace(/^\| /, "");
  return [
    {
      name: member.name.getText(source),
      type,
      optional: member.questionToken !== undefined,
      about,
      default: byDefault,
    },
  ];
}

function commentOf(node: ts.Node): { about: string; byDefault: string; example: string } {
  const [comment] = ts.getJSDocCommentsAndTags(node).filter(ts.isJSDoc).slice(-1);
  const tagged = (name: string): string => {
    const tag = comment?.tags?.find(({ tagName }) => tagName.text === name);
    return ts.getTextOfJSDocComment(tag?.comment)?.trim() ?? "";
  };
  const about = (ts.getTextOfJSDocComment(comment?.comment) ?? "").replaceAll(/\{@link\s+([^}]+?)\s*\}/g, "`$1`");
  return { about: about.trim(), byDefault: tagged("default"), example: tagged("example") };
}
