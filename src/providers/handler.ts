/** What `check` finds wrong with one input. */
export interface CheckFailure<Inputs> {
  readonly property: keyof Inputs & string;
  readonly reason: string;
}

/** One kind of dynamic resource. Thin: it takes inputs apart and calls domain and adapters. */
export interface Handler<Inputs extends object, Outputs extends Inputs> {
  check(inputs: Inputs): Promise<readonly CheckFailure<Inputs>[]>;
  /** Keys of the inputs that cannot be changed in place. */
  readonly replaceOn: readonly (keyof Inputs & string)[];
  /** All input keys; any of them that differs is a change. */
  readonly inputs: readonly (keyof Inputs & string)[];
  /** Converges from what it finds, so that a second try after a crash is safe. */
  create(inputs: Inputs): Promise<{ id: string; outs: Outputs }>;
  /** Answers all outputs, for those left out would vanish from the state. */
  update(id: string, olds: Outputs, news: Inputs): Promise<Outputs>;
  /** The outputs as they really are, where they can differ from the state's; undefined when it is gone. @default by `exists` */
  read?(id: string, props: Outputs): Promise<Outputs | undefined>;
  /** Whether what the state tells of still exists. */
  exists(id: string, props: Outputs): Promise<boolean>;
  /** Of something that is gone already: nothing to do, no error. */
  delete(id: string, props: Outputs): Promise<void>;
}
