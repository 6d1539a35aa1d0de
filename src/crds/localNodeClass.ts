// Written by src/crds/generate.ts from the CRD of local.menagerie.dev/v1alpha1; do not edit.

export interface LocalNodeClassSpec {
  capacity: {
    [k: string]: number | string;
  };
}
