import { isDeepStrictEqual } from "node:util";

/** What `check` finds wrong with one input. */
export interface CheckFailure<Inputs> {
  readonly property: keyof Inputs & string;
  readonly reason: string;
}

/** An input of resources that stand for what others change too, such as rows of a database. */
export interface Due {
  /**
   * What the resource stands for is not as the inputs say, so it runs, whatever the state says. It is never kept.
   * @default false
   */
  readonly due?: boolean | undefined;
}

/**
 * What a changed input does to its resource. `ignore` is for what only says how to do it, such as where the database is: it is
 * kept with the next change of another input.
 */
export type OnChange = "update" | "replace" | "ignore";

/** Every input by name, so that a new one does not compile before somebody decided. {@link Due} is of one run and stands apart. */
export type OnChanges<Inputs> = Readonly<Record<Exclude<keyof Inputs, keyof Due>, OnChange>>;

/** One kind of dynamic resource. Thin: it takes inputs apart and calls domain and adapters. */
export interface Handler<Inputs extends object, Outputs extends Inputs> {
  readonly inputs: OnChanges<Inputs>;
  /** @default every input is accepted */
  check?(inputs: Inputs): Promise<readonly CheckFailure<Inputs>[]>;
  /**
   * The inputs with those that the checkout's own files say, such as a role's rights, so that a preview shows what of them changes.
   * @default nothing is added
   */
  complete?(inputs: Inputs): Promise<Inputs>;
  /** Converges from what it finds, so that a second try after a crash is safe. */
  create(inputs: Inputs): Promise<{ id: string; outs: Outputs }>;
  /** Answers all outputs, for those left out would vanish from the state. */
  update(id: string, olds: Outputs, news: Inputs): Promise<Outputs>;
  /** The outputs as they really are, where they can differ from the state's; undefined when it is gone. @default by `exists` */
  read?(id: string, props: Outputs): Promise<Outputs | undefined>;
  /** Whether what the state tells of still exists. @default true, for what was done stays done */
  exists?(id: string, props: Outputs): Promise<boolean>;
  /**
   * Of something that is gone already: nothing to do, no error.
   * @default Deleting the resource changes nothing. Images, rows, tables and evidence outlive the line of config that made them: a
   * release may name them, and nobody is moved by a line that goes.
   */
  delete?(id: string, props: Outputs): Promise<void>;
}

type Properties = Readonly<Record<string, unknown>>;

/** Whether `news` differ from what the state holds in an input that counts, and the inputs that cannot be changed in place. */
export function changesOf<Inputs>(
  inputs: OnChanges<Inputs>,
  olds: Properties,
  news: Properties,
): { readonly isChanged: boolean; readonly replaces: string[] } {
  const changed = Object.entries<OnChange>(inputs).filter(
    ([key, onChange]) => onChange !== "ignore" && !isDeepStrictEqual(olds[key], news[key]),
  );
  const replaces = changed.filter(([, onChange]) => onChange === "replace").map(([key]) => key);
  return { isChanged: changed.length > 0, replaces };
}
