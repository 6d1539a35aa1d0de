import { isMap, isScalar, parseDocument } from "yaml";

/** Where `staging` is run here: addresses and images that take the place of the committed file's. */
export interface StagingSite {
  /** Image of the services, by digest, in the registry. */
  readonly servicesImage: string;
  /** Registry and path that builds push to. */
  readonly repository: string;
  /** BuildKit's image, by digest. */
  readonly builderImage: string;
  /** PostgreSQL as pods reach it. */
  readonly database: { readonly host: string; readonly port: number };
}

/** One key of the committed file that has another value here, or is not there. */
export interface StagingDifference {
  /** Below `config:`, as the file writes it. */
  readonly path: readonly string[];
  readonly why: string;
  /** What stands here in its place; undefined removes it. */
  value(site: StagingSite): unknown;
}

/** Every key in which the file that runs here differs from the committed `Pulumi.staging.yaml`. */
export const stagingDifferences: readonly StagingDifference[] = [
  {
    path: ["menagerie:nodeClass"],
    why: "there is no EC2 here; Karpenter makes the nodes with its kwok provider",
    value: () => "kwok",
  },
  {
    path: ["menagerie:gateway", "name"],
    why: "Envoy is a process in namespace istio-system, not a pod in istio-ingress",
    value: () => "istio-system/menagerie",
  },
  {
    path: ["menagerie:postgresCluster"],
    why: "CrunchyData's operator is in no registry that tests may use",
    value: () => undefined,
  },
  {
    path: ["menagerie:database"],
    why: "stands for the operator's PostgreSQL: the environment's own, without TLS",
    value: ({ database }) => ({ ...database, adminUser: "postgres", sslMode: "disable" }),
  },
  {
    path: ["menagerie:services", "image"],
    why: "an address: the registry is the test's, and the image is made from this checkout",
    value: ({ servicesImage }) => servicesImage,
  },
  {
    path: ["menagerie:builds", "repository"],
    why: "an address: builds push to the test's registry",
    value: ({ repository }) => repository,
  },
  {
    path: ["menagerie:builds", "image"],
    why: "an address: BuildKit is built from its module",
    value: ({ builderImage }) => builderImage,
  },
];

/** What is different here besides the file. */
export const stagingSurroundings: readonly string[] = [
  "no sidecars are in the pods, so policies of sidecars and mutual TLS do nothing",
  "nothing enforces NetworkPolicies",
  "the gateway speaks HTTP on 127.0.0.1; requests carry the committed host name",
  "the nodes that Karpenter makes have no machines: the embedded node agents run their pods",
  "the truss library's base image is made from this machine's programs and Python layers, and answers under its name by a mirror of BuildKit",
  "the bucket for uploads is not there: nothing is pushed by clients",
];

/** The text of the stack's file as it runs here. Comments, order and every other value are the committed file's. */
export function stagingHere(committed: string, site: StagingSite): string {
  const file = parseDocument(committed);
  for (const { path, value } of stagingDifferences) {
    const given = value(site);
    if (given === undefined) file.deleteIn(["config", ...path]);
    else file.setIn(["config", ...path], file.createNode(given));
  }
  return file.toString({ lineWidth: 0 });
}

/** Paths below `config:` at which two files differ; a mapping that is in one of them alone counts as one. */
export function differingPaths(one: string, other: string): string[] {
  const found: string[] = [];
  const compare = (a: unknown, b: unknown, path: readonly string[]): void => {
    if (isMap(a) && isMap(b)) {
      const keys = new Set([...a.items, ...b.items].map(({ key }) => String(isScalar(key) ? key.value : key)));
      for (const key of keys) compare(a.get(key, true), b.get(key, true), [...path, key]);
    } else if (JSON.stringify(a) !== JSON.stringify(b)) found.push(path.join("."));
  };
  compare(parseDocument(one).get("config"), parseDocument(other).get("config"), []);
  return found;
}

/** The list as the test prints it. */
export function describeStaging(site: StagingSite): string {
  const keys = stagingDifferences.map(({ path, why, value }) => {
    const given = value(site);
    const shown = given === undefined ? "left out" : JSON.stringify(given);
    return `  ${path.join(".")}: ${shown} (${why})`;
  });
  const around = stagingSurroundings.map((each) => `  ${each}`);
  return ["Pulumi.staging.yaml runs here with these keys changed, and no others:", ...keys, "Besides:", ...around].join(
    "\n",
  );
}
