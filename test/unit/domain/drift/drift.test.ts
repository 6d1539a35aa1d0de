import { describe, expect, it } from "vitest";
import { appliedAgain, declaredObjects, ownersTakenOver } from "../../../../src/domain/drift/declaredObjects.ts";
import { describeDrift } from "../../../../src/domain/drift/describe.ts";
import { driftOf, secretValue } from "../../../../src/domain/drift/drift.ts";
import type { FieldSet, LiveObject, ManagedFields } from "../../../../src/domain/drift/fields.ts";

/** Field sets as an API server (Kubernetes 1.35) writes them; `test/soak/drift.test.ts` reads them from a real one. */

const own = (fieldsV1: FieldSet): ManagedFields => ({ manager: "menagerie", operation: "Apply", fieldsV1 });
const byHand = (fieldsV1: FieldSet): ManagedFields => ({
  manager: "kubectl-patch",
  operation: "Update",
  time: "2026-11-29T10:12:00Z",
  fieldsV1,
});
const live = (fields: Record<string, unknown>, ...managedFields: ManagedFields[]): LiveObject => ({
  ...fields,
  metadata: { name: "iris", managedFields },
});
const told = (declared: object, object: LiveObject, partly = false): string[] =>
  driftOf({ ...declared }, object, "menagerie", partly).map((each) => describeDrift(each, false));

const route = { spec: { hosts: ["*"], http: [{ name: "predict", timeout: "5s" }] } };
const replicas = { spec: { replicas: 1, template: { spec: { containers: [{ name: "c", image: "a" }] } } } };
const container = (fields: FieldSet): FieldSet => ({
  "f:spec": {
    "f:template": { "f:spec": { "f:containers": { 'k:{"name":"c"}': { ".": {}, "f:name": {}, ...fields } } } },
  },
});

describe("drift is told field by field, with who wrote it", () => {
  it("none where the stack owns what it declares, however Kubernetes writes it", () => {
    const declared = { spec: { resources: { cpu: "1000m" }, env: [], paused: null } };
    expect(
      told(
        declared,
        live({ spec: { resources: { cpu: "1" } } }, own({ "f:spec": { "f:resources": { "f:cpu": {} } } })),
      ),
    ).toEqual([]);
  });

  it("a scalar that was changed", () => {
    const fields = live({ spec: { replicas: 3 } }, byHand({ "f:spec": { "f:replicas": {} } }));
    expect(told({ spec: { replicas: 1 } }, fields)).toEqual([
      "spec.replicas: 1 → 3 (kubectl-patch, 2026-11-29T10:12:00Z)",
    ]);
  });

  it("what was changed back, or is in the state since a refresh: as applied, and in another hand", () => {
    const fields = live({ spec: { replicas: 1 } }, byHand({ "f:spec": { "f:replicas": {} } }));
    expect(told({ spec: { replicas: 1 } }, fields)).toEqual([
      "spec.replicas: 1 as applied, but written by somebody else (kubectl-patch, 2026-11-29T10:12:00Z)",
    ]);
    const byController = live({ spec: { replicas: 1 } }, { ...byHand({}), manager: "kube-controller-manager" });
    const { metadata, ...rest } = byController;
    const managedFields = metadata?.managedFields?.map((each) => ({
      ...each,
      fieldsV1: { "f:spec": { "f:replicas": {} } },
    }));
    expect(told({ spec: { replicas: 1 } }, { ...rest, metadata: { managedFields: managedFields ?? [] } })).toEqual([]);
    expect(told({ spec: { replicas: 1 } }, fields, true)).toEqual([]);
  });

  it("what differs in an object that somebody else made again", () => {
    const fields = live(
      { spec: { replicas: 1, paused: true } },
      byHand({ "f:spec": { "f:replicas": {}, "f:paused": {} } }),
    );
    expect(told({ spec: { replicas: 1, strategy: { type: "Recreate" } } }, fields)).toEqual([
      'spec.strategy: {"type":"Recreate"} → removed',
      "spec.paused: added true (kubectl-patch, 2026-11-29T10:12:00Z)",
    ]);
  });

  it("a key that was removed from a mapping without a schema, or changed there", () => {
    const free = own({ "f:spec": { "f:parameters": {}, "f:options": {} } });
    expect(told({ spec: { parameters: { grant: "set" } } }, live({ spec: { parameters: {} } }, free))).toEqual([
      "spec.parameters.grant: set → removed",
    ]);
    const changed = live(
      { spec: { parameters: { grant: "all", other: "x" } } },
      free,
      byHand({ "f:spec": { "f:parameters": { "f:grant": {} } } }),
    );
    expect(told({ spec: { parameters: { grant: "set", other: "x" } } }, changed)).toEqual([
      "spec.parameters.grant: set → all (kubectl-patch, 2026-11-29T10:12:00Z)",
    ]);
    expect(told({ spec: { parameters: { grant: "all", other: "x" } } }, changed)).toEqual([
      "spec.parameters.grant: all as applied, but written by somebody else (kubectl-patch, 2026-11-29T10:12:00Z)",
    ]);
  });

  it("a scalar that was removed", () => {
    expect(told({ spec: { replicas: 1 } }, live({ spec: {} }, own({ "f:spec": { ".": {} } })))).toEqual([
      "spec.replicas: 1 → removed",
    ]);
  });

  it("a field that was added inside a list that is owned as a whole", () => {
    const http = [{ name: "predict" }];
    const fields = live(
      { spec: { hosts: ["*"], http: route.spec.http } },
      own({ "f:spec": { "f:hosts": {} } }),
      byHand({ "f:spec": { "f:http": {} } }),
    );
    expect(told({ spec: { hosts: ["*"], http } }, fields)).toEqual([
      "spec.http[0].timeout: added 5s (kubectl-patch, 2026-11-29T10:12:00Z)",
    ]);
  });

  it("a field that was added beside declared ones", () => {
    const fields = live(
      { spec: { hosts: ["*"], exportTo: ["."] } },
      own({ "f:spec": { "f:hosts": {} } }),
      byHand({ "f:spec": { "f:exportTo": {} } }),
    );
    expect(told({ spec: { hosts: ["*"] } }, fields)).toEqual([
      'spec.exportTo: added ["."] (kubectl-patch, 2026-11-29T10:12:00Z)',
    ]);
  });

  it("a change within an item of a list that has keys, whatever was put before it", () => {
    const containers = [
      { name: "sidecar", image: "s" },
      { name: "c", image: "b" },
    ];
    const fields = live(
      { spec: { replicas: 1, template: { spec: { containers } } } },
      own({ "f:spec": { "f:replicas": {} } }),
      own(container({})),
      byHand({
        "f:spec": {
          "f:template": {
            "f:spec": {
              "f:containers": {
                'k:{"name":"c"}': { "f:image": {} },
                'k:{"name":"sidecar"}': { ".": {}, "f:name": {}, "f:image": {} },
              },
            },
          },
        },
      }),
    );
    expect(told(replicas, fields)).toEqual([
      "spec.template.spec.containers[1].image: a → b (kubectl-patch, 2026-11-29T10:12:00Z)",
      'spec.template.spec.containers[0]: added {"name":"sidecar","image":"s"} (kubectl-patch, 2026-11-29T10:12:00Z)',
    ]);
  });

  it("but no field that a controller of the object writes", () => {
    const status: ManagedFields = { manager: "karpenter", operation: "Update", subresource: "status", fieldsV1: {} };
    const controller: ManagedFields = {
      manager: "karpenter",
      operation: "Update",
      fieldsV1: { "f:spec": { "f:hash": {} } },
    };
    expect(told({}, live({ spec: { hash: "x" } }, status, controller))).toEqual([]);
  });

  it("and no label of somebody else's, but a declared one that was changed", () => {
    const object: LiveObject = {
      metadata: {
        labels: { ours: "b", theirs: "x" },
        managedFields: [byHand({ "f:metadata": { "f:labels": { "f:ours": {}, "f:theirs": {} } } })],
      },
    };
    expect(
      told({ metadata: { labels: { ours: "a" }, annotations: { "pulumi.com/skipAwait": "true" } } }, object),
    ).toEqual(["metadata.labels.ours: a → b (kubectl-patch, 2026-11-29T10:12:00Z)"]);
  });

  it("a secret by who wrote it, without its value", () => {
    const fields = live({ data: { url: "eA==" } }, byHand({ "f:data": { "f:url": {} } }));
    expect(told({ stringData: { url: secretValue } }, fields)).toEqual([
      "data.url: [secret] → [secret] (kubectl-patch, 2026-11-29T10:12:00Z)",
    ]);
  });

  it("nothing that others added to an object of which the stack declares some fields", () => {
    const fields = live(
      { data: { ours: "1", theirs: "2" } },
      own({ "f:data": { "f:ours": {} } }),
      byHand({ "f:data": { "f:theirs": {} } }),
    );
    expect(told({ data: { ours: "1" } }, fields, true)).toEqual([]);
    expect(told({ data: { ours: "1" } }, fields)).toHaveLength(1);
  });
});

describe("what takes hand edits back", () => {
  const [object] = declaredObjects([
    {
      urn: "x",
      type: "kubernetes:core/v1:Secret",
      inputs: {
        metadata: { labels: { ours: "a" }, annotations: { "pulumi.com/patchFieldManager": "menagerie" } },
        stringData: {
          "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270",
          plaintext: '{"url":"x"}',
        },
      },
      outputs: { apiVersion: "v1", kind: "Secret", metadata: { name: "made-up-1", namespace: "models" } },
    },
  ]);
  if (!object) throw new Error("no object");

  it("is the object as it was applied, under the name that it got, with its secrets", () => {
    expect(object).toMatchObject({ what: "Secret models/made-up-1", manager: "menagerie", partly: false });
    expect(object.manifest).toMatchObject({ stringData: { url: "x" }, metadata: { name: "made-up-1" } });
    expect(object.shown).toMatchObject({ stringData: { url: secretValue } });
  });

  it("keeps the marks that the engine put on the object, and not those of others", () => {
    const metadata = {
      labels: { ours: "b", "app.kubernetes.io/managed-by": "pulumi", theirs: "x" },
      managedFields: [own({ "f:metadata": { "f:labels": { "f:ours": {}, "f:app.kubernetes.io/managed-by": {} } } })],
    };
    expect(appliedAgain(object, { metadata })).toMatchObject({
      metadata: { labels: { ours: "a", "app.kubernetes.io/managed-by": "pulumi" } },
    });
  });

  it("gives the stack what others wrote outside of metadata, so that applying removes it", () => {
    const marks = { "f:labels": { "f:theirs": {} } };
    const kubelet: ManagedFields = {
      manager: "kube-controller-manager",
      operation: "Update",
      fieldsV1: { "f:spec": {} },
    };
    const before = [
      own({ "f:data": { "f:a": {} } }),
      byHand({ "f:data": { "f:b": {} }, "f:metadata": marks }),
      kubelet,
    ];
    expect(ownersTakenOver(object, { apiVersion: "v1", metadata: { managedFields: before } })).toEqual([
      { ...byHand({ "f:metadata": marks }) },
      kubelet,
      { ...own({ "f:data": { "f:a": {}, "f:b": {} } }), fieldsType: "FieldsV1", apiVersion: "v1" },
    ]);
  });

  it("is a recorder's own fields of the model that it is before, whose other fields are the stack's", () => {
    const outputs = { namespace: "models", name: "iris-v1", transformer: { minReplicas: 2 }, __provider: "x" };
    const [recorder] = declaredObjects([{ urn: "x", type: "pulumi-nodejs:dynamic/menagerie:ModelRecorder", outputs }]);
    if (!recorder) throw new Error("no object");
    expect(recorder).toMatchObject({ manager: "menagerie-recorder", partly: true });
    const by = (manager: string, path: string) => ({
      manager,
      operation: "Apply" as const,
      fieldsV1: { "f:spec": { "f:transformer": { [path]: {} } } },
    });
    const live = (manager: string, minReplicas: number): LiveObject => ({
      spec: { predictor: {}, transformer: { minReplicas } },
      metadata: { managedFields: [by(manager, "f:minReplicas")] },
    });
    const model = { spec: { predictor: {} } };
    expect(driftOf(model, live("menagerie-recorder", 2), "menagerie").filter(({ kind }) => kind === "added")).toEqual(
      [],
    );
    expect(driftOf(recorder.shown, live("menagerie-recorder", 2), recorder.manager, true)).toEqual([]);
    expect(driftOf(recorder.shown, live("kubectl-edit", 1), recorder.manager, true)).toMatchObject([
      { place: ["spec", "transformer", "minReplicas"], kind: "changed" },
    ]);
  });

  it("is nothing for an object that the engine is about to delete", () => {
    expect(
      declaredObjects([{ urn: "x", type: "kubernetes:core/v1:Secret", delete: true, outputs: { metadata: {} } }]),
    ).toEqual([]);
  });
});
