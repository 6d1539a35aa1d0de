import type { EnvironmentSpec, RawEnvironment } from "../config/environment.ts";

/** Sections of the config whose entries are components. */
export type DeclaredSection = "zoo" | "development" | "shadows" | "pools";
export type SpecOf<Section extends DeclaredSection> = EnvironmentSpec[Section][string];

/** Adds one entry to what is declared, and answers all of it, checked. */
export type Grow = (section: DeclaredSection, name: string, entry: object) => EnvironmentSpec;

/** What a program says of a release's state. */
export interface DeclaredState extends Pick<NonNullable<RawEnvironment["state"]>, "schemas" | "tables"> {
  readonly extensions?: readonly string[] | undefined;
  readonly parallel?: number | undefined;
}
