import { describe, expect, it } from "vitest";
import { rejectionsOf, suspectsOf } from "../../../../src/local/mesh/rejections.ts";

const refused = (time: string, table: string, reason: string): string =>
  `[2026-11-29 ${time}][121][warning][config] [source/grpc_subscription_impl.cc:138] gRPC config for type.googleapis.com/envoy.config.x.v3.${table} rejected: ${reason}\n`;
const access = "2026-11-29T14:42:17.392Z 404 NR GET /x - route_not_found\n";
const at = (time: string): number => Date.parse(`2026-11-29T${time}Z`);
const routes = (time: string): string =>
  `http.a;.rds.http.80.update_time: 7\nhttp.b;.rds.http.0.update_time: ${at(time)}\nhttp.b.rds.http.0.update_rejected: 1\n`;

describe("tables that Envoy refuses", () => {
  it("are told without the table itself, which Envoy writes before what its schema does not take", () => {
    const words =
      'goo.gle/debugstr name: "http.80"\nvirtual_hosts {\n}\n: Proto constraint validation failed (A.B[0]: embedded message failed validation | caused by RouteValidationError.RequestHeadersToRemove[0]: value does not match regex pattern "^[^\\n]*$")';
    expect(rejectionsOf(refused("14:42:22.430", "RouteConfiguration", words), "")).toEqual([
      expect.objectContaining({
        reason: 'RouteValidationError.RequestHeadersToRemove[0]: value does not match regex pattern "^[^\\n]*$"',
      }),
    ]);
  });

  it("are found in the words of either form of its protocol, with the reason on one line", () => {
    const log = refused("14:42:22.430", "RouteConfiguration", "no field:\n  BOGUS");
    for (const line of [log, log.replace("gRPC config", "delta config")]) {
      expect(rejectionsOf(`${access}${line}${access}`, "")).toEqual([
        expect.objectContaining({ table: "RouteConfiguration", takenAt: 0, reason: "no field: BOGUS" }),
      ]);
    }
  });

  it("are those that it took none of since, once each", () => {
    const log = `${access}${refused("14:42:22.430", "RouteConfiguration", "no field:\n  BOGUS")}${access}${refused("14:42:22.900", "RouteConfiguration", "again")}`;
    expect(rejectionsOf(log, routes("14:42:22.247"))).toEqual([
      {
        table: "RouteConfiguration",
        since: at("14:42:22.430"),
        lately: at("14:42:22.900"),
        takenAt: at("14:42:22.247"),
        reason: "again",
      },
    ]);
    expect(rejectionsOf(log, routes("14:42:23.507"))).toEqual([]);
  });

  it("are told apart by kind", () => {
    const log = refused("14:00:00.000", "Cluster", "bad ring") + refused("15:00:00.000", "Listener", "bad filter");
    const stats = `cluster_manager.cds.update_time: ${at("14:30:00")}\nlistener_manager.lds.update_time: ${at("14:30:00")}\n`;
    expect(rejectionsOf(log, stats).map(({ table }) => table)).toEqual(["Listener"]);
  });

  it("are endpoints too, of any cluster", () => {
    const log = refused("14:00:00.000", "ClusterLoadAssignment", "malformed IP address");
    expect(rejectionsOf(log, "")).toHaveLength(1);
    const taken = `cluster.outbound|80||a.b.svc.cluster.local;.update_time: ${at("14:00:01")}\n`;
    expect(rejectionsOf(log, taken)).toEqual([]);
  });

  it("may be the fault of the objects that changed since the table was taken, the last one first", () => {
    const object = (name: string, time: string) => ({
      kind: "VirtualService",
      namespace: "a",
      name,
      changedAt: at(time),
    });
    const objects = [object("old", "14:00:00"), object("bad", "14:42:22"), object("later", "14:42:23")];
    const rejection = { table: "RouteConfiguration", since: 0, lately: 0, takenAt: at("14:42:22.430"), reason: "" };
    expect(suspectsOf(rejection, objects).map(({ name }) => name)).toEqual(["later", "bad"]);
    expect(suspectsOf({ ...rejection, takenAt: at("15:00:00") }, objects)).toEqual([]);
  });
});
