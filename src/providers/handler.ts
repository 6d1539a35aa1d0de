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

/** One kind of dynamic resource. Thin: it takes inputs apart and calls domain and adapters. */
export interface Handler<Inputs extends object, Outputs extends Inputs> {
  check(inputs: Inputs): Promise<readonly CheckFailure<Inputs>[]>;
  /** Keys of the inputs that cannot be changed in place. */
  readonly replaceOn: readonly (keyof Inputs & string)[];
  /** All input keys; any of them that differs is a change. {@link Due} is not among them. */
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
